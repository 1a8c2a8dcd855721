/**
 * A turn with a peer for what asks outside of the mailbox: it waits until our share of what the peer allows has room for one more
 * request, and takes it. The share is one for all that is asked, by whatever part (range/quota.ts).
 */

import type { Clock } from "../../../kernel/ports/clock.ts";
import type { Protocol } from "../../../p2p/protocols.ts";
import type { QuotaLedger } from "../range/quota.ts";

export interface TurnParts {
  readonly quota: QuotaLedger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Resolves when the request may be sent, or at once when the signal has aborted. */
export async function takeTurn(
  { quota, clock, signal }: TurnParts,
  peerId: string,
  protocol: Protocol,
): Promise<void> {
  while (!signal.aborted) {
    const nowMs = clock.monotonicMs();
    const waitMs = quota.waitMs(peerId, protocol, nowMs);
    if (waitMs <= 0) return quota.take(peerId, protocol, nowMs);
    await new Promise<void>((resolve) => {
      clock.setTimer(waitMs, resolve);
    });
  }
}
