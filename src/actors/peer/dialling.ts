/**
 * Whom to dial now: pure choice among known peers, with back-off after failures and cool-down after good-byes. Members
 * and bootstrap peers first, then by score.
 */

import type { Random } from "../../kernel/random.ts";
import { DIAL_DELAY_MS_MAX, DIAL_DELAY_MS_MIN, DIALS_MAX } from "./config.ts";
import type { KnownPeer } from "./peer-book.ts";
import { scoreOf } from "./score.ts";

export interface BootstrapPeer {
  readonly peerId: string;
  readonly address: string;
}

export interface DialFacts {
  readonly nowMs: number;
  readonly peersTarget: number;
  readonly isBanned: (peerId: string) => boolean;
}

/** Peers to dial, best first, at most as many as slots and dials are free. */
export function chooseDials(peers: Iterable<KnownPeer>, facts: DialFacts): readonly KnownPeer[] {
  let busy = 0;
  let dialling = 0;
  const candidates: KnownPeer[] = [];
  for (const peer of peers) {
    if (peer.link.state !== "disconnected") {
      busy++;
      if (peer.link.state === "dialling") dialling++;
    } else if (canDial(peer, facts)) {
      candidates.push(peer);
    }
  }
  const room = Math.min(DIALS_MAX - dialling, Math.max(0, facts.peersTarget - busy));
  const members = candidates.filter(isReserved);
  const others = candidates
    .filter((peer) => !isReserved(peer))
    .sort((left, right) => worth(right) - worth(left));
  return [...members, ...others.slice(0, Math.max(0, room - members.length))].slice(0, DIALS_MAX - dialling);
}

/** When a peer may be dialled again after its n-th failure in a row: exponential, half of it random. */
export function dialDelayMs(failures: number, random: Random): number {
  const whole = Math.min(DIAL_DELAY_MS_MAX, DIAL_DELAY_MS_MIN * 2 ** Math.min(failures, 16));
  return whole / 2 + (whole / 2) * random.next();
}

const isReserved = (peer: KnownPeer): boolean => peer.isReserved || peer.isBootstrap;

function canDial(peer: KnownPeer, facts: DialFacts): boolean {
  return peer.addresses.length > 0 && peer.notBeforeMs <= facts.nowMs && !facts.isBanned(peer.peerId);
}

const worth = (peer: KnownPeer): number =>
  scoreOf(peer.score, peer.memberKey !== undefined).overall - peer.failures * 10;
