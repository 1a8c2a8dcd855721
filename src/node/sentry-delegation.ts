/**
 * A sentry's delegation: from the file that its member's operator made, read again when it was replaced. It cannot renew
 * itself, so that it warns long before its end.
 */

import { readFile, stat } from "node:fs/promises";
import { Role } from "../../gen/alys/wire/v1/wire_pb.ts";
import type { DelegationSource, OwnDelegation } from "../actors/peer/own-delegation.ts";
import type { Delegation } from "../chain/delegation.ts";
import {
  DELEGATION_FILE_BYTES_MAX,
  readDelegationFile,
  type SignedDelegation,
} from "../chain/delegation-file.ts";
import { asError, Failure, failure } from "../kernel/errors.ts";

/** An operator has to be found and has to find the key: a week, at least. */
const WARN_BELOW_MS = 7 * 24 * 3_600_000;

/** A replaced file is noticed within this time. */
const LOOK_MS = 2_000;

export class SentryDelegation implements DelegationSource {
  readonly #file: string;
  readonly #peerId: Uint8Array;
  readonly #genesisHash: Uint8Array;
  /** Which version of the file was read last, whatever came of it. */
  #seen: string;
  #read: SignedDelegation;
  #failure: Failure | undefined;

  readonly nextMs = undefined;
  readonly lookMs = LOOK_MS;
  readonly warnBelowMs = WARN_BELOW_MS;
  renewals = 0;
  lastFailure = "";

  private constructor(
    file: string,
    peerId: Uint8Array,
    genesisHash: Uint8Array,
    seen: string,
    read: SignedDelegation,
  ) {
    this.#file = file;
    this.#peerId = peerId;
    this.#genesisHash = genesisHash;
    this.#seen = seen;
    this.#read = read;
  }

  /** Throws the Failure of a file that is missing or of no use; one that has ended is taken, and warned of. */
  static async open(file: string, peerId: Uint8Array, genesisHash: Uint8Array): Promise<SentryDelegation> {
    const seen = await versionOf(file);
    const read = readDelegationFile(await textOf(file), peerId, genesisHash);
    if (read instanceof Failure) throw read;
    return new SentryDelegation(file, peerId, genesisHash, seen, read);
  }

  get current(): OwnDelegation {
    const { bytes, signature } = this.#read;
    return { delegation: bytes, signature, role: Role.SENTRY };
  }

  get delegation(): Delegation {
    return this.#read.delegation;
  }

  /** Takes in another file; one that is of no use leaves the delegation of before in force. */
  async renew(): Promise<boolean> {
    const version = await versionOf(this.#file);
    if (version === this.#seen) {
      if (this.#failure !== undefined) throw this.#failure;
      return false;
    }
    const read = readDelegationFile(await textOf(this.#file), this.#peerId, this.#genesisHash);
    this.#seen = version;
    this.#failure = read instanceof Failure ? read : undefined;
    if (read instanceof Failure) throw read;
    this.#read = read;
    this.renewals += 1;
    return true;
  }
}

async function versionOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(file);
    return `${ino}:${size}:${mtimeMs}`;
  } catch (thrown) {
    throw unreadable(thrown);
  }
}

async function textOf(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > DELEGATION_FILE_BYTES_MAX)
      throw failure("OUT_OF_RANGE", "FILE_TOO_LARGE", `the delegation's file has ${size} bytes`);
    return await readFile(file, "utf8");
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw unreadable(thrown);
  }
}

function unreadable(thrown: unknown): Failure {
  const error = asError(thrown);
  const code = "code" in error ? String(error.code) : error.message;
  return failure("NOT_FOUND", "FILE_UNREADABLE", `the delegation's file cannot be read: ${code}`);
}
