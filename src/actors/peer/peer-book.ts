/**
 * The book of known peers: who they are, how to reach them, how they did. Bounded; what is worth keeping is persisted, so
 * that a restart finds its peers again. Owned by the PeerActor; the table outlives it.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type PeerInfo, PeerInfoSchema, PeerType } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { ConnectionInfo } from "../../p2p/port.ts";
import type { Table } from "../../storage/port.ts";
import { ADDRESSES_MAX } from "./config.ts";
import type { ProvenStatus } from "./handshake.ts";
import { CLEAN, type Reputation } from "./reputation.ts";
import { NEW_SCORE, type ScoreState } from "./score.ts";

/** Where a peer's connection stands; what belongs to a state lives in it. */
export type Link =
  | { readonly state: "disconnected" }
  | { readonly state: "dialling" }
  | { readonly state: "handshaking"; readonly connection: ConnectionInfo; readonly sinceMs: number }
  | { readonly state: "connected"; readonly connection: ConnectionInfo; readonly status: ProvenStatus };

export interface KnownPeer {
  readonly peerId: string;
  addresses: readonly string[];
  /** Class that an operator assigned; a proven delegation makes it FEDERATION. */
  assignedType: PeerType;
  isBootstrap: boolean;
  /** Known beforehand, or remembered, as a member: reserved slot. */
  isReserved: boolean;
  /** BLS key of its delegation, 48 bytes. */
  memberKey: Uint8Array | undefined;
  memberRole: number;
  link: Link;
  score: ScoreState;
  reputation: Reputation;
  lastSeenMs: number;
  /** Dials that failed in a row. */
  failures: number;
  /** Not dialled before then, Unix milliseconds. */
  notBeforeMs: number;
  requestsAnswered: number;
  requestsFailed: number;
  blocksServed: number;
  bytesServed: number;
}

export class PeerBook {
  readonly #peers = new Map<string, KnownPeer>();
  readonly #table: Table;
  readonly #peersMax: number;
  readonly #dirty = new Set<string>();

  /** Reads what is stored; a record that cannot be read is skipped. */
  constructor(table: Table, peersMax: number) {
    this.#table = table;
    this.#peersMax = peersMax;
    for (const [peerId, bytes] of table.entries()) {
      if (this.#peers.size >= peersMax) break;
      const info = decodeInfo(bytes);
      if (info !== undefined) this.#peers.set(peerId, restored(peerId, info));
    }
  }

  get size(): number {
    return this.#peers.size;
  }

  get(peerId: string): KnownPeer | undefined {
    return this.#peers.get(peerId);
  }

  all(): Iterable<KnownPeer> {
    return this.#peers.values();
  }

  /** The peer, made known if need be; at the bound the one that is worth least makes room. */
  ensure(peerId: string, nowMs: number): KnownPeer {
    const known = this.#peers.get(peerId);
    if (known !== undefined) return known;
    if (this.#peers.size >= this.#peersMax) this.#evict();
    const peer = newPeer(peerId, nowMs);
    this.#peers.set(peerId, peer);
    this.#dirty.add(peerId);
    return peer;
  }

  /** Adds addresses, newest first. */
  addAddresses(peer: KnownPeer, addresses: readonly string[]): void {
    const merged = [...new Set([...addresses, ...peer.addresses])].slice(0, ADDRESSES_MAX);
    if (merged.join() === peer.addresses.join()) return;
    peer.addresses = merged;
    this.#dirty.add(peer.peerId);
  }

  markDirty(peer: KnownPeer): void {
    this.#dirty.add(peer.peerId);
  }

  /** Writes what changed since the last time. */
  save(): Promise<void> {
    if (this.#dirty.size === 0) return Promise.resolve();
    const entries = new Map<string, Uint8Array | undefined>();
    for (const peerId of this.#dirty) {
      const peer = this.#peers.get(peerId);
      entries.set(peerId, peer === undefined ? undefined : encodePeer(peer));
    }
    this.#dirty.clear();
    return this.#table.put(entries);
  }

  /** Connected peers, members and bootstrap peers stay; of the others the one not seen for longest goes. */
  #evict(): void {
    let oldest: KnownPeer | undefined;
    for (const peer of this.#peers.values()) {
      if (peer.link.state !== "disconnected" || peer.isReserved || peer.isBootstrap) continue;
      if (oldest === undefined || peer.lastSeenMs < oldest.lastSeenMs) oldest = peer;
    }
    if (oldest === undefined) return;
    this.#peers.delete(oldest.peerId);
    this.#dirty.add(oldest.peerId);
  }
}

function newPeer(peerId: string, nowMs: number): KnownPeer {
  return {
    peerId,
    addresses: [],
    assignedType: PeerType.UNSPECIFIED,
    isBootstrap: false,
    isReserved: false,
    memberKey: undefined,
    memberRole: 0,
    link: { state: "disconnected" },
    score: NEW_SCORE,
    reputation: CLEAN,
    lastSeenMs: nowMs,
    failures: 0,
    notBeforeMs: 0,
    requestsAnswered: 0,
    requestsFailed: 0,
    blocksServed: 0,
    bytesServed: 0,
  };
}

/** Only what is of use after a restart: addresses, class, membership, when it was seen. */
function encodePeer(peer: KnownPeer): Uint8Array {
  return toBinary(
    PeerInfoSchema,
    create(PeerInfoSchema, {
      peerId: peer.peerId,
      addresses: [...peer.addresses],
      peerType: peer.assignedType,
      memberKey: peer.memberKey ?? new Uint8Array(),
      memberRole: peer.memberRole,
      lastSeen: timestampFromMs(peer.lastSeenMs),
    }),
  );
}

function decodeInfo(bytes: Uint8Array): PeerInfo | undefined {
  try {
    return fromBinary(PeerInfoSchema, bytes.slice());
  } catch {
    return undefined;
  }
}

function restored(peerId: string, info: PeerInfo): KnownPeer {
  const isMember = info.memberKey.length > 0;
  return {
    ...newPeer(peerId, info.lastSeen === undefined ? 0 : timestampMs(info.lastSeen)),
    addresses: info.addresses.slice(0, ADDRESSES_MAX),
    assignedType: info.peerType,
    isReserved: isMember,
    memberKey: isMember ? info.memberKey.slice() : undefined,
    memberRole: info.memberRole,
  };
}
