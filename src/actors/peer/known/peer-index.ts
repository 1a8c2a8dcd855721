/**
 * By what known peers are looked up: who is connected or on the way, whom to dial next, who makes room when the book is full,
 * how many of ours are in a subnet. Kept up to date peer by peer, so that nothing here walks all that is known. Owned by the
 * PeerStore, whose records tell of each change.
 */

import { publicAddressOf } from "../../../p2p/address.ts";
import { worthOf } from "../worth.ts";
import { KeyedHeap } from "./keyed-heap.ts";
import type { KnownPeer, Link } from "./known-peer.ts";

type State = Link["state"];

export class PeerIndex {
  readonly #changed = new Set<KnownPeer>();
  readonly #stateOf = new Map<KnownPeer, State>();
  readonly #inState: Readonly<Record<Exclude<State, "disconnected">, Set<KnownPeer>>> = {
    dialling: new Set(),
    handshaking: new Set(),
    connected: new Set(),
    closing: new Set(),
  };
  readonly #reserved = new Set<KnownPeer>();
  /** Ordinary peers that may be dialled, later and now; members are few and looked at one by one. */
  readonly #waiting = new KeyedHeap<KnownPeer>();
  readonly #ready = new KeyedHeap<KnownPeer>();
  /** Who may make room, the least worthy first. */
  readonly #evictable = new KeyedHeap<KnownPeer>();
  readonly #subnets = new Map<string, number>();
  readonly #subnetsOf = new Map<KnownPeer, readonly string[]>();
  #nowMs = 0;
  #turn = 0;
  /** Peers that were looked at so far: what the work here is measured by. */
  examined = 0;

  /** Something changed by which this peer is looked up. */
  readonly touch = (peer: KnownPeer): void => {
    this.#changed.add(peer);
  };

  remove(peer: KnownPeer): void {
    this.#changed.delete(peer);
    this.#enter(peer, "disconnected");
    this.#count(peer, []);
    this.#reserved.delete(peer);
    for (const heap of [this.#waiting, this.#ready, this.#evictable]) heap.delete(peer);
  }

  connected(): readonly KnownPeer[] {
    this.#settle();
    return [...this.#inState.connected].sort((left, right) => left.order - right.order);
  }

  /** Members and peers named as such, those known for longest first. */
  reserved(): readonly KnownPeer[] {
    this.#settle();
    return [...this.#reserved].sort((left, right) => left.order - right.order);
  }

  count(state: Exclude<State, "disconnected">): number {
    this.#settle();
    return this.#inState[state].size;
  }

  /** Peers that are connected or on the way there, or closing. */
  get busy(): number {
    this.#settle();
    return Object.values(this.#inState).reduce((sum, { size }) => sum + size, 0);
  }

  /** Outbound connections into a subnet, those on the way included. Of members and bootstrap peers there is no count. */
  inSubnet(subnet: string): number {
    this.#settle();
    return this.#subnets.get(subnet) ?? 0;
  }

  /** The ordinary peer that it is most worth dialling now. Until something of it changes it is not named again before then. */
  nextToDial(nowMs: number, againMs: number): KnownPeer | undefined {
    this.#settle();
    this.#nowMs = nowMs;
    for (
      let next = this.#waiting.peek();
      next !== undefined && next.key <= nowMs;
      next = this.#waiting.peek()
    ) {
      this.examined++;
      this.#waiting.delete(next.item);
      this.#makeReady(next.item);
    }
    const peer = this.#ready.pop();
    if (peer === undefined) return undefined;
    this.examined++;
    this.#waiting.set(peer, againMs, peer.order);
    return peer;
  }

  /** Who makes room for another: nobody who is connected, reserved, or a bootstrap peer. */
  leastWorthKeeping(): KnownPeer | undefined {
    this.#settle();
    return this.#evictable.peek()?.item;
  }

  #settle(): void {
    for (const peer of this.#changed) this.#place(peer);
    this.#changed.clear();
  }

  #place(peer: KnownPeer): void {
    this.examined++;
    this.#enter(peer, peer.link.state);
    if (peer.isReserved) this.#reserved.add(peer);
    else this.#reserved.delete(peer);
    this.#count(peer, subnetsTaken(peer));
    const isAway = peer.link.state === "disconnected";
    if (isAway && !peer.isReserved && !peer.isBootstrap)
      this.#evictable.set(peer, keepingOrder(peer), peer.order);
    else this.#evictable.delete(peer);
    this.#ready.delete(peer);
    this.#waiting.delete(peer);
    if (!isAway || peer.isReserved || peer.addresses.length === 0) return;
    if (peer.notBeforeMs <= this.#nowMs) this.#makeReady(peer);
    else this.#waiting.set(peer, peer.notBeforeMs, peer.order);
  }

  /** Among equals whoever was looked at longest ago comes first, so that those who cannot be dialled hide nobody. */
  #makeReady(peer: KnownPeer): void {
    this.#turn++;
    this.#ready.set(peer, -worthOf(peer), this.#turn);
  }

  #enter(peer: KnownPeer, state: State): void {
    const before = this.#stateOf.get(peer) ?? "disconnected";
    if (before === state) return;
    if (before !== "disconnected") this.#inState[before].delete(peer);
    if (state === "disconnected") this.#stateOf.delete(peer);
    else {
      this.#inState[state].add(peer);
      this.#stateOf.set(peer, state);
    }
  }

  #count(peer: KnownPeer, subnets: readonly string[]): void {
    for (const subnet of this.#subnetsOf.get(peer) ?? []) {
      const left = (this.#subnets.get(subnet) ?? 0) - 1;
      if (left > 0) this.#subnets.set(subnet, left);
      else this.#subnets.delete(subnet);
    }
    for (const subnet of subnets) this.#subnets.set(subnet, (this.#subnets.get(subnet) ?? 0) + 1);
    if (subnets.length > 0) this.#subnetsOf.set(peer, subnets);
    else this.#subnetsOf.delete(peer);
  }
}

/** Those of an outbound connection, or of all addresses that a dial may end at. */
function subnetsTaken({ link, isReserved, isBootstrap }: KnownPeer): readonly string[] {
  if (isReserved || isBootstrap) return [];
  if (link.state === "dialling") return subnetsOf(link.addresses);
  if (link.state !== "handshaking" && link.state !== "connected") return [];
  const { direction, remoteAddress } = link.connection;
  return direction === "outbound" ? subnetsOf([remoteAddress]) : [];
}

export function subnetsOf(addresses: readonly string[]): readonly string[] {
  const subnets = addresses.map((address) => publicAddressOf(address)?.subnet);
  return [...new Set(subnets)].filter((subnet) => subnet !== undefined);
}

/**
 * Those that were never connected go first, so that a flood of made-up ids displaces only its like; and those with a penalty
 * last, so that a flood clears nobody.
 */
const keepingOrder = (peer: KnownPeer): number =>
  peer.lastSeenMs + (peer.reputation.value < 0 ? Number.MAX_SAFE_INTEGER / 2 : 0);
