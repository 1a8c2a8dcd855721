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
import { asError, type Failure, failure } from "../kernel/errors.ts";

/** Readable and writable by the owner alone: keys, votes and bans are nobody else's business. */
const OWNER_ONLY = 0o600;

/** A link in the place of the file being written is not followed, or whoever made it would choose what is overwritten. */
const REPLACE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** Suffix of the file being written. A crash may leave one; the next write replaces it. */
export const PARTIAL = ".partial";

/**
 * Replaces a file durably; after a crash either the old or the new content is there. One writer a path at a time.
 * Rejects with a Failure (DISK_FULL, FILE_WRITE_FAILED); then the old content is there.
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array, mode = OWNER_ONLY): Promise<void> {
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

function fileFailure(path: string, thrown: unknown): Failure {
  const error = asError(thrown);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const message = `${path}: ${error.message}`;
  if (NO_ROOM.has(code)) return failure("RESOURCE_EXHAUSTED", "DISK_FULL", message);
  return failure("INTERNAL", "FILE_WRITE_FAILED", message);
}
