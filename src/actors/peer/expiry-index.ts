/**
 * ExpiryIndex: which of many things ends next. A binary heap over the times; a thing whose time changed leaves a stale
 * entry behind, which is passed over when it comes up. Owned by the BanTable. Pure.
 */

interface Entry {
  readonly key: string;
  readonly untilMs: number;
}

/** Stale entries are swept when they outnumber the things by this factor. */
const STALE_FACTOR = 2;
const SWEEP_MIN = 1024;

export class ExpiryIndex {
  #heap: Entry[] = [];
  readonly #until = new Map<string, number>();

  /** The thing ends then, whatever was said of it before. */
  set(key: string, untilMs: number): void {
    this.#until.set(key, untilMs);
    this.#push({ key, untilMs });
    if (this.#heap.length > SWEEP_MIN && this.#heap.length > STALE_FACTOR * this.#until.size) this.#sweep();
  }

  /** When it ends; undefined when it is not known. */
  endOf(key: string): number | undefined {
    return this.#until.get(key);
  }

  delete(key: string): void {
    this.#until.delete(key);
  }

  /** Takes out one thing that has ended; undefined when none has. */
  takeEnded(nowMs: number): string | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      const isCurrent = this.#until.get(first.key) === first.untilMs;
      if (isCurrent && first.untilMs > nowMs) return undefined;
      this.#pop();
      if (!isCurrent) continue;
      this.#until.delete(first.key);
      return first.key;
    }
    return undefined;
  }

  /** A sorted list is a heap. */
  #sweep(): void {
    const entries = [...this.#until].map(([key, untilMs]) => ({ key, untilMs }));
    this.#heap = entries.sort((left, right) => left.untilMs - right.untilMs);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.untilMs <= entry.untilMs) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const [leftMs, rightMs] = [untilOf(heap[left]), untilOf(heap[right])];
      const below = rightMs < leftMs ? right : left;
      const child = heap[below];
      if (child === undefined || child.untilMs >= last.untilMs) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

const untilOf = (entry: Entry | undefined): number => entry?.untilMs ?? Number.POSITIVE_INFINITY;
