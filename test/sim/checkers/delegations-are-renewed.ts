/**
 * A member's delegation never ends while its process runs: it is renewed before, and whoever has been connected to it in
 * peace for a while holds one that is in force. Only what outlives a lifetime is an occasion.
 */

import type { Machine, NodeProcess } from "../machine.ts";
import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** A status is exchanged every 3 s; a renewal is told at once, and again after 4 s. */
const TOLD_WITHIN_MS = 10_000;

export class DelegationsAreRenewed implements Checker {
  readonly name = "delegations-are-renewed";
  occasions = 0;
  readonly #world: World;
  readonly #startedMs = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  observe({ type, node }: Observation): void {
    if (type === "started") this.#startedMs.set(node, this.#world.nowMs);
  }

  sample(): void {
    const { nowMs } = this.#world;
    const quiet = this.#world.processes().filter((process) => this.#isInPeace(process));
    for (const { machine, delegation } of quiet) {
      if (delegation === undefined) continue;
      this.occasions += 1;
      const leftMs = delegation.delegation.expiryMs - nowMs - machine.skewMs;
      if (leftMs <= TOLD_WITHIN_MS)
        this.#world.violate(this.name, `${machine.name} has ${leftMs} ms left of its delegation`);
      for (const other of quiet) this.#look(other, machine);
    }
  }

  #look({ machine, book }: NodeProcess, member: Machine): void {
    const link = book.get(member.peerId)?.link;
    if (link?.state !== "connected") return;
    this.occasions += 1;
    const { memberKey, memberUntilMs } = link.status;
    if (memberKey === undefined || memberUntilMs <= this.#world.nowMs + machine.skewMs)
      this.#world.violate(this.name, `${machine.name} takes ${member.name} for a stranger`);
  }

  /** For longer than a lifetime: actors that are down renew nothing, and links that are cut tell nothing. */
  #isInPeace({ machine }: NodeProcess): boolean {
    const { nowMs, scenario } = this.#world;
    const startedMs = this.#startedMs.get(machine.name) ?? nowMs;
    return nowMs - Math.max(startedMs, machine.disturbedMs) >= scenario.delegationLifetimeMs;
  }
}
