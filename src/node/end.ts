/**
 * The end of the process that waits for nothing. `process.exit` joins every thread first: one that hangs in a call of the
 * system or of a library (a worker, the store's writer, a look-up of a name) keeps the process for ever.
 */
import process from "node:process";

/** Calls that threads of the runtime's own carry out: files and names. */
const SYSTEM_CALL = /^(FSReq|GetAddrInfo|GetNameInfo)/;

/**
 * Ends the process at once, with this status. The kernel ends all its threads when another program takes the process
 * over, and that program has nothing to do but end. Where that cannot be, SIGKILL, and the status is its.
 */
export function endNow(status: number): never {
  const { execPath, pid } = process;
  process.execve?.(execPath, [execPath, "-e", `process.exitCode=${status}`], {});
  process.kill(pid, "SIGKILL");
  // The signal comes before the next statement could matter.
  for (;;);
}

/** Whether the system has not answered a call yet, for which `process.exit` would wait. */
export function isSystemBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => SYSTEM_CALL.test(name));
}
