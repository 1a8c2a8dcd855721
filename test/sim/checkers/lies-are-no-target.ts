/** A head that no quorum signed is nobody's target, however high it is. */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class LiesAreNoTarget implements Checker {
  readonly name = "lies-are-no-target";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { liedHeads } = this.#world.mischief;
    if (observation.type !== "status" || liedHeads.size === 0) return;
    this.occasions += 1;
    const { target } = observation.status;
    if (!liedHeads.has(Buffer.from(target?.hash ?? []).toString("hex"))) return;
    this.#world.violate(this.name, `${observation.node} goes for ${target?.height}, which nobody signed`);
  }
}
