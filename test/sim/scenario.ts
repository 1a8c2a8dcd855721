/**
 * What a seed means: the federation, the network conditions, who misbehaves and how, and when which fault strikes. Pure: the world
 * carries it out. Byzantine members stay within what the chain tolerates: none of 3, one of 4, two of 7.
 */

import { type Random, seededRandom } from "../../src/kernel/ports/random.ts";
import { type AdversaryKind, ROGUE_KINDS } from "./adversaries/kinds.ts";
import { type LongScenarioKind, ORDEAL_KINDS } from "./long-scenarios/kinds.ts";
import type { NetworkConditions } from "./network.ts";

/** A multiple of the slot and of every federation's size, so that slot 0 of the run is member 0's. */
export const START_MS = 1_764_000_000_000 - (1_764_000_000_000 % (2000 * 84));
export const SLOT_MS = 2_000;

/** The federation runs in peace, then with faults, then must recover. Milliseconds. */
export const WARM_UP_MS = 12_000;
export const FAULTS_MS = 70_000;
/** All are one again within this, and have grown by BLOCKS_AFTER; the longest back-off of ours is a minute. */
export const RECOVERY_MS_MAX = 150_000;
export const BLOCKS_AFTER = 3;

export const ORDERS = [
  "restartHost",
  "restartPeer",
  "restartNetwork",
  "restartSync",
  "restartProducer",
  "pauseSync",
  "stopSync",
  "stopNetwork",
] as const;
export type Order = (typeof ORDERS)[number];

export type ActorName = "peer" | "network" | "sync" | "producer";

export type Fault =
  /** A process is killed; its disk loses what was not synced, `isTorn` half of a write remains. */
  | { readonly kind: "crash"; readonly node: number; readonly downMs: number; readonly isTorn: boolean }
  /** As a crash, but nobody is told: the cable goes with the power. */
  | { readonly kind: "powerLoss"; readonly node: number; readonly downMs: number }
  /** The author of the next slot is killed this long after it began: before, while or after it publishes. */
  | { readonly kind: "crashAuthor"; readonly afterMs: number; readonly downMs: number }
  /** Stopped in order and started again. */
  | { readonly kind: "restart"; readonly node: number; readonly downMs: number }
  | { readonly kind: "actorCrash"; readonly node: number; readonly actor: ActorName }
  | { readonly kind: "hostCrash"; readonly node: number }
  /** Two children of one node fail so shortly after each other that the first is not yet up. */
  | {
      readonly kind: "crashTwice";
      readonly node: number;
      readonly actors: readonly ActorName[];
      readonly gapMs: number;
    }
  /** An operator restarts a child, or takes a service down for a while. */
  | { readonly kind: "operator"; readonly node: number; readonly order: Order; readonly forMs: number }
  | { readonly kind: "partition"; readonly side: readonly number[]; readonly forMs: number }
  | { readonly kind: "slowPeer"; readonly node: number; readonly byMs: number; readonly forMs: number }
  | { readonly kind: "linkReset"; readonly node: number; readonly other: number }
  | { readonly kind: "clockSkew"; readonly node: number; readonly skewMs: number; readonly forMs: number }
  /** The wall clocks of some are set, far ahead or behind, and set right again; at the same moment, as by one time server. */
  | {
      readonly kind: "clockLeap";
      readonly nodes: readonly number[];
      readonly leapMs: number;
      readonly forMs: number;
    }
  /** A second machine with the node's authority key, with or without a copy of its vote record, runs beside it. */
  | { readonly kind: "twinKey"; readonly node: number; readonly hasRecord: boolean; readonly forMs: number }
  /** A process is killed and comes back with the vote record of so many votes before; with none when it had not so many. */
  | { readonly kind: "oldVoteRecord"; readonly node: number; readonly back: number; readonly downMs: number }
  | { readonly kind: "diskFull"; readonly node: number; readonly forMs: number }
  | { readonly kind: "slowDisk"; readonly node: number; readonly latencyMs: number; readonly forMs: number }
  /** An honest node asks its peers and gives up: while its request is sent, while it waits, while it is answered. */
  | { readonly kind: "cancels"; readonly node: number; readonly requests: number; readonly gapMs: number }
  /** A process is killed again and again, shortly after each of its starts. */
  | { readonly kind: "crashLoop"; readonly node: number; readonly times: number; readonly upMs: number }
  /** An operator stops synchronisation and starts it, again and again. */
  | { readonly kind: "stopStart"; readonly node: number; readonly times: number };

