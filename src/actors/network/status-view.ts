/**
 * NetworkStatus as it is answered and watched, built from the host's own counts. Pure.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  NetworkState,
  type NetworkStatusSchema,
  type OwnDelegationSchema,
  Reachability,
  ReachabilityBasis,
} from "../../../gen/alys/network/v1/network_pb.ts";
import type { Delegation } from "../../chain/delegation.ts";
import type { Host } from "../../p2p/port.ts";
import { protocolId, topicId } from "../../p2p/protocols.ts";
import type { ReachabilityReport } from "../../p2p/reachability.ts";
import type { NetworkActorConfig } from "./config.ts";

export type NetworkPhase =
  | { readonly name: "stopped" }
  | { readonly name: "starting" }
  | { readonly name: "running"; readonly startedMs: number }
  | { readonly name: "stopping" };

const STATES: Readonly<Record<NetworkPhase["name"], NetworkState>> = {
  stopped: NetworkState.STOPPED,
  starting: NetworkState.STARTING,
  running: NetworkState.RUNNING,
  stopping: NetworkState.STOPPING,
};

const REACHABILITIES: Readonly<Record<ReachabilityReport["state"], Reachability>> = {
  unknown: Reachability.UNKNOWN,
  reachable: Reachability.REACHABLE,
  unreachable: Reachability.UNREACHABLE,
};

const BASES: Readonly<Record<ReachabilityReport["basis"], ReachabilityBasis>> = {
  "nothing-seen": ReachabilityBasis.NOTHING_SEEN,
  "peers-dialled-us": ReachabilityBasis.PEERS_DIALLED_US,
  "not-listening": ReachabilityBasis.NOT_LISTENING,
  "behind-nat": ReachabilityBasis.BEHIND_NAT,
};

export const stateOf = (phase: NetworkPhase): NetworkState => STATES[phase.name];

export function networkStatus(
  host: Host,
  phase: NetworkPhase,
  config: NetworkActorConfig,
  ownDelegation?: MessageInitShape<typeof OwnDelegationSchema>,
): MessageInitShape<typeof NetworkStatusSchema> {
  const { genesisHash, protocols } = config.host;
  const common = {
    ...{ state: stateOf(phase), peerId: host.peerId, genesisHash },
    ...(ownDelegation === undefined ? {} : { ownDelegation }),
  };
  if (!host.isOpen) return common;
  const stats = host.stats();
  const connections = host.connections();
  return {
    ...common,
    listenAddresses: [...host.addresses()],
    connectedPeers: new Set(connections.map((connection) => connection.peerId)).size,
    inboundConnections: stats.connectionsIn,
    outboundConnections: stats.connectionsOut,
    protocols: protocols.map((protocol) => protocolId(genesisHash, protocol)),
    topics: stats.gossip.map((topic) => ({
      name: topicId(genesisHash, topic.topic),
      subscribedPeers: topic.subscribers,
      meshPeers: topic.meshPeers.length,
      accepted: BigInt(topic.accepted),
      ignored: BigInt(topic.ignored + topic.expired),
      rejected: BigInt(topic.rejected),
    })),
    discoveryFailures: [...stats.discoveryFailures],
    deafPeers: stats.deafPeers.length,
    gossipRenewals: BigInt(stats.gossipRenewals),
    reachability: REACHABILITIES[stats.reachability.state],
    reachabilityBasis: BASES[stats.reachability.basis],
    confirmedAddresses: [...stats.reachability.confirmed],
    traffic: Object.entries(stats.trafficByProtocol).map(([protocol, traffic]) => ({
      protocol,
      bytesReceived: BigInt(traffic.bytesIn),
      bytesSent: BigInt(traffic.bytesOut),
    })),
    ...(phase.name === "running" ? { started: timestampFromMs(phase.startedMs) } : {}),
  };
}

/** Our own delegation as its source, which the PeerActor has renewed, tells of it. */
export interface DelegationView {
  readonly delegation: Delegation;
  readonly renewals: number;
  readonly nextMs: number | undefined;
  readonly lastFailure: string;
}

export function delegationView(
  { delegation, renewals, nextMs, lastFailure }: DelegationView,
  nowMs: number,
): MessageInitShape<typeof OwnDelegationSchema> {
  const { role, publicKey, expiryMs } = delegation;
  return {
    role,
    memberKey: publicKey,
    expires: timestampFromMs(expiryMs),
    remainingMs: BigInt(Math.max(0, Math.floor(expiryMs - nowMs))),
    renewals: BigInt(renewals),
    ...(nextMs === undefined ? {} : { nextRenewal: timestampFromMs(nextMs) }),
    lastFailure,
  };
}
