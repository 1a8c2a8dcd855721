/** No honest peer is banned, or accused of anything, and no member by its score, not even one that misbehaves. */

import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class HonestAreNotBanned implements Checker {
  readonly name = "honest-are-not-banned";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    // Each offence is a moment at which the wrong one could be punished.
    if (observation.type === "log" && observation.record.message === "peer offended") {
      this.occasions += 1;
      const accused = this.#world.machineOf(String(observation.record.fields["peer"]));
      const detail = String(observation.record.fields["detail"]);
      if (accused !== undefined) {
        this.#world.violate(this.name, `${observation.node} accuses ${accused.name}: ${detail}`);
      }
    }
    if (observation.type !== "log" || observation.record.message !== "peer is banned") return;
    const peerId = String(observation.record.fields["peer"]);
    const isMember = this.#world.adversaries.some(
      (adversary) => adversary.peerId === peerId && adversary.isMember,
    );
    const honest = this.#world.machineOf(peerId);
    if (honest === undefined && !isMember) return;
    const reason = String(observation.record.fields["reason"]);
    this.#world.violate(this.name, `${observation.node} banned ${this.#world.nameOf(peerId)}: ${reason}`);
  }
}
