/**
 * Fork choice among certified heads: greatest height, then lowest slot, then lowest hash. A total order, so
 * that every node that knows the same heads chooses the same one.
 */

import { compareBytes } from "./bytes.ts";

/** What the choice looks at. The hash is 32 bytes, compared as a big-endian number. */
export interface ForkChoiceHead {
  readonly height: number;
  readonly slot: number;
  readonly hash: Uint8Array;
}

/** Negative when `left` is the better head, positive when `right` is, zero when they are the same block. */
export function compareHeads(left: ForkChoiceHead, right: ForkChoiceHead): number {
  return right.height - left.height || left.slot - right.slot || compareBytes(left.hash, right.hash);
}

export function isBetterHead(candidate: ForkChoiceHead, current: ForkChoiceHead): boolean {
  return compareHeads(candidate, current) < 0;
}

/** The best of the heads, undefined when there is none. */
export function bestHead<H extends ForkChoiceHead>(heads: Iterable<H>): H | undefined {
  let best: H | undefined;
  for (const head of heads) if (best === undefined || isBetterHead(head, best)) best = head;
  return best;
}
