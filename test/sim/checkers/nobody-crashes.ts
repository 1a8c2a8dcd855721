/** No actor crashes but by our hand, and none gives up but by too many of them. */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** The message of every crash that the world causes. */
export const INJECTED = "injected by the simulation";

export class NobodyCrashes implements Checker {
  readonly name = "nobody-crashes";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    if (observation.type === "supervision" && observation.event.kind === "crashed") {
      const { childId, error } = observation.event;
      this.occasions += 1;
      if (error?.message.includes(INJECTED) === true) return;
      const why = `${error?.message} ${error?.stack?.split("\n").slice(1, 5).join(" ")}`;
      this.#world.violate(this.name, `${observation.node}: ${childId} crashed by itself: ${why}`);
    }
    if (observation.type === "supervision" && observation.event.kind === "killed") {
      const { childId } = observation.event;
      this.#world.violate(this.name, `${observation.node}: ${childId} did not stop in time`);
    }
    if (
      observation.type === "log" &&
      /listener threw|letting go of work failed/.test(observation.record.message)
    ) {
      this.#world.violate(this.name, `${observation.node}: ${observation.record.message}`);
    }
  }
}
