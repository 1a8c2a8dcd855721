/**
 * No block is imported twice or out of order: what is written stands right on what was written before, and no block is
 * written where it lies already. A reorganization replaces other blocks, never the same ones.
 */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class BlocksOnceAndInOrder implements Checker {
  readonly name = "blocks-once-and-in-order";
  occasions = 0;
  readonly #world: World;
  /** Hashes of each node's chain by height; index 0 is genesis. */
  readonly #chains = new Map<string, string[]>();

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    // What a killed process left is known by the disk alone.
    if (observation.type === "started") this.#chains.set(node, this.#read(node));
    if (observation.type !== "written") return;
    const chain = this.#chains.get(node) ?? [""];
    const { how, firstHeight, hashes } = observation;
    this.occasions += 1;
    if (how === "side") {
      if (chain[firstHeight] === hashes[0])
        this.#fail(node, `block ${firstHeight} was also put beside the chain`);
      return;
    }
    if (how === "append" && firstHeight !== chain.length) {
      this.#fail(node, `block ${firstHeight} was appended to a chain of height ${chain.length - 1}`);
    }
    for (const [index, hash] of hashes.entries()) {
      if (chain[firstHeight + index] === hash)
        this.#fail(node, `block ${firstHeight + index} was imported twice`);
    }
    chain.length = firstHeight;
    chain.push(...hashes);
  }

  #read(node: string): string[] {
    const store = this.#world.machines.find(({ name }) => name === node)?.process?.store;
    const hashes = [""];
    const head = store?.head()?.height ?? 0;
    for (let height = 1; height <= head; height++) {
      hashes.push(Buffer.from(store?.hashAt(height) ?? []).toString("hex"));
    }
    return hashes;
  }

  #fail(node: string, what: string): void {
    this.#world.violate(this.name, `${node}: ${what}`);
  }
}