export type FaultKind = Fault["kind"];

export const FAULT_KINDS: readonly FaultKind[] = [
  "crash",
  "powerLoss",
  "crashAuthor",
  "restart",
  "actorCrash",
  "hostCrash",
  "crashTwice",
  "operator",
  "partition",
  "slowPeer",
  "linkReset",
  "clockSkew",
  "clockLeap",
  "twinKey",
  "oldVoteRecord",
  "diskFull",
  "slowDisk",
  "cancels",
  "crashLoop",
  "stopStart",
];

export interface AdversaryPlan {
  readonly kind: AdversaryKind;
  /** When it comes, milliseconds from the start. */
  readonly atMs: number;
}

export interface Scenario {
  readonly seed: number;
  readonly members: number;
  /** Indexes of members that a script plays. */
  readonly byzantine: readonly number[];
  readonly observers: number;
  readonly historyBlocks: number;
  /** Empty slots between the history and the start. */
  readonly gapSlots: number;
  /** Blocks of the history that each full node has at the start. */
  readonly knownBlocks: readonly number[];
  readonly conditions: NetworkConditions;
  readonly isShuffled: boolean;
  readonly mode: "fast" | "full";
  readonly peersMax: number;
  readonly batchBlocks: number;
  readonly diskLatencyMs: number;
  readonly knowsMembers: boolean;
  readonly adversaries: readonly AdversaryPlan[];
  /** Silent strangers that come all at once to take the slots. */
  readonly sybils: number;
  readonly faults: readonly { readonly atMs: number; readonly fault: Fault }[];
  /** Of the delegations that honest members make. */
  readonly delegationLifetimeMs: number;
  /** One long trouble when all is over. */
  readonly longScenario: LongScenarioKind | undefined;
}

/**
 * Eleven of sixteen seeds go through a long scenario, in turn, so that any fifty show each. The ten minutes of one are gone through
 * by small federations only, the others of its seeds take the next.
 */
const ORDEAL_CYCLE = 16;
const ORDEAL_STRIDE = 7;

function longScenarioOf(seed: number, members: number): LongScenarioKind | undefined {
  const kind = ORDEAL_KINDS[(seed * ORDEAL_STRIDE) % ORDEAL_CYCLE];
  return kind === "chain-away" && members > 3 ? "long-partition" : kind;
}

/** Longer than any run; and so short that a run sees several, yet longer than a partition and what heals after it. */
const LIFETIME_MS = 30 * 24 * 3_600_000;
const SHORT_LIFETIME_MS = 40_000;

const lifetimeOf = (longScenario: LongScenarioKind | undefined): number =>
  longScenario === "short-delegations" ? SHORT_LIFETIME_MS : LIFETIME_MS;

const SIZES = [3, 4, 7] as const;
const BYZANTINE_MAX: Readonly<Record<number, number>> = { 3: 0, 4: 1, 7: 2 };

/** Wall clocks differ by no more than this from true time; the rules tolerate 500 ms between two. */
const SKEW_MS_MAX = 240;

