/**
 * The composition root: makes one node out of its settings and is the one place (with node/) that picks implementations.
 * Starts what stands below before what depends on it, and stops in reverse. main.ts runs it.
 */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { NodeConfig } from "../../gen/alys/config/v1/config_pb.ts";
import { NetworkService, NetworkState } from "../../gen/alys/network/v1/network_pb.ts";
import { NodeInternalService, NodeState } from "../../gen/alys/node/v1/node_pb.ts";
import { ChildState, SupervisorInternalService } from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { nodeActor } from "../actors/node/actor.ts";
import { supervisorActor } from "../actors/supervisor/actor.ts";
import { syncConfig } from "../actors/sync/config.ts";
import { toHex } from "../chain/hex.ts";
import { ConfigService } from "../config/config-service.ts";
import type { LoadedConfig, Settings } from "../config/load.ts";
import { HealthBoard } from "../control/health.ts";
import { type RunningControl, startControl } from "../control/server.ts";
import { actorCell } from "../kernel/actor/cell.ts";
import { environment } from "../kernel/actor/environment.ts";
import { realClock } from "../kernel/ports/clock.ts";
import { ThreadWatchdog } from "../kernel/ports/watchdog.ts";
import type { Ref } from "../kernel/ref.ts";
import type { ChildSpec } from "../kernel/supervision/child.ts";
import { BACKOFF_AT_ONCE } from "../kernel/supervision/restart.ts";
import {
  type Escalation,
  Supervisor,
  type SupervisorEvent,
  supervisorChild,
} from "../kernel/supervision/supervisor.ts";
import { writeFileAtomic } from "../storage/files.ts";
import { LOG_LEVELS, type LogLevel, type RootLog } from "../telemetry/log.ts";
import { processProfiler } from "../telemetry/profiler.ts";
import { type ActorParts, composeActors, superviseActors } from "./actor-system.ts";
import { applyAtOnce } from "./apply-config.ts";
import { Attachments } from "./attachments.ts";
import { checkSettings, ownIps } from "./check-settings.ts";
import { type ControlParts, openControlParts } from "./control-parts.ts";
import { integrationsSupervisor } from "./integrations.ts";
import { openResources, type Resources } from "./resources.ts";
import { hostOptions, networkConfig, peerConfig, producerConfig } from "./translate.ts";
import { Vitals } from "./vitals.ts";

export interface NodeOptions {
  readonly loaded: LoadedConfig;
  readonly log: RootLog;
  readonly version: string;
  readonly processId: number;
  readonly runtimeVersion: string;
}

export interface RunningNode {
  /** HOST:PORT of the control plane. */
  readonly controlAddress: string | undefined;
  /** Resolves with the reason when the node asks to be stopped: a supervisor gave up, or an operator's Shutdown. */
  readonly ended: Promise<NodeEnd>;
  /** Stops everything in order. Idempotent. */
  stop(): Promise<void>;
  /** The process is killed when it has not ended in this time, even if the calling thread stands still. */
  endWithin(deadlineMs: number): void;
}

export interface NodeEnd {
  readonly reason: string;
  readonly isFailure: boolean;
}

/** File in the data directory that says where a running node is reached. */
const NODE_FILE = "node.json";

/** File in the data directory that a heap snapshot passes through. */
const SNAPSHOT_FILE = "heap.snapshot";

