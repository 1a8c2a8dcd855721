/**
 * Who may stay connected: slots of ordinary peers, a share of them kept for peers that we chose ourselves, and slots of
 * members beside them. Pure.
 */

import { PeerType } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { Crowding, compare } from "../../p2p/crowding.ts";
import { originOf } from "../../p2p/origin.ts";
import type { KnownPeer } from "./known/known-peer.ts";
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

/**
 * Whose slot a peer takes that dialled us from `address` and finds none: of the place that holds more than the newcomer's would,
 * the least worthy, and of those the last to come. Nobody's when no place holds more. Members, bootstrap peers, those that
 * we chose ourselves and those that an operator gave a class keep theirs.
 */
export function chooseDisplaced(address: string, peers: Iterable<KnownPeer>): KnownPeer | undefined {
  const inbound = [...peers].flatMap((peer) => {
    const { link } = peer;
    if (link.state !== "connected" || link.connection.direction !== "inbound") return [];
    const isExempt = peer.isReserved || peer.isBootstrap || peer.assignedType !== PeerType.UNSPECIFIED;
    const { remoteAddress, openedMs } = link.connection;
    return isExempt ? [] : [{ peer, origin: originOf(remoteAddress), openedMs }];
  });
  const newcomer = { origin: originOf(address) };
  const crowding = new Crowding([...inbound, newcomer]);
  const own = crowding.of(newcomer.origin);
  const ranked = inbound
    .map(({ peer, origin, openedMs }) => ({ peer, place: crowding.of(origin), openedMs }))
    .filter(({ place }) => compare(place, own) > 0)
    .map(({ peer, place, openedMs }) => ({
      peer,
      rank: [...place, -scoreOf(peer.score, false).overall, openedMs],
    }))
    .sort((left, right) => compare(right.rank, left.rank));
  return ranked[0]?.peer;
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
