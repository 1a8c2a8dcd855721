/** Blocks of a chain that leaves ours below the final block are never written, however many and however well signed. */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class ForksBelowFinalAreRefused implements Checker {
  readonly name = "forks-below-final-are-refused";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Whoever asked for blocks of the fork was about to follow it. */
  sample(): void {
    this.occasions = this.#world.counts.get("deepForkServed") ?? 0;
  }

  observe(observation: Observation): void {
    const { forkBlocks } = this.#world.mischief;
    if (forkBlocks.size === 0) return;
    if (observation.type !== "written") return;
    if (!observation.hashes.some((hash) => forkBlocks.has(hash))) return;
    const { node, how, firstHeight } = observation;
    this.#world.violate(
      this.name,
      `${node} wrote (${how}) block ${firstHeight} of a fork below its final block`,
    );
  }
}
