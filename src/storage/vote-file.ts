/**
 * The last vote in a file of its own: two slots that hold the same record, each with magic, sequence, length, bytes and the
 * SHA-256 of all that. A record goes into the first slot, is flushed, then into the second: a crash tears one of them at
 * most, and of a damaged one the other is the copy. When neither checks the file is damaged, and a node that is not sure
 * what it signed must not sign. The file is opened once and locked: a vote takes no descriptor.
 */
import { hash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { asError, assert, type Failure, failure } from "../kernel/errors.ts";
import { makeFolder } from "../kernel/ports/folder.ts";
import { lockDataFile } from "./directory-lock.ts";
import { codeOf, fileFailure, PARTIAL } from "./files.ts";
import { isNamed, type LockedFile, openLocked } from "./kernel-lock.ts";
import { VOTE_BYTES_MAX, type VoteStore } from "./port.ts";

const MAGIC = Buffer.from("ALYSVOTE2\n");
/** Of the form before: one record in a file of its length. */
const MAGIC_SINGLE = Buffer.from("ALYSVOTE1\n");
const HEADER_BYTES = MAGIC.length + 8 + 4;
const CHECKSUM_BYTES = 32;

/** Two pages each, so that writing one never touches a sector of the other; the longest record needs 4,150 bytes. */
const SLOT_BYTES = 8192;
const SLOTS = 2;
const FILE_BYTES = SLOT_BYTES * SLOTS;

interface StoredVote {
  /** 0: nothing was recorded yet. */
  readonly sequence: bigint;
  readonly bytes: Uint8Array;
}

const NOTHING: StoredVote = { sequence: 0n, bytes: new Uint8Array() };

/**
 * Opens the file at `path`, or makes it. Throws a Failure: DATA_LOSS / VOTE_RECORD_CORRUPT, VOTE_RECORD_UNREADABLE,
 * FAILED_PRECONDITION / DATA_DIRECTORY_LOCKED, LOCKS_DO_NOT_HOLD.
 */
export function openVoteFile(path: string): VoteStore {
  makeFolder(dirname(path));
  if (!existsSync(path)) makeFile(path);
  let locked = lockDataFile(path);
  try {
    const { content, slots } = readSlots(path, locked.file);
    const newest = newestOf(slots) ?? single(content);
    if (newest === undefined) throw corrupt(path);
    if (content.length !== FILE_BYTES) locked = replaceFile(path, locked, newest);
    else if (slots.some((slot) => slot?.sequence !== newest?.sequence)) writeBoth(path, locked.file, newest);
    return voteStore(path, locked, newest);
  } catch (thrown) {
    locked.close();
    throw thrown;
  }
}

function voteStore(path: string, locked: LockedFile, stored: StoredVote): VoteStore {
  let newest = stored;
  let isOpen = true;
  return {
    last: () => (newest.sequence === 0n ? undefined : newest.bytes.slice()),
    record(bytes) {
      assert(isOpen, "vote file is open");
      assert(bytes.length <= VOTE_BYTES_MAX, `vote record of ${bytes.length} bytes`);
      if (!isNamed(path, locked.file)) throw replaced(path);
      const next = { sequence: newest.sequence + 1n, bytes: bytes.slice() };
      writeBoth(path, locked.file, next);
      newest = next;
    },
    close() {
      if (isOpen) locked.close();
      isOpen = false;
    },
  };
}

/** Writes one slot after the other, each flushed: at any moment one of them is whole. Throws a Failure. */
function writeBoth(path: string, file: number, record: StoredVote): void {
  const slot = encodeSlot(record);
  try {
    for (let index = 0; index < SLOTS; index++) {
      for (let at = 0; at < slot.length; )
        at += writeSync(file, slot, at, slot.length - at, index * SLOT_BYTES + at);
      fdatasyncSync(file);
    }
  } catch (thrown) {
    throw fileFailure(path, thrown);
  }
}

/** A file that says that nothing was recorded; it appears whole. Another process may be as fast: then its file stays. */
function makeFile(path: string): void {
  const partial = writePartial(path, NOTHING);
  try {
    linkSync(path + PARTIAL, path);
    syncFolder(dirname(path));
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw fileFailure(path, thrown);
  } finally {
    rmSync(path + PARTIAL, { force: true });
    partial.close();
  }
}

/** Replaces a file of the form before: the new one is locked before it has the name, and the old one until then. */
function replaceFile(path: string, old: LockedFile, vote: StoredVote): LockedFile {
  const partial = writePartial(path, vote);
  try {
    renameSync(path + PARTIAL, path);
    syncFolder(dirname(path));
  } catch (thrown) {
    partial.close();
    throw fileFailure(path, thrown);
  }
  old.close();
  return partial;
}

function writePartial(path: string, vote: StoredVote): LockedFile {
  const partial = openLocked({ path: path + PARTIAL, subject: path, isMade: true });
  if (partial === undefined) {
    const text = `${path} is being made by another process`;
    throw failure("FAILED_PRECONDITION", "DATA_DIRECTORY_LOCKED", text, { metadata: { path } });
  }
  try {
    ftruncateSync(partial.file);
    // Zeros and not a hole: a vote finds its room on a full disk too.
    writeSync(partial.file, Buffer.alloc(FILE_BYTES), 0, FILE_BYTES, 0);
    writeBoth(path, partial.file, vote);
    fsyncSync(partial.file);
    return partial;
  } catch (thrown) {
    partial.close();
    throw fileFailure(path, thrown);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function encodeSlot({ sequence, bytes }: StoredVote): Uint8Array {
  const content = Buffer.alloc(HEADER_BYTES + bytes.length);
  MAGIC.copy(content);
  content.writeBigUInt64LE(sequence, MAGIC.length);
  content.writeUInt32LE(bytes.length, MAGIC.length + 8);
  content.set(bytes, HEADER_BYTES);
  return Buffer.concat([content, hash("sha256", content, "buffer")]);
}

/** The slots that check, undefined for one that does not. */
function readSlots(path: string, file: number): { content: Buffer; slots: (StoredVote | undefined)[] } {
  const content = readWhole(path, file);
  if (content.length !== FILE_BYTES) return { content, slots: [] };
  const slots = [0, SLOT_BYTES].map((at) => decodeVote(content.subarray(at, at + SLOT_BYTES), MAGIC));
  return { content, slots };
}

function newestOf(slots: readonly (StoredVote | undefined)[]): StoredVote | undefined {
  let newest: StoredVote | undefined;
  for (const slot of slots) {
    if (slot !== undefined && (newest === undefined || slot.sequence > newest.sequence)) newest = slot;
  }
  return newest;
}

/** The record of a file of the form before. */
function single(content: Buffer): StoredVote | undefined {
  const vote = decodeVote(content, MAGIC_SINGLE);
  if (vote === undefined) return undefined;
  return HEADER_BYTES + vote.bytes.length + CHECKSUM_BYTES === content.length ? vote : undefined;
}

/** Undefined when it does not check. */
function decodeVote(content: Buffer, magic: Buffer): StoredVote | undefined {
  if (content.length < HEADER_BYTES + CHECKSUM_BYTES) return undefined;
  if (!content.subarray(0, magic.length).equals(magic)) return undefined;
  const end = HEADER_BYTES + content.readUInt32LE(magic.length + 8);
  if (end + CHECKSUM_BYTES > content.length) return undefined;
  const checksum = content.subarray(end, end + CHECKSUM_BYTES);
  if (!hash("sha256", content.subarray(0, end), "buffer").equals(checksum)) return undefined;
  const sequence = content.readBigUInt64LE(magic.length);
  return { sequence, bytes: new Uint8Array(content.subarray(HEADER_BYTES, end)) };
}

/** At most one byte more than a file may have: a longer one is damaged whatever follows. */
function readWhole(path: string, file: number): Buffer {
  try {
    const content = Buffer.alloc(FILE_BYTES + 1);
    let length = 0;
    for (;;) {
      const read = readSync(file, content, length, content.length - length, length);
      if (read === 0) return content.subarray(0, length);
      length += read;
    }
  } catch (thrown) {
    throw failure("DATA_LOSS", "VOTE_RECORD_UNREADABLE", `${path}: ${asError(thrown).message}`);
  }
}

function corrupt(path: string): Failure {
  return failure(
    "DATA_LOSS",
    "VOTE_RECORD_CORRUPT",
    `${path} is damaged: what this node signed last is unknown, and signing again could equivocate`,
  );
}

function replaced(path: string): Failure {
  return failure(
    "FAILED_PRECONDITION",
    "VOTE_RECORD_REPLACED",
    `${path} was removed or replaced while this node runs: nothing is signed until it is started again`,
  );
}
