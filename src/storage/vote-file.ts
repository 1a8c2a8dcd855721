/**
 * The last vote in a file of its own: magic, sequence, length, bytes, SHA-256 of all that. Each record replaces the file
 * whole, so that a crash cannot tear it: whatever does not check is damage, and a node that is not sure what it signed
 * must not sign. A lock beside it keeps a second process with the same key out.
 */
import { hash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { asError, assert, failure } from "../kernel/errors.ts";
import { lockFile } from "./directory-lock.ts";
import { writeFileAtomicSync } from "./files.ts";
import { VOTE_BYTES_MAX, type VoteStore } from "./port.ts";

const MAGIC = Buffer.from("ALYSVOTE1\n");
const HEADER_BYTES = MAGIC.length + 8 + 4;
const CHECKSUM_BYTES = 32;

/**
 * Opens the file at `path`; it need not be there yet. Throws a Failure: DATA_LOSS / VOTE_RECORD_CORRUPT,
 * FAILED_PRECONDITION / DATA_DIRECTORY_LOCKED.
 */
export function openVoteFile(path: string): VoteStore {
  mkdirSync(dirname(path), { recursive: true });
  const lock = lockFile(`${path}.lock`, path);
  try {
    let { sequence, bytes: newest } = readVoteFile(path);
    let isOpen = true;
    return {
      last: () => newest?.slice(),
      record(bytes) {
        assert(isOpen, "vote file is open");
        assert(bytes.length <= VOTE_BYTES_MAX, `vote record of ${bytes.length} bytes`);
        writeFileAtomicSync(path, encodeVote(sequence + 1n, bytes));
        sequence += 1n;
        newest = bytes.slice();
      },
      close() {
        if (isOpen) lock.release();
        isOpen = false;
      },
    };
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

function encodeVote(sequence: bigint, bytes: Uint8Array): Uint8Array {
  const content = Buffer.alloc(HEADER_BYTES + bytes.length);
  MAGIC.copy(content);
  content.writeBigUInt64LE(sequence, MAGIC.length);
  content.writeUInt32LE(bytes.length, MAGIC.length + 8);
  content.set(bytes, HEADER_BYTES);
  return Buffer.concat([content, hash("sha256", content, "buffer")]);
}

function readVoteFile(path: string): { sequence: bigint; bytes: Uint8Array | undefined } {
  const content = readIfThere(path);
  if (content === undefined) return { sequence: 0n, bytes: undefined };
  const end = content.length - CHECKSUM_BYTES;
  if (end < HEADER_BYTES || !content.subarray(0, MAGIC.length).equals(MAGIC)) throw corrupt(path);
  const length = content.readUInt32LE(MAGIC.length + 8);
  if (length !== end - HEADER_BYTES) throw corrupt(path);
  if (!hash("sha256", content.subarray(0, end), "buffer").equals(content.subarray(end))) throw corrupt(path);
  const sequence = content.readBigUInt64LE(MAGIC.length);
  return { sequence, bytes: new Uint8Array(content.subarray(HEADER_BYTES, end)) };
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (thrown) {
    const error = asError(thrown);
    if ("code" in error && error.code === "ENOENT") return undefined;
    throw failure("DATA_LOSS", "VOTE_RECORD_UNREADABLE", `${path}: ${error.message}`);
  }
}

function corrupt(path: string): Error {
  return failure(
    "DATA_LOSS",
    "VOTE_RECORD_CORRUPT",
    `${path} is damaged: what this node signed last is unknown, and signing again could equivocate`,
  );
}
