/** Who crashed is running again when the faults are over, with everything that builds on it. */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class ChildrenAreRestarted implements Checker {
  readonly name = "children-are-restarted";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    if (observation.type === "supervision" && observation.event.kind === "crashed") this.occasions += 1;
  }

  finish(): void {
    for (const machine of this.#world.machines) {
      if (machine.process === undefined) {
        this.#world.violate(this.name, `${machine.name} does not run`);
        continue;
      }
      for (const { id, state } of machine.process.supervisor.tree().children) {
        if (state !== "running") this.#world.violate(this.name, `${machine.name}: ${id} is ${state}`);
      }
    }
  }
}
