/**
 * Certified blocks whose ancestors nobody has cost a bounded place and a bounded number of questions, and are never
 * written: every pool of the sync keeps its bound, and a lookup goes no deeper than it may.
 */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** By the rules, not by the constant of the code. */
const DEPTH_MAX = 64;

export class UnknownAncestryIsBounded implements Checker {
  readonly name = "unknown-ancestry-is-bounded";
  occasions = 0;
  readonly #world: World;
  #isDeepTold = false;

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    const { strayBlocks } = this.#world.mischief;
    if (observation.type === "status") {
      if (strayBlocks.size > 0) this.occasions += 1;
      for (const { name, used, bound, unit } of observation.status.pools) {
        if (used > bound) this.#fail(`${node}: ${name} holds ${used} ${unit} of ${bound}`);
      }
    }
    if (observation.type === "written" && observation.hashes.some((hash) => strayBlocks.has(hash)))
      this.#fail(`${node} wrote block ${observation.firstHeight}, whose ancestors it does not have`);
  }

  sample(): void {
    const { strayFrom, strayLowest } = this.#world.mischief;
    if (this.#isDeepTold || strayLowest >= strayFrom - DEPTH_MAX) return;
    this.#isDeepTold = true;
    this.#fail(`a lookup from ${strayFrom} on went down to ${strayLowest}, more than ${DEPTH_MAX} deep`);
  }

  #fail(what: string): void {
    this.#world.violate(this.name, what);
  }
}
