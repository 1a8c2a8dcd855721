/**
 * What a long scenario has to work with: the world in peace, its faults, people to bring in, and ways to say what must come
 * about and within what time. Each such saying counts as an occasion of the long scenario.
 */

import type { SyncStatus } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { assert } from "../../../src/kernel/errors.ts";
import { type Random, seededRandom } from "../../../src/kernel/ports/random.ts";
import type { Adversary } from "../adversaries/adversary.ts";
import type { Faults } from "../faults.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import type { LongScenarioKind } from "./kinds.ts";

const STEP_MS = 250;
/** Numbers of adversaries that come with a long scenario: beyond those of the scenario. */
const FIRST_ROGUE = 40;

export class Stage {
  readonly world: World;
  readonly faults: Faults;
  readonly random: Random;
  readonly #kind: LongScenarioKind;
  #adversaries = 0;

  constructor(world: World, faults: Faults, kind: LongScenarioKind) {
    this.world = world;
    this.faults = faults;
    this.#kind = kind;
    this.random = seededRandom(world.scenario.seed ^ 0x07dea1);
  }

  get bestHeight(): number {
    return Math.max(0, ...this.world.processes().map(({ chain }) => chain.snapshot().head.height));
  }

  async pass(ms: number): Promise<void> {
    await this.#runUntil(ms, () => false);
  }

  /** It comes about in time, or that is a violation. */
  async within(what: string, ms: number, holds: () => boolean): Promise<void> {
    const beganMs = this.world.nowMs;
    await this.#runUntil(ms, holds);
    this.must(`not within ${ms} ms: ${what}`, holds());
    this.world.trace.add("ORDEAL", `${what} after ${this.world.nowMs - beganMs} ms`);
  }

  /** It is so now, or that is a violation. */
  must(otherwise: string, holds: boolean): void {
    const { longOccasions } = this.world;
    longOccasions.set(this.#kind, (longOccasions.get(this.#kind) ?? 0) + 1);
    if (!holds && !this.world.isBroken) this.world.violate(this.#kind, otherwise);
  }

  /** All nodes have one head, and the chain goes on from `height`. */
  async mustGoOn(ms: number, height = this.bestHeight): Promise<void> {
    await this.within("all have one head and the chain goes on", ms, () => {
      return this.isAgreed() && this.bestHeight > height;
    });
  }

  isAgreed(): boolean {
    const heads = this.world.machines.map(({ process }) => process?.chain.snapshot().head.hash);
    const [first] = heads;
    return (
      first !== undefined && heads.every((hash) => hash !== undefined && Buffer.compare(hash, first) === 0)
    );
  }

  heightOf(machine: Machine): number {
    return machine.process?.chain.snapshot().head.height ?? 0;
  }

  statusOf(machine: Machine): SyncStatus | undefined {
    return this.world.statuses.get(machine.name);
  }

  /** A node without a key. */
  observer(): Machine {
    const observers = this.world.machines.filter(({ key }) => key === undefined);
    const chosen = observers[this.random.integer(observers.length)];
    assert(chosen !== undefined, "every world has an observer");
    return chosen;
  }

  anyone(): Machine {
    const { machines } = this.world;
    return machines[this.random.integer(machines.length)] ?? this.observer();
  }

  enter<R extends Adversary>(make: (world: World, number: number) => R): R {
    const adversary = make(this.world, FIRST_ROGUE + this.#adversaries++);
    this.world.adversaries.push(adversary);
    adversary.start();
    return adversary;
  }

  async #runUntil(ms: number, isDone: () => boolean): Promise<void> {
    const { world } = this;
    const endMs = world.nowMs + ms;
    while (world.nowMs < endMs && !isDone() && !world.isBroken) {
      await world.run(Math.min(STEP_MS, endMs - world.nowMs));
    }
  }
}
