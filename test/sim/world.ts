/**
 * A simulated world: machines with their nodes, adversaries, network, time, all of one seed. It carries out the scenario,
 * hands everything that happens to the trace and to the checkers, and drives time forward.
 */

import type { SyncStatus } from "../../gen/alys/sync/v1/sync_pb.ts";
import { MessageSeals } from "../../src/kernel/actor/freeze.ts";
import { Simulation } from "../../src/kernel/ports/simulation.ts";
import { Mischief } from "./adversaries/mischief.ts";
import type { Checker } from "./checkers/checker.ts";
import { type History, historyOf, prepareDisk } from "./history.ts";
import { MAILBOX_MAX, Machine, type MachineWorld, type NodeProcess } from "./machine.ts";
import { SimNetwork } from "./network.ts";
import type { Observation } from "./observation.ts";
import { type Scenario, START_MS } from "./scenario.ts";
import { fieldsText, Trace } from "./trace.ts";
import { Withheld } from "./withheld.ts";

/** What a machine whose node gave up waits before it starts it again, as a service manager does. */
const SERVICE_RESTART_MS = 3_000;

export interface WorldOptions {
  print?(line: string): void;
}

/** What the world knows of a scripted peer on its network. */
export interface Stranger {
  readonly name: string;
  readonly peerId: string;
  readonly isMember: boolean;
  stop(): void;
}

export interface Violation {
  readonly checker: string;
  readonly atMs: number;
  readonly message: string;
}

/** At the first few violations the run ends; more would only be their echo. */
const VIOLATIONS_MAX = 5;

export class World implements MachineWorld {
  readonly scenario: Scenario;
  readonly simulation: Simulation;
  readonly network: SimNetwork;
  readonly history: History;
  readonly trace: Trace;
  readonly machines: Machine[] = [];
  /** Further machines with a member's key, in the order of their coming; each runs for a while and is gone for good. */
  readonly twins: Machine[] = [];
  readonly adversaries: Stranger[] = [];
  readonly checkers: readonly Checker[];
  readonly violations: Violation[] = [];
  readonly counts = new Map<string, number>();
  /** Who else hears of observations. */
  readonly listeners = new Set<(observation: Observation) => void>();
  readonly mischief = new Mischief();
  readonly withheld = new Withheld();
  /** What each node said of itself last. */
  readonly statuses = new Map<string, SyncStatus>();
  /** How often each long scenario had something to check. */
  readonly longOccasions = new Map<string, number>();
  /** Deepest mailbox seen, of all actors. */
  mailboxDepthMax = 0;
  /** How often recovery was awaited. */
  livenessOccasions = 0;
  /** In one seed of eight every message is sealed, which costs time. */
  readonly seals: MessageSeals | undefined;

  /** `checkersOf` makes what watches this world, before anything happens in it. */
  constructor(
    scenario: Scenario,
    checkersOf: (world: World) => readonly Checker[],
    options: WorldOptions = {},
  ) {
    const { seed, conditions } = scenario;
    this.scenario = scenario;
    this.simulation = new Simulation(seed, { startMs: START_MS, isShuffled: scenario.isShuffled });
    this.network = new SimNetwork(this.simulation.clock, seed, conditions);
    this.history = historyOf(scenario);
    this.seals = seed % 8 === 0 ? new MessageSeals() : undefined;
    const { print } = options;
    this.trace = new Trace(() => this.nowMs, print === undefined ? {} : { print });
    this.checkers = checkersOf(this);
    this.#makeMachines();
  }

  /** Milliseconds since the start of the run. */
  get nowMs(): number {
    return this.simulation.clock.monotonicMs();
  }

  get isBroken(): boolean {
    return this.violations.length >= VIOLATIONS_MAX;
  }

  async prepare(): Promise<void> {
    const { knownBlocks } = this.scenario;
    for (const machine of this.machines) {
      await prepareDisk(machine.disk, this.history, knownBlocks[machine.index] ?? 0, this.simulation);
    }
    for (const machine of this.machines) machine.start();
    await this.simulation.settle();
  }

  /** Lets time pass, and has the checkers look. */
  async run(ms: number): Promise<void> {
    await this.simulation.run(ms);
    for (const checker of this.checkers) checker.sample?.();
  }

  /** Does something after `delayMs` of world time. */
  after(delayMs: number, run: () => void): void {
    this.simulation.clock.setTimer(delayMs, run);
  }

