/** Carries out faults on a world, and their end where they have one. */

import { NetworkService } from "../../gen/alys/network/v1/network_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { encodeRangeRequest } from "../../src/actors/network/ranges.ts";
import { assertNever, Failure } from "../../src/kernel/errors.ts";
import { CHUNK_BYTES_MAX, RESPONSE_BYTES_MAX, RESPONSE_CHUNKS_MAX } from "../../src/p2p/protocols.ts";
import { INJECTED } from "./checkers/nobody-crashes.ts";
import type { Machine, NodeProcess } from "./machine.ts";
import { type Fault, type Order, SLOT_MS, START_MS } from "./scenario.ts";
import { endTwin, startTwin } from "./twins.ts";
import type { World } from "./world.ts";

/** As the NetworkActor asks. */
const CANCELLED_REQUEST = {
  firstByteDeadlineMs: 5_000,
  deadlineMs: 10_000,
  responseBytesMax: RESPONSE_BYTES_MAX,
  chunkBytesMax: CHUNK_BYTES_MAX,
  chunksMax: RESPONSE_CHUNKS_MAX,
};

export class Faults {
  readonly #world: World;
  /** What still has to be put right, by what it is. */
  readonly #open = new Map<number, () => void>();
  #number = 0;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
  }

  strike(fault: Fault): void {
    const { trace, machines } = this.#world;
    trace.add("FAULT", JSON.stringify(fault));
    if (fault.kind === "partition") return this.#partition(fault.side, fault.forMs);
    if (fault.kind === "clockLeap") return this.#clockLeap(fault.nodes, fault.leapMs, fault.forMs);
    if (fault.kind === "crashAuthor") return this.#crashAuthor(fault.afterMs, fault.downMs);
    const machine = machines[fault.node % machines.length];
    if (machine?.process === undefined) return;
    this.#world.count(fault.kind);
    machine.disturb();
    this.#strike(machine, fault);
  }

  /** Puts everything right that still is wrong. */
  healAll(): void {
    this.#isOver = true;
    for (const end of [...this.#open.values()]) end();
    this.#world.network.heal();
  }

  #strike(
    machine: Machine,
    fault: Exclude<Fault, { kind: "partition" | "crashAuthor" | "clockLeap" }>,
  ): void {
    const { network } = this.#world;
    const { process } = machine;
    switch (fault.kind) {
      case "crash":
        machine.kill("killed", fault.isTorn);
        return this.#until(fault.downMs, () => this.#startAgain(machine));
      case "powerLoss":
        network.unplug(machine.peerId);
        machine.kill("killed", false);
        return this.#until(fault.downMs + 1_000, () => {
          network.plug(machine.peerId);
          this.#startAgain(machine);
        });
      case "restart":
        this.#world.background(machine.stop());
        return this.#until(fault.downMs + 5_000, () => this.#startAgain(machine));
      case "actorCrash":
        return process?.cells[fault.actor].crash(new Error(`${fault.actor}: ${INJECTED}`));
      case "hostCrash":
        if (process?.host.isOpen === true) this.#world.background(process.host.crash(INJECTED));
        return;
      case "crashTwice": {
        const [first = "sync", second = "sync"] = fault.actors;
        process?.cells[first].crash(new Error(`${first}: ${INJECTED}`));
        const again = (): void => machine.process?.cells[second].crash(new Error(`${second}: ${INJECTED}`));
        return this.#world.after(fault.gapMs, () => {
          if (!this.#isOver) again();
        });
      }
      case "operator": {
        if (process === undefined) return;
        const undo = obey(process, fault.order, this.#world);
        return this.#until(fault.forMs, () => {
          if (machine.process === process) undo();
        });
      }
      case "slowPeer":
        network.slow(machine.peerId, fault.byMs);
        return this.#until(fault.forMs, () => {
          network.slow(machine.peerId, 0);
          machine.disturb();
        });
      case "linkReset": {
        const other = this.#world.machines[fault.other % this.#world.machines.length];
        if (other === undefined || process?.host.isOpen !== true) return;
        other.disturb();
        return this.#world.background(process.host.hangUp(other.peerId));
      }
      case "clockSkew":
        machine.skewMs = fault.skewMs;
        return this.#until(fault.forMs, () => {
          machine.skewMs = 0;
        });
      case "twinKey": {
        const twin = startTwin(this.#world, machine, fault.hasRecord);
        return this.#until(fault.forMs, () => endTwin(this.#world, machine, twin));
      }
      case "oldVoteRecord":
        machine.kill("killed", false);
        machine.restoreVotes(fault.back);
        return this.#until(fault.downMs, () => this.#startAgain(machine));
      case "diskFull": {
        const { disk } = machine;
        disk.isFull = true;
        return this.#until(fault.forMs, () => {
          disk.isFull = false;
        });
      }
      case "slowDisk": {
        const { diskLatencyMs } = machine;
        machine.diskLatencyMs = fault.latencyMs;
        return this.#until(fault.forMs, () => {
          machine.diskLatencyMs = this.#world.scenario.diskLatencyMs ?? diskLatencyMs;
        });
      }
      case "cancels":
        return this.#cancels(machine, fault.requests, fault.gapMs);
      case "crashLoop":
        return this.#crashLoop(machine, fault.times, fault.upMs);
      case "stopStart":
        return this.#stopStart(machine, fault.times);
      default:
        return assertNever(fault);
    }
  }

  /** One request after the other, to each peer in turn, given up after a while that grows through all stages of one. */
  #cancels(machine: Machine, requests: number, gapMs: number): void {
    const { network } = this.#world;
    const { process } = machine;
    network.stutter(machine.peerId, gapMs);
    const end = (): void => network.stutter(machine.peerId, 0);
    const payload = encodeRangeRequest({ startHeight: 1, count: 8 });
    const ask = (index: number): void => {
      if (index >= requests || this.#isOver || machine.process !== process || process?.host.isOpen !== true)
        return end();
      const peers = [...new Set(process.host.connections().map(({ peerId }) => peerId))];
      const peerId = peers[index % Math.max(1, peers.length)];
      const controller = new AbortController();
      const options = { ...CANCELLED_REQUEST, signal: controller.signal };
      if (peerId !== undefined) {
        this.#world.background(
          process.host.request(peerId, "blocks-by-range", payload, options).then(
            () => {},
            () => {},
          ),
        );
      }
      this.#world.after((index % 8) * (gapMs / 3), () => controller.abort());
      this.#world.after(100 + (index % 8) * (gapMs / 3), () => ask(index + 1));
    };
    ask(0);
  }

  #crashLoop(machine: Machine, times: number, upMs: number): void {
    const again = (left: number): void => {
      if (this.#isOver || machine.process === undefined) return;
      machine.disturb();
      machine.kill("killed", false);
      this.#until(200, () => {
        this.#startAgain(machine);
        if (left > 1) this.#world.after(upMs, () => again(left - 1));
      });
    };
    again(times);
  }

  #stopStart(machine: Machine, times: number): void {
    const { process } = machine;
    const again = (left: number): void => {
      if (machine.process !== process || process === undefined) return;
      const undo = obey(process, "stopSync", this.#world);
      this.#until(150 + 40 * left, () => {
        if (machine.process !== process) return;
        machine.disturb();
        undo();
        if (left > 1 && !this.#isOver) this.#world.after(300, () => again(left - 1));
      });
    };
    again(times);
  }

  #crashAuthor(afterMs: number, downMs: number): void {
    const { machines, scenario, nowMs } = this.#world;
    const slot = Math.floor((START_MS + nowMs) / SLOT_MS) + 1;
    const author = machines.find(({ memberIndex }) => memberIndex === slot % scenario.members);
    const delayMs = slot * SLOT_MS - START_MS - nowMs + afterMs;
    this.#world.after(delayMs, () => {
      if (author?.process === undefined || this.#isOver) return;
      this.#world.count("crashAuthor");
      author.disturb();
      this.#strike(author, { kind: "crash", node: author.index, downMs, isTorn: false });
    });
  }

  #clockLeap(nodes: readonly number[], leapMs: number, forMs: number): void {
    const { machines } = this.#world;
    const leaping = machines.filter(({ index }) => nodes.some((node) => node % machines.length === index));
    this.#world.count("clockLeap");
    const set = (skewMs: number): void => {
      for (const machine of leaping) {
        machine.disturb();
        machine.skewMs = skewMs;
      }
    };
    set(leapMs);
    this.#until(forMs, () => set(0));
  }

  #partition(side: readonly number[], forMs: number): void {
    const { machines, twins, network, nowMs } = this.#world;
    const disturb = (): void => {
      for (const machine of machines) machine.disturb();
    };
    this.#world.count("partition");
    const isInside = ({ memberIndex }: Machine, index: number): boolean =>
      side.includes(index < 0 ? machines.findIndex((one) => one.memberIndex === memberIndex) : index);
    const all = [...machines, ...twins];
    const sideOf = (wanted: boolean): string[] =>
      all.filter((one) => isInside(one, machines.indexOf(one)) === wanted).map(({ peerId }) => peerId);
    const [inside, outside] = [sideOf(true), sideOf(false)];
    this.#world.trace.add("NETWORK", `parted at ${nowMs}`);
    network.partition([outside, inside]);
    disturb();
    this.#until(forMs, () => {
      network.heal();
      disturb();
    });
  }

  #startAgain(machine: Machine): void {
    if (machine.process !== undefined) return;
    machine.disturb();
    machine.start();
  }

  /** Runs `end` after a time, or when everything is put right, once. */
  #until(afterMs: number, end: () => void): void {
    const number = this.#number++;
    const once = (): void => {
      if (this.#open.delete(number)) end();
    };
    this.#open.set(number, once);
    this.#world.after(afterMs, once);
  }
}

