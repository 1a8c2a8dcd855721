/**
 * The mailbox: four bounded lanes and, before them, the actor's own work (timers, outcomes of effects, its stop).
 * A pure structure, one for each cell; who runs what it hands out is the cell's business.
 */
import type { LaneName } from "./protocol.ts";
import { Ring } from "./ring.ts";

/** Lanes in order of priority; their index is their number in the mailbox. */
export const LANES: readonly LaneName[] = ["control", "consensus", "normal", "bulk"];

export interface LaneBounds {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Bounds of the lanes. At a bound the method's policy decides: the new message is refused (RESOURCE_EXHAUSTED), or the
 * lane's oldest are dropped until it fits. Bulk holds sixteen of the largest blocks (2 MiB); the others hold what a
 * turn of 64 clears in well under a deadline.
 */
export const LANE_BOUNDS: Readonly<Record<LaneName, LaneBounds>> = {
  control: { messagesMax: 256, bytesMax: MIB },
  consensus: { messagesMax: 1024, bytesMax: 4 * MIB },
  normal: { messagesMax: 4096, bytesMax: 8 * MIB },
  bulk: { messagesMax: 1024, bytesMax: 32 * MIB },
};

/**
 * Share of each in one round of 96: own work, control, consensus, normal, bulk. Whoever waits is served within two rounds
 * (the rest of this one, and the next), so bulk never starves; and a consensus message never waits for more than 4
 * bulk ones, so bulk never delays it.
 */
const WEIGHTS: readonly number[] = [32, 32, 16, 12, 4];
const OWN = 0;

export type Offer<T> =
  | { readonly isAccepted: true; readonly dropped: readonly T[] }
  | { readonly isAccepted: false; readonly cause: "full" | "too_large" };

const ACCEPTED: Offer<never> = { isAccepted: true, dropped: [] };
const FULL: Offer<never> = { isAccepted: false, cause: "full" };
const TOO_LARGE: Offer<never> = { isAccepted: false, cause: "too_large" };

interface Held<T> {
  readonly item: T;
  readonly bytes: number;
}

class LaneQueue<T> {
  readonly bounds: LaneBounds;
  readonly ring = new Ring<Held<T>>();
  bytes = 0;

  constructor(bounds: LaneBounds) {
    this.bounds = bounds;
  }

  hasRoom(bytes: number): boolean {
    return this.ring.length < this.bounds.messagesMax && this.bytes + bytes <= this.bounds.bytesMax;
  }

  push(item: T, bytes: number): void {
    this.ring.push({ item, bytes });
    this.bytes += bytes;
  }

  shift(): T | undefined {
    const held = this.ring.shift();
    if (held === undefined) return undefined;
    this.bytes -= held.bytes;
    return held.item;
  }
}

export class Mailbox<T> {
  readonly #own = new Ring<T>();
  readonly #lanes: readonly LaneQueue<T>[];
  readonly #credits: number[] = [...WEIGHTS];
  #length = 0;

  constructor(bounds: Partial<Readonly<Record<LaneName, LaneBounds>>> = {}) {
    this.#lanes = LANES.map((lane) => new LaneQueue<T>(bounds[lane] ?? LANE_BOUNDS[lane]));
  }

  /** Messages that wait, own work included. */
  get length(): number {
    return this.#length;
  }

  /** Messages and bytes that wait in a lane. */
  depthOf(lane: number): { messages: number; bytes: number } {
    const queue = this.#lanes[lane];
    return { messages: queue?.ring.length ?? 0, bytes: queue?.bytes ?? 0 };
  }

  /** Enqueues the actor's own work, which each source bounds itself: timers, effects, one stop. */
  pushOwn(item: T): void {
    this.#own.push(item);
    this.#length += 1;
  }

  /** Offers a message of `bytes` to a lane (index in LANES). */
  offer(lane: number, item: T, bytes: number, overflow: "refuse" | "drop_oldest"): Offer<T> {
    const queue = this.#lanes[lane];
    if (queue === undefined || bytes > queue.bounds.bytesMax || queue.bounds.messagesMax === 0) {
      return TOO_LARGE;
    }
    if (queue.hasRoom(bytes)) {
      queue.push(item, bytes);
      this.#length += 1;
      return ACCEPTED;
    }
    if (overflow === "refuse") return FULL;
    const dropped: T[] = [];
    while (!queue.hasRoom(bytes)) {
      const oldest = queue.shift();
      if (oldest === undefined) break;
      dropped.push(oldest);
    }
    queue.push(item, bytes);
    this.#length += 1 - dropped.length;
    return { isAccepted: true, dropped };
  }

  /** Takes the next message: of the highest lane that has both a message and credit left in this round. */
  take(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#takeWithCredit();
    if (item !== undefined) return item;
    // Nobody who waits has credit left: the next round begins.
    for (let at = 0; at < WEIGHTS.length; at++) this.#credits[at] = WEIGHTS[at] ?? 0;
    return this.#takeWithCredit();
  }

  /** Empties it, own work first, then lane by lane. */
  drainAll(): T[] {
    const all: T[] = [];
    for (let at = OWN; at < WEIGHTS.length; at++) {
      for (let item = this.#shift(at); item !== undefined; item = this.#shift(at)) all.push(item);
    }
    return all;
  }

  #takeWithCredit(): T | undefined {
    for (let at = OWN; at < WEIGHTS.length; at++) {
      const credit = this.#credits[at] ?? 0;
      if (credit === 0) continue;
      const item = this.#shift(at);
      if (item === undefined) continue;
      this.#credits[at] = credit - 1;
      return item;
    }
    return undefined;
  }

  #shift(at: number): T | undefined {
    const item = at === OWN ? this.#own.shift() : this.#lanes[at - 1]?.shift();
    if (item !== undefined) this.#length -= 1;
    return item;
  }
}
