/**
 * The mailbox: four bounded lanes and, before them, the actor's own work (timers, outcomes of effects, its stop).
 * A pure structure, one for each cell; who runs what it hands out is the cell's business.
 */
import type { LaneName } from "../policy.ts";
import { Ring } from "../ring.ts";

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
const UNBOUNDED: LaneBounds = {
  messagesMax: Number.MAX_SAFE_INTEGER,
  bytesMax: Number.MAX_SAFE_INTEGER,
};

export type Offer<T> =
  | { readonly isAccepted: true; readonly dropped: readonly T[] }
  | { readonly isAccepted: false; readonly cause: "full" | "too_large" };

const ACCEPTED: Offer<never> = { isAccepted: true, dropped: [] };
const FULL: Offer<never> = { isAccepted: false, cause: "full" };
const TOO_LARGE: Offer<never> = { isAccepted: false, cause: "too_large" };

class LaneQueue<T> {
  readonly bounds: LaneBounds;
  readonly #items = new Ring<T>();
  /** Bytes of each item, in a ring beside the items: an object for both would be garbage for every message. */
  readonly #sizes = new Ring<number>();
  bytes = 0;

  constructor(bounds: LaneBounds) {
    this.bounds = bounds;
  }

  get length(): number {
    return this.#items.length;
  }

  hasRoom(bytes: number): boolean {
    return this.#items.length < this.bounds.messagesMax && this.bytes + bytes <= this.bounds.bytesMax;
  }

  push(item: T, bytes: number): void {
    this.#items.push(item);
    this.#sizes.push(bytes);
    this.bytes += bytes;
  }

  shift(): T | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.bytes -= this.#sizes.shift() ?? 0;
    return item;
  }

  toArray(): T[] {
    return this.#items.toArray();
  }

  clear(): void {
    this.#items.clear();
    this.#sizes.clear();
    this.bytes = 0;
  }
}

export class Mailbox<T> {
  /** Own work, then the lanes. */
  readonly #queues: readonly LaneQueue<T>[];
  readonly #credits: number[] = [...WEIGHTS];
  #length = 0;

  constructor(bounds: Partial<Readonly<Record<LaneName, LaneBounds>>> = {}) {
    const lanes = LANES.map((lane) => new LaneQueue<T>(bounds[lane] ?? LANE_BOUNDS[lane]));
    this.#queues = [new LaneQueue<T>(UNBOUNDED), ...lanes];
  }

  /** Messages that wait, own work included. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of the messages that wait. */
  get bytes(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.bytes, 0);
  }

  /** A copy of what waits, lane by lane, without own work. */
  waiting(): T[] {
    return this.#queues.slice(1).flatMap((queue) => queue.toArray());
  }

  /** Messages and bytes that wait in a lane. */
  depthOf(lane: number): { messages: number; bytes: number } {
    const queue = this.#queues[lane + 1];
    return { messages: queue?.length ?? 0, bytes: queue?.bytes ?? 0 };
  }

  /** Enqueues the actor's own work, which each source bounds itself: timers, effects, one stop. */
  pushOwn(item: T): void {
    this.#queues[OWN]?.push(item, 0);
    this.#length += 1;
  }

  /** Offers a message of `bytes` to a lane (index in LANES). */
  offer(lane: number, item: T, bytes: number, overflow: "refuse" | "drop_oldest"): Offer<T> {
    const queue = this.#queues[lane + 1];
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
    const all = this.#queues.flatMap((queue) => queue.toArray());
    for (const queue of this.#queues) queue.clear();
    this.#length = 0;
    return all;
  }

  #takeWithCredit(): T | undefined {
    for (let at = OWN; at < WEIGHTS.length; at++) {
      const credit = this.#credits[at] ?? 0;
      const queue = this.#queues[at];
      if (credit === 0 || queue === undefined || queue.length === 0) continue;
      this.#credits[at] = credit - 1;
      this.#length -= 1;
      return queue.shift();
    }
    return undefined;
  }
}