  /** Work that runs on while time passes; a rejection is a fault of the run. */
  background(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => this.fault(`background: ${describe(thrown)}`));
  }

  observe(observation: Observation): void {
    if (observation.type === "chain" && observation.event.type === "reorganized")
      this.count("reorganization");
    if (observation.type === "status") this.statuses.set(observation.node, observation.status);
    if (observation.type === "ended") this.statuses.delete(observation.node);
    if (observation.type === "written" && observation.how === "side") this.count("sideBlock");
    const text = traceText(observation);
    if (text !== undefined) this.trace.add(observation.node, text);
    for (const checker of this.checkers) checker.observe?.(observation);
    for (const listen of this.listeners) listen(observation);
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** Something that no checker looks for and that must not be. */
  fault(message: string): void {
    this.violate("world", message);
  }

  violate(checker: string, message: string): void {
    this.trace.add("CHECKER", `${checker}: ${message}`);
    this.violations.push({ checker, atMs: this.nowMs, message });
  }

  turnEnded(process: NodeProcess): void {
    for (const cell of Object.values(process.cells)) {
      const depth = cell.describe().mailboxDepth ?? 0;
      if (depth > this.mailboxDepthMax) this.mailboxDepthMax = depth;
      if (depth > MAILBOX_MAX && !this.isBroken) {
        this.violate("mailbox-bounds", `${process.machine.name} ${cell.name}: ${depth} messages wait`);
      }
    }
  }

  /** The node gave up: its process ends, and the service manager starts another. */
  escalated(machine: Machine, childId: string): void {
    this.count("escalation");
    this.trace.add(machine.name, `gave up on ${childId}`);
    machine.disturb();
    machine.kill("escalated", false);
    this.after(SERVICE_RESTART_MS, () => {
      if (machine.process === undefined) machine.start();
    });
  }

  /** Nodes that run now. */
  processes(): NodeProcess[] {
    return this.machines.flatMap(({ process }) => (process === undefined ? [] : [process]));
  }

  /** How a peer is called in reports. */
  nameOf(peerId: string): string {
    const adversary = this.adversaries.find((candidate) => candidate.peerId === peerId);
    return this.machineOf(peerId)?.name ?? adversary?.name ?? peerId;
  }

  machineOf(peerId: string): Machine | undefined {
    return [...this.machines, ...this.twins].find((machine) => machine.peerId === peerId);
  }

  #makeMachines(): void {
    const { members, byzantine, observers } = this.scenario;
    const keys = this.history.forge.secretKeys;
    for (let member = 0; member < members; member++) {
      if (byzantine.includes(member)) continue;
      const init = {
        name: `member-${member}`,
        index: this.machines.length,
        key: keys[member],
        memberIndex: member,
      };
      this.machines.push(new Machine(this, init));
    }
    for (let observer = 0; observer < observers; observer++) {
      const name = `observer-${observer}`;
      const init = { name, index: this.machines.length, key: undefined, memberIndex: undefined };
      this.machines.push(new Machine(this, init));
    }
  }
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

/** One line for the trace; undefined for what only checkers need. */
function traceText(observation: Observation): string | undefined {
  switch (observation.type) {
    case "log": {
      const { level, message, fields } = observation.record;
      return `${level} ${message} ${fieldsText(fields)}`;
    }
    case "chain": {
      const { event } = observation;
      if (event.type === "availability") return `chain available=${event.isAvailable}`;
      if (event.type === "authoritiesChanged") return `chain authorities from ${event.firstHeight}`;
      const point = event.type === "finalized" ? event : event.head;
      return `chain ${event.type} ${point.height} ${Buffer.from(point.hash).toString("hex").slice(0, 12)}`;
    }
    case "supervision": {
      const { kind, childId, delayMs, error } = observation.event;
      return `child ${childId} ${kind} ${delayMs ?? ""} ${error?.message ?? ""}`.trimEnd();
    }
    case "vote":
      return `votes slot=${observation.slot} ${observation.hash.slice(0, 12)}`;
    case "started":
      return `process starts${observation.isFresh ? " on an empty disk" : ""}`;
    case "ended":
      return `process ${observation.how}`;
    case "verdict":
      return observation.verdict === "reject" ? `rejects ${observation.digest.slice(0, 12)}` : undefined;
    case "written":
      return observation.how === "side" ? `side block ${observation.firstHeight}` : undefined;
    case "restored":
      return `vote record of slot ${observation.slot} restored`;
    case "signed":
    case "status":
    case "production":
      return undefined;
  }
}
