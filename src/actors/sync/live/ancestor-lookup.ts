/**
 * AncestorLookups: certified blocks whose parent we do not have are led back to our chain by asking for one parent after the
 * other by its hash, from the peer that sent the child or another one. For gaps of a few blocks and for forks: deeper
 * than the bound, range synchronisation takes over, which the child's head has begun already. A machine without effects
 * of its own, owned by machine.ts; the blocks that come are judged and held by the live blocks.
 */

import { toHex } from "../../../chain/hex.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { LiveEffect } from "../effect.ts";
import type { SyncMetrics } from "../metrics.ts";
import type { QuotaLedger } from "../range/quota.ts";
import type { SyncPeers } from "../sync-peers.ts";

interface Lookup {
  /** The block that is wanted. */
  readonly hash: Uint8Array;
  /** Its height, as its child says. */
  readonly height: number;
  /** Ancestors asked for before it, since the block that gossip brought. */
  readonly depth: number;
  readonly askedPeers: readonly string[];
  /** The request under way. */
  readonly request: { readonly id: number; readonly peerId: string } | undefined;
}

/** Ancestors that a lookup goes back; beyond, range synchronisation is the better way. */
export const LOOKUP_DEPTH_MAX = 64;
/** AncestorLookups at a time; at the bound a further missing parent is left to range synchronisation. */
export const LOOKUPS_MAX = 8;
/** Peers that are asked for one block before it is given up. */
const PEERS_ASKED_MAX = 3;
/** Depth of blocks that were looked up, remembered for as many as can be held. */
const DEPTHS_MAX = 256;

const PROTOCOL = "blocks-by-hash";

export interface AncestorLookupsParts {
  readonly peers: SyncPeers;
  readonly quota: QuotaLedger;
  readonly metrics: SyncMetrics;
  effect(effect: LiveEffect): void;
}

export class AncestorLookups {
  readonly #parts: AncestorLookupsParts;
  /** By the wanted hash. */
  readonly #lookups = new Map<string, Lookup>();
  readonly #depths = new Map<string, number>();
  /** Whom each request that has not ended was sent to, by its id, also those that nobody waits for any more. */
  readonly #open = new Map<number, string>();
  #nextId = 1;

  constructor(parts: AncestorLookupsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#lookups.size;
  }

  /** A certified block from this peer is held; its parent, at `height`, is not here. */
  want(child: Uint8Array, parent: Uint8Array, height: number, peerId: string, nowMs: number): void {
    const key = toHex(parent);
    const depth = (this.#depths.get(toHex(child)) ?? 0) + 1;
    if (this.#lookups.has(key) || this.#lookups.size >= LOOKUPS_MAX || depth > LOOKUP_DEPTH_MAX) return;
    const lookup: Lookup = {
      hash: parent,
      height,
      depth,
      askedPeers: [],
      request: undefined,
    };
    this.#lookups.set(key, lookup);
    this.#parts.metrics.add("lookups");
    this.#ask(lookup, peerId, nowMs);
  }

  /** The block that was asked for; undefined when the peer does not have it or failed. Gives who delivered it. */
  answered(id: number, block: Uint8Array | undefined, nowMs: number): string | undefined {
    this.#ended(id);
    const lookup = this.#find(id);
    if (lookup?.request === undefined) return undefined;
    const { peerId } = lookup.request;
    if (block === undefined) {
      this.#again(lookup, nowMs);
      return undefined;
    }
    this.#end(lookup);
    this.#remember(lookup);
    return peerId;
  }

  failed(id: number, _reason: Failure, nowMs: number): void {
    this.#ended(id);
    const lookup = this.#find(id);
    if (lookup !== undefined) this.#again(lookup, nowMs);
  }

  /** Once a tick: those that wait for a quota, and those whose block came another way. */
  tick(isKnown: (hash: Uint8Array) => boolean, nowMs: number): void {
    for (const lookup of [...this.#lookups.values()]) {
      if (isKnown(lookup.hash)) this.#end(lookup);
      else if (lookup.request === undefined) this.#ask(lookup, undefined, nowMs);
    }
  }

  peerGone(peerId: string, nowMs: number): void {
    for (const lookup of [...this.#lookups.values()])
      if (lookup.request?.peerId === peerId) this.#again(lookup, nowMs);
  }

  stop(): void {
    this.#lookups.clear();
    this.#depths.clear();
  }

  #ask(lookup: Lookup, preferred: string | undefined, nowMs: number): void {
    const { peers, quota, effect } = this.#parts;
    const able = peers
      .candidates(nowMs)
      .filter(({ peerId, headHeight }) => headHeight >= lookup.height && !lookup.askedPeers.includes(peerId))
      .sort((left, right) => right.score - left.score);
    if (able.length === 0) return this.#giveUp(lookup);
    const free = able.map(({ peerId }) => peerId).filter((peerId) => quota.has(peerId, PROTOCOL, nowMs));
    const peerId = preferred !== undefined && free.includes(preferred) ? preferred : free[0];
    // Whoever has quota again is asked at the next tick.
    if (peerId === undefined) return this.#put({ ...lookup, request: undefined });
    const id = this.#nextId++;
    quota.take(peerId, PROTOCOL, nowMs);
    this.#open.set(id, peerId);
    this.#put({ ...lookup, askedPeers: [...lookup.askedPeers, peerId], request: { id, peerId } });
    effect({ type: "lookUp", id, peerId, hash: lookup.hash });
  }

  #again(lookup: Lookup, nowMs: number): void {
    if (lookup.askedPeers.length >= PEERS_ASKED_MAX) this.#giveUp(lookup);
    else this.#ask({ ...lookup, request: undefined }, undefined, nowMs);
  }

  #giveUp(lookup: Lookup): void {
    this.#parts.metrics.add("lookupsFailed");
    this.#end(lookup);
  }

  #put(lookup: Lookup): void {
    this.#lookups.set(toHex(lookup.hash), lookup);
  }

  #end(lookup: Lookup): void {
    this.#lookups.delete(toHex(lookup.hash));
  }

  #remember({ hash, depth }: Lookup): void {
    this.#depths.set(toHex(hash), depth);
    if (this.#depths.size <= DEPTHS_MAX) return;
    for (const oldest of this.#depths.keys()) {
      this.#depths.delete(oldest);
      return;
    }
  }

  #find(id: number): Lookup | undefined {
    for (const lookup of this.#lookups.values()) if (lookup.request?.id === id) return lookup;
    return undefined;
  }

  #ended(id: number): void {
    const peerId = this.#open.get(id);
    if (peerId === undefined) return;
    this.#open.delete(id);
    this.#parts.quota.ended(peerId, PROTOCOL);
  }
}
