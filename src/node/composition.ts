/**
 * Composition: one node made out of its settings and resources, from the ground up: the integrations, the actors upon them, the
 * actors that speak for the node, what measures them, the supervisors, and the control plane above. Each of them reaches the
 * others through here, when it is called and not while it is made.
 */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { NodeConfig } from "../../gen/alys/config/v1/config_pb.ts";
import { ChildState, SupervisorInternalService } from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { nodeActor } from "../actors/node/actor.ts";
import { supervisorActor } from "../actors/supervisor/actor.ts";
import { syncConfig } from "../actors/sync/config.ts";
import { ConfigService } from "../config/config-service.ts";
import { HealthBoard } from "../control/health.ts";
import { type RunningControl, startControl } from "../control/server.ts";
import { actorCell } from "../kernel/actor/cell.ts";
import { environment } from "../kernel/actor/environment.ts";
import { realClock } from "../kernel/ports/clock.ts";
import { ThreadWatchdog } from "../kernel/ports/watchdog.ts";
import { LiveSettings } from "../kernel/settings.ts";
import { LOG_LEVELS, type LogLevel } from "../telemetry/log.ts";
import { processProfiler } from "../telemetry/profiler.ts";
import { type ActorParts, composeActors } from "./actor-system.ts";
import { announce, NODE_FILE, tellDraining, whenOpen } from "./announce.ts";
import { applyAtOnce } from "./apply-config.ts";
import { Attachments } from "./attachments.ts";
import { checkSettings, ownIps } from "./check-settings.ts";
import type { ControlParts } from "./control-parts.ts";
import type { Resources } from "./resources.ts";
import type { NodeEnd, NodeOptions, RunningNode } from "./running.ts";
import { SupervisionTree } from "./supervision-tree.ts";
import { hostOptions, networkConfig, peerConfig, producerConfig } from "./translate.ts";
import { Vitals } from "./vitals.ts";

/** File in the data directory that a heap snapshot passes through. */
const SNAPSHOT_FILE = "heap.snapshot";

