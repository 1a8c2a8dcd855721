/**
 * A node that saw its key elsewhere signs nothing until an administrator confirms, over all its restarts. An occasion is a
 * node that stopped.
 */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class StoppedKeysRest implements Checker {
  readonly name = "stopped-keys-rest";
  occasions = 0;
  readonly #world: World;
  readonly #stopped = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    if (observation.type === "signed" && this.#stopped.has(node))
      this.#world.violate(this.name, `${node} signs for slot ${observation.slot} though it was stopped`);
    if (observation.type !== "log") return;
    const { message } = observation.record;
    if (message.startsWith("this member's key is used elsewhere")) {
      this.occasions += 1;
      this.#stopped.add(node);
    }
    if (message.startsWith("an administrator confirms")) this.#stopped.delete(node);
  }
}
