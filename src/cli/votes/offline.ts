/**
 * `alysctl votes export|import` on the data directory of a member that does not run: it takes the lock of the vote record
 * that a running node holds. A file of its own, loaded when it is asked for: it brings BLS.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { equalBytes } from "../../chain/bytes.ts";
import { readChain } from "../../chain/chain-file.ts";
import { toHex } from "../../chain/hex.ts";
import { loadAuthorityKey } from "../../chain/keys.ts";
import {
  decodeVoteRecord,
  encodeVoteRecord,
  isOwnersRecord,
  namesBlock,
  type VoteOwner,
  type VoteRecord,
} from "../../chain/vote.ts";
import { NO_RUNS, withVote } from "../../chain/vote-runs.ts";
import { loadSettings } from "../../config/load.ts";
import { asError, Failure, failure } from "../../kernel/errors.ts";
import type { VoteStore } from "../../storage/port.ts";
import { openVoteFile } from "../../storage/vote-file.ts";
import { grouped } from "../format.ts";
import type { Session } from "../session.ts";
import { renderFields } from "../table.ts";
import { encodeInterchange, INTERCHANGE_BYTES_MAX, readInterchange } from "./interchange.ts";

/** Throws the Failure that forbids it; then there is no file, or it is as it was. */
export function exportVotes(session: Session, config: string, file: string): void {
  const record = withVotes(config, (votes, owner) => {
    const kept = ownRecord(votes, owner);
    if (kept === undefined)
      throw failure(
        "NOT_FOUND",
        "VOTE_RECORD_MISSING",
        "there is no vote record of this key here: nothing to carry",
      );
    const told = withGivenUp(kept);
    write(file, encodeInterchange(told, owner));
    return told;
  });
  show(session, { done: "exported", file, ...fieldsOf(record) });
}

/** Throws the Failure that forbids it; then the record is as it was. */
export function importVotes(session: Session, config: string, file: string): void {
  const outcome = withVotes(config, (votes, owner) => {
    const read = readInterchange(readText(file), owner);
    if (read instanceof Failure) throw read;
    const before = ownRecord(votes, owner);
    if (before !== undefined && isConflict(before, read)) {
      const message = `the record and the file name two blocks of slot ${read.slot}: this key signed twice`;
      throw failure("FAILED_PRECONDITION", "VOTE_RECORD_CONFLICT", message);
    }
    if (before !== undefined && before.slot >= read.slot)
      return { done: "the record here is as new, and stays", record: before };
    // What was voted in and given up before stays so.
    const history = before && withVote(before.history ?? NO_RUNS, before.slot, read.slot);
    votes.record(encodeVoteRecord({ ...read, ...(history && { history }) }, owner));
    return { done: "imported", record: read };
  });
  show(session, { done: outcome.done, file, ...fieldsOf(outcome.record) });
}

/** Slots that were given up may have been voted in: the file has one slot, so that it names the last of them. */
function withGivenUp(record: VoteRecord): VoteRecord {
  const last = Math.max(0, ...(record.history?.spent ?? []).map((range) => range.last));
  return last <= record.slot ? record : { slot: last, height: 0, hash: new Uint8Array(32) };
}

function isConflict(one: VoteRecord, other: VoteRecord): boolean {
  return one.slot === other.slot && namesBlock(one) && namesBlock(other) && !equalBytes(one.hash, other.hash);
}

/** Opens the vote record that the configuration names, with the lock that a running node holds. */
function withVotes<R>(config: string, work: (votes: VoteStore, owner: VoteOwner) => R): R {
  const { storage, chain, producer } = loadSettings(config, process.env);
  if (producer.authorityKeyFile === "")
    throw failure(
      "FAILED_PRECONDITION",
      "NO_AUTHORITY_KEY",
      `${config} names no authority key: the node is no member`,
    );
  const loaded = readChain(chain.specificationFile);
  if (loaded instanceof Failure) throw loaded;
  const key = loadAuthorityKey(producer.authorityKeyFile);
  if (key instanceof Failure) throw key;
  const votes = openVoteFile(join(storage.dataDirectory, "vote"));
  try {
    return work(votes, { publicKey: key.publicKey, genesisHash: loaded.genesis.hash });
  } finally {
    votes.close();
  }
}

function ownRecord(votes: VoteStore, owner: VoteOwner): VoteRecord | undefined {
  const bytes = votes.last();
  const kept = bytes && decodeVoteRecord(bytes);
  return kept !== undefined && isOwnersRecord(kept, owner) ? kept : undefined;
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: "wx", mode: 0o600, flush: true });
  } catch (thrown) {
    throw failure("FAILED_PRECONDITION", "FILE_NOT_WRITTEN", asError(thrown).message);
  }
}

function readText(file: string): string {
  try {
    const { size } = statSync(file);
    if (size <= INTERCHANGE_BYTES_MAX) return readFileSync(file, "utf8");
  } catch (thrown) {
    throw failure("NOT_FOUND", "FILE_UNREADABLE", asError(thrown).message);
  }
  throw failure(
    "INVALID_ARGUMENT",
    "INTERCHANGE_INVALID",
    `${file} has more than ${INTERCHANGE_BYTES_MAX} bytes`,
  );
}

interface Shown {
  readonly done: string;
  readonly file: string;
  readonly slot: number;
  readonly height: number;
  readonly blockHash: string;
}

function fieldsOf({ slot, height, hash }: VoteRecord): Pick<Shown, "slot" | "height" | "blockHash"> {
  return { slot, height, blockHash: `0x${toHex(hash)}` };
}

function show(session: Session, shown: Shown): void {
  if (session.isJson) return session.terminal.out(JSON.stringify(shown, undefined, 2));
  return session.terminal.out(
    renderFields([
      ["votes", shown.done],
      ["file", shown.file],
      ["last signed slot", grouped(shown.slot)],
      ["block", `${grouped(shown.height)} ${shown.blockHash}`],
    ]),
  );
}
