/**
 * Files that are whole or not there: written beside, flushed, renamed over the old one, and the rename flushed too.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { asError, Failure, failure } from "../kernel/errors.ts";

/** Readable and writable by the owner alone: keys, votes and bans are nobody else's business. */
const OWNER_ONLY = 0o600;

/** A link in the place of the file being written is not followed, or whoever made it would choose what is overwritten. */
const REPLACE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** Suffix of the file being written. A crash may leave one; the next write replaces it. */
export const PARTIAL = ".partial";

/** The last of the writes to each path that are under way: the file beside has one name. As many as callers wait. */
const turns = new Map<string, Promise<void>>();

/**
 * Replaces a file durably; after a crash either the old or the new content is there. Writers of one path take turns, in the
 * order of their calls. Rejects with a Failure (DISK_FULL, FILE_WRITE_FAILED); then the old content is there.
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array, mode = OWNER_ONLY): Promise<void> {
  const before = turns.get(path) ?? Promise.resolve();
  const turn = before.then(() => replaceFile(path, bytes, mode));
  const ended = turn.catch(() => {});
  turns.set(path, ended);
  try {
    await turn;
  } finally {
    if (turns.get(path) === ended) turns.delete(path);
  }
}

async function replaceFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const partial = path + PARTIAL;
  try {
    const file = await open(partial, REPLACE, mode);
    try {
      // One that a crash left may have other rights.
      await file.chmod(mode);
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (thrown) {
    await rm(partial, { force: true });
    throw fileFailure(path, thrown);
  }
  await syncFolder(dirname(path));
}

/** The same while everything waits: for what must be on disk before the next statement. */
export function writeFileAtomicSync(path: string, bytes: Uint8Array, mode = OWNER_ONLY): void {
  const partial = path + PARTIAL;
  try {
    const file = openSync(partial, REPLACE, mode);
    try {
      fchmodSync(file, mode);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
    const folder = openSync(dirname(path), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (thrown) {
    rmSync(partial, { force: true });
    throw fileFailure(path, thrown);
  }
}

/** Flushes a folder: names made, renamed or removed in it are durable afterwards. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (thrown) {
    throw fileFailure(path, thrown);
  }
}

/** Errors of the operating system that mean there is no room. */
const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** What the system threw about a file, as a Failure. */
export function fileFailure(path: string, thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const message = `${path}: ${asError(thrown).message}`;
  if (NO_ROOM.has(codeOf(thrown))) return failure("RESOURCE_EXHAUSTED", "DISK_FULL", message);
  return failure("INTERNAL", "FILE_WRITE_FAILED", message);
}

/** The system's name of an error, empty for what is none of the system's. */
export function codeOf(thrown: unknown): string {
  const error = asError(thrown);
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
