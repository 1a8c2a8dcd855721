/**
 * Messages are values: in some seeds each one is frozen when it is sent and its bytes are compared later. Who changes one
 * crashes, or is found here.
 */

import { asError } from "../../../src/kernel/errors.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** Each look compares hundreds of digests. */
const SAMPLES_PER_LOOK = 40;

export class MessagesAreValues implements Checker {
  readonly name = "messages-are-values";
  occasions = 0;
  #samples = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  sample(): void {
    const { seals } = this.#world;
    this.#samples += 1;
    if (seals === undefined || this.#samples % SAMPLES_PER_LOOK !== 0) return;
    this.occasions += 1;
    try {
      seals.verify();
    } catch (thrown) {
      this.#world.violate(this.name, asError(thrown).message);
    }
  }
}