/** Starts a node. Throws a Failure that says what could not be opened; then nothing is left open. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { log } = options;
  const { settings } = options.loaded;
  const resources = await openResources(settings, log);
  let controlParts: ControlParts | undefined;
  try {
    controlParts = await openControlParts(settings, log.child({ part: "control" }));
    return await compose(options, resources, controlParts);
  } catch (error) {
    await controlParts?.audit?.close();
    await resources
      .close()
      .catch((secondary: unknown) => log.error("closing failed too", { error: secondary }));
    throw error;
  }
}

async function compose(
  options: NodeOptions,
  resources: Resources,
  controlParts: ControlParts,
): Promise<RunningNode> {
  const { loaded, log } = options;
  const { settings } = loaded;
  const { promise: ended, resolve: end } = Promise.withResolvers<NodeEnd>();
  const watchdog = new ThreadWatchdog();
  const run = environment({ clock: realClock, log, watchdog });
  const startedMs = realClock.nowMs();
  const health = new HealthBoard();
  const attachments = new Attachments({
    chain: resources.chain,
    isChainRequired: settings.integrations.chainRequired,
    ownKey: resources.authorityKey?.publicKey,
    onChange: (id, reason) => {
      const change = { id, state: ChildState.RUNNING, reason };
      supervisor.internalRef.tell(SupervisorInternalService.method.reportSupervision, { change });
    },
    health,
    clock: realClock,
    log,
  });
  const actorsOf = actorParts(options, resources, attachments, startedMs);
  const cells = composeActors(actorsOf, run);
  let control: RunningControl | undefined;
  const setLogLevel = (actor: string | undefined, level: string): LogLevel | undefined =>
    isLogLevel(level) ? log.setLevel(actor, level) : undefined;

  const supervisor = actorCell(
    supervisorActor({
      tree: () => root.tree(),
      lag: () => vitals.lag.summary(),
      attachmentOf: (id) => attachments.statusOf(id),
      restart: (id) => supervisorOf(id).restartChild(id),
      stop: (id) => supervisorOf(id).stopChild(id),
      inject: (id, fault) => vitals.inject(id, fault),
      deadLetters: run.deadLetters,
      isFaultInjectionAllowed: settings.supervision.allowFaultInjection,
    }),
    run,
  );
  const node = actorCell(
    nodeActor({
      ...options,
      startedMs,
      peerId: resources.host.peerId,
      genesisHash: resources.facts.genesisHash,
      authorityKey: resources.authorityKey?.publicKey ?? new Uint8Array(),
      config: new ConfigService({
        loaded,
        check: (changed) => checkSettings(changed, ownIps()),
        apply: (changed, keys) =>
          applyAtOnce(
            {
              config: actorsOf.config,
              workers: resources.workers,
              setLogLevel: (level) => setLogLevel(undefined, level),
              setRateLimit: (limit) => control?.setRateLimit(limit),
            },
            changed,
            keys,
          ),
      }),
      tokens: controlParts.tokens,
      profiler: processProfiler({
        clock: realClock,
        file: join(settings.storage.dataDirectory, SNAPSHOT_FILE),
        excuse: (limitMs) => watchdog.excuse(limitMs),
      }),
      sync: cells.sync.ref,
      services: () => control?.services ?? [],
      certificates: () => control?.certificates ?? [],
      actors: () => [...Object.keys(cells), "supervisor", "node"],
      setLogLevel,
      shutdown: (reason) => end({ reason: `an operator asked: ${reason}`, isFailure: false }),
      drain: () => {
        control?.drain();
        attachments.drain();
      },
    }),
    run,
  );
  const vitals = new Vitals(
    [...Object.values(cells), supervisor, node],
    health,
    watchdog,
    resources.store,
    run,
  );
  const onEvent = (event: SupervisorEvent): void => {
    vitals.onSupervision(event);
    // The root's own children include the actor that would be told.
    if (event.supervisor === "root") return;
    supervisor.internalRef.tell(SupervisorInternalService.method.reportSupervision, {
      change: { id: event.childId, state: STATES[event.kind], reason: event.error?.message ?? "" },
    });
  };
  const parts = { clock: realClock, random: run.random, log, onEvent };
  const deaths = { store: resources.store.died, validator: resources.validator.gaveUp };
  const makeActors = (): Supervisor => superviseActors(cells, actorsOf, run, onEvent);
  let actors = makeActors();
  let integrations = integrationsSupervisor(run, onEvent, deaths);
  const supervisorOf = (id: string): Supervisor =>
    [root, integrations].find(({ children }) => children.includes(id)) ?? actors;
  const root = new Supervisor(
    "one_for_one",
    [
      system("supervisor", () => supervisor.child.start()),
      system("node", () => node.child.start()),
      system(
        "integrations",
        supervisorChild(() => (integrations = integrationsSupervisor(run, onEvent, deaths))),
      ),
      // Once it gave up nothing below can be trusted: its escalation ends the node.
      {
        ...system(
          "network-supervisor",
          supervisorChild(() => (actors = makeActors())),
        ),
        stopDeadlineMs: NETWORK_STOP_DEADLINE_MS,
      },
    ],
    { ...parts, name: "root" },
  );
  void root.escalated.then((escalation) => end({ reason: describe(escalation), isFailure: true }));
  try {
    await root.start();
  } catch (error) {
    await vitals.stop();
    throw error;
  }
  vitals.start();
  attachments.connect(cells);
  try {
    const refs = [...Object.values(cells), supervisor, node].map(({ ref }) => ({
      service: ref.service,
      ref,
    }));
    control = await startControl({
      services: [...refs, ...attachments.services],
      ...controlParts.options,
      log: log.child({ part: "control" }),
      clock: realClock,
      health,
    });
    if (settings.network.autoStart) await whenOpen(cells.network.ref);
    await announce(options, resources, control);
  } catch (error) {
    await control?.close();
    await attachments.close();
    await root.stop();
    await vitals.stop();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  return {
    controlAddress: control.address,
    ended,
    endWithin: (deadlineMs) => watchdog.endWithin(deadlineMs),
    stop: () =>
      (stopping ??= tellDraining(node.internalRef).then(() =>
        stop(settings, control, root, vitals, resources, controlParts, attachments),
      )),
  };
}

/** The actors below it have a second each, the host two. */
const NETWORK_STOP_DEADLINE_MS = 4_000;
const SYSTEM_STOP_DEADLINE_MS = 500;
/** Of the whole stop's 5 s. */
const TELL_DRAINING_MS = 200;
/** Readers are told in turns of their own. */
const DRAINING_HEARD_MS = 20;

