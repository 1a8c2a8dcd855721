/** While a node's ChainActor is away nothing is imported and nobody is blamed, and the node says what it waits for. */

import { StallKind } from "../../../gen/alys/sync/v1/sync_pb.ts";
import type { Observation } from "../observation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** What was handed to the chain before is written after. */
const SETTLED_MS = 3_000;

export class AwayChainStandsStill implements Checker {
  readonly name = "away-chain-stands-still";
  occasions = 0;
  readonly #world: World;
  /** When each was seen to be away first. */
  readonly #awaySinceMs = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  observe(observation: Observation): void {
    const { node } = observation;
    const awayMs = this.#awayMs(node);
    if (awayMs < SETTLED_MS) return;
    if (observation.type === "written") this.#fail(node, `wrote block ${observation.firstHeight}`);
    if (observation.type === "log" && /peer (offended|is banned)/.test(observation.record.message))
      this.#fail(node, `blames ${this.#world.nameOf(String(observation.record.fields["peer"]))}`);
    if (observation.type !== "status") return;
    this.occasions += 1;
    const { reason, stall, isPaused } = observation.status;
    if (!isPaused && stall?.kind !== StallKind.CHAIN_AWAY) this.#fail(node, `says "${reason}"`);
  }

  sample(): void {
    for (const { machine, away } of this.#world.processes()) {
      if (!away.isAway) this.#awaySinceMs.delete(machine.name);
      else if (!this.#awaySinceMs.has(machine.name)) this.#awaySinceMs.set(machine.name, this.#world.nowMs);
    }
  }

  #awayMs(node: string): number {
    const sinceMs = this.#awaySinceMs.get(node);
    const process = this.#world.machines.find(({ name }) => name === node)?.process;
    return sinceMs === undefined || process?.away.isAway !== true ? -1 : this.#world.nowMs - sinceMs;
  }

  #fail(node: string, what: string): void {
    this.#world.violate(this.name, `${node} ${what} while its ChainActor is away`);
  }
}
