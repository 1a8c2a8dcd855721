/**
 * The book of known peers: who they are, how to reach them, how they did. Bounded; what is worth keeping is persisted, so
 * that a restart finds its peers again. Owned by the PeerActor; the table outlives it.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type PeerInfo, PeerInfoSchema, PeerType } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { equalBytes } from "../../chain/bytes.ts";
import type { Cause } from "../../kernel/cause.ts";
import type { ConnectionInfo } from "../../p2p/port.ts";
import type { Table } from "../../storage/port.ts";
import { ADDRESS_LENGTH_MAX, ADDRESSES_MAX } from "./config.ts";
import type { ProvenStatus } from "./handshake.ts";
import { CLEAN, type Reputation } from "./reputation.ts";
import { NEW_SCORE, type ScoreState } from "./score.ts";

/**
 * Where a peer's connection stands; what belongs to a state lives in it. `session` numbers the time from the first
 * connection of a peer to the last one's end: what is about an earlier session is stale.
 */
export type Link =
  | { readonly state: "disconnected" }
  /** `cause`: on whose behalf; the handshake that follows belongs to it. */
  | { readonly state: "dialling"; readonly cause: Cause | undefined }
  | {
      readonly state: "handshaking";
      readonly session: number;
      readonly connection: ConnectionInfo;
      readonly sinceMs: number;
    }
  | {
      readonly state: "connected";
      readonly session: number;
      readonly connection: ConnectionInfo;
      readonly status: ProvenStatus;
    }
  /** Goodbye was said; nothing is asked or believed any more. */
  | { readonly state: "closing" };

export interface KnownPeer {
  readonly peerId: string;
  /** Newest first; the one at which we reached it stays at the head. */
  addresses: readonly string[];
  /** Address of the last dial that succeeded, in this process. */
  reachedAt: string | undefined;
  /** Class that an operator assigned; a proven delegation makes it FEDERATION. */
  assignedType: PeerType;
  isBootstrap: boolean;
  /** Named as a member beforehand, by configuration or an operator. */
  isNamed: boolean;
  /** It announced protocols of another chain and none of ours. */
  isOfOtherChain: boolean;
  /** Named, or remembered as a member: reserved slot. */
  isReserved: boolean;
  /** Key of the member whom the slot is due to, 48 bytes; it outlives the role. */
  reservedFor: Uint8Array | undefined;
  /** BLS key of its delegation, 48 bytes. */
  memberKey: Uint8Array | undefined;
  memberRole: number;
  /** When that delegation ends, Unix milliseconds; 0 without one. */
  memberUntilMs: number;
  link: Link;
  score: ScoreState;
  reputation: Reputation;
  /** When it was last connected, Unix milliseconds; 0: only heard of. */
  lastSeenMs: number;
  /** Dials and handshakes that failed in a row. */
  failures: number;
  /** Not dialled before then, monotonic milliseconds. */
  notBeforeMs: number;
  /** Not let in before then, monotonic milliseconds: we sent it away. */
  refusedUntilMs: number;
  /** When its Status was asked for again, monotonic milliseconds. */
  askedMs: number;
  requestsAnswered: number;
  requestsFailed: number;
  blocksServed: number;
  bytesServed: number;
}

/**
 * Peers remembered for one member key: the member, its sentries, and a change of each. A member could delegate to any
 * number of ids; past this the one not seen for longest is an ordinary peer again.
 */
const REMEMBERED_PER_KEY_MAX = 8;

export class PeerBook {
  readonly #peers = new Map<string, KnownPeer>();
  readonly #table: Table;
  readonly #peersMax: number;
  readonly #dirty = new Set<string>();

