/**
 * Who may stay connected: slots of ordinary peers, a share of them kept for peers that we chose ourselves, and slots of
 * members beside them. Pure.
 */

import type { KnownPeer } from "./peer-book.ts";
import { scoreOf } from "./score.ts";

export interface SlotLimits {
  readonly peersMax: number;
  readonly federationPeersMax: number;
}

/**
 * Of the ordinary slots at most this share goes to peers that dialled us: whoever surrounds a node with strangers of
 * his own cannot take the rest, which we fill by dialling.
 */
const INBOUND_SHARE = 0.8;

/** Whether a peer that finished its handshake over a connection of this direction finds a slot. */
export function hasSlot(
  peer: Pick<KnownPeer, "isReserved">,
  direction: "inbound" | "outbound",
  connected: Iterable<KnownPeer>,
  limits: SlotLimits,
): boolean {
  let reserved = 0;
  let ordinary = 0;
  let ordinaryInbound = 0;
  for (const { link, isReserved } of connected) {
    if (link.state !== "connected") continue;
    if (isReserved) reserved++;
    else {
      ordinary++;
      if (link.connection.direction === "inbound") ordinaryInbound++;
    }
  }
  const { peersMax, federationPeersMax } = limits;
  if (peer.isReserved) {
    return reserved < federationPeersMax || reserved + ordinary < peersMax + federationPeersMax;
  }
  if (ordinary >= peersMax) return false;
  return direction === "outbound" || ordinaryInbound < Math.ceil(peersMax * INBOUND_SHARE);
}

/** Above the limit of ordinary peers the least worthy go, bootstrap peers never. */
export function choosePruned(peers: Iterable<KnownPeer>, peersMax: number): readonly KnownPeer[] {
  const ordinary = [...peers].filter((peer) => peer.link.state === "connected" && !peer.isReserved);
  if (ordinary.length <= peersMax) return [];
  return ordinary
    .filter((peer) => !peer.isBootstrap)
    .map((peer) => ({ peer, worth: scoreOf(peer.score, false).overall }))
    .sort((left, right) => left.worth - right.worth)
    .slice(0, ordinary.length - peersMax)
    .map(({ peer }) => peer);
}
