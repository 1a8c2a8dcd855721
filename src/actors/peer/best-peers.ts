/**
 * Ranks connected peers for a task by the weighted score. Pure.
 */

import type { KnownPeer } from "./known/known-peer.ts";
import { scoreOf } from "./score.ts";

export interface PeerNeed {
  /** 0 means 8; at most 100. */
  readonly count: number;
  readonly heightMin: number;
  readonly servesHeight: number | undefined;
  readonly excluded: ReadonlySet<string>;
}

const COUNT_DEFAULT = 8;
/** Peers in one answer; whoever asks for more gets this many. */
const COUNT_MAX = 100;

export function choosePeers(connected: readonly KnownPeer[], need: PeerNeed): readonly KnownPeer[] {
  const count = need.count === 0 ? COUNT_DEFAULT : Math.min(need.count, COUNT_MAX);
  return connected
    .filter((peer) => fits(peer, need))
    .map((peer) => ({ peer, score: scoreOf(peer.score, peer.memberKey !== undefined).overall }))
    .sort((left, right) => right.score - left.score || (left.peer.peerId < right.peer.peerId ? -1 : 1))
    .slice(0, count)
    .map(({ peer }) => peer);
}

function fits(peer: KnownPeer, need: PeerNeed): boolean {
  if (peer.link.state !== "connected" || need.excluded.has(peer.peerId)) return false;
  const { headHeight, earliestHeight } = peer.link.status;
  if (headHeight < need.heightMin) return false;
  return (
    need.servesHeight === undefined ||
    (earliestHeight <= need.servesHeight && headHeight >= need.servesHeight)
  );
}
