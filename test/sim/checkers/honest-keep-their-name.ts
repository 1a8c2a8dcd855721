/**
 * No honest peer ever has a reputation below 0 with another honest node, whatever happens to it: killed, slow, cut off,
 * cancelling, restarted, with a wrong clock. Occasions are the looks at a peer shortly after something disturbed it.
 */

import { reputationAt } from "../../../src/actors/peer/reputation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** What a disturbance leads to shows within this time, milliseconds: the longest deadline of ours. */
const DISTURBANCE_MS = 20_000;

export class HonestKeepTheirName implements Checker {
  readonly name = "honest-keep-their-name";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  sample(): void {
    const { nowMs } = this.#world;
    for (const { machine, book } of this.#world.processes()) {
      for (const other of this.#world.machines) {
        const peer = other === machine ? undefined : book.get(other.peerId);
        if (peer === undefined) continue;
        if (nowMs - other.disturbedMs < DISTURBANCE_MS) this.occasions += 1;
        const value = reputationAt(peer.reputation, peer.reputation.atMs);
        if (value < 0) this.#world.violate(this.name, `${machine.name} holds ${value} against ${other.name}`);
      }
    }
  }
}
