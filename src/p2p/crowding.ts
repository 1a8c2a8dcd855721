/** How full places are: who comes from a fuller one gives way to who comes from an emptier one. Pure. */

import type { Origin } from "./origin.ts";

/** Compared number by number, from the left. */
export type Rank = readonly number[];

/** How many slots each subnet and each address holds. */
export class Crowding {
  readonly #counts = new Map<string, number>();

  constructor(slots: Iterable<{ readonly origin: Origin }>) {
    for (const { origin } of slots) {
      for (const key of [`subnet ${origin.subnet}`, `address ${origin.address}`]) {
        this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
      }
    }
  }

  of(origin: Origin): Rank {
    const count = (key: string): number => this.#counts.get(key) ?? 0;
    return [count(`subnet ${origin.subnet}`), count(`address ${origin.address}`)];
  }
}

/** The first difference decides. */
export function compare(left: Rank, right: Rank): number {
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
