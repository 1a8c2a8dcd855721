/**
 * Progress: blocks a second over the last five seconds, the time that remains, and how far we are in parts
 * per million. Pure, time as an argument.
 */

/** Seconds that the rate looks back. */
const WINDOW_MS = 5_000;
/** Buckets of the window: the rate is at most this coarse. */
const BUCKET_MS = 250;
const BUCKETS_MAX = WINDOW_MS / BUCKET_MS;
const PPM = 1_000_000;

interface Bucket {
  readonly startMs: number;
  blocks: number;
}

export class RateMeter {
  readonly #buckets: Bucket[] = [];
  #sinceMs: number | undefined;

  /** Counts blocks imported now, monotonic milliseconds. */
  add(blocks: number, nowMs: number): void {
    this.#sinceMs ??= nowMs;
    const startMs = nowMs - (nowMs % BUCKET_MS);
    const newest = this.#buckets.at(-1);
    if (newest !== undefined && newest.startMs === startMs) newest.blocks += blocks;
    else this.#buckets.push({ startMs, blocks });
    this.#forget(nowMs);
  }

  /** Blocks a second over the window, or over the time since the first block where that is shorter. */
  blocksPerSecond(nowMs: number): number {
    this.#forget(nowMs);
    if (this.#sinceMs === undefined) return 0;
    const blocks = this.#buckets.reduce((sum, bucket) => sum + bucket.blocks, 0);
    const spanMs = Math.min(WINDOW_MS, Math.max(BUCKET_MS, nowMs - this.#sinceMs));
    return (blocks * 1000) / spanMs;
  }

  #forget(nowMs: number): void {
    while (this.#buckets.length > BUCKETS_MAX || (this.#buckets[0]?.startMs ?? nowMs) < nowMs - WINDOW_MS) {
      this.#buckets.shift();
    }
    // After a pause the rate is that of the new run and not diluted by the silence.
    if (this.#buckets.length === 0) this.#sinceMs = undefined;
  }
}

/** Head / target in parts per million, rounded down; a target of height 0 counts as reached. */
export function progressPpm(headHeight: number, targetHeight: number): number {
  if (targetHeight <= 0 || headHeight >= targetHeight) return PPM;
  return Math.floor((headHeight / targetHeight) * PPM);
}

/** Milliseconds to the target at this rate; undefined when it stands still. */
export function etaMs(lagBlocks: number, blocksPerSecond: number): number | undefined {
  if (lagBlocks === 0) return 0;
  return blocksPerSecond > 0 ? Math.ceil((lagBlocks / blocksPerSecond) * 1000) : undefined;
}
