/**
 * PeerInfo as it is answered and watched, built from what the book knows. Pure.
 */

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ConnectionState,
  Direction,
  type PeerInfo,
  PeerInfoSchema,
  type PeerScore,
  PeerScoreSchema,
  PeerType,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { ConnectionInfo, Traffic } from "../../p2p/port.ts";
import type { KnownPeer } from "./known/known-peer.ts";
import { addressRecords } from "./known/peer-record.ts";
import { reputationAt } from "./reputation.ts";
import { scoreOf } from "./score.ts";

export function scoreView(peer: KnownPeer, nowMs: number): PeerScore {
  const score = scoreOf(peer.score, peer.memberKey !== undefined);
  return create(PeerScoreSchema, { ...score, reputation: reputationAt(peer.reputation, nowMs) });
}

/** A proven delegation decides; else what the operator assigned; else a regular node. */
export function typeOf(peer: KnownPeer): PeerType {
  if (peer.memberKey !== undefined) return PeerType.FEDERATION;
  return peer.assignedType === PeerType.UNSPECIFIED ? PeerType.REGULAR : peer.assignedType;
}

/** Bytes by peer over all of its present connections. */
export function trafficByPeer(connections: readonly ConnectionInfo[]): ReadonlyMap<string, Traffic> {
  const traffic = new Map<string, Traffic>();
  for (const { peerId, bytesIn, bytesOut } of connections) {
    const before = traffic.get(peerId) ?? { bytesIn: 0, bytesOut: 0 };
    traffic.set(peerId, { bytesIn: before.bytesIn + bytesIn, bytesOut: before.bytesOut + bytesOut });
  }
  return traffic;
}

/**
 * `nowMs`: monotonic milliseconds. Without `traffic`, as in events, the bytes are those of the connection when it was last
 * looked at.
 */
export function peerView(peer: KnownPeer, nowMs: number, isBanned: boolean, traffic?: Traffic): PeerInfo {
  const { link } = peer;
  const connection = link.state === "connected" || link.state === "handshaking" ? link.connection : undefined;
  const status = link.state === "connected" ? link.status : undefined;
  return create(PeerInfoSchema, {
    peerId: peer.peerId,
    addresses: peer.addresses.map(({ address }) => address),
    addressRecords: addressRecords(peer),
    peerType: typeOf(peer),
    score: scoreView(peer, nowMs),
    connectionState: isBanned ? ConnectionState.BANNED : STATES[link.state],
    direction: connection === undefined ? Direction.UNSPECIFIED : DIRECTIONS[connection.direction],
    transport: connection?.transport ?? "",
    remoteAddress: connection?.remoteAddress ?? "",
    ...(peer.lastSeenMs === 0 ? {} : { lastSeen: timestampFromMs(peer.lastSeenMs) }),
    metrics: {
      ...(peer.score.latencyMs === undefined ? {} : { latencyMs: peer.score.latencyMs }),
      ...(peer.score.bytesPerSecond === undefined
        ? {}
        : { throughputBytesPerSecond: peer.score.bytesPerSecond }),
      requestsAnswered: BigInt(peer.requestsAnswered),
      requestsFailed: BigInt(peer.requestsFailed),
      blocksServed: BigInt(peer.blocksServed),
      bytesReceived: BigInt((traffic ?? connection)?.bytesIn ?? 0),
      bytesSent: BigInt((traffic ?? connection)?.bytesOut ?? 0),
    },
    ...(status === undefined
      ? {}
      : {
          head: {
            height: BigInt(status.headHeight),
            hash: status.headHash,
            slot: BigInt(status.headSlot),
            receivedMs: BigInt(status.receivedMs),
            ageMs: BigInt(Math.max(0, Math.floor(nowMs - status.receivedAtMs))),
          },
          ...(status.unproven === undefined ? {} : { unprovenHead: status.unproven }),
          finalHeight: BigInt(status.finalHeight),
          earliestHeight: BigInt(status.earliestHeight),
        }),
    memberKey: peer.memberKey ?? new Uint8Array(),
    memberRole: peer.memberRole,
    ...(peer.memberUntilMs === 0 ? {} : { memberExpires: timestampFromMs(peer.memberUntilMs) }),
  });
}

const STATES: Readonly<Record<KnownPeer["link"]["state"], ConnectionState>> = {
  disconnected: ConnectionState.DISCONNECTED,
  dialling: ConnectionState.CONNECTING,
  handshaking: ConnectionState.HANDSHAKING,
  connected: ConnectionState.CONNECTED,
  closing: ConnectionState.DISCONNECTED,
};

const DIRECTIONS = { inbound: Direction.INBOUND, outbound: Direction.OUTBOUND } as const;
