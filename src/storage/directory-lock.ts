/**
 * Keeps two processes from one data folder. The lock is a file that names its holder; it is made whole by a link, so that
 * nobody reads half of it. A holder that no longer runs has none: its lock is taken over. A process id alone does not say
 * that, ids come back (in a container all nodes are number 1), so the time the holder started counts too, where there
 * is a /proc to ask. Processes of other machines or containers that share the folder are not seen.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { kill, pid } from "node:process";
import { asError, type Failure, failure } from "../kernel/errors.ts";

/** Name of the lock file in a folder. */
const LOCK_FILE = "LOCK";

/** Attempts to take over a stale lock while others try the same. Then whoever has it is named. */
const ATTEMPTS_MAX = 5;

/** Locks this process holds, by absolute path: its own id in a file that is not here is of an earlier process. */
const held = new Set<string>();

export interface DirectoryLock {
  /** Idempotent. */
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** Start of the process in clock ticks since boot, and the boot; empty where there is no /proc. */
  readonly started: string;
}

/** Locks a folder that exists. Throws FAILED_PRECONDITION / DATA_DIRECTORY_LOCKED naming the holder's process id. */
export function lockDirectory(folder: string): DirectoryLock {
  return lockFile(join(folder, LOCK_FILE), folder);
}

/** The same by the path of the lock file; `subject` is what messages call locked. */
export function lockFile(path: string, subject: string): DirectoryLock {
  const key = resolve(path);
  if (held.has(key)) throw locked(subject, path, pid);
  const own: Holder = { pid, started: startOf(pid) };
  const draft = `${path}.${pid}`;
  let holder: Holder | undefined;
  try {
    writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (linkIfFree(draft, path)) {
        held.add(key);
        return { release: () => release(key, path) };
      }
      const text = readIfThere(path);
      holder = text === undefined ? undefined : holderOf(text);
      if (holder !== undefined && isRunning(holder)) break;
      if (text !== undefined) takeAway(path, text);
    }
  } catch (thrown) {
    throw failure("INTERNAL", "LOCK_FAILED", `cannot lock ${subject}: ${asError(thrown).message}`);
  } finally {
    rmSync(draft, { force: true });
  }
  throw locked(subject, path, holder?.pid);
}

function release(key: string, path: string): void {
  if (held.delete(key)) rmSync(path, { force: true });
}

function locked(subject: string, path: string, holder: number | undefined): Failure {
  return failure(
    "FAILED_PRECONDITION",
    "DATA_DIRECTORY_LOCKED",
    `${subject} is in use by process ${holder ?? "unknown"} (${path})`,
    { metadata: { path, pid: String(holder ?? "unknown") } },
  );
}

function linkIfFree(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    throw thrown;
  }
}

/** Moves a stale lock away; puts it back if another process was faster and this is its new one. */
function takeAway(path: string, staleText: string): void {
  const aside = `${path}.stale.${pid}`;
  try {
    renameSync(path, aside);
    if (readIfThere(aside) !== staleText) linkIfFree(aside, path);
    rmSync(aside, { force: true });
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
  }
}

/** undefined: not a lock this program wrote whole, so nobody holds it. */
function holderOf(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("pid" in value) || !("started" in value))
      return undefined;
    return Number.isInteger(value.pid) && Number(value.pid) > 0
      ? { pid: Number(value.pid), started: String(value.started) }
      : undefined;
  } catch {
    return undefined;
  }
}

function isRunning(holder: Holder): boolean {
  // The own id, but not held here: an earlier process had the same number.
  if (holder.pid === pid) return false;
  try {
    kill(holder.pid, 0);
  } catch (thrown) {
    if (codeOf(thrown) === "ESRCH") return false;
  }
  const started = startOf(holder.pid);
  return started === "" || holder.started === "" || started === holder.started;
}

/** When a process started: field 22 of its stat, counted after the name, which may hold anything but ends in ")". */
function startOf(process: number): string {
  const stat = readIfThere(`/proc/${process}/stat`);
  const boot = readIfThere("/proc/sys/kernel/random/boot_id");
  if (stat === undefined || boot === undefined) return "";
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  return `${ticks}@${boot.trim()}`;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ESRCH") return undefined;
    throw thrown;
  }
}

function codeOf(thrown: unknown): string {
  const error = asError(thrown);
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
