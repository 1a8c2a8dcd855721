/**
 * A node that saw its key elsewhere signs nothing until an administrator confirms, over all its restarts. Where its disk took no
 * note of it, being full, it rests for the life of its process only, and says so each time it tries. An occasion is a node
 * that stopped.
 */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class StoppedKeysRest implements Checker {
  readonly name = "stopped-keys-rest";
  occasions = 0;
  readonly #world: World;
  readonly #stopped = new Set<string>();
  /** Those that said in this life that a note did not get to the disk. */
  readonly #refused = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    if (observation.type === "signed" && this.#stopped.has(node))
      this.#world.violate(this.name, `${node} signs for slot ${observation.slot} though it was stopped`);
    if (observation.type === "ended" && this.#refused.delete(node) && this.#hasNoNote(node))
      this.#stopped.delete(node);
    if (observation.type !== "log") return;
    const { message } = observation.record;
    if (message.startsWith("this member's key is used elsewhere")) {
      this.occasions += 1;
      this.#stopped.add(node);
    }
    if (message.startsWith("the note that our key is elsewhere is not durable yet")) this.#refused.add(node);
    if (message.startsWith("an administrator confirms")) this.#stopped.delete(node);
  }

  /** Whether the disk that it leaves has none. */
  #hasNoNote(node: string): boolean {
    const machine = this.#world.machines.find(({ name }) => name === node);
    return machine !== undefined && machine.stopNote.read() === undefined;
  }
}
