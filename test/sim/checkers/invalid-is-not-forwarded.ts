/** No invalid block is forwarded: the verdict "accept" is given only to what was validated. */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class InvalidIsNotForwarded implements Checker {
  readonly name = "invalid-is-not-forwarded";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    if (observation.type !== "verdict" || !this.#world.mischief.badMessages.has(observation.digest)) return;
    this.occasions += 1;
    if (observation.verdict !== "accept") return;
    this.#world.violate(this.name, `${observation.node} forwards a block that breaks the rules`);
  }
}
