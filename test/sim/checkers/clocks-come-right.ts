/**
 * A clock that is far wrong for less than a minute costs no more than that: nobody signs for slots that are not there yet, a
 * member proposes again within a minute of its clock's being right, its status says so by then, and no age is ever told as
 * negative.
 */

import { ProductionCondition, SyncState } from "../../../gen/alys/sync/v1/sync_pb.ts";
import type { Machine } from "../machine.ts";
import type { Observation } from "../observation.ts";
import { SLOT_MS, START_MS } from "../scenario.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

const WRONG_MS_MAX = 60_000;
const RIGHT_WITHIN_MS = 60_000;
/** A clock that is off by less is left to the voting rule, which tolerates a slot and the drift. */
const BOUND_MS = 2_500;
/** What a vote may be ahead of the true slot: that bound, and the drift by which the next slot is voted in early. */
const SLOTS_AHEAD_MAX = 2;

const BARS: ReadonlySet<ProductionCondition> = new Set([
  ProductionCondition.CLOCK,
  ProductionCondition.VOTE_RECORD,
]);

/** What has to come about since a clock became right. */
interface Awaited {
  readonly sinceMs: number;
  hasProposed: boolean;
  isStatusRight: boolean;
  isUnbarred: boolean;
}

export class ClocksComeRight implements Checker {
  readonly name = "clocks-come-right";
  occasions = 0;
  readonly #world: World;
  /** Since when each machine's clock is wrong. */
  readonly #wrong = new Map<Machine, number>();
  readonly #awaited = new Map<Machine, Awaited>();

  constructor(world: World) {
    this.#world = world;
  }

  sample(): void {
    for (const machine of this.#world.machines) this.#watch(machine);
    for (const [machine, awaited] of this.#awaited) this.#judge(machine, awaited);
  }

  observe(observation: Observation): void {
    const { node } = observation;
    switch (observation.type) {
      case "vote": {
        const now = Math.floor((START_MS + this.#world.nowMs) / SLOT_MS);
        if (observation.slot > now + SLOTS_AHEAD_MAX)
          this.#fail(`${node} votes in slot ${observation.slot}, ${observation.slot - now} ahead of now`);
        return;
      }
      case "log":
        return this.#hear(node, observation.record.message, observation.record.fields);
      case "status": {
        const { state, reason } = observation.status;
        this.#mustBeNoNegativeAge(node, reason);
        if (state === SyncState.SYNCED && reason === "")
          this.#mark(node, (each) => (each.isStatusRight = true));
        return;
      }
      case "production": {
        const { unmet, waived } = observation.status;
        for (const { detail } of [...unmet, ...waived]) this.#mustBeNoNegativeAge(node, detail);
        const isBarred = unmet.some(({ condition }) => BARS.has(condition));
        if (!isBarred) this.#mark(node, (each) => (each.isUnbarred = true));
        return;
      }
      default:
        return;
    }
  }

  #watch(machine: Machine): void {
    const { nowMs } = this.#world;
    const since = this.#wrong.get(machine);
    const isWrong = Math.abs(machine.skewMs) > BOUND_MS;
    if (isWrong && since === undefined) this.#wrong.set(machine, nowMs);
    if (isWrong) this.#awaited.delete(machine);
    if (isWrong || since === undefined) return;
    this.#wrong.delete(machine);
    if (nowMs - since > WRONG_MS_MAX || machine.process === undefined) return;
    const isMember = machine.memberIndex !== undefined;
    const awaited = { sinceMs: nowMs, hasProposed: !isMember, isStatusRight: false, isUnbarred: false };
    this.#awaited.set(machine, awaited);
  }

  #judge(machine: Machine, awaited: Awaited): void {
    // Another fault, or another wrong clock, begins a story of its own.
    const isDisturbed = this.#world.machines.some((each) => each.disturbedMs > awaited.sinceMs);
    if (isDisturbed || this.#wrong.size > 0 || machine.process === undefined) {
      this.#awaited.delete(machine);
      return;
    }
    const { hasProposed, isStatusRight, isUnbarred } = awaited;
    if (hasProposed && isStatusRight && isUnbarred) {
      this.occasions += 1;
      this.#awaited.delete(machine);
      return;
    }
    if (this.#world.nowMs - awaited.sinceMs <= RIGHT_WITHIN_MS) return;
    this.#awaited.delete(machine);
    this.#fail(`${machine.name}, a minute after its clock was right: ${JSON.stringify(awaited)}`);
  }

  #hear(node: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(fields)) {
      if (/AgeMs$/.test(name) && typeof value === "number" && value < 0)
        this.#fail(`${node} tells of ${name} ${value}`);
    }
    if (message !== "vote" || fields["kind"] !== "proposal") return;
    const isOwn = (machine: Machine): boolean => machine.memberIndex === fields["authorityIndex"];
    this.#mark(node, (each, machine) => {
      if (isOwn(machine)) each.hasProposed = true;
    });
  }

  #mark(node: string, mark: (awaited: Awaited, machine: Machine) => void): void {
    for (const [machine, awaited] of this.#awaited) if (machine.name === node) mark(awaited, machine);
  }

  #mustBeNoNegativeAge(node: string, text: string): void {
    if (/(^|[^\w])-\d+ ms/.test(text)) this.#fail(`${node} says "${text}"`);
  }

  #fail(what: string): void {
    if (!this.#world.isBroken) this.#world.violate(this.name, what);
  }
}
