/**
 * A local network as a whole: prepared on disk, started member by member, stopped together. Owns its processes and its
 * folder. `alysd localnet` shows it to people, tests and benchmarks drive it.
 */

import { assert, failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { Random } from "../../kernel/ports/random.ts";
import {
  auxpowOptions,
  copyHistory,
  makeNetworkFolder,
  makeNodes,
  removeNetworkFolder,
  SLOT_DURATION_MS,
  writeNetwork,
} from "./folders.ts";
import { writeHistory } from "./history.ts";
import { chainFolder, type NetworkPlan, type NodePlan, planNetwork } from "./plan.ts";
import { PortClaims } from "./port-claims.ts";
import { choosePorts } from "./ports.ts";
import { NodeProcess } from "./processes.ts";

/** A node opens its chain, its host and its listeners in about a second; four at once on a busy machine take half a minute. */
const READY_DEADLINE_MS = 120_000;

/** Of the 5 s in which everything has to be gone: nodes that still run then are killed. */
const STOP_DEADLINE_MS = 4_300;

export interface NetworkOptions {
  readonly members: number;
  readonly blocks: number;
  readonly seed: number;
  /** Blocks from one AuxPoW to the next; without it the chain has none. */
  readonly auxpowEvery?: number;
  /** Undefined: a temporary folder. */
  readonly dataDirectory: string | undefined;
  /** Leave the folder at the end. */
  readonly isKept: boolean;
  /** Ports that people expect, where they are free; or any. */
  readonly ports: "usual" | "any";
  readonly clock: Clock;
  readonly random: Random;
  /** Aborting ends preparation early: `prepare` then rejects CANCELLED. */
  readonly signal?: AbortSignal;
  /** The folder is there and may be filled: now the chain is forged. */
  readonly onForging?: () => void;
  readonly onForged?: (blocksDone: number) => void;
}

export class LocalNetwork {
  readonly plan: NetworkPlan;
  readonly #processes = new Map<string, NodeProcess>();
  readonly #claims: PortClaims;
  readonly #isKept: boolean;
  readonly #clock: Clock;

  private constructor(plan: NetworkPlan, claims: PortClaims, isKept: boolean, clock: Clock) {
    this.plan = plan;
    this.#claims = claims;
    this.#isKept = isKept;
    this.#clock = clock;
  }

  /** Forges the chain and writes everything down. When it rejects, a temporary folder is gone again. */
  static async prepare(options: NetworkOptions): Promise<LocalNetwork> {
    const { members, blocks, seed, clock, random, isKept, signal } = options;
    const folder = await makeNetworkFolder(options.dataDirectory);
    const claims = new PortClaims();
    try {
      options.onForging?.();
      const nodes = await makeNodes(folder, members, random);
      const keyed = nodes.filter(({ isMember }) => isMember);
      const [first] = keyed;
      assert(first !== undefined, "a federation has members");
      if (blocks > 0) {
        await writeHistory({
          members,
          blocks,
          seed,
          clock,
          slotDurationMs: SLOT_DURATION_MS,
          ...auxpowOptions(options.auxpowEvery),
          folder: chainFolder(folder, first.name),
          ...(options.onForged === undefined ? {} : { onProgress: options.onForged }),
          ...(signal === undefined ? {} : { signal }),
        });
        if (signal?.aborted === true) throw failure("CANCELLED", "STOPPED", "told to stop");
        await copyHistory(folder, keyed);
      }
      // As late as can be: a port that is free now can be taken later.
      const plan = planNetwork(folder, nodes, await choosePorts(nodes.length, options.ports, claims));
      await writeNetwork(plan, { seed, random, auxpowEvery: options.auxpowEvery ?? 0 });
      return new LocalNetwork(plan, claims, isKept, clock);
    } catch (error) {
      claims.release();
      if (!isKept) await removeNetworkFolder(folder);
      throw error;
    }
  }

  get observer(): NodePlan {
    return this.planOf("observer");
  }

  get members(): readonly NodePlan[] {
    return this.plan.nodes.filter(({ isMember }) => isMember);
  }

  get processes(): readonly NodeProcess[] {
    return [...this.#processes.values()];
  }

  planOf(name: string): NodePlan {
    const node = this.plan.nodes.find((each) => each.name === name);
    assert(node !== undefined, `the network has a node ${name}`);
    return node;
  }

  /** The newest process of a node. */
  process(name: string): NodeProcess {
    const process = this.#processes.get(name);
    assert(process !== undefined, `${name} was started`);
    return process;
  }

  /** Starts a node and waits until it serves. Rejects with the Failure of NodeProcess.ready. */
  async start(name: string, signal?: AbortSignal): Promise<NodeProcess> {
    assert(this.#processes.get(name)?.isRunning !== true, `${name} does not run yet`);
    const process = NodeProcess.start(this.planOf(name), this.#clock);
    this.#processes.set(name, process);
    await process.ready(READY_DEADLINE_MS, signal);
    return process;
  }

  async startMembers(signal?: AbortSignal): Promise<void> {
    await Promise.all(this.members.map(({ name }) => this.start(name, signal)));
  }

  /** Ends all processes within 5 s and removes the folder unless it is kept. Answers who had to be killed. */
  async stop(): Promise<readonly string[]> {
    const ends = this.processes.map(async (process) => ({
      name: process.name,
      isOrderly: await process.stop(STOP_DEADLINE_MS),
    }));
    const stopped = await Promise.all(ends);
    this.#claims.release();
    if (!this.#isKept) await removeNetworkFolder(this.plan.folder);
    return stopped.filter(({ isOrderly }) => !isOrderly).map(({ name }) => name);
  }
}
