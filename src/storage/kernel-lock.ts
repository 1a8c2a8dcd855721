/**
 * A lock of the kernel on an open file: an OFD lock on Linux (fcntl F_OFD_SETLK), flock on macOS. It belongs to the open
 * file itself: other opens of the same file by this process do not drop it, no pid namespace hides it, a hard link or symbolic
 * link leads to the same one, and it ends when the descriptor is closed, however the process ended. The one file that
 * knows the native package.
 */
import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import { tryLock } from "fs-native-extensions";
import { asError, Failure, failure } from "../kernel/errors.ts";
import { fileSystemType, lockObjection } from "./file-systems.ts";
import { codeOf } from "./files.ts";

/** Attempts to lock the file that the path names while others replace it. */
const ATTEMPTS_MAX = 5;

/** Readable and writable by the owner alone. */
const OWNER_ONLY = 0o600;

/** The kernel locks for one process alone only what that may write: mode 0400, or a volume that is mounted read-only, will not do. */
const READ_ONLY: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS"]);

/** What the system does; tests put others in its place. */
export interface LockSystem {
  fileSystemType(path: string): number;
  /** False: another open file has the lock. */
  tryLock(file: number): boolean;
}

export const realLockSystem: LockSystem = { fileSystemType, tryLock: (file) => tryLock(file) };

/** An open file that is locked. */
export interface LockedFile {
  /** Descriptor, open for reading and writing. */
  readonly file: number;
  /** Lets go. Idempotent. */
  close(): void;
}

export interface LockOptions {
  readonly path: string;
  /** What messages call locked. */
  readonly subject: string;
  /** Makes the file when it is not there. */
  readonly isMade: boolean;
  readonly system?: LockSystem;
}

/**
 * Opens and locks a file; undefined when somebody else has it. Throws a Failure: FAILED_PRECONDITION / LOCKS_DO_NOT_HOLD
 * with the reason, INTERNAL / LOCK_FAILED when it cannot be opened for writing or the system refuses.
 */
export function openLocked({
  path,
  subject,
  isMade,
  system = realLockSystem,
}: LockOptions): LockedFile | undefined {
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const file = openSync(path, constants.O_RDWR | (isMade ? constants.O_CREAT : 0), OWNER_ONLY);
      let isKept = false;
      try {
        const objection = lockObjection(system.fileSystemType(path));
        if (objection !== undefined) throw unlockable(subject, path, objection);
        if (!system.tryLock(file)) return undefined;
        // Whoever replaced the file meanwhile has another one under this name, and its lock is not this one.
        if (!isNamed(path, file)) continue;
        if (!isRefused(path, system))
          throw unlockable(subject, path, "a second lock was granted beside the first");
        isKept = true;
        return lockedFile(file);
      } finally {
        if (!isKept) closeSync(file);
      }
    }
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    const advice = READ_ONLY.has(codeOf(thrown)) ? "; what is locked must be writable by this user" : "";
    throw failure("INTERNAL", "LOCK_FAILED", `cannot lock ${subject}: ${asError(thrown).message}${advice}`);
  }
  throw failure("INTERNAL", "LOCK_FAILED", `cannot lock ${subject}: ${path} is replaced again and again`);
}

/** Whether the path names the open file. Opens nothing. */
export function isNamed(path: string, file: number): boolean {
  const named = statSync(path, { bigint: true, throwIfNoEntry: false });
  const open = fstatSync(file, { bigint: true });
  return named !== undefined && named.ino === open.ino && named.dev === open.dev;
}

/** The self-test: a second open of the locked file gets no lock. */
function isRefused(path: string, system: LockSystem): boolean {
  const second = openSync(path, "r+");
  try {
    return !system.tryLock(second);
  } finally {
    closeSync(second);
  }
}

function lockedFile(file: number): LockedFile {
  let isOpen = true;
  return {
    file,
    close() {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}

function unlockable(subject: string, path: string, why: string): Failure {
  return failure(
    "FAILED_PRECONDITION",
    "LOCKS_DO_NOT_HOLD",
    `${subject} cannot be locked: ${why} (${path})`,
    {
      metadata: { path },
    },
  );
}
