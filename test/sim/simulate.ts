/**
 * One run: the world of a seed in peace, under faults, and in recovery; then what came of it. The same seed gives the
 * same result in any process.
 */

import { createHash } from "node:crypto";
import type { Adversary } from "./adversaries/adversary.ts";
import { Equivocator } from "./adversaries/equivocator.ts";
import { makeStranger, Sybil } from "./adversaries/strangers.ts";
import { allCheckers } from "./checkers/all.ts";
import { Client } from "./client.ts";
import { Faults } from "./faults.ts";
import { runLongScenario } from "./long-scenarios/all.ts";
import type { LongScenarioKind } from "./long-scenarios/kinds.ts";
import {
  BLOCKS_AFTER,
  FAULTS_MS,
  RECOVERY_MS_MAX,
  type Scenario,
  SLOT_MS,
  scenarioFor,
  scenarioOf,
  WARM_UP_MS,
} from "./scenario.ts";
import { StatusProbe } from "./status-probe.ts";
import { type Violation, World, type WorldOptions } from "./world.ts";

export interface RunResult {
  readonly seed: number;
  readonly traceHash: string;
  readonly stateHash: string;
  readonly traceLines: number;
  readonly violations: readonly Violation[];
  /** How often each fault struck, each mischief was done, the network did what it does. */
  readonly counts: Readonly<Record<string, number>>;
  /** How often each checker had something to check. */
  readonly occasions: Readonly<Record<string, number>>;
  readonly headHeight: number;
  /** From the end of the faults until all agreed. */
  readonly recoveryMs: number;
  readonly simulatedMs: number;
  readonly tail: readonly string[];
}

/** Checkers look this often. */
const STEP_MS = 250;

/** A last stretch without faults, and the share of its honest slots that must bring blocks. */
const PEACE_MS = 14_000;
const PRODUCTION_SHARE = 0.6;

export async function simulate(seed: number, options: WorldOptions = {}): Promise<RunResult> {
  const scenario = scenarioOf(seed);
  const { world, faults } = await begin(scenario, options);
  makeAdversaries(world, scenario);
  for (const { atMs, fault } of scenario.faults) world.after(atMs, () => faults.strike(fault));
  await runUntil(world, WARM_UP_MS + FAULTS_MS, () => false);
  const recoveryMs = await recover(world, faults);
  return finish(world, faults, recoveryMs);
}

/** One long scenario alone, in good network conditions. The same each time. */
export async function simulateLongScenario(
  kind: LongScenarioKind,
  options: WorldOptions = {},
): Promise<RunResult> {
  const { world, faults } = await begin(scenarioFor(kind), options);
  await runUntil(world, WARM_UP_MS, () => false);
  return finish(world, faults, 0);
}

async function begin(scenario: Scenario, options: WorldOptions) {
  const world = new World(scenario, allCheckers, options);
  await world.prepare();
  new Client(world).start();
  new StatusProbe(world).start();
  return { world, faults: new Faults(world) };
}

async function finish(world: World, faults: Faults, recoveryMs: number): Promise<RunResult> {
  const { longScenario } = world.scenario;
  if (longScenario !== undefined && !world.isBroken) await runLongScenario(world, faults, longScenario);
  for (const checker of world.checkers) if (!world.isBroken) checker.finish?.();
  return resultOf(world, recoveryMs);
}

function makeAdversaries(world: World, scenario: Scenario): void {
  let number = 0;
  const add = (adversary: Adversary, atMs: number): void => {
    world.adversaries.push(adversary);
    world.after(atMs, () => adversary.start());
  };
  for (const member of scenario.byzantine) {
    const key = world.history.forge.secretKeys[member];
    if (key !== undefined) add(new Equivocator(world, member, key, number++), 10);
  }
  for (const { kind, atMs } of scenario.adversaries) {
    add(makeStranger(kind, world, `${kind}-${number}`, number), atMs);
    number += 1;
    // Nobody follows one alone below the tip.
    if (kind === "deepFork") add(makeStranger(kind, world, `${kind}-${number}`, number++), atMs + 1_000);
  }
  for (let sybil = 0; sybil < scenario.sybils; sybil++) {
    add(new Sybil(world, `sybil-${sybil}`, number++), 8_000 + 100 * sybil);
  }
}

