/**
 * Whom to dial now: pure choice among known peers, with back-off after failures and cool-down after good-byes. Members
 * first and whatever the target is, then bootstrap peers, then the others by worth.
 */

import type { Random } from "../../kernel/random.ts";
import { DIAL_DELAY_MS_MAX, DIAL_DELAY_MS_MIN, DIALS_MAX } from "./config.ts";
import type { KnownPeer } from "./peer-book.ts";
import { DISCONNECT_AT, reputationAt } from "./reputation.ts";
import { scoreOf } from "./score.ts";

export interface BootstrapPeer {
  readonly peerId: string;
  readonly address: string;
}

export interface DialFacts {
  readonly nowMs: number;
  readonly ownPeerId: string;
  readonly peersTarget: number;
  readonly isBanned: (peerId: string) => boolean;
  /** Whether a place in a subnet could be taken for it (subnets.ts); asked of a peer that is about to be chosen. */
  readonly claim?: (peer: KnownPeer) => boolean;
}

/** Each failed dial in a row makes a peer worth this much less, so that those not tried yet come before it. */
const FAILURE_COST = 10;

/** A bootstrap peer comes before every other that is not reserved: no score reaches this. */
const BOOTSTRAP_WORTH = 1_000;

/** Peers to dial, best first, at most as many as slots and dials are free. */
export function chooseDials(peers: Iterable<KnownPeer>, facts: DialFacts): readonly KnownPeer[] {
  let busy = 0;
  let dialling = 0;
  const members: KnownPeer[] = [];
  const others: { readonly peer: KnownPeer; readonly worth: number }[] = [];
  for (const peer of peers) {
    if (peer.link.state !== "disconnected") {
      busy++;
      if (peer.link.state === "dialling") dialling++;
    } else if (canDial(peer, facts)) {
      if (peer.isReserved) members.push(peer);
      else others.push({ peer, worth: worth(peer) });
    }
  }
  const dials = Math.max(0, DIALS_MAX - dialling);
  const room = Math.max(0, facts.peersTarget - busy - members.length);
  const chosen = members.slice(0, dials);
  const end = Math.min(dials, members.length + room);
  if (chosen.length >= end) return chosen;
  for (const { peer } of others.sort((left, right) => right.worth - left.worth)) {
    if (facts.claim?.(peer) !== false) chosen.push(peer);
    if (chosen.length >= end) break;
  }
  return chosen;
}

/** When a peer may be dialled again after its n-th failure in a row: exponential, half of it random. */
export function dialDelayMs(failures: number, random: Random): number {
  const whole = Math.min(DIAL_DELAY_MS_MAX, DIAL_DELAY_MS_MIN * 2 ** Math.min(failures, 16));
  return whole / 2 + (whole / 2) * random.next();
}

function canDial(peer: KnownPeer, facts: DialFacts): boolean {
  const { peerId } = peer;
  if (peer.addresses.length === 0 || peer.notBeforeMs > facts.nowMs) return false;
  if (peerId === facts.ownPeerId || facts.isBanned(peerId)) return false;
  return peer.isReserved || reputationAt(peer.reputation, facts.nowMs) > DISCONNECT_AT;
}

function worth(peer: KnownPeer): number {
  const score = scoreOf(peer.score, peer.memberKey !== undefined).overall;
  return score - peer.failures * FAILURE_COST + (peer.isBootstrap ? BOOTSTRAP_WORTH : 0);
}