function system(id: string, start: ChildSpec["start"]): ChildSpec {
  return {
    id,
    start,
    restart: "permanent",
    intensity: id === "network-supervisor" || id === "integrations" ? 0 : 3,
    periodMs: 60_000,
    backoff: BACKOFF_AT_ONCE,
    stopDeadlineMs: SYSTEM_STOP_DEADLINE_MS,
  };
}

const STATES: Readonly<Record<SupervisorEvent["kind"], ChildState>> = {
  started: ChildState.RUNNING,
  start_failed: ChildState.BACKING_OFF,
  crashed: ChildState.BACKING_OFF,
  finished: ChildState.STOPPED,
  stopped: ChildState.STOPPED,
  killed: ChildState.STOPPED,
  restart_scheduled: ChildState.BACKING_OFF,
  escalated: ChildState.STOPPED,
};

const isLogLevel = (level: string): level is LogLevel => LOG_LEVELS.some((known) => known === level);

function actorParts(
  options: NodeOptions,
  resources: Resources,
  { chain, engine, bridge }: Attachments,
  startedMs: number,
): ActorParts {
  const { version } = options;
  const { settings } = options.loaded;
  const { facts, workers, authorityKey } = resources;
  const opening = hostOptions(settings, facts.genesisHash, facts.slotDurationMs, version);
  return {
    ...resources,
    config: {
      peer: peerConfig(settings),
      network: networkConfig(settings, opening),
      sync: syncConfig(settings.sync as NodeConfig["sync"], workers),
      producer: producerConfig(settings),
    },
    chain,
    engine,
    bridge,
    signer: authorityKey,
    guard: { state: undefined },
    startedMs,
  };
}

const describe = ({ supervisor, childId, failure }: Escalation): string =>
  `${supervisor} gave up on ${childId}: ${failure.message}`;

/** Waits until the NetworkActor opened the host; throws the Failure that it met, for instance a taken port. */
async function whenOpen(network: Ref<typeof NetworkService>): Promise<void> {
  const state = await new Promise<NetworkState>((resolve) => {
    const subscription = network.watch(
      NetworkService.method.watchNetworkEvents,
      {},
      {
        onMessage: ({ event }) => {
          const now =
            event.case === "snapshot" ? event.value.state : event.case === "state" ? event.value : undefined;
          if (now !== NetworkState.RUNNING && now !== NetworkState.STOPPED) return;
          subscription.close();
          resolve(now);
        },
        onEnd: () => resolve(NetworkState.STOPPED),
      },
    );
  });
  // It did not open: asking again answers why.
  if (state === NetworkState.STOPPED) await network.ask(NetworkService.method.startNetwork, {});
}

/** Writes down where this node is reached, for whoever started it. */
async function announce(
  { loaded: { settings }, processId, log }: NodeOptions,
  resources: Resources,
  control: RunningControl,
): Promise<void> {
  const { host, facts } = resources;
  const whereabouts = {
    peerId: host.peerId,
    controlAddress: control.address ?? "",
    unixSocket: control.unixAddress?.slice("unix:".length) ?? "",
    requireTokens: settings.control.requireTokens,
    listenAddresses: host.isOpen ? [...host.addresses()] : [],
    genesisHash: toHex(facts.genesisHash),
  };
  const text = `${JSON.stringify({ pid: processId, ...whereabouts }, undefined, 2)}\n`;
  await writeFileAtomic(join(settings.storage.dataDirectory, NODE_FILE), new TextEncoder().encode(text));
  log.info("node is up", { ...whereabouts, height: resources.chain.snapshot().head.height });
}

/** Those who watch the state hear of the stop before their streams end by it. */
async function tellDraining(node: Ref<typeof NodeInternalService>): Promise<void> {
  const { reportState } = NodeInternalService.method;
  try {
    await node.ask(reportState, { state: NodeState.DRAINING }, { deadlineMs: TELL_DRAINING_MS });
    await new Promise<void>((resolve) => realClock.setTimer(DRAINING_HEARD_MS, resolve));
  } catch {
    // It is down, or too busy to be told: the stop is what counts.
  }
}

/** First no new calls, then the actors from the top, then what they stood on. */
async function stop(
  settings: Settings,
  control: RunningControl | undefined,
  root: Supervisor,
  vitals: Vitals,
  resources: Resources,
  controlParts: ControlParts,
  attachments: Attachments,
): Promise<void> {
  control?.drain();
  attachments.drain();
  await control?.close();
  await controlParts.audit?.close();
  await root.stop();
  await vitals.stop();
  await attachments.close();
  await resources.close();
  await rm(join(settings.storage.dataDirectory, NODE_FILE), { force: true });
}