/** An operator's patience between two attempts, milliseconds. */
const RETRY_MS = 1_000;

/** Carries out an operator's order; gives how to take it back. An order that is refused is the operator's affair. */
function obey({ supervisor, cells }: NodeProcess, order: Order, world: World): () => void {
  const ignore = (): void => {};
  // A service that is still stopping says so: the operator tries again.
  const insist = (ask: () => Promise<unknown>): void => {
    ask().catch((thrown: unknown) => {
      if (thrown instanceof Failure && thrown.isRetryable) world.after(RETRY_MS, () => insist(ask));
    });
  };
  const restart = (id: string): (() => void) => {
    supervisor.restartChild(id).then(ignore, ignore);
    return ignore;
  };
  const sync = cells.sync.ref;
  const network = cells.network.ref;
  switch (order) {
    case "restartHost":
      return restart("host");
    case "restartPeer":
      return restart("peer");
    case "restartNetwork":
      return restart("network");
    case "restartSync":
      return restart("sync");
    case "restartProducer":
      return restart("producer");
    case "pauseSync":
      sync.ask(SyncService.method.pauseSync, { reason: "drill" }).then(ignore, ignore);
      return () => insist(() => sync.ask(SyncService.method.resumeSync, {}));
    case "stopSync":
      sync.ask(SyncService.method.stopSync, { reason: "drill" }).then(ignore, ignore);
      return () => insist(() => sync.ask(SyncService.method.startSync, {}));
    case "stopNetwork":
      network.ask(NetworkService.method.stopNetwork, {}).then(ignore, ignore);
      return () => insist(() => network.ask(NetworkService.method.startNetwork, {}));
    default:
      return assertNever(order);
  }
}
