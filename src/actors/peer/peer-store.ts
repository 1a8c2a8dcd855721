/**
 * The book of known peers: who they are, how to reach them, how they did. Bounded; what is worth keeping is persisted, so
 * that a restart finds its peers again. Owned by the PeerActor; the table outlives it.
 */

import { AddressSource } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { type AddressFault, judgeAddress, REACH_ALL, type Reach } from "../../p2p/dial-address.ts";
import type { Table } from "../../storage/port.ts";
import { failed, isClaim, type KnownAddress, named, rankOf, reached } from "./known/address-list.ts";
import { Claims } from "./known/claims.ts";
import type { KnownPeer } from "./known/known-peer.ts";
import { PeerIndex } from "./known/peer-index.ts";
import { decodePeer, encodePeer, restore, TrackedPeer } from "./known/peer-record.ts";

/**
 * Peers remembered for one member key: the member, its sentries, and a change of each. A member could delegate to any
 * number of ids; past this the one not seen for longest is an ordinary peer again.
 */
const REMEMBERED_PER_KEY_MAX = 8;

/** Addresses that are looked at when somebody names some: identify and the DHT could name hundreds. The rest is dropped. */
const NAMED_AT_ONCE_MAX = 32;

export class PeerStore {
  readonly #peers = new Map<string, KnownPeer>();
  readonly #table: Table;
  readonly #peersMax: number;
  readonly #reach: Reach;
  readonly #dirty = new Set<string>();
  readonly #claims = new Claims();
  readonly index = new PeerIndex();
  #made = 0;

  /**
   * Reads what is stored; a record that cannot be read is deleted at the next save. What cannot be reached is not kept; the
   * default of `reach` is all that there is.
   */
  constructor(table: Table, peersMax: number, reach: Reach = REACH_ALL) {
    this.#table = table;
    this.#peersMax = peersMax;
    this.#reach = reach;
    for (const [peerId, bytes] of table.entries()) {
      const info = decodePeer(bytes);
      if (info === undefined || this.#peers.size >= peersMax) {
        this.#dirty.add(peerId);
        continue;
      }
      const peer = this.#make(peerId);
      restore(peer, info, reach);
      this.#claims.replace(peerId, [], claimed(peer.addresses));
    }
  }

  get size(): number {
    return this.#peers.size;
  }

  get(peerId: string): KnownPeer | undefined {
    return this.#peers.get(peerId);
  }

  /** Everybody: for lists that are asked for. What happens again and again asks the index. */
  all(): Iterable<KnownPeer> {
    return this.#peers.values();
  }

  connected(): readonly KnownPeer[] {
    return this.index.connected();
  }

  /** The peer, made known if need be; at the bound the one that is worth least makes room. */
  ensure(peerId: string): KnownPeer {
    const known = this.#peers.get(peerId);
    if (known !== undefined) return known;
    if (this.#peers.size >= this.#peersMax) this.#evict();
    const peer = this.#make(peerId);
    this.#dirty.add(peerId);
    return peer;
  }

  #make(peerId: string): KnownPeer {
    this.#made++;
    const peer = new TrackedPeer(peerId, this.#made, this.index.touch);
    this.#peers.set(peerId, peer);
    this.index.touch(peer);
    return peer;
  }

  /** Why an address of a peer is not to be taken from this source; undefined when it is. */
  faultOf(peerId: string, address: string, source: AddressSource): AddressFault | undefined {
    const judged = judgeAddress(address, peerId, source === AddressSource.CONFIGURED, this.#reach);
    return judged.ok ? undefined : judged.fault;
  }

  /** Adds the addresses that are of use; each that is not costs itself alone. */
  addAddresses(peer: KnownPeer, addresses: readonly string[], source: AddressSource, nowMs: number): void {
    // A claim that was made longest counts least; of one message the first come first.
    for (const address of addresses.slice(0, NAMED_AT_ONCE_MAX).reverse()) {
      const judged = judgeAddress(address, peer.peerId, source === AddressSource.CONFIGURED, this.#reach);
      if (!judged.ok) continue;
      const next = named(peer.addresses, judged.value, source, nowMs);
      const entry = next.find((known) => known.address === judged.value.address);
      if (entry === undefined) continue;
      if (isClaim(entry) && !this.#admits(peer, entry)) continue;
      this.#put(peer, next);
    }
  }

  /** The peer was reached there, as a connection or a dial shows. */
  reached(peer: KnownPeer, address: string, nowMs: number): void {
    const judged = judgeAddress(address, peer.peerId, true, this.#reach);
    if (judged.ok) this.#put(peer, reached(peer.addresses, judged.value, nowMs));
  }

  /** A dial there failed. */
  failedAt(peer: KnownPeer, address: string): void {
    this.#put(peer, failed(peer.addresses, address));
  }

  /** Whether a place may be claimed for one more peer; another may lose it. */
  #admits(peer: KnownPeer, entry: KnownAddress): boolean {
    const { target } = entry;
    const claim = { peerId: peer.peerId, worth: claimWorth(entry) };
    const gone = this.#claims.displacedBy(target, claim, (peerId) =>
      Math.min(...this.#claimsOn(peerId, target).map(claimWorth), Number.MAX_SAFE_INTEGER),
    );
    if (gone === "nobody") return true;
    const loser = gone === "newcomer" ? undefined : this.#peers.get(gone);
    if (loser === undefined) return false;
    const lost = this.#claimsOn(gone, target);
    this.#put(
      loser,
      loser.addresses.filter((known) => !lost.includes(known)),
    );
    return true;
  }

  #claimsOn(peerId: string, target: string): readonly KnownAddress[] {
    const { addresses = [] } = this.#peers.get(peerId) ?? {};
    return addresses.filter((known) => known.target === target && isClaim(known));
  }

  #put(peer: KnownPeer, addresses: readonly KnownAddress[]): void {
    this.#claims.replace(peer.peerId, claimed(peer.addresses), claimed(addresses));
    const isSame = (known: KnownAddress, at: number): boolean =>
      peer.addresses[at]?.address === known.address;
    const isAnyNew = addresses.length !== peer.addresses.length || !addresses.every(isSame);
    peer.addresses = addresses;
    if (isAnyNew) this.#dirty.add(peer.peerId);
  }

  /** A delegation proved this membership; members are remembered past their connection. */
  rememberMember(peer: KnownPeer, memberKey: Uint8Array, memberRole: number, untilMs: number): void {
    peer.memberKey = memberKey;
    peer.memberRole = memberRole;
    peer.memberUntilMs = untilMs;
    peer.isReserved = true;
    peer.reservedFor = memberKey;
    this.#dirty.add(peer.peerId);
    const same = this.index
      .reserved()
      .filter((other) => !other.isNamed && sameKey(other.reservedFor, memberKey));
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

  #evict(): void {
    const least = this.index.leastWorthKeeping();
    if (least === undefined) return;
    this.#peers.delete(least.peerId);
    this.index.remove(least);
    this.#claims.replace(least.peerId, claimed(least.addresses), []);
    this.#dirty.add(least.peerId);
  }
}

const claimed = (addresses: readonly KnownAddress[]): readonly string[] =>
  addresses.filter(isClaim).map(({ target }) => target);

/** Of claims on one place: by who makes them, and one that failed there is worth less than any that did not. */
const claimWorth = (known: KnownAddress): number => rankOf(known) - (known.failures > 1 ? 100 : 0);

const sameKey = (left: Uint8Array | undefined, right: Uint8Array): boolean =>
  left !== undefined && equalBytes(left, right);
