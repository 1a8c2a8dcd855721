/**
 * `alysd localnet`: a federation and a fresh observer on this machine, each a process of its own, shown to
 * a person at work. Owns the order of things and the exit status: 0 at Ctrl-C or when --once is satisfied,
 * 1 when it is not by its deadline or nodes fail, 64 for a wrong call, 130 when interrupted before the end
 * of --once.
 */

import { SyncState, type SyncStatus } from "../../gen/alys/sync/v1/sync_pb.ts";
import { Failure } from "../kernel/errors.ts";
import { realClock } from "../kernel/ports/clock.ts";
import { realRandom } from "../kernel/ports/random.ts";
import { SEED_MAX } from "./bounds.ts";
import { type Connection, connect } from "./client.ts";
import { grouped } from "./format.ts";
import { LocalNetwork } from "./localnet/network.ts";
import {
  askTraffic,
  hasFollowed,
  isLevel,
  memberHeights,
  shortfall,
  watchStatus,
} from "./localnet/observer.ts";
import { LOCALNET_USAGE, type LocalnetOptions, parseLocalnetOptions } from "./localnet/options.ts";
import type { NodeProcess } from "./localnet/processes.ts";
import { nodesReport, trafficReport } from "./localnet/report.ts";
import { ProgressLine } from "./progress.ts";
import { syncProgress } from "./sync-progress.ts";

const EXIT_USAGE = 64;
const EXIT_FAILED = 1;
const EXIT_INTERRUPTED = 130;

/** Ctrl-C, a polite kill, a terminal that was closed. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs the command; answers the exit status of the process. */
export async function runLocalnet(args: readonly string[]): Promise<number> {
  const options = parseLocalnetOptions(args);
  if (options === "help") {
    console.log(LOCALNET_USAGE);
    return 0;
  }
  if ("problem" in options) {
    console.error(`alysd localnet: ${options.problem}\n\n${LOCALNET_USAGE}`);
    return EXIT_USAGE;
  }
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  // Whoever read what we print is gone. The listeners stay: a late error must not end us before we have cleaned up.
  process.stdout.on("error", onSignal);
  process.stderr.on("error", onSignal);
  try {
    return await new LocalnetSession(options, stop.signal).run();
  } catch (error) {
    if (stop.signal.aborted) return options.isOnce ? EXIT_INTERRUPTED : 0;
    if (!(error instanceof Failure)) throw error;
    console.error(`alysd localnet: ${error.message}`);
    return EXIT_FAILED;
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  }
}

/** How the watching ended: undefined is success. */
type Outcome = { readonly problem: string } | undefined;

class LocalnetSession {
  readonly #options: LocalnetOptions;
  /** Aborted by Ctrl-C. */
  readonly #stopped: AbortSignal;
  readonly #screen = new ProgressLine(process.stdout, realClock);
  readonly #startedMs = realClock.monotonicMs();

  constructor(options: LocalnetOptions, stopped: AbortSignal) {
    this.#options = options;
    this.#stopped = stopped;
  }

