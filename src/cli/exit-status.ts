/**
 * How alysctl ends: exit statuses that scripts can tell apart, and one line on standard error that says why.
 * Pure.
 */
import { codeOf } from "../control/status-code.ts";
import type { Failure, StatusCode } from "../kernel/errors.ts";
import { duration } from "./format.ts";
import { printable } from "./table.ts";

export const EXIT_OK = 0;
/** A wrong call of the command line, as in sysexits.h. */
export const EXIT_USAGE = 64;
/** A mistake in alysctl itself. */
export const EXIT_SOFTWARE = 70;
/** Ended by Ctrl-C, as shells count it. */
export const EXIT_INTERRUPTED = 130;
/** Added to the number of a gRPC status. */
const EXIT_BASE = 10;

/** 10 and the number of the status: 14 deadline, 15 not found, 24 no node there. */
export function exitStatusOf(code: StatusCode): number {
  return EXIT_BASE + codeOf(code);
}

export const EXIT_STATUS_HELP = `Exit status:
  0    success
  64   wrong usage
  10+N the call failed with gRPC status N:
       11 CANCELLED            12 UNKNOWN             13 INVALID_ARGUMENT     14 DEADLINE_EXCEEDED
       15 NOT_FOUND            16 ALREADY_EXISTS      17 PERMISSION_DENIED    18 RESOURCE_EXHAUSTED
       19 FAILED_PRECONDITION  20 ABORTED             21 OUT_OF_RANGE         22 UNIMPLEMENTED
       23 INTERNAL             24 UNAVAILABLE (also: no node there)           25 DATA_LOSS
       26 UNAUTHENTICATED
  70   a mistake in alysctl
  130  interrupted`;

/** "NOT_FOUND/KEY_FILE_MISSING: there is no key (field: x; retry in 2 s; operation: 7)". One line. */
export function describeFailure(failed: Failure): string {
  const { field, retryDelayMs, metadata = {} } = failed.detail;
  const details = [
    ...(field === undefined ? [] : [`field: ${field}`]),
    ...(retryDelayMs === undefined ? [] : [`retry in ${duration(retryDelayMs)}`]),
    ...Object.entries(metadata).map(([key, value]) => `${key.replaceAll("_", " ")}: ${value}`),
  ];
  const name = failed.reason === failed.code ? failed.code : `${failed.code}/${failed.reason}`;
  const tail = details.length === 0 ? "" : ` (${details.join("; ")})`;
  return printable(`${name}: ${failed.message}${tail}`);
}
