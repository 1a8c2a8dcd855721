/**
 * The gate in libp2p's words: asked before a dial, when a connection arrives (its address), when its peer is proven, and
 * once more when it is about to be used. Inbound connections take their slots here.
 */

import type { ConnectionGater } from "@libp2p/interface";
import type { ConnectionGate } from "../port.ts";
import type { Inbound } from "./inbound.ts";

/** Connections above `connectionsMax` that only reserved peers can take: a federation has at most 15 members and their sentries. */
export const RESERVED_CONNECTIONS = 64;

export interface GaterParts {
  readonly gate: ConnectionGate;
  readonly inbound: Pick<Inbound, "arrived" | "proven">;
  readonly onRefused: () => void;
}

export function connectionGater(parts: GaterParts): ConnectionGater {
  const { gate, inbound } = parts;
  const refused = (isRefused: boolean): boolean => {
    if (isRefused) parts.onRefused();
    return isRefused;
  };
  const denies = (peerId: string | undefined, address: string | undefined, isInbound: boolean): boolean =>
    refused(!gate.allows(peerId, address, isInbound ? "inbound" : "outbound"));
  return {
    // What libp2p's services would dial by themselves, such as whom the DHT names, is not dialled: PeerActor decides, and what
    // it decides does not come this way (dialling.ts).
    denyDialPeer: () => true,
    denyDialMultiaddr: () => true,
    denyInboundConnection: (connection) => {
      if (denies(undefined, connection.remoteAddr.toString(), true)) return true;
      inbound.arrived(connection);
      return false;
    },
    denyOutboundConnection: (peer, connection) =>
      denies(peer.toString(), connection.remoteAddr.toString(), false),
    denyInboundEncryptedConnection: (peer, connection) =>
      denies(peer.toString(), connection.remoteAddr.toString(), true) ||
      refused(!inbound.proven(connection, peer.toString())),
    denyOutboundEncryptedConnection: (peer, connection) =>
      denies(peer.toString(), connection.remoteAddr.toString(), false),
    denyInboundUpgradedConnection: (peer, connection) =>
      denies(peer.toString(), connection.remoteAddr.toString(), true),
  };
}
