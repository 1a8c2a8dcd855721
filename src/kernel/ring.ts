/**
 * A queue in an array of a power of two that grows and never copies on `shift`. It has no bound of its own: whoever
 * pushes holds one. Lanes, topics and dead letters are made of it.
 */

const CAPACITY_MIN = 16;

export class Ring<T> {
  #slots: (T | undefined)[] = new Array(CAPACITY_MIN).fill(undefined);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = item;
    this.#length += 1;
  }

  /** Removes and returns the oldest. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#head];
    // The slot must not keep a message alive that was handled long ago.
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length -= 1;
    return item;
  }

  /** The item at `index` from the oldest, 0-based. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#slots[(this.#head + index) & (this.#slots.length - 1)];
  }

  clear(): void {
    this.#slots = new Array(CAPACITY_MIN).fill(undefined);
    this.#head = 0;
    this.#length = 0;
  }

  /** Oldest first. */
  toArray(): T[] {
    const all: T[] = [];
    for (let index = 0; index < this.#length; index++) {
      all.push(this.#slots[(this.#head + index) & (this.#slots.length - 1)] as T);
    }
    return all;
  }

  #grow(): void {
    const items = this.toArray();
    this.#slots = items.concat(new Array(items.length).fill(undefined));
    this.#head = 0;
  }
}
