/** The liveness check of sync never has to mend anything: no batch waits for what nobody does any more. */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class NothingIsStuck implements Checker {
  readonly name = "nothing-is-stuck";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    // A range that was imported, or a peer that failed us: the batches had their chance to be lost.
    if (observation.type === "written" && observation.hashes.length > 1) this.occasions += 1;
    if (observation.type !== "log" || observation.record.message !== "a batch was stuck") return;
    this.#world.violate(this.name, `${observation.node}: ${JSON.stringify(observation.record.fields)}`);
  }
}
