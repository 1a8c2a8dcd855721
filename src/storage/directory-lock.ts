/**
 * Keeps two processes from one data folder, one vote record or one authority key: the kernel's lock on a file
 * (kernel-lock.ts), and beside it a text that tells people who holds it. The text decides nothing, and nobody ever deletes
 * a lock file: a name that is made anew would be another lock.
 */
import { ftruncateSync, readFileSync, realpathSync, writeFileSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { pid } from "node:process";
import { type Failure, failure } from "../kernel/errors.ts";
import { realClock } from "../kernel/ports/clock.ts";
import { type LockedFile, type LockSystem, openLocked } from "./kernel-lock.ts";

/** Name of the lock file in a folder. */
const LOCK_FILE = "LOCK";

/** Suffix of the text beside a file that is locked itself. */
const HOLDER = ".holder";

/** Longest text that is read. A longer one is not of ours. */
const HOLDER_CHARACTERS_MAX = 512;

export interface DirectoryLock {
  /** Idempotent. */
  release(): void;
}

/** Locks a folder that exists. Throws FAILED_PRECONDITION / DATA_DIRECTORY_LOCKED with the holder's text, or as openLocked does. */
export function lockDirectory(folder: string, system?: LockSystem): DirectoryLock {
  const path = join(folder, LOCK_FILE);
  const locked = openLocked({ path, subject: folder, isMade: true, ...(system && { system }) });
  if (locked === undefined) throw directoryLocked(folder, path, path);
  const text = holderText("");
  ftruncateSync(locked.file);
  writeSync(locked.file, text);
  return {
    release() {
      locked.close();
    },
  };
}

/**
 * Opens and locks a file of the data folder that is there and whose content is its own. Throws like lockDirectory.
 */
export function lockDataFile(path: string, system?: LockSystem): LockedFile {
  const locked = openLocked({ path, subject: path, isMade: false, ...(system && { system }) });
  if (locked === undefined) throw directoryLocked(path, path, path + HOLDER);
  leaveText(path + HOLDER, "");
  return locked;
}

/**
 * Locks an authority key's file itself, for as long as its key may sign: whatever name leads to the file, one process has it.
 * `holder` is what a second one is told beside the process. Throws FAILED_PRECONDITION / AUTHORITY_KEY_IN_USE with the
 * holder's text, or as openLocked does.
 */
export function lockKeyFile(path: string, holder: string, system?: LockSystem): DirectoryLock {
  const locked = openLocked({ path, subject: path, isMade: false, ...(system && { system }) });
  if (locked === undefined) {
    const who = readText(realpathSync(path) + HOLDER);
    const text = `the authority key ${path} is in use by ${who.text}: a second process would sign its slots again`;
    throw failure("FAILED_PRECONDITION", "AUTHORITY_KEY_IN_USE", text, { metadata: { path, pid: who.pid } });
  }
  leaveText(realpathSync(path) + HOLDER, holder);
  return { release: () => locked.close() };
}

function directoryLocked(subject: string, path: string, textPath: string): Failure {
  const who = readText(textPath);
  return failure(
    "FAILED_PRECONDITION",
    "DATA_DIRECTORY_LOCKED",
    `${subject} is in use by ${who.text} (${path})`,
    {
      metadata: { path, pid: who.pid },
    },
  );
}

function holderText(purpose: string): string {
  const since = new Date(realClock.nowMs()).toISOString();
  const value = { pid, host: hostname(), since, ...(purpose === "" ? {} : { purpose }) };
  return `${JSON.stringify(value)}\n`;
}

/** Only whoever holds the lock writes it. A folder that cannot be written leaves people without it, nothing else. */
function leaveText(path: string, purpose: string): void {
  try {
    writeFileSync(path, holderText(purpose), { mode: 0o600 });
  } catch {
    // The lock holds all the same.
  }
}

interface HolderText {
  readonly text: string;
  readonly pid: string;
}

function readText(path: string): HolderText {
  const unknown = { text: "another process", pid: "unknown" };
  try {
    const text = readFileSync(path, "utf8");
    if (text.length > HOLDER_CHARACTERS_MAX) return unknown;
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("pid" in value)) return unknown;
    const host = "host" in value ? ` on ${String(value.host)}` : "";
    const since = "since" in value ? ` since ${String(value.since)}` : "";
    const purpose = "purpose" in value ? ` (${String(value.purpose)})` : "";
    return { text: `process ${String(value.pid)}${host}${purpose}${since}`, pid: String(value.pid) };
  } catch {
    return unknown;
  }
}
