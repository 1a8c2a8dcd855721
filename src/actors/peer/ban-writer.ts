/**
 * BanWriter: carries changes of the bans to the disk. One write is under way at a time; what changes meanwhile waits, the
 * newest change of each peer only, and goes with the next one. What could not be written is kept and tried again: at once
 * with the next change, and whenever `retry` is called. Owned by the BanTable.
 */

import type { Table } from "../../storage/port.ts";

/** Records of one write: small enough that a flood of bans does not hold up the writes of blocks. */
const RECORDS_PER_WRITE_MAX = 512;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

export class BanWriter {
  readonly #table: Table;
  /** Changes that are not on disk, by peer; `undefined` deletes. As many as there are bans, and some that ended. */
  #waiting = new Map<string, Uint8Array | undefined>();
  #waiters: Waiter[] = [];
  #isWriting = false;
  #failure: unknown;

  constructor(table: Table) {
    this.#table = table;
  }

  /** Changes that are not on disk yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Why the last write failed; undefined when it did not. */
  get failure(): unknown {
    return this.#failure;
  }

  /**
   * Settles with the first write after the change: rejects when that failed. The change is not lost then; it stays in the
   * queue.
   */
  write(entries: Iterable<readonly [string, Uint8Array | undefined]>): Promise<void> {
    for (const [peerId, bytes] of entries) {
      this.#waiting.delete(peerId);
      this.#waiting.set(peerId, bytes);
    }
    return this.retry();
  }

  /** Tries to write what waits; settles when all of it is on disk, or when a write failed. */
  retry(): Promise<void> {
    if (this.#waiting.size === 0 && !this.#isWriting) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Nobody need wait for it: a failure is told by `failure` too.
    promise.catch(() => {});
    this.#waiters.push({ resolve, reject });
    if (!this.#isWriting) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isWriting = true;
    // A burst of bans in one turn goes as few writes.
    await Promise.resolve();
    while (this.#waiting.size > 0) {
      const batch = new Map([...take(this.#waiting, RECORDS_PER_WRITE_MAX)]);
      for (const peerId of batch.keys()) this.#waiting.delete(peerId);
      try {
        await this.#table.put(batch);
        this.#failure = undefined;
      } catch (thrown) {
        this.#failure = thrown;
        // Newer changes of the same peers, made meanwhile, hold.
        this.#waiting = new Map([...batch, ...this.#waiting]);
        this.#isWriting = false;
        return this.#settle((waiter) => waiter.reject(thrown));
      }
    }
    this.#isWriting = false;
    this.#settle((waiter) => waiter.resolve());
  }

  #settle(end: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiters.splice(0)) end(waiter);
  }
}

function* take<T>(items: Iterable<T>, count: number): Iterable<T> {
  let left = count;
  for (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}
