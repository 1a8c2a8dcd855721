/**
 * Who may connect to us: slots for connections whose peer is not proven yet, and for those whose peer is. Slots are shared by
 * where a connection comes from: whoever comes from a place that holds little takes the slot of whoever comes from the place
 * that holds most. Pure.
 */

import { Crowding, compare, type Rank } from "./crowding.ts";
import type { Origin } from "./origin.ts";

export interface SlotBounds {
  /** Connections whose peer is not proven. */
  readonly pendingMax: number;
  /** All connections together, ours included; reserved peers go past it. */
  readonly connectionsMax: number;
  /** Whether a public address, and a subnet of them, has a cap beside its share. */
  readonly hasCaps: boolean;
}

/** What the rest of the host knows. */
export interface SlotFacts<K> {
  /** Whether a byte came on it. */
  readonly hasSpoken: (key: K) => boolean;
  readonly isReserved: (peerId: string) => boolean;
  readonly hasGreeted: (peerId: string) => boolean;
  /** Connections that we dialled. */
  readonly outbound: () => number;
}

/**
 * Inbound connections of one peer: the one that is used, and another one while an older one leads nowhere and has not been
 * found out. A third is refused as soon as its peer is proven.
 */
const CONNECTIONS_PER_PEER_MAX = 2;

/** A silent connection is looked at so often, SWEEP_MS apart, before it is ended. Looks and not time: our own loop may stand still. */
const SILENT_SWEEPS_MAX = 4;

/** Between two looks at the silent; a peer that dials speaks first, so that its first byte is there within a round trip. */
export const SWEEP_MS = 500;

/** Of the pending and of the established slots at most these shares are taken from one public address and from one subnet. */
const ADDRESS_SHARE = 1 / 16;
const SUBNET_SHARE = 1 / 8;

/** A household behind one address finds room also with a node of few slots. */
const ADDRESS_SLOTS_MIN = 4;
const SUBNET_SLOTS_MIN = 8;

/** Inbound connections leave this share of all to those that we dial: nobody can keep us from choosing peers ourselves. */
const OUTBOUND_SHARE = 1 / 8;

/** Greeting takes two round trips. Who has not greeted by then gives way to newcomers of the same place. */
const GREETING_MS = 1_000;

interface Slot<K> {
  readonly key: K;
  readonly origin: Origin;
  /** Of its arrival, then of its proof. */
  readonly sinceMs: number;
  sweeps: number;
  readonly peerId: string | undefined;
}

export type Admission<K> =
  | { readonly isAdmitted: true; readonly displaced?: K }
  | { readonly isAdmitted: false; readonly why: "peer" | "place" | "full" };

export class InboundSlots<K> {
  readonly #bounds: SlotBounds;
  readonly #facts: SlotFacts<K>;
  readonly #pending = new Map<K, Slot<K>>();
  readonly #held = new Map<K, Slot<K>>();

  constructor(bounds: SlotBounds, facts: SlotFacts<K>) {
    this.#bounds = bounds;
    this.#facts = facts;
  }

  get pending(): number {
    return this.#pending.size;
  }

  get held(): number {
    return this.#held.size;
  }

