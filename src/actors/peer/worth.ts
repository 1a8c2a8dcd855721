/** How much it is worth dialling a peer: bootstrap peers first, the others by score, each failure in a row to its loss. Pure. */

import type { KnownPeer } from "./known/known-peer.ts";
import { scoreOf } from "./score.ts";

/** Each failed dial in a row makes a peer worth this much less, so that those not tried yet come before it. */
const FAILURE_COST = 10;

/** A bootstrap peer comes before every other that is not reserved: no score reaches this. */
const BOOTSTRAP_WORTH = 1_000;

export function worthOf(peer: KnownPeer): number {
  const score = scoreOf(peer.score, peer.memberKey !== undefined).overall;
  return score - peer.failures * FAILURE_COST + (peer.isBootstrap ? BOOTSTRAP_WORTH : 0);
}
