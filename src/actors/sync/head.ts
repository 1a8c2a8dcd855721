/**
 * The target: the best head that somebody proved, by fork choice. Only heads whose approval was verified are
 * looked at (by the PeerActor in a Status, or by our own validation of a gossiped block); a claimed height
 * proves nothing.
 */

import { bestHead, isBetterHead } from "../../chain/fork-choice.ts";

/** A proven head: the three things that fork choice looks at. */
export interface ProvenHead {
  readonly height: number;
  readonly slot: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** The best of the proven heads where it is better than ours, undefined where ours is as good as any. */
export function chooseTarget(own: ProvenHead, proven: Iterable<ProvenHead>): ProvenHead | undefined {
  const best = bestHead(proven);
  return best !== undefined && isBetterHead(best, own) ? best : undefined;
}

/** Blocks between us and the target; 0 when ours is as good as any, or the better head is no higher. */
export function lagOf(own: ProvenHead, target: ProvenHead | undefined): number {
  return target === undefined ? 0 : Math.max(0, target.height - own.height);
}
