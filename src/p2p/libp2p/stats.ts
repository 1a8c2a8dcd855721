/** Counts of the host that are made of connections and gossip. */

import type { PendingGossip } from "../pending-gossip.ts";
import type { ConnectionInfo, HostStats } from "../port.ts";
import type { Gossip } from "./gossip.ts";

export function connectionStats(
  connections: readonly ConnectionInfo[],
  gossip: Gossip | undefined,
): Pick<HostStats, "connectionsIn" | "connectionsOut" | "gossipScores"> {
  const peerIds = new Set(connections.map(({ peerId }) => peerId));
  return {
    connectionsIn: connections.filter(({ direction }) => direction === "inbound").length,
    connectionsOut: connections.filter(({ direction }) => direction === "outbound").length,
    gossipScores: Object.fromEntries([...peerIds].map((peerId) => [peerId, gossip?.score(peerId) ?? 0])),
  };
}

export function gossipStats(
  pending: PendingGossip,
  gossip: Gossip | undefined,
): Pick<HostStats, "messagesWaiting" | "gossip"> {
  return {
    messagesWaiting: pending.waiting,
    gossip: pending.stats((topic) => ({
      subscribers: gossip?.subscribers(topic).length ?? 0,
      meshPeers: gossip?.meshPeers(topic) ?? [],
    })),
  };
}