export class Composition {
  readonly #options: NodeOptions;
  readonly #resources: Resources;
  readonly #controlParts: ControlParts;
  readonly #ended = Promise.withResolvers<NodeEnd>();
  readonly #watchdog = new ThreadWatchdog();
  readonly #health = new HealthBoard();
  readonly #startedMs = realClock.nowMs();
  readonly #run;
  readonly #attachments: Attachments;
  readonly #actorParts: ActorParts;
  readonly #cells;
  readonly #supervisor;
  readonly #node;
  readonly #vitals: Vitals;
  readonly #tree: SupervisionTree;
  #control: RunningControl | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: NodeOptions, resources: Resources, controlParts: ControlParts) {
    this.#options = options;
    this.#resources = resources;
    this.#controlParts = controlParts;
    this.#run = environment({ clock: realClock, log: options.log, watchdog: this.#watchdog });
    this.#attachments = this.#makeAttachments();
    this.#actorParts = actorParts(options, resources, this.#attachments, this.#startedMs);
    this.#cells = composeActors(this.#actorParts, this.#run);
    this.#supervisor = this.#makeSupervisor();
    this.#node = this.#makeNode();
    const { store } = resources;
    this.#vitals = new Vitals(this.#allCells(), this.#health, this.#watchdog, store, this.#run);
    this.#tree = new SupervisionTree({
      run: this.#run,
      log: options.log,
      cells: this.#cells,
      actorParts: this.#actorParts,
      integrations: { store: resources.reopening, validator: resources.validator },
      system: { supervisor: this.#supervisor.child, node: this.#node.child },
      supervisor: this.#supervisor.internalRef,
      onEvent: (event) => this.#vitals.onSupervision(event),
    });
  }

  /** Starts what stands below before what depends on it. When it rejects, nothing that it started is left running. */
  async start(): Promise<RunningNode> {
    const ended = this.#ended.promise;
    void this.#tree.gaveUp.then((reason) => this.#ended.resolve({ reason, isFailure: true }));
    try {
      await this.#tree.root.start();
    } catch (error) {
      await this.#vitals.stop();
      throw error;
    }
    this.#vitals.start();
    this.#attachments.connect(this.#cells);
    try {
      this.#control = await this.#startControl();
      const { settings } = this.#options.loaded;
      if (settings.network.autoStart) await whenOpen(this.#cells.network.ref);
      await announce(this.#options, this.#resources, this.#control);
    } catch (error) {
      await this.#control?.close();
      await this.#attachments.close();
      await this.#tree.root.stop();
      await this.#vitals.stop();
      throw error;
    }
    return {
      controlAddress: this.#control.address,
      ended,
      endWithin: (deadlineMs) => this.#watchdog.endWithin(deadlineMs),
      stop: () => (this.#stopping ??= tellDraining(this.#node.internalRef).then(() => this.#stop())),
    };
  }

  /** First no new calls, then the actors from the top, then what they stood on. */
  async #stop(): Promise<void> {
    this.#drain();
    await this.#control?.close();
    await this.#controlParts.audit?.close();
    await this.#tree.root.stop();
    await this.#vitals.stop();
    await this.#attachments.close();
    await this.#resources.close();
    const { dataDirectory } = this.#options.loaded.settings.storage;
    await rm(join(dataDirectory, NODE_FILE), { force: true });
  }

  #drain(): void {
    this.#control?.drain();
    this.#attachments.drain();
  }

  #makeAttachments(): Attachments {
    const { chain, authorityKey } = this.#resources;
    return new Attachments({
      chain,
      isChainRequired: this.#options.loaded.settings.integrations.chainRequired,
      ownKey: authorityKey?.publicKey,
      onChange: (id, reason) => {
        const change = { id, state: ChildState.RUNNING, reason };
        this.#supervisor.internalRef.tell(SupervisorInternalService.method.reportSupervision, { change });
      },
      health: this.#health,
      clock: realClock,
      log: this.#options.log,
    });
  }

  #makeSupervisor() {
    const { supervision } = this.#options.loaded.settings;
    return actorCell(
      supervisorActor({
        tree: () => this.#tree.root.tree(),
        lag: () => this.#vitals.lag.summary(),
        attachmentOf: (id) => this.#attachments.statusOf(id),
        restart: (id) => this.#tree.supervisorOf(id).restartChild(id),
        stop: (id) => this.#tree.supervisorOf(id).stopChild(id),
        inject: (id, fault) => this.#vitals.inject(id, fault),
        deadLetters: this.#run.deadLetters,
        isFaultInjectionAllowed: supervision.allowFaultInjection,
      }),
      this.#run,
    );
  }

  #makeNode() {
    const { host, facts, authorityKey } = this.#resources;
    const { dataDirectory } = this.#options.loaded.settings.storage;
    return actorCell(
      nodeActor({
        ...this.#options,
        startedMs: this.#startedMs,
        peerId: host.peerId,
        genesisHash: facts.genesisHash,
        authorityKey: authorityKey?.publicKey ?? new Uint8Array(),
        config: this.#configService(),
        tokens: this.#controlParts.tokens,
        profiler: processProfiler({
          clock: realClock,
          file: join(dataDirectory, SNAPSHOT_FILE),
          excuse: (limitMs) => this.#watchdog.excuse(limitMs),
        }),
        sync: this.#cells.sync.ref,
        services: () => this.#control?.services ?? [],
        certificates: () => this.#control?.certificates ?? [],
        actors: () => [...Object.keys(this.#cells), "supervisor", "node"],
        setLogLevel: (actor, level) => this.#setLogLevel(actor, level),
        shutdown: (reason) =>
          this.#ended.resolve({ reason: `an operator asked: ${reason}`, isFailure: false }),
        drain: () => this.#drain(),
      }),
      this.#run,
    );
  }

  #configService(): ConfigService {
    const targets = {
      config: this.#actorParts.config,
      workers: this.#resources.workers,
      setLogLevel: (level: string) => void this.#setLogLevel(undefined, level),
      setRateLimit: (limit: Parameters<RunningControl["setRateLimit"]>[0]) =>
        this.#control?.setRateLimit(limit),
    };
    return new ConfigService({
      loaded: this.#options.loaded,
      check: (changed) => checkSettings(changed, ownIps()),
      apply: (changed, keys) => applyAtOnce(targets, changed, keys),
    });
  }

  /** The level that was in force; undefined where there is no such level. */
  #setLogLevel(actor: string | undefined, level: string): LogLevel | undefined {
    return isLogLevel(level) ? this.#options.log.setLevel(actor, level) : undefined;
  }

  #allCells() {
    return [...Object.values(this.#cells), this.#supervisor, this.#node];
  }

  #startControl(): Promise<RunningControl> {
    const services = this.#allCells().map(({ ref }) => ({ service: ref.service, ref }));
    return startControl({
      services: [...services, ...this.#attachments.services],
      ...this.#controlParts.options,
      log: this.#options.log.child({ part: "control" }),
      clock: realClock,
      health: this.#health,
    });
  }
}

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
      peer: new LiveSettings(peerConfig(settings)),
      network: networkConfig(settings, opening),
      sync: new LiveSettings(syncConfig(settings.sync as NodeConfig["sync"], workers)),
      producer: new LiveSettings(producerConfig(settings)),
    },
    chain,
    engine,
    bridge,
    signer: authorityKey,
    guard: { state: undefined },
    startedMs,
  };
}