  /** Reads what is stored; a record that cannot be read is deleted at the next save. */
  constructor(table: Table, peersMax: number) {
    this.#table = table;
    this.#peersMax = peersMax;
    for (const [peerId, bytes] of table.entries()) {
      const info = decodeInfo(bytes);
      if (info === undefined || this.#peers.size >= peersMax) this.#dirty.add(peerId);
      else this.#peers.set(peerId, restored(peerId, info));
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
  ensure(peerId: string): KnownPeer {
    const known = this.#peers.get(peerId);
    if (known !== undefined) return known;
    if (this.#peers.size >= this.#peersMax) this.#evict();
    const peer = newPeer(peerId);
    this.#peers.set(peerId, peer);
    this.#dirty.add(peerId);
    return peer;
  }

  /** Adds addresses that are claimed, newest first, behind the one that is known to be good. */
  addAddresses(peer: KnownPeer, addresses: readonly string[]): void {
    const usable = addresses.filter((address) => address.length <= ADDRESS_LENGTH_MAX);
    const reached = peer.reachedAt === undefined ? [] : [peer.reachedAt];
    const merged = [...new Set([...reached, ...usable, ...peer.addresses])].slice(0, ADDRESSES_MAX);
    if (merged.join() === peer.addresses.join()) return;
    peer.addresses = merged;
    this.#dirty.add(peer.peerId);
  }

  /** A delegation proved this membership; members are remembered past their connection. */
  rememberMember(peer: KnownPeer, memberKey: Uint8Array, memberRole: number, untilMs: number): void {
    peer.memberKey = memberKey;
    peer.memberRole = memberRole;
    peer.memberUntilMs = untilMs;
    peer.isReserved = true;
    peer.reservedFor = memberKey;
    this.#dirty.add(peer.peerId);
    const same = [...this.#peers.values()].filter(
      (other) => other.isReserved && !other.isNamed && sameKey(other.reservedFor, memberKey),
    );
    if (same.length <= REMEMBERED_PER_KEY_MAX) return;
    const oldest = same
      .filter((other) => other !== peer)
      .reduce((left, right) => (left.lastSeenMs <= right.lastSeenMs ? left : right));
    oldest.isReserved = false;
    oldest.reservedFor = undefined;
    this.endMembership(oldest);
  }

  /** The role is over; the slot of one that had it stays. */
  endMembership(peer: KnownPeer): void {
    peer.memberKey = undefined;
    peer.memberRole = 0;
    peer.memberUntilMs = 0;
    this.#dirty.add(peer.peerId);
  }

  markDirty(peer: KnownPeer): void {
    this.#dirty.add(peer.peerId);
  }

  /** Writes what changed since the last time; what could not be written is tried again at the next. */
  async save(): Promise<void> {
    if (this.#dirty.size === 0) return;
    const entries = new Map<string, Uint8Array | undefined>();
    for (const peerId of this.#dirty) {
      const peer = this.#peers.get(peerId);
      entries.set(peerId, peer === undefined ? undefined : encodePeer(peer));
    }
    this.#dirty.clear();
    try {
      await this.#table.put(entries);
    } catch (error) {
      for (const peerId of entries.keys()) this.#dirty.add(peerId);
      throw error;
    }
  }

  /**
   * Connected peers, members and bootstrap peers stay. Of the others those that were never connected go first, so that a
   * flood of made-up ids displaces only its like; and those with a penalty last, so that a flood clears nobody.
   */
  #evict(): void {
    let least: KnownPeer | undefined;
    for (const peer of this.#peers.values()) {
      if (peer.link.state !== "disconnected" || peer.isReserved || peer.isBootstrap) continue;
      if (least === undefined || keepingOrder(peer) < keepingOrder(least)) least = peer;
    }
    if (least === undefined) return;
    this.#peers.delete(least.peerId);
    this.#dirty.add(least.peerId);
  }
}

const keepingOrder = (peer: KnownPeer): number =>
  peer.lastSeenMs + (peer.reputation.value < 0 ? Number.MAX_SAFE_INTEGER / 2 : 0);

const sameKey = (left: Uint8Array | undefined, right: Uint8Array): boolean =>
  left !== undefined && equalBytes(left, right);

function newPeer(peerId: string): KnownPeer {
  return {
    peerId,
    addresses: [],
    reachedAt: undefined,
    assignedType: PeerType.UNSPECIFIED,
    isBootstrap: false,
    isNamed: false,
    isOfOtherChain: false,
    isReserved: false,
    reservedFor: undefined,
    memberKey: undefined,
    memberRole: 0,
    memberUntilMs: 0,
    link: { state: "disconnected" },
    score: NEW_SCORE,
    reputation: CLEAN,
    lastSeenMs: 0,
    failures: 0,
    notBeforeMs: 0,
    refusedUntilMs: 0,
    askedMs: Number.NEGATIVE_INFINITY,
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
      ...(peer.memberUntilMs === 0 ? {} : { memberExpires: timestampFromMs(peer.memberUntilMs) }),
      ...(peer.lastSeenMs === 0 ? {} : { lastSeen: timestampFromMs(peer.lastSeenMs) }),
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
    ...newPeer(peerId),
    lastSeenMs: info.lastSeen === undefined ? 0 : timestampMs(info.lastSeen),
    addresses: info.addresses.slice(0, ADDRESSES_MAX),
    assignedType: info.peerType,
    isReserved: isMember,
    reservedFor: isMember ? info.memberKey : undefined,
    memberKey: isMember ? info.memberKey.slice() : undefined,
    memberRole: info.memberRole,
    memberUntilMs: info.memberExpires === undefined ? 0 : timestampMs(info.memberExpires),
  };
}
