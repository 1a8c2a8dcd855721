/**
 * Whom to dial now: pure choice among known peers, with back-off after failures and cool-down after good-byes. Members
 * first and whatever the target is, then bootstrap peers, then the others by worth.
 */

import { DIAL_DELAY_MS_MAX, DIAL_DELAY_MS_MIN, DIALS_MAX } from "./config.ts";
import type { KnownPeer } from "./known/known-peer.ts";
import type { PeerIndex } from "./known/peer-index.ts";
import { DISCONNECT_AT, reputationAt } from "./reputation.ts";

export interface DialFacts {
  readonly nowMs: number;
  readonly ownPeerId: string;
  readonly peersTarget: number;
  readonly isBanned: (peerId: string) => boolean;
  /** Whether a place in a subnet could be taken for it (subnets.ts); asked of a peer that is about to be chosen. */
  readonly claim?: (peer: KnownPeer) => boolean;
}

/** Peers looked at in one round. Those passed over come again behind their equals, so that the rest comes to its turn. */
const EXAMINED_MAX = 256;

/** Whoever was passed over, being banned, of bad repute or in a full subnet, is looked at again after this. */
const PASSED_OVER_MS = 5_000;

/** Peers to dial, best first, at most as many as slots and dials are free. */
export function chooseDials(index: PeerIndex, facts: DialFacts): readonly KnownPeer[] {
  const dials = Math.max(0, DIALS_MAX - index.count("dialling"));
  const members = index
    .reserved()
    .filter((peer) => peer.link.state === "disconnected" && canDial(peer, facts));
  const room = Math.max(0, facts.peersTarget - ordinaryBusy(index));
  const chosen = members.slice(0, dials);
  const end = Math.min(dials, members.length + room);
  for (let examined = 0; chosen.length < end && examined < EXAMINED_MAX; examined++) {
    const peer = index.nextToDial(facts.nowMs, facts.nowMs + PASSED_OVER_MS);
    if (peer === undefined) break;
    if (canDial(peer, facts) && facts.claim?.(peer) !== false) chosen.push(peer);
  }
  return chosen;
}

/**
 * Connections, and those on the way, to peers that are no members. The target is for these: members have slots of their own, and
 * whoever has found some of them goes on looking for the others, without whom there may be no quorum.
 */
export function ordinaryBusy(index: PeerIndex): number {
  const reserved = index.reserved().filter(({ link }) => link.state !== "disconnected");
  return index.busy - reserved.length;
}

/** When a peer may be dialled again after its n-th failure in a row: exponential, half of it random; `draw` from 0 to below 1. */
export function dialDelayMs(failures: number, draw: number): number {
  const whole = Math.min(DIAL_DELAY_MS_MAX, DIAL_DELAY_MS_MIN * 2 ** Math.min(failures, 16));
  return whole / 2 + (whole / 2) * draw;
}

function canDial(peer: KnownPeer, facts: DialFacts): boolean {
  const { peerId } = peer;
  if (peer.addresses.length === 0 || peer.notBeforeMs > facts.nowMs) return false;
  if (peerId === facts.ownPeerId || facts.isBanned(peerId)) return false;
  return peer.isReserved || reputationAt(peer.reputation, facts.nowMs) > DISCONNECT_AT;
}
