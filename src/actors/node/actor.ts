/**
 * The node's own actor: what the node is, its configuration, its log levels, its state and its end. It watches the
 * SyncActor to tell whether the node is ready; whatever it does to the process goes through what the composition root
 * hands in.
 */

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { NodeInternalService, NodeService, NodeState } from "../../../gen/alys/node/v1/node_pb.ts";
import { SyncMode, SyncService, SyncState, type SyncStatus } from "../../../gen/alys/sync/v1/sync_pb.ts";
import type { CertificateEnd } from "../../control/auth/certificate-ends.ts";
import type { TokenStore } from "../../control/auth/token-store.ts";
import type { Actor, ActorContext, ActorDefinition } from "../../kernel/actor/actor.ts";
import type { Handlers } from "../../kernel/protocol.ts";
import type { Ref } from "../../kernel/ref.ts";
import { Topic } from "../../kernel/stream/topic.ts";
import { Transfer } from "../../kernel/stream/transfer.ts";
import type { Profiler } from "../../telemetry/profiler.ts";
import type { NodeConfigService } from "./config-service.ts";
import { LogLevels } from "./log-levels.ts";
import { tokenHandlers } from "./tokens.ts";

type Public = typeof NodeService;
type Internal = typeof NodeInternalService;

export interface NodeActorParts {
  readonly version: string;
  readonly runtimeVersion: string;
  readonly processId: number;
  readonly startedMs: number;
  readonly peerId: string;
  readonly genesisHash: Uint8Array;
  /** 48 bytes, or empty. */
  readonly authorityKey: Uint8Array;
  readonly config: NodeConfigService;
  readonly tokens: TokenStore;
  readonly profiler: Profiler;
  readonly sync: Ref<typeof SyncService>;
  services(): readonly string[];
  /** Of the TLS listeners. */
  certificates(): readonly CertificateEnd[];
  /** Names of the actors. */
  actors(): readonly string[];
  /** Sets a level; undefined when there is no such level. Answers the level before. */
  setLogLevel(actor: string | undefined, level: string): string | undefined;
  /** Asks for an orderly stop; returns at once. */
  shutdown(reason: string): void;
  /** Ends streams and refuses new ones. */
  drain(): void;
}

/** Time for the answer of Shutdown to leave before the control plane closes. */
const SHUTDOWN_DELAY_MS = 100;

/** The setting that sets the level of all logs. */
const LOG_LEVEL_KEY = "telemetry.log_level";

/** Of a CPU profile that its caller leaves open. */
const PROFILE_MS_DEFAULT = 5_000;
const INTERVAL_US_DEFAULT = 1_000;

export function nodeActor(parts: NodeActorParts): ActorDefinition<Public, Internal> {
  return {
    name: "node",
    service: NodeService,
    internal: NodeInternalService,
    create: (context) => new NodeActor(context, parts),
  };
}

function stateOf({ state, mode }: SyncStatus): NodeState {
  if (state === SyncState.SYNCED) return NodeState.READY;
  return mode === SyncMode.RECOVERY ? NodeState.RECOVERING : NodeState.SYNCING;
}

class NodeActor implements Actor<Public, Internal> {
  readonly #context: ActorContext<Public, Internal>;
  readonly #parts: NodeActorParts;
  readonly #topic: Topic<typeof NodeService.method.watchState>;
  readonly handlers: Handlers<Public>;
  readonly internal: Handlers<Internal>;
  readonly streams: Actor<Public, Internal>["streams"];
  #state: NodeState = NodeState.STARTING;

  constructor(context: ActorContext<Public, Internal>, parts: NodeActorParts) {
    this.#context = context;
    this.#parts = parts;
    this.#topic = new Topic(NodeService.method.watchState, {
      snapshot: () => ({ event: { case: "snapshot", value: this.#state } }),
    });
    this.streams = { watchState: this.#topic, ...this.#recordings() };
    this.internal = {
      reportState: ({ state }) => {
        this.#enter(state);
        return {};
      },
    };
    const levels = new LogLevels({
      actors: parts.actors,
      set: parts.setLogLevel,
      after: (delayMs, run) => context.timers.after(delayMs, run),
    });
    this.handlers = {
      ...tokenHandlers(context, parts.tokens),
      getInfo: () => this.#info(),
      getConfig: () => parts.config.view(),
      updateConfig: (request) => {
        const answer = context.deferred(NodeService.method.updateConfig);
        context.effect(parts.config.update(request), (outcome) => {
          if (!outcome.ok) return answer.reject(outcome.failure);
          const applied = outcome.value.applied?.paths ?? [];
          if (!request.validateOnly && applied.includes(LOG_LEVEL_KEY)) levels.forget("");
          answer.resolve(outcome.value);
        });
        return answer;
      },
      setLogLevel: ({ actor, level, lifetimeMs }) => levels.set(actor, level, Number(lifetimeMs)),
      drain: () => {
        this.#enter(NodeState.DRAINING);
        context.timers.after(SHUTDOWN_DELAY_MS, () => parts.drain());
        return {};
      },
      shutdown: ({ reason }) => {
        context.log.warn("an operator stops the node", { reason });
        this.#enter(NodeState.DRAINING);
        context.timers.after(SHUTDOWN_DELAY_MS, () => parts.shutdown(reason));
        return {};
      },
    };
  }

  onStart(): void {
    this.#watchSync();
  }

  onStop(): void {}

  #recordings() {
    const { profiler } = this.#parts;
    const { signal } = this.#context;
    return {
      recordCpuProfile: new Transfer(NodeService.method.recordCpuProfile, {
        open: ({ durationMs, intervalUs }, call) =>
          profiler.recordCpu(
            { durationMs: durationMs || PROFILE_MS_DEFAULT, intervalUs: intervalUs || INTERVAL_US_DEFAULT },
            AbortSignal.any([call.signal, signal]),
          ),
      }),
      takeHeapSnapshot: new Transfer(NodeService.method.takeHeapSnapshot, {
        open: (_request, call) => profiler.takeHeapSnapshot(AbortSignal.any([call.signal, signal])),
      }),
    };
  }

  #watchSync(): void {
    this.#context.watch(
      this.#parts.sync,
      SyncService.method.watchSyncStatus,
      {},
      {
        onMessage: ({ event }) => {
          if (event.case !== "snapshot" && event.case !== "status") return;
          if (this.#state === NodeState.DRAINING) return;
          this.#enter(stateOf(event.value));
        },
      },
    );
  }

  #enter(state: NodeState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#topic.publish({ event: { case: "state", value: state } });
  }

  #info() {
    const parts = this.#parts;
    return {
      version: parts.version,
      runtimeVersion: parts.runtimeVersion,
      peerId: parts.peerId,
      genesisHash: parts.genesisHash,
      authorityKey: parts.authorityKey,
      started: timestampFromMs(parts.startedMs),
      state: this.#state,
      processId: parts.processId,
      services: [...parts.services()],
      certificates: parts.certificates().map(({ use, fingerprint, expiresMs }) => ({
        ...{ use, fingerprint },
        expires: timestampFromMs(expiresMs),
      })),
    };
  }
}
