/**
 * How a request leaves a host in memory: at once, or in two halves, as the network says. One that is cancelled between its
 * halves ends in the middle, as over a stream that is reset or half-closed.
 */

import type { MemoryExchange } from "./exchange.ts";
import type { MemoryNetwork } from "./network.ts";

export interface Sending {
  readonly from: string;
  readonly to: string;
  /** With its length before it. */
  readonly frame: Uint8Array;
  readonly exchange: MemoryExchange;
}

/** `begin` takes the first bytes at the other end; those that follow go to the exchange. */
export function sendRequest(
  network: MemoryNetwork,
  { from, to, frame, exchange }: Sending,
  begin: (bytes: Uint8Array) => void,
): void {
  const gapMs = network.requestGapMs(from);
  const cut = gapMs > 0 ? frame.length >> 1 : frame.length;
  const rest = frame.subarray(cut);
  network.deliver(from, to, frame.length, () => begin(frame.subarray(0, cut)));
  if (rest.length === 0) return;
  network.clock.setTimer(gapMs, () => {
    if (exchange.isOver) network.cutShort();
    else network.deliver(from, to, rest.length, () => exchange.onMore(rest));
  });
}
