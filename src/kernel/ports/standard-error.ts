/**
 * Standard error without waiting for its reader: a pipe or terminal that nobody reads would stop whoever writes to it once it is
 * full. Opened anew, the same file has a mode of its own, so that other processes that share it keep theirs.
 */

import { constants, fstatSync, openSync, writeSync } from "node:fs";

const STANDARD_ERROR = 2;

/** What a write to standard error may do to the writer. */
export type StandardError =
  /** A write returns at once: it takes what fits and fails with EAGAIN when nothing does. */
  | { readonly kind: "unblocked"; readonly fd: number }
  /** A socket, or a pipe of another user, which cannot be opened anew: only an asynchronous stream never waits. */
  | { readonly kind: "shared"; readonly fd: number };

let opened: StandardError | undefined;

/** Opens it once in each thread. */
export function standardError(): StandardError {
  opened ??= open();
  return opened;
}

/** Writes what fits at once; what does not is lost, and nobody waits. */
export function tell(text: string): void {
  try {
    writeSync(standardError().fd, text);
  } catch {
    // Nobody reads it, or the disk is full.
  }
}

function open(): StandardError {
  try {
    const status = fstatSync(STANDARD_ERROR);
    if (status.isFile()) return { kind: "unblocked", fd: STANDARD_ERROR };
    const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants;
    const fd = openSync("/dev/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY);
    return { kind: "unblocked", fd };
  } catch {
    return { kind: "shared", fd: STANDARD_ERROR };
  }
}