  /** A connection arrives. It always finds a slot; `displaced` is whose, and has none any more. */
  arrive(key: K, origin: Origin, nowMs: number): { readonly displaced?: K } {
    const others = [...this.#pending.values()];
    const crowd = this.#crowdOf(origin, others, this.#bounds.pendingMax);
    const slot: Slot<K> = { key, origin, sinceMs: nowMs, sweeps: 0, peerId: undefined };
    this.#pending.set(key, slot);
    if (crowd === undefined && others.length < this.#bounds.pendingMax) return {};
    const displaced = this.#mostCrowding(crowd ?? others, slot);
    if (displaced === undefined) return {};
    this.#pending.delete(displaced.key);
    return { displaced: displaced.key };
  }

  /** Called every SWEEP_MS. Those that never said a thing lose their slots. */
  sweep(): readonly K[] {
    const ended: K[] = [];
    for (const slot of this.#pending.values()) {
      slot.sweeps += 1;
      if (slot.sweeps > SILENT_SWEEPS_MAX && !this.#facts.hasSpoken(slot.key)) ended.push(slot.key);
    }
    for (const key of ended) this.#pending.delete(key);
    return ended;
  }

  /** The peer of a pending connection is proven. A refused one has no slot any more. */
  prove(key: K, peerId: string, nowMs: number): Admission<K> {
    const pending = this.#pending.get(key);
    // It was displaced while its proof was on the way.
    if (pending === undefined) return { isAdmitted: false, why: "full" };
    this.#pending.delete(key);
    const held = [...this.#held.values()];
    if (held.filter((slot) => slot.peerId === peerId).length >= CONNECTIONS_PER_PEER_MAX) {
      return { isAdmitted: false, why: "peer" };
    }
    const slot: Slot<K> = { ...pending, sinceMs: nowMs, peerId };
    if (this.#facts.isReserved(peerId)) return this.#hold(slot, undefined);
    const { connectionsMax } = this.#bounds;
    const crowd = this.#crowdOf(slot.origin, held, connectionsMax);
    if (crowd !== undefined) {
      const late = crowd.filter((other) => this.#isLate(other, nowMs));
      const displaced = this.#mostCrowding(late, slot);
      return displaced === undefined ? { isAdmitted: false, why: "place" } : this.#hold(slot, displaced);
    }
    const all = held.length + this.#facts.outbound();
    const inboundMax = connectionsMax - Math.floor(connectionsMax * OUTBOUND_SHARE);
    if (all < connectionsMax && held.length < inboundMax) return this.#hold(slot, undefined);
    const displaced = this.#replaceable(held, slot, nowMs);
    return displaced === undefined ? { isAdmitted: false, why: "full" } : this.#hold(slot, displaced);
  }

  /** The connection is closed, whatever it was. */
  leave(key: K): void {
    this.#pending.delete(key);
    this.#held.delete(key);
  }

  #hold(slot: Slot<K>, displaced: Slot<K> | undefined): Admission<K> {
    if (displaced !== undefined) this.#held.delete(displaced.key);
    this.#held.set(slot.key, slot);
    return displaced === undefined ? { isAdmitted: true } : { isAdmitted: true, displaced: displaced.key };
  }

  /** Those of the same place, when it is at its cap. */
  #crowdOf(origin: Origin, others: readonly Slot<K>[], slots: number): readonly Slot<K>[] | undefined {
    if (!this.#bounds.hasCaps || !origin.isPublic) return undefined;
    const sameAddress = others.filter((slot) => slot.origin.address === origin.address);
    if (sameAddress.length >= Math.max(ADDRESS_SLOTS_MIN, Math.floor(slots * ADDRESS_SHARE)))
      return sameAddress;
    const sameSubnet = others.filter((slot) => slot.origin.subnet === origin.subnet);
    const subnetMax = Math.max(SUBNET_SLOTS_MIN, Math.floor(slots * SUBNET_SHARE));
    return sameSubnet.length >= subnetMax ? sameSubnet : undefined;
  }

  /** Of the fullest subnet's fullest address the silent one that has been there longest, or else the oldest. */
  #mostCrowding(slots: readonly Slot<K>[], newcomer: Slot<K>): Slot<K> | undefined {
    const crowding = new Crowding([...slots, newcomer]);
    const rank = (slot: Slot<K>): Rank => [
      ...crowding.of(slot.origin),
      this.#facts.hasSpoken(slot.key) ? 0 : 1,
      -slot.sinceMs,
    ];
    return highest(slots, rank);
  }

  /** It was let in, had the time to greet, and did not. */
  #isLate({ peerId = "", sinceMs }: Slot<K>, nowMs: number): boolean {
    const isExempt = this.#facts.isReserved(peerId) || this.#facts.hasGreeted(peerId);
    return !isExempt && nowMs - sinceMs >= GREETING_MS;
  }

  /**
   * Whose slot a newcomer takes when all are taken: of the place that holds more than the newcomer's would, first who did not
   * greet, then who came last; of a place that holds as much, only who did not greet. Never a reserved peer's.
   */
  #replaceable(held: readonly Slot<K>[], newcomer: Slot<K>, nowMs: number): Slot<K> | undefined {
    const crowding = new Crowding([...held, newcomer]);
    const own = crowding.of(newcomer.origin);
    const candidates = held.filter((slot) => {
      if (this.#facts.isReserved(slot.peerId ?? "")) return false;
      const difference = compare(crowding.of(slot.origin), own);
      return difference > 0 || (difference === 0 && this.#isLate(slot, nowMs));
    });
    const rank = (slot: Slot<K>): Rank => [
      ...crowding.of(slot.origin),
      this.#isLate(slot, nowMs) ? 1 : 0,
      slot.sinceMs,
    ];
    return highest(candidates, rank);
  }
}

function highest<K>(slots: readonly Slot<K>[], rankOf: (slot: Slot<K>) => Rank): Slot<K> | undefined {
  let best: { readonly slot: Slot<K>; readonly rank: Rank } | undefined;
  for (const slot of slots) {
    const rank = rankOf(slot);
    if (best === undefined || compare(rank, best.rank) > 0) best = { slot, rank };
  }
  return best?.slot;
}
