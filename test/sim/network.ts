/**
 * The network of a simulated world: the memory network with what real ones do besides. Streams keep their order and lose
 * nothing but by a cut; gossip is lost, duplicated and overtaken; peers are slow; the cable of one machine is pulled.
 * Every decision is drawn from the seed.
 */

import type { Clock } from "../../src/kernel/ports/clock.ts";
import { type Random, seededRandom } from "../../src/kernel/ports/random.ts";
import { MemoryNetwork } from "../../src/p2p/memory/network.ts";

export interface NetworkConditions {
  readonly latencyMsMin: number;
  readonly latencyMsMax: number;
  /** Bytes a millisecond on one direction of a link. */
  readonly bytesPerMs: number;
  /** Shares of gossip messages on a link, 0…1. */
  readonly gossipLoss: number;
  readonly gossipDuplication: number;
  readonly gossipReordering: number;
}

/** How often each thing happened. */
export interface NetworkCounts {
  lost: number;
  duplicated: number;
  reordered: number;
  cutOff: number;
  slowed: number;
  /** Requests that were given up before they were sent whole. */
  cutShort: number;
}

/** Requests whose second half comes later, as a share, and by how much, milliseconds: a peer that writes slowly. */
const SPLIT_SHARE = 0.1;
const GAP_MS_MAX = 20;

/** A message that is overtaken arrives up to so much later, milliseconds. */
const REORDER_MS_MAX = 400;

interface Lane {
  lastMs: number;
  readonly underway: (() => void)[];
}

export class SimNetwork extends MemoryNetwork {
  readonly counts: NetworkCounts = {
    lost: 0,
    duplicated: 0,
    reordered: 0,
    cutOff: 0,
    slowed: 0,
    cutShort: 0,
  };
  readonly #conditions: NetworkConditions;
  readonly #random: Random;
  /** How peers write their requests: apart, so that the network conditions do not depend on it. */
  readonly #pens: Random;
  readonly #lanes = new Map<string, Lane>();
  readonly #unplugged = new Set<string>();
  readonly #slowMs = new Map<string, number>();
  readonly #stutterMs = new Map<string, number>();
  /** Set between the question whether gossip is lost and its delivery, which follows at once. */
  #isGossip = false;

  constructor(clock: Clock, seed: number, conditions: NetworkConditions) {
    super({ clock, seed });
    this.#conditions = conditions;
    this.#random = seededRandom(seed ^ 0x6e657477);
    this.#pens = seededRandom(seed ^ 0x70656e73);
  }

  /** Nothing reaches this peer and nothing leaves it. */
  unplug(peerId: string): void {
    this.#unplugged.add(peerId);
  }

  plug(peerId: string): void {
    this.#unplugged.delete(peerId);
  }

  /** This peer sends the halves of each request so far apart; 0 ends it. */
  stutter(peerId: string, gapMs: number): void {
    if (gapMs === 0) this.#stutterMs.delete(peerId);
    else this.#stutterMs.set(peerId, gapMs);
  }

  override requestGapMs(from: string): number {
    const stutterMs = this.#stutterMs.get(from);
    if (stutterMs !== undefined) return stutterMs;
    return this.#pens.next() < SPLIT_SHARE ? 1 + this.#pens.integer(GAP_MS_MAX) : 0;
  }

  override cutShort(): void {
    this.counts.cutShort += 1;
  }

  /** Everything to and from this peer takes so much longer; 0 ends it. */
  slow(peerId: string, byMs: number): void {
    if (byMs === 0) this.#slowMs.delete(peerId);
    else this.#slowMs.set(peerId, byMs);
  }

  override isReachable(from: string, to: string): boolean {
    return !this.#unplugged.has(from) && !this.#unplugged.has(to) && super.isReachable(from, to);
  }

  override losesGossip(): boolean {
    const isLost = this.#random.next() < this.#conditions.gossipLoss;
    if (isLost) this.counts.lost += 1;
    this.#isGossip = !isLost;
    return isLost;
  }

  override deliver(from: string, to: string, bytes: number, arrive: () => void): void {
    const isGossip = this.#isGossip;
    this.#isGossip = false;
    if (isGossip && this.#random.next() < this.#conditions.gossipReordering) {
      this.counts.reordered += 1;
      this.#later(from, to, this.#latencyMs(from, to) + this.#random.integer(REORDER_MS_MAX), arrive);
      return;
    }
    if (isGossip && this.#random.next() < this.#conditions.gossipDuplication) {
      this.counts.duplicated += 1;
      this.#later(from, to, this.#latencyMs(from, to) + this.#random.integer(REORDER_MS_MAX), arrive);
    }
    const nowMs = this.clock.monotonicMs();
    const lane = this.#laneOf(from, to);
    const transferMs = bytes / this.#conditions.bytesPerMs;
    lane.lastMs = Math.ceil(Math.max(lane.lastMs, nowMs + this.#latencyMs(from, to)) + transferMs);
    lane.underway.push(arrive);
    this.clock.setTimer(lane.lastMs - nowMs, () => this.#arrive(from, to, lane.underway.shift()));
  }

  #laneOf(from: string, to: string): Lane {
    const key = `${from} ${to}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = { lastMs: 0, underway: [] };
    this.#lanes.set(key, lane);
    return lane;
  }

  #latencyMs(from: string, to: string): number {
    const { latencyMsMin, latencyMsMax } = this.#conditions;
    const slowMs = (this.#slowMs.get(from) ?? 0) + (this.#slowMs.get(to) ?? 0);
    if (slowMs > 0) this.counts.slowed += 1;
    return latencyMsMin + this.#random.integer(latencyMsMax - latencyMsMin + 1) + slowMs;
  }

  #later(from: string, to: string, delayMs: number, arrive: () => void): void {
    this.clock.setTimer(delayMs, () => this.#arrive(from, to, arrive));
  }

  #arrive(from: string, to: string, arrive: (() => void) | undefined): void {
    if (this.isReachable(from, to)) arrive?.();
    else this.counts.cutOff += 1;
  }
}