export function scenarioOf(seed: number): Scenario {
  const random = seededRandom(seed ^ 0x51a1e5);
  const members = SIZES[seed % SIZES.length] ?? 3;
  const byzantineCount = random.next() < 0.6 ? (BYZANTINE_MAX[members] ?? 0) : 0;
  const byzantine = pickSome(random, members, byzantineCount);
  const observers = 1 + random.integer(2);
  const historyBlocks = 200 + 50 * random.integer(3);
  const full = members - byzantine.length + observers;
  const adversaries = adversariesOf(random);
  const longScenario = longScenarioOf(seed, members);
  const isForked = longScenario === "fork-below-final" || adversaries.some(({ kind }) => kind === "deepFork");
  const scenario: Scenario = {
    seed,
    members,
    byzantine,
    observers,
    historyBlocks,
    gapSlots: random.next() < 0.25 ? 20 : 1 + random.integer(3),
    knownBlocks: knownBlocks(random, members - byzantine.length, observers, historyBlocks),
    conditions: networkConditionsOf(random),
    isShuffled: random.next() < 0.5,
    mode: random.next() < 0.3 ? "full" : "fast",
    peersMax: random.next() < 0.5 ? 4 : 25,
    batchBlocks: random.next() < 0.5 ? 16 : 128,
    diskLatencyMs: random.next() < 0.3 ? 40 : 6,
    knowsMembers: random.next() < 0.5,
    adversaries,
    sybils: random.next() < 0.4 ? 6 : 0,
    faults: faultsOf(random, full, members - byzantine.length),
    delegationLifetimeMs: lifetimeOf(longScenario),
    longScenario,
  };
  return isForked ? withoutNewcomers(scenario) : scenario;
}

/** Empty slots that a fork fills, so many that it is longer than what the others make in a whole run. */
const FORK_GAP_SLOTS = 150;

const CALM: NetworkConditions = {
  latencyMsMin: 2,
  latencyMsMax: 20,
  bytesPerMs: 5_000,
  gossipLoss: 0,
  gossipDuplication: 0,
  gossipReordering: 0,
};

/** A small federation in good network conditions that goes through one long scenario and nothing else. */
export function scenarioFor(longScenario: LongScenarioKind): Scenario {
  return {
    seed: 1_000 + ORDEAL_KINDS.indexOf(longScenario),
    members: 3,
    byzantine: [],
    observers: 1,
    historyBlocks: 200,
    gapSlots: longScenario === "fork-below-final" ? FORK_GAP_SLOTS : 20,
    knownBlocks: [200, 200, 200, 200],
    conditions: CALM,
    isShuffled: true,
    mode: "fast",
    peersMax: 25,
    batchBlocks: 16,
    diskLatencyMs: 6,
    knowsMembers: false,
    adversaries: [],
    sybils: 0,
    faults: [],
    delegationLifetimeMs: lifetimeOf(longScenario),
    longScenario,
  };
}

/** Where a fork below the final block is offered, nobody may be so far behind that it is above his. */
function withoutNewcomers(scenario: Scenario): Scenario {
  const { historyBlocks, knownBlocks: known, faults } = scenario;
  return {
    ...scenario,
    gapSlots: FORK_GAP_SLOTS,
    knownBlocks: known.map(() => historyBlocks),
    faults: faults.map(({ atMs, fault }) => ({
      atMs,
      fault: fault.kind === "crash" ? { ...fault, isTorn: false } : fault,
    })),
  };
}

function pickSome(random: Random, below: number, count: number): number[] {
  const all = Array.from({ length: below }, (_, index) => index);
  for (let at = all.length - 1; at > 0; at--) {
    const other = random.integer(at + 1);
    [all[at], all[other]] = [all[other] as number, all[at] as number];
  }
  return all.slice(0, count).sort((left, right) => left - right);
}

/** A quorum of members must hold the newest block for the chain to go on; others may begin anywhere. */
function knownBlocks(random: Random, members: number, observers: number, blocks: number): number[] {
  const heights = Array.from(
    { length: members },
    () => blocks - (random.next() < 0.2 ? random.integer(40) : 0),
  );
  heights[random.integer(members)] = blocks;
  const starts = [0, Math.floor(blocks / 2), blocks];
  return [...heights, ...Array.from({ length: observers }, () => starts[random.integer(starts.length)] ?? 0)];
}

function networkConditionsOf(random: Random): NetworkConditions {
  const isBad = random.next() < 0.4;
  return {
    latencyMsMin: 1 + random.integer(10),
    latencyMsMax: isBad ? 60 + random.integer(60) : 15 + random.integer(20),
    bytesPerMs: isBad ? 250 : 5_000,
    gossipLoss: isBad ? 0.15 : 0.02,
    gossipDuplication: 0.05,
    gossipReordering: isBad ? 0.15 : 0.03,
  };
}

