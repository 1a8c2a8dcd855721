/**
 * Certificates that are not taken any more though their authority signed them: a file of fingerprints and names that the
 * operator writes and this follows, so that a stolen key is out within seconds and without a restart. Asked by the gate.
 */
import { readFileSync, statSync } from "node:fs";
import { asError, Failure, failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { Log } from "../../kernel/ports/log.ts";
import { FollowedFiles } from "./followed-files.ts";
import { PRINCIPAL } from "./token.ts";

/** A larger file is refused, and what was read before stays: twelve thousand fingerprints are a new authority's case. */
const FILE_BYTES_MAX = 1024 * 1024;

const FINGERPRINT = /^[0-9A-F]{64}$/;

/**
 * Reads the file; one that is not there revokes nothing. Throws Failure FAILED_PRECONDITION/TLS_FILES that names the line
 * that is wrong.
 */
export function openRevocations(file: string, clock: Clock, log: Log): Revocations {
  return new Revocations(file, readRevoked(file), clock, log);
}

export class Revocations {
  readonly #file: string;
  readonly #log: Log;
  readonly #listeners = new Set<() => void>();
  #revoked: ReadonlySet<string>;
  readonly #followed: FollowedFiles;

  constructor(file: string, revoked: ReadonlySet<string>, clock: Clock, log: Log) {
    this.#file = file;
    this.#revoked = revoked;
    this.#log = log;
    this.#followed = new FollowedFiles([file], clock, () => this.#take());
  }

  /** By SHA-256 fingerprint, as TLS gives it, or by name (KIND/NAME). */
  isRevoked(fingerprint: string, principal: string): boolean {
    return this.#revoked.has(plain(fingerprint)) || this.#revoked.has(principal);
  }

  /** Calls `listener` when the list changed, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes over a file that changed; keeps what it has while that cannot be read. */
  refresh(): void {
    this.#followed.refresh();
  }

  /** Stops following the file. */
  close(): void {
    this.#followed.close();
  }

  #take(): void {
    try {
      this.#revoked = readRevoked(this.#file);
    } catch (error) {
      this.#log.error("the list of revoked certificates is not used", { error });
      return;
    }
    this.#log.info("the list of revoked certificates changed", { entries: this.#revoked.size });
    for (const listener of [...this.#listeners]) listener();
  }
}

const plain = (fingerprint: string): string => fingerprint.replaceAll(":", "").toUpperCase();

function readRevoked(file: string): ReadonlySet<string> {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return new Set();
  try {
    const text = readFileSync(file, "utf8");
    if (text.length > FILE_BYTES_MAX) throw listFailure(`${file} is larger than ${FILE_BYTES_MAX} bytes`);
    const lines = text.split("\n").map((line) => line.replace(/#.*$/, "").trim());
    return new Set(
      lines.flatMap((line, index) => (line === "" ? [] : [entryOf(line, `${file}:${index + 1}`)])),
    );
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw listFailure(asError(thrown).message);
  }
}

function entryOf(line: string, where: string): string {
  const fingerprint = plain(line);
  if (FINGERPRINT.test(fingerprint)) return fingerprint;
  if (PRINCIPAL.test(line) && line.includes("/")) return line;
  throw listFailure(`${where}: "${line}" is neither a SHA-256 fingerprint nor KIND/NAME`);
}

function listFailure(why: string): Failure {
  const field = "control.tls.revoked_file";
  return failure("FAILED_PRECONDITION", "TLS_FILES", `${field}: ${why}`, { field });
}
