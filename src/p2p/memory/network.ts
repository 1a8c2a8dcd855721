/**
 * A network in memory: hosts that listen, links that take time, partitions. Deliveries on one direction of a link keep
 * their order, as a stream does; gossip can be lost, streams cannot. Seeded, on the kernel's clock, so a run repeats exactly.
 */

import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import { seededRandom } from "../../kernel/ports/random.ts";

/** Whoever can be found at an address. */
export interface Listener {
  readonly peerId: string;
}

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly seed: number;
  /** One way, milliseconds; each delivery draws from this range. */
  readonly latencyMsMin: number;
  readonly latencyMsMax: number;
  /** Share of gossip messages that never arrive on a link, 0…1. */
  readonly gossipLoss: number;
  /** Bytes a millisecond on one direction of a link; 0 means unlimited. */
  readonly bytesPerMs: number;
}

/** One direction between two hosts. */
interface Lane {
  /** Monotonic time of the latest delivery planned; the next is not before it. */
  lastMs: number;
  /** What is under way, oldest first. Each timer delivers the oldest: platform timers do not keep order to the millisecond. */
  readonly underway: (() => void)[];
}

export class MemoryNetwork {
  readonly clock: Clock;
  readonly #options: MemoryNetworkOptions;
  readonly #random;
  readonly #byAddress = new Map<string, Listener>();
  readonly #lanes = new Map<string, Lane>();
  readonly #groups = new Map<string, number>();
  readonly #timers = new Set<TimerHandle>();
  #addresses = 0;

  constructor(options: Pick<MemoryNetworkOptions, "clock"> & Partial<MemoryNetworkOptions>) {
    this.#options = { seed: 1, latencyMsMin: 0, latencyMsMax: 1, gossipLoss: 0, bytesPerMs: 0, ...options };
    this.clock = options.clock;
    this.#random = seededRandom(this.#options.seed);
  }

  /** Puts a host at an address; `/memory/0` stands for a free one. Undefined when it is taken. */
  listen(address: string, host: Listener): string | undefined {
    this.#addresses += 1;
    const own = address.startsWith("/memory/") && address !== "/memory/0";
    const taken = own ? address : `/memory/${host.peerId}-${this.#addresses}`;
    if (this.#byAddress.has(taken)) return undefined;
    this.#byAddress.set(taken, host);
    return taken;
  }

  unlisten(host: Listener): void {
    for (const [address, listener] of this.#byAddress) if (listener === host) this.#byAddress.delete(address);
  }

  /** Who listens at an address (with or without `/p2p/<id>`). */
  at(address: string): Listener | undefined {
    return this.#byAddress.get(address.split("/p2p/")[0] ?? address);
  }

  addressesOf(peerId: string): string[] {
    return [...this.#byAddress].filter(([, host]) => host.peerId === peerId).map(([address]) => address);
  }

  listeners(): Listener[] {
    return [...new Set(this.#byAddress.values())];
  }

  /** Splits the hosts: what is sent between groups never arrives. Hosts not named are in group 0. */
  partition(groups: readonly (readonly string[])[]): void {
    this.#groups.clear();
    for (const [index, group] of groups.entries())
      for (const peerId of group) this.#groups.set(peerId, index);
  }

  heal(): void {
    this.#groups.clear();
  }

  isReachable(from: string, to: string): boolean {
    return (this.#groups.get(from) ?? 0) === (this.#groups.get(to) ?? 0);
  }

  losesGossip(): boolean {
    return this.#options.gossipLoss > 0 && this.#random.next() < this.#options.gossipLoss;
  }

  /** How long after its first half the second half of a peer's request is sent, milliseconds; 0: both at once. */
  requestGapMs(_from: string): number {
    return 0;
  }

  /** A request was given up between its halves. */
  cutShort(): void {}

  /** Runs `arrive` at the other end after latency and transfer, in order. What is cut off on its way is lost. */
  deliver(from: string, to: string, bytes: number, arrive: () => void): void {
    const { latencyMsMin, latencyMsMax, bytesPerMs } = this.#options;
    const nowMs = this.clock.monotonicMs();
    const latencyMs = latencyMsMin + this.#random.next() * (latencyMsMax - latencyMsMin);
    const transferMs = bytesPerMs > 0 ? bytes / bytesPerMs : 0;
    const key = `${from} ${to}`;
    const lane = this.#lanes.get(key) ?? { lastMs: 0, underway: [] };
    this.#lanes.set(key, lane);
    lane.lastMs = Math.max(lane.lastMs, nowMs + latencyMs) + transferMs;
    lane.underway.push(arrive);
    const timer = this.clock.setTimer(lane.lastMs - nowMs, () => {
      this.#timers.delete(timer);
      const oldest = lane.underway.shift();
      if (this.isReachable(from, to)) oldest?.();
    });
    this.#timers.add(timer);
  }

  /** Forgets everything on its way, so that nothing keeps the process alive. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#lanes.clear();
  }
}
