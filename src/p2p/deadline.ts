/**
 * An abort signal that fires at a deadline, with a Failure as its reason. Every await of the hosts takes one; disposing it
 * frees its timer and its listener.
 */

import type { Failure } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { type HostFailureReason, hostFailure } from "./failures.ts";

export interface Deadline {
  readonly signal: AbortSignal;
  /** Fires it now, unless it fired already. */
  abort(cause: Failure): void;
  dispose(): void;
}

/** Fires after `delayMs`, or as soon as `signal` does (then as REQUEST_CANCELLED). */
export function deadlineAfter(
  clock: Clock,
  delayMs: number,
  reason: HostFailureReason,
  signal?: AbortSignal,
): Deadline {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(hostFailure("REQUEST_CANCELLED", "the caller gave up"));
  const timer = clock.setTimer(delayMs, () => {
    controller.abort(hostFailure(reason, `nothing within ${delayMs} ms`));
  });
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    abort: (cause) => controller.abort(cause),
    dispose: () => {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    },
  };
}
