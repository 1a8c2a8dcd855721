/**
 * A member whose vote record was put back to an earlier one, or lost, signs only in slots above the last it ever signed in:
 * the checker remembers what the disk forgot. An occasion is the first vote after such a restore.
 */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class OldRecordsAreWaitedOut implements Checker {
  readonly name = "old-records-are-waited-out";
  occasions = 0;
  readonly #world: World;
  readonly #signed = new Map<string, number>();
  readonly #restored = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    if (observation.type === "restored") this.#restored.add(node);
    if (observation.type !== "vote") return;
    const { slot } = observation;
    if (this.#restored.delete(node)) {
      this.occasions += 1;
      const last = this.#signed.get(node) ?? 0;
      if (slot <= last)
        this.#world.violate(
          this.name,
          `${node} votes in slot ${slot}; before its record was restored it did in ${last}`,
        );
    }
    this.#signed.set(node, Math.max(slot, this.#signed.get(node) ?? 0));
  }
}
