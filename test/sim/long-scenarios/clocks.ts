/** Long scenarios of time: wall clocks that are set far ahead or behind and right again, and a vote record from a time to come. */

import { ProducerService } from "../../../gen/alys/producer/v1/producer_pb.ts";
import {
  ProductionCondition,
  type ProductionStatus,
  SyncService,
} from "../../../gen/alys/sync/v1/sync_pb.ts";
import { decodeVoteRecord, encodeVoteRecord } from "../../../src/chain/vote.ts";
import { assert } from "../../../src/kernel/errors.ts";
import type { Machine } from "../machine.ts";
import type { Observation } from "../observation.ts";
import { LEAPS_MS, SLOT_MS, START_MS } from "../scenario.ts";
import type { Stage } from "./stage.ts";

const WRONG_MS_MIN = 5_000;
const WRONG_MS_MAX = 58_000;
/** Within a minute of its clock's being right a member proposes again. */
const RIGHT_MS = 60_000;
/** Leaps of one run; the others are of other seeds. Three times as many where it is a scenario by itself. */
const LEAPS = 3;
const HOUR_SLOTS = 3_600_000 / SLOT_MS;

export async function clockLeaps(stage: Stage): Promise<void> {
  const { world, random } = stage;
  const members = world.machines.filter(({ key }) => key !== undefined);
  const first = random.integer(LEAPS_MS.length);
  const rounds = world.scenario.faults.length === 0 ? 27 : LEAPS;
  for (let round = 0; round < rounds; round++) {
    // One of the members, most of them, and a node that is none.
    const count = [1, Math.floor(members.length / 2) + 1, 1][round % 3] ?? 1;
    const from = round % 3 === 2 ? [stage.observer()] : members;
    const begin = random.integer(from.length);
    const chosen = Array.from(
      { length: count },
      (_, at) => from[(begin + at) % from.length] ?? stage.observer(),
    );
    const leapMs = LEAPS_MS[(first + 2 * round + Math.floor(round / 9)) % LEAPS_MS.length] ?? 0;
    const forMs = WRONG_MS_MIN + random.integer(WRONG_MS_MAX - WRONG_MS_MIN);
    await leap(stage, chosen, leapMs, forMs);
  }
}

async function leap(
  stage: Stage,
  machines: readonly Machine[],
  leapMs: number,
  forMs: number,
): Promise<void> {
  const { world, faults } = stage;
  faults.strike({ kind: "clockLeap", nodes: machines.map(({ index }) => index), leapMs, forMs });
  world.count("clockLeaps");
  const isOff = Math.abs(leapMs) > 2 * SLOT_MS;
  const named = new Set<string>();
  const listen = (observation: Observation): void => {
    if (observation.type !== "production") return;
    if (names(observation.status, ProductionCondition.CLOCK)) named.add(observation.node);
  };
  world.listeners.add(listen);
  await stage.pass(forMs + 250);
  world.listeners.delete(listen);
  for (const { name, key } of machines)
    stage.must(
      `${name} does not say that its clock is wrong`,
      key === undefined || !isOff || named.has(name),
    );
  const proposals = new Map<string, number>();
  const count = (observation: Observation): void => {
    if (observation.type !== "log" || observation.record.message !== "vote") return;
    const { kind, authorityIndex } = observation.record.fields;
    const machine = world.machines.find(({ name }) => name === observation.node);
    if (kind === "proposal" && machine?.memberIndex === authorityIndex)
      proposals.set(observation.node, (proposals.get(observation.node) ?? 0) + 1);
  };
  world.listeners.add(count);
  await stage.within("all whose clocks leapt propose again", RIGHT_MS, () =>
    machines.every(({ name, key }) => key === undefined || (proposals.get(name) ?? 0) > 0),
  );
  world.listeners.delete(count);
  await stage.mustGoOn(RIGHT_MS);
  await stage.pass(5_000);
}

function names({ unmet }: ProductionStatus, condition: ProductionCondition): boolean {
  return unmet.some((each) => each.condition === condition);
}

export async function barredMember(stage: Stage): Promise<void> {
  const { world } = stage;
  const machine = world.machines.find(({ key }) => key !== undefined);
  assert(machine !== undefined, "every world has a member");
  machine.disturb();
  machine.kill("killed", false);
  signFarAhead(machine, Math.floor((START_MS + world.nowMs) / SLOT_MS) + 8 * HOUR_SLOTS);
  world.count("barredMember");
  await stage.pass(1_000);
  machine.disturb();
  machine.start();
  await stage.within("the bar is a named condition", RIGHT_MS, () => isBarred(stage, machine));
  await stage.within("an administrator gives up what lies ahead", RIGHT_MS, () => {
    const ask = machine.process?.cells.producer.ref.ask(ProducerService.method.releaseVotes, {
      reason: "drill",
    });
    // Refused until others have confirmed its clock.
    ask?.then(
      () => world.count("votesReleased"),
      () => undefined,
    );
    return (world.counts.get("votesReleased") ?? 0) > 0;
  });
  await stage.within("it is barred no more", RIGHT_MS, () => !isBarred(stage, machine));
  const record = decodeVoteRecord(machine.votes.last() ?? new Uint8Array());
  stage.must("what it signed ahead is forgotten", (record.history?.spent.length ?? 0) > 0);
  await stage.mustGoOn(RIGHT_MS);
}

/** As after half a minute of signing by a clock eight hours ahead. */
function signFarAhead(machine: Machine, slot: number): void {
  const bytes = machine.voteDisk.votes.get("votes");
  const before = bytes && decodeVoteRecord(bytes);
  const run = { first: slot - 15, last: slot };
  const earlier = before?.history?.runs ?? [];
  const history = { runs: [...earlier, run].slice(-8), spent: before?.history?.spent ?? [] };
  const ahead = { slot, height: (before?.height ?? 0) + 1, hash: new Uint8Array(32).fill(7), history };
  machine.voteDisk.votes.set("votes", encodeVoteRecord(ahead));
}

const productions = new WeakMap<Stage, Map<string, ProductionStatus>>();

/** As the member itself answers CanProduceBlocks. */
function isBarred(stage: Stage, machine: Machine): boolean {
  const known = productions.get(stage) ?? new Map<string, ProductionStatus>();
  productions.set(stage, known);
  machine.process?.cells.sync.ref.ask(SyncService.method.canProduceBlocks, {}).then(
    ({ status }) => status && known.set(machine.name, status),
    () => undefined,
  );
  const status = known.get(machine.name);
  return status !== undefined && names(status, ProductionCondition.VOTE_RECORD);
}
