/**
 * A binary heap that knows where each of its items stands, so that one can be moved or taken out in logarithmic time. Least
 * key first; among equal keys the lower turn. Pure.
 */

interface Node<T> {
  readonly item: T;
  readonly key: number;
  readonly turn: number;
}

export class KeyedHeap<T> {
  readonly #nodes: Node<T>[] = [];
  readonly #places = new Map<T, number>();

  get size(): number {
    return this.#nodes.length;
  }

  has(item: T): boolean {
    return this.#places.has(item);
  }

  /** The least item and its key. */
  peek(): { readonly item: T; readonly key: number } | undefined {
    return this.#nodes[0];
  }

  /** Puts an item in, or to where its new key belongs. */
  set(item: T, key: number, turn: number): void {
    const at = this.#places.get(item) ?? this.#nodes.length;
    this.#put(at, { item, key, turn });
    this.#settle(at);
  }

  delete(item: T): boolean {
    const at = this.#places.get(item);
    if (at === undefined) return false;
    this.#places.delete(item);
    const last = this.#nodes.pop();
    if (last === undefined || last.item === item) return true;
    this.#put(at, last);
    this.#settle(at);
    return true;
  }

  pop(): T | undefined {
    const first = this.#nodes[0];
    if (first !== undefined) this.delete(first.item);
    return first?.item;
  }

  #put(at: number, node: Node<T>): void {
    this.#nodes[at] = node;
    this.#places.set(node.item, at);
  }

  #settle(from: number): void {
    let at = from;
    while (at > 0 && this.#isBefore(at, (at - 1) >> 1)) {
      this.#swap(at, (at - 1) >> 1);
      at = (at - 1) >> 1;
    }
    for (;;) {
      const left = 2 * at + 1;
      const least = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#isBefore(least, at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [left, right] = [this.#nodes[one], this.#nodes[other]];
    if (left === undefined || right === undefined) return false;
    return left.key < right.key || (left.key === right.key && left.turn < right.turn);
  }

  #swap(one: number, other: number): void {
    const [left, right] = [this.#nodes[one], this.#nodes[other]];
    if (left === undefined || right === undefined) return;
    this.#put(one, right);
    this.#put(other, left);
  }
}