async function runUntil(world: World, endMs: number, isDone: () => boolean): Promise<void> {
  while (world.nowMs < endMs && !isDone() && !world.isBroken) {
    await world.run(Math.min(STEP_MS, endMs - world.nowMs));
  }
}

/** Ends all faults; gives the time until all honest nodes had one head and the chain went on. */
async function recover(world: World, faults: Faults): Promise<number> {
  const healedMs = world.nowMs;
  world.trace.add("FAULT", "all is well again");
  faults.healAll();
  for (const adversary of world.adversaries) adversary.stop();
  const height = bestHeight(world);
  let agreedMs: number | undefined;
  await runUntil(world, healedMs + RECOVERY_MS_MAX, () => {
    if (agreedMs === undefined && isAgreed(world)) agreedMs = world.nowMs;
    return agreedMs !== undefined && isAgreed(world) && bestHeight(world) >= height + BLOCKS_AFTER;
  });
  world.livenessOccasions += 1;
  if (!world.isBroken && (!isAgreed(world) || bestHeight(world) < height + BLOCKS_AFTER)) {
    const heads = world.machines.map(
      ({ name, process }) => `${name} ${process?.chain.snapshot().head.height}`,
    );
    world.violate(
      "recovery",
      `no common growing head ${RECOVERY_MS_MAX} ms after the faults: ${heads.join(", ")}`,
    );
  }
  await produce(world);
  return (agreedMs ?? world.nowMs) - healedMs;
}

/** In peace most slots of honest members bring a block. */
async function produce(world: World): Promise<void> {
  if (world.isBroken) return;
  const height = bestHeight(world);
  await runUntil(world, world.nowMs + PEACE_MS, () => false);
  const { members, byzantine } = world.scenario;
  const honestSlots = ((PEACE_MS / SLOT_MS) * (members - byzantine.length)) / members;
  const blocks = bestHeight(world) - height;
  world.livenessOccasions += 1;
  if (blocks < honestSlots * PRODUCTION_SHARE) {
    world.violate("recovery", `${blocks} blocks in ${honestSlots.toFixed(1)} honest slots of peace`);
  }
}

function bestHeight(world: World): number {
  return Math.max(0, ...world.processes().map(({ chain }) => chain.snapshot().head.height));
}

/** All nodes run and have the same head. */
function isAgreed(world: World): boolean {
  const heads = world.machines.map(({ process }) => process?.chain.snapshot().head.hash);
  const [first] = heads;
  return (
    first !== undefined && heads.every((hash) => hash !== undefined && Buffer.compare(hash, first) === 0)
  );
}

function resultOf(world: World, recoveryMs: number): RunResult {
  const { lost, duplicated, reordered, cutOff, slowed, cutShort } = world.network.counts;
  const network = {
    gossipLost: lost,
    gossipDuplicated: duplicated,
    gossipReordered: reordered,
    messagesCutOff: cutOff,
    messagesSlowed: slowed,
    requestsCutShort: cutShort,
  };
  return {
    seed: world.scenario.seed,
    traceHash: world.trace.digest(),
    stateHash: stateHash(world),
    traceLines: world.trace.count,
    violations: world.violations,
    counts: { ...Object.fromEntries(world.counts), ...network },
    occasions: {
      ...Object.fromEntries(world.checkers.map(({ name, occasions }) => [name, occasions])),
      recovery: world.livenessOccasions,
      ...Object.fromEntries(world.longOccasions),
    },
    headHeight: bestHeight(world),
    recoveryMs,
    simulatedMs: world.nowMs,
    tail: world.trace.lines,
  };
}

/** Everything durable at the end: each node's chain, votes and bans. */
function stateHash(world: World): string {
  const hash = createHash("sha256");
  for (const { name, process, voteDisk } of world.machines) {
    hash.update(name).update(voteDisk.votes.get("votes") ?? "");
    const head = process?.store.head()?.height ?? 0;
    for (let height = 1; height <= head; height++) hash.update(process?.store.hashAt(height) ?? "");
    for (const { peerId } of process?.bans.list() ?? []) hash.update(peerId);
  }
  return hash.digest("hex").slice(0, 32);
}