  async run(): Promise<number> {
    const network = await this.#prepare();
    const connections: Connection[] = [];
    try {
      return await this.#runNetwork(network, (address) => {
        const connection = connect(address);
        connections.push(connection);
        return connection;
      });
    } finally {
      this.#screen.end();
      for (const connection of connections) connection.close();
      const killed = await network.stop();
      for (const name of killed) console.error(`${name} did not end in time and was killed`);
    }
  }

  async #prepare(): Promise<LocalNetwork> {
    const { members, blocks, auxpowEvery, dataDirectory, isKept } = this.#options;
    const seed = this.#options.seed ?? realRandom.integer(SEED_MAX);
    const network = await LocalNetwork.prepare({
      members,
      blocks,
      seed,
      auxpowEvery,
      dataDirectory,
      isKept,
      ports: "usual",
      clock: realClock,
      random: realRandom,
      signal: this.#stopped,
      // Not before: a folder that holds something is refused, and nothing is forged.
      onForging: () =>
        this.#screen.print(
          `a chain of ${members} members and ${grouped(blocks)} blocks is forged (seed ${seed})`,
        ),
      onForged: (done) =>
        this.#screen.show({ label: "forged", done, total: blocks, unit: "blocks" }, done === blocks),
    });
    this.#screen.end();
    return network;
  }

  async #runNetwork(network: LocalNetwork, open: (address: string) => Connection): Promise<number> {
    await network.startMembers(this.#stopped);
    this.#screen.print("members produce a block each 2 s; a fresh observer syncs from them");
    await network.start(network.observer.name, this.#stopped);
    for (const running of network.processes) this.#watchEnd(running);
    const observer = open(network.observer.controlAddress);
    const members = network.members.map(({ controlAddress }) => open(controlAddress));
    if (!this.#options.isOnce) {
      await this.#showForEver(network, observer);
      return 0;
    }
    const outcome = await this.#awaitLive(network, observer, members);
    this.#screen.end();
    await this.#reportTraffic(network, observer);
    if (outcome === undefined) return 0;
    console.error(`alysd localnet: ${outcome.problem}`);
    return this.#stopped.aborted ? EXIT_INTERRUPTED : EXIT_FAILED;
  }

  /** Says so when a node ends that nobody told to. */
  #watchEnd(running: NodeProcess): void {
    void running.ended.then(() => {
      // A Ctrl-C reaches the nodes too, maybe a moment before us.
      if (running.isStopping || this.#stopped.aborted) return;
      this.#screen.end();
      console.error(running.obituary());
    });
  }

  async #showForEver(network: LocalNetwork, observer: Connection): Promise<void> {
    let isReported = false;
    for await (const status of watchStatus(observer, this.#stopped)) {
      // Later the bar stays at the foot of a terminal; a pipe has heard enough.
      if (!isReported || process.stdout.isTTY) this.#show(status);
      if (isReported || status.state !== SyncState.SYNCED) continue;
      isReported = true;
      this.#screen.end();
      await this.#reportTraffic(network, observer);
      this.#screen.print(`\n${nodesReport(network.plan)}\n\nThe network goes on until Ctrl-C.`);
    }
  }

  /** Until the observer is level with the members and followed its blocks, or there is no hope of it. */
  async #awaitLive(
    network: LocalNetwork,
    observer: Connection,
    members: readonly Connection[],
  ): Promise<Outcome> {
    const remainingMs = this.#startedMs + this.#options.deadlineMs - realClock.monotonicMs();
    const ending = new AbortController();
    const abort = (): void => ending.abort();
    const timer = realClock.setTimer(remainingMs, abort);
    this.#stopped.addEventListener("abort", abort, { once: true });
    const running = network.process(network.observer.name);
    void running.ended.then(abort);
    let last: SyncStatus | undefined;
    try {
      for await (const status of watchStatus(observer, ending.signal)) {
        last = status;
        this.#show(status);
        if (!hasFollowed(status)) continue;
        const heights = await memberHeights(members, ending.signal);
        if (isLevel(status.head?.height ?? 0n, heights)) return undefined;
      }
      if (this.#stopped.aborted) return { problem: "interrupted" };
      if (!running.isRunning) return { problem: "the observer ended" };
      const heights = await memberHeights(members, this.#stopped);
      const seconds = Math.round(this.#options.deadlineMs / 1000);
      return { problem: `not synced and following after ${seconds} s: ${shortfall(last, heights)}` };
    } finally {
      timer.cancel();
      this.#stopped.removeEventListener("abort", abort);
    }
  }

  #show(status: SyncStatus): void {
    const progress = syncProgress(status);
    const isSynced = status.state === SyncState.SYNCED;
    const notes = [...(progress.notes ?? []), ...(isSynced ? [`live blocks: ${status.blocksFollowed}`] : [])];
    this.#screen.show({ ...progress, notes }, isSynced);
  }

  async #reportTraffic(network: LocalNetwork, observer: Connection): Promise<void> {
    try {
      const { peers, network: status } = await askTraffic(observer);
      const names = new Map(network.plan.nodes.map(({ peerId, name }) => [peerId, name]));
      this.#screen.print(trafficReport(peers, status, (peerId) => names.get(peerId) ?? peerId));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#screen.print(`the observer does not tell its traffic: ${error.message}`);
    }
  }
}