function adversariesOf(random: Random): AdversaryPlan[] {
  const count = 1 + random.integer(3);
  const kinds = pickSome(random, ROGUE_KINDS.length, count);
  return kinds.map((index) => ({
    kind: ROGUE_KINDS[index] ?? "silence",
    atMs: random.integer(WARM_UP_MS + 20_000),
  }));
}

/** One fault every few seconds, any number of them at a time. */
function faultsOf(random: Random, nodes: number, members: number): { atMs: number; fault: Fault }[] {
  const faults: { atMs: number; fault: Fault }[] = [];
  const gapMs = random.next() < 0.3 ? 2_000 : 6_000;
  for (let atMs = WARM_UP_MS; atMs < WARM_UP_MS + FAULTS_MS; atMs += 800 + random.integer(gapMs)) {
    const kind = FAULT_KINDS[random.integer(FAULT_KINDS.length)] ?? "crash";
    faults.push({ atMs, fault: faultOf(kind, random, nodes, members) });
  }
  return faults;
}

/** From an hour behind, a time zone or a stale hardware clock, to eight hours ahead. */
export const LEAPS_MS = [
  -3_600_000, -600_000, -20_000, -4_000, 4_000, 20_000, 600_000, 3_600_000, 28_800_000,
] as const;

const ACTORS = ["peer", "network", "sync", "producer"] as const;

function pick<T>(random: Random, from: readonly [T, ...T[]]): T {
  return from[random.integer(from.length)] ?? from[0];
}

function faultOf(kind: FaultKind, random: Random, nodes: number, members: number): Fault {
  const node = random.integer(nodes);
  const forMs = 2_000 + random.integer(14_000);
  const downMs = random.integer(10_000);
  switch (kind) {
    case "crash":
      return { kind, node, downMs, isTorn: random.next() < 0.3 };
    case "crashAuthor":
      return { kind, afterMs: 20 + random.integer(300), downMs };
    case "powerLoss":
    case "restart":
      return { kind, node, downMs };
    case "actorCrash":
      return { kind, node, actor: pick(random, ACTORS) };
    case "crashTwice":
      return {
        kind,
        node,
        actors: [pick(random, ACTORS), pick(random, ACTORS)],
        gapMs: random.integer(6_000),
      };
    case "operator":
      return { kind, node, order: pick(random, ORDERS), forMs };
    case "hostCrash":
      return { kind, node };
    case "partition":
      return { kind, side: pickSome(random, nodes, 1 + random.integer(Math.max(1, members - 1))), forMs };
    case "slowPeer":
      return { kind, node, byMs: 100 + random.integer(3_000), forMs };
    case "linkReset":
      return { kind, node, other: (node + 1 + random.integer(nodes - 1)) % nodes };
    case "clockSkew":
      return { kind, node, skewMs: random.integer(2 * SKEW_MS_MAX + 1) - SKEW_MS_MAX, forMs };
    case "clockLeap": {
      const some = pickSome(random, nodes, 1 + random.integer(2));
      return { kind, nodes: some, leapMs: pick(random, LEAPS_MS), forMs };
    }
    case "twinKey":
      // Of a member: they come before the observers.
      return {
        kind,
        node: random.integer(members),
        hasRecord: random.next() < 0.5,
        forMs: 8_000 + 2 * forMs,
      };
    case "oldVoteRecord":
      return { kind, node: random.integer(members), back: 1 + random.integer(30), downMs };
    case "diskFull":
      return { kind, node, forMs };
    case "slowDisk":
      return { kind, node, latencyMs: 100 + random.integer(600), forMs };
    case "cancels":
      return { kind, node, requests: 20 + random.integer(40), gapMs: 10 + random.integer(60) };
    case "crashLoop":
      return { kind, node, times: 2 + random.integer(4), upMs: 200 + random.integer(2_500) };
    case "stopStart":
      return { kind, node, times: 3 + random.integer(8) };
  }
}
