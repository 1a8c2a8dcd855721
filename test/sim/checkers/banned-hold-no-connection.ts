/** Whoever a node banned holds no connection to it. */

import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

export class BannedHoldNoConnection implements Checker {
  readonly name = "banned-hold-no-connection";
  occasions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  sample(): void {
    for (const { bans, host, machine } of this.#world.processes()) {
      const banned = bans.list().map(({ peerId }) => peerId);
      this.occasions += banned.length;
      if (banned.length === 0) continue;
      const connected = new Set(host.connections().map(({ peerId }) => peerId));
      for (const peerId of banned) {
        if (!connected.has(peerId)) continue;
        const who = this.#world.nameOf(peerId);
        this.#world.violate(this.name, `${machine.name} is connected to ${who}, which it banned`);
      }
    }
  }
}
