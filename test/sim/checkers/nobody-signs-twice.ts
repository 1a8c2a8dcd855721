/**
 * No member signs two blocks of one slot, whatever crashes between: the slots it records grow, a signature leaves only
 * after its record is durable, and nobody who verified signatures saw two of an honest member.
 */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class NobodySignsTwice implements Checker {
  readonly name = "nobody-signs-twice";
  occasions = 0;
  readonly #world: World;
  readonly #recorded = new Map<string, { readonly slot: number; readonly hash: string }>();
  /** Block hash by member and slot, as anybody saw it. */
  readonly #seen = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    switch (observation.type) {
      case "vote": {
        const { slot, hash } = observation;
        const before = this.#recorded.get(node);
        this.occasions += 1;
        if (before !== undefined && slot <= before.slot && hash !== before.hash) {
          this.#fail(`${node} votes in slot ${slot} after it voted in ${before.slot}`);
        }
        this.#recorded.set(node, { slot, hash });
        return;
      }
      case "signed":
        if (!observation.isRecorded) this.#fail(`${node} signs what it did not record`);
        return;
      case "log": {
        const { message, fields } = observation.record;
        if (message === "vote") this.#saw(fields["authorityIndex"], fields["slot"], fields["hash"]);
        return;
      }
      default:
        return;
    }
  }

  #saw(member: unknown, slot: unknown, hash: unknown): void {
    if (this.#world.scenario.byzantine.includes(Number(member))) return;
    const key = `${String(member)} ${String(slot)}`;
    const before = this.#seen.get(key);
    if (before !== undefined && before !== hash) this.#fail(`member ${key} signed two blocks of one slot`);
    this.#seen.set(key, String(hash));
  }

  #fail(what: string): void {
    this.#world.violate(this.name, what);
  }
}
