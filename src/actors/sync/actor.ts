/**
 * SyncActor: from wherever the node stands to the head of the chain, and staying there. It is the only
 * importer of blocks: ranges from peers, live blocks from gossip, the producer's own. This file is its
 * mailbox: it guards what comes in, lets the machine (machine.ts) take its step, and has the effects carried
 * out (effect-runner.ts).
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { NetworkInternalService, type WatchGossipResponse } from "../../../gen/alys/network/v1/network_pb.ts";
import {
  type PeerInternalService,
  PeerService,
  type WatchPeersResponse,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import {
  type ProductionStatusSchema,
  type ReportApprovalRequest,
  type SetProductionOverrideRequest,
  SyncInternalService,
  SyncService,
} from "../../../gen/alys/sync/v1/sync_pb.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { decodeHeader } from "../../chain/header.ts";
import { MalformedError } from "../../chain/malformed.ts";
import type { Validator } from "../../chain/validator.ts";
import { headerOf } from "../../integrations/chain/block-view.ts";
import type { CheckpointStore } from "../../integrations/chain/checkpoint/checkpoint-store.ts";
import type { ChainEvent, ChainPort } from "../../integrations/chain/port.ts";
import type { Actor, ActorContext, ActorDefinition } from "../../kernel/actor/actor.ts";
import type { Deferred } from "../../kernel/actor/deferred.ts";
import { onSettings } from "../../kernel/actor/settings-turn.ts";
import { assert, Failure } from "../../kernel/errors.ts";
import type { Handlers } from "../../kernel/protocol.ts";
import type { Ref } from "../../kernel/ref.ts";
import type { Settings } from "../../kernel/settings.ts";
import type { Table } from "../../storage/port.ts";
import { peerChangeOf } from "../peer-directory.ts";
import { Checkpoints } from "./checkpoint/checkpoints.ts";
import { type Mode, type SyncConfig, TICK_MS } from "./config.ts";
import type { Moment } from "./effect.ts";
import { EffectRunner } from "./effect-runner.ts";
import { EvidenceStore } from "./equivocation/evidence-store.ts";
import { badField, NOT_PAUSED, NOT_RUNNING, OPERATION_NOT_FOUND } from "./errors.ts";
import type { SyncInput } from "./input.ts";
import { SyncMachine } from "./machine.ts";
import type { SyncMetrics } from "./metrics.ts";
import { type Operation, operationMessage, pausedOperation } from "./operation.ts";
import type { Condition, ProductionVerdict } from "./production/readiness.ts";
import { readBlock, readOverride, readStart, type StartFacts, type StartWish } from "./request.ts";
import { stallWords } from "./status/stall-words.ts";
import { SyncTopics } from "./status/topics.ts";

type Public = typeof SyncService;
type Internal = typeof SyncInternalService;
type Context = ActorContext<Public, Internal>;
type ImportReply = Deferred<Internal["method"]["importBlock"]["output"]>;

export interface SyncParts {
  readonly config: Settings<SyncConfig>;
  readonly chain: ChainPort;
  readonly validator: Validator;
  /** Undefined where the chain is kept by another process. */
  readonly checkpoints?: CheckpointStore | undefined;
  /** Keeps the evidence of equivocations; without it the log does. */
  readonly evidence?: Table | undefined;
  readonly network: Ref<typeof NetworkInternalService>;
  readonly peer: Ref<typeof PeerService>;
  readonly peerInternal: Ref<typeof PeerInternalService>;
  /** 48 bytes; undefined for a node that is no member. */
  readonly ownMemberKey: Uint8Array | undefined;
  /** What else keeps this member from signing, each with its condition; absent on a node that is none. */
  readonly signingBars?: (() => readonly Condition[]) | undefined;
  /** Told of each incarnation's counters, to be read when metrics are scraped. */
  onMetrics?(metrics: SyncMetrics): void;
}

export function syncActor(parts: SyncParts): ActorDefinition<Public, Internal> {
  return {
    name: "sync",
    service: SyncService,
    internal: SyncInternalService,
    create: (context) => new SyncActor(context, parts),
  };
}

class SyncActor implements Actor<Public, Internal> {
  readonly handlers: Handlers<Public>;
  readonly internal: Handlers<Internal>;
  readonly streams: Actor<Public, Internal>["streams"];
  readonly internalStreams: Actor<Public, Internal>["internalStreams"];
  readonly #context: Context;
  readonly #parts: SyncParts;
  readonly #machine: SyncMachine;
  readonly #runner: EffectRunner;
  readonly #topics: SyncTopics;
  readonly #checkpoints: Checkpoints;
  /** Blocks of the producer that are on their way, by token. Bounded by the jobs of the live machine. */
  readonly #own = new Map<number, ImportReply>();
  #nextToken = 1;
  #chainEvents: { close(): void } | undefined;

  constructor(context: Context, parts: SyncParts) {
    const { chain, ownMemberKey: ownKey, signingBars } = parts;
    const config = parts.config.current;
    const machine = new SyncMachine({ config, chain, ownKey, signingBars, epoch: context.epoch });
    this.#context = context;
    this.#parts = parts;
    this.#machine = machine;
    this.#runner = new EffectRunner({
      ...parts,
      peer: parts.peerInternal,
      requestDeadlineMs: config.requestDeadlineMs,
      clock: context.clock,
      log: context.log,
      signal: context.signal,
      effect: (work, done) => context.effect(work, done),
      evidenceStore: new EvidenceStore(parts.evidence),
      published: (evidence) => this.#topics.equivocated(evidence),
      ownApproval: (...approval) => this.#topics.ownApproval(...approval),
      own: (token, answer) => this.#answerOwn(token, answer),
      checkpoints: parts.checkpoints,
      backFilled: (failed) => this.#checkpoints.backFilled(failed),
      searchTold: (reason) => this.#checkpoints.searchTold(reason),
      searchEnded: (outcome) => this.#checkpoints.searchEnded(outcome),
      step: (input) => this.#step(input),
    });
    this.#topics = new SyncTopics({
      chain,
      status: () => this.#status(),
      production: () => productionStatus(machine.judge(this.#now())),
      operation: (id) => this.#operation(id),
      operations: () =>
        [...machine.operations.all, ...this.#checkpoints.operations].map((each) => this.#message(each)),
    });
    this.streams = this.#topics.streams;
    this.internalStreams = this.#topics.internalStreams;
    this.#checkpoints = new Checkpoints({
      checkpointStore: parts.checkpoints,
      context,
      config: () => machine.config,
      stop: (reason) => this.#step({ type: "stop", reason }),
      start: (options) => this.#step({ type: "start", options }),
      step: (input) => this.#step(input),
    });
    this.handlers = this.#publicHandlers();
    this.internal = {
      importBlock: ({ block }) => this.#importBlock(block),
      reportApproval: (request) => this.#reportApproval(request),
      reportSigning: ({ unmet }) => this.#answer({ type: "signing", unmet }, {}),
    };
    parts.onMetrics?.(machine.metrics);
  }

  onStart(): void {
    const { chain, config: settings } = this.#parts;
    const { timers, log, signal } = this.#context;
    const { config } = this.#machine;
    onSettings(this.#context, settings, (changed) => this.#step({ type: "reconfigure", config: changed }));
    this.#chainEvents = chain.subscribe((event) => {
      // The chain tells outside of our mailbox: the event is taken in by a turn of its own.
      this.#context.effect(Promise.resolve(event), (outcome) => outcome.ok && this.#onChain(outcome.value));
    });
    signal.addEventListener("abort", () => this.#chainEvents?.close(), { once: true });
    this.#watchPeers();
    this.#watchGossip();
    timers.every(TICK_MS, () => this.#tick());
    log.info("sync starts", { resumedFromHeight: this.#machine.resumedFromHeight, mode: config.mode });
    if (!this.#checkpoints.onStart() && config.isAutoStart) this.#start(config.mode);
  }

  onStop(): void {
    this.#chainEvents?.close();
    this.#checkpoints.onStop();
    this.#step({ type: "stop", reason: { type: "stopped", note: "the node stops" } });
  }

  /** In mode CHECKPOINT an empty chain is begun from one, where this node keeps its chain itself. */
  #start(mode: Mode): void {
    const options = { mode, heightMax: undefined };
    if (mode === "CHECKPOINT") {
      const begun = this.#checkpoints.begin({ ...options, checkpointId: undefined });
      if (!(begun instanceof Failure)) return;
    }
    this.#step({ type: "start", options });
  }

  #publicHandlers(): Handlers<Public> {
    const machine = this.#machine;
    const checkpoints = this.#checkpoints;
    const status = () => this.#status();
    return {
      startSync: (request) => {
        const options = readStart(request, this.#startFacts());
        if (options instanceof Failure) return options;
        const operation = this.#startOrBegin(options);
        if (operation instanceof Failure) return operation;
        return { ...this.#operationReply(operation.id), status: status() };
      },
      stopSync: ({ reason }) => {
        const stopped = { type: "stopped", note: reason } as const;
        checkpoints.endSearch(stallWords(stopped));
        return this.#answer({ type: "stop", reason: stopped }, {});
      },
      pauseSync: ({ reason }) =>
        machine.isRunning || checkpoints.isWorking
          ? this.#answer({ type: "pause", note: reason }, {})
          : NOT_RUNNING,
      resumeSync: () => (machine.isPaused ? this.#answer({ type: "resume" }, {}) : NOT_PAUSED),
      getSyncStatus: () => ({ status: status() }),
      canProduceBlocks: () => ({ status: productionStatus(machine.judge(this.#now())) }),
      getBlock: ({ by }) => readBlock(this.#parts.chain, by),
      setProductionOverride: (request) => this.#setOverride(request),
      createCheckpoint: (request) => checkpoints.create(request),
      listCheckpoints: (request) => checkpoints.list(request),
      proveBlock: (request) => checkpoints.prove(request),
      recoverFromCheckpoint: (request) => checkpoints.recover(request),
      getOperation: ({ id }) => this.#operationReply(id),
      cancelOperation: ({ id }) => {
        checkpoints.cancel(id);
        if (machine.operations.running?.id === id)
          this.#step({ type: "stop", reason: { type: "stopped", note: "cancelled" } });
        return this.#operationReply(id);
      },
    };
  }

  /** Mode CHECKPOINT begins an empty chain; where it was begun so, the machine goes on. */
  #startOrBegin(options: StartWish): Operation | Failure {
    const { head } = this.#parts.chain.snapshot();
    const isBegun = this.#machine.isRunning && this.#machine.mode === "CHECKPOINT";
    const isToBegin = options.mode === "CHECKPOINT" && (head.height === 0 || options.isBeginning);
    const begun = isToBegin ? this.#checkpoints.begin(options) : undefined;
    if (begun !== undefined && !(begun instanceof Failure && isBegun)) return begun;
    this.#checkpoints.endSearch("replaced by another one");
    this.#step({ type: "start", options });
    const { newest } = this.#machine.operations;
    assert(newest !== undefined, "what starts has an operation");
    return newest;
  }

  /** While a checkpoint to begin from is looked for, the machine has nothing to do and nothing to say. */
  #status() {
    return this.#machine.status(this.#now(), this.#checkpoints.searching);
  }

  #operation(id: string) {
    const operation = this.#machine.operations.find(id) ?? this.#checkpoints.find(id);
    return operation === undefined ? undefined : this.#message(operation);
  }

  #message(recorded: Operation) {
    const paused = this.#checkpoints.isRecovering ? undefined : this.#machine.paused;
    const operation = paused === undefined ? recorded : pausedOperation(recorded, stallWords(paused));
    if (this.#machine.operations.running?.id !== operation.id)
      return operationMessage(operation, this.#checkpoints.progressPpm);
    // From where this process began: a node that follows has little to show of a long chain.
    return operationMessage(operation, this.#machine.progressPpm(this.#now()));
  }

  #operationReply(id: string) {
    const operation = this.#operation(id);
    return operation === undefined ? OPERATION_NOT_FOUND : { operation };
  }

  #startFacts(): StartFacts {
    const mode = this.#machine.isRunning ? this.#machine.mode : this.#machine.config.mode;
    return { mode, headHeight: this.#parts.chain.snapshot().head.height };
  }

  #now(): Moment {
    const { clock } = this.#context;
    return { monotonicMs: clock.monotonicMs(), unixMs: clock.nowMs() };
  }

  /** Lets the machine take a step and has what follows carried out. */
  #step(input: SyncInput): void {
    for (const effect of this.#machine.step(input, this.#now())) this.#runner.perform(effect);
  }

  #answer<R>(input: SyncInput, reply: R): R {
    this.#step(input);
    return reply;
  }

  #tick(): void {
    this.#step({ type: "tick" });
    this.#topics.publishChanges(this.#now().monotonicMs);
  }

  #onChain(event: ChainEvent): void {
    this.#topics.chainChanged(event);
    this.#checkpoints.onChain(event);
    if (event.type === "reorganized") {
      const { commonHeight, blocksReverted, head } = event;
      this.#context.log.warn("the chain was reorganized", {
        commonHeight,
        blocksReverted,
        height: head.height,
      });
    }
    this.#step({ type: "chainMoved", isReorganized: event.type === "reorganized" });
  }

  #watchPeers(): void {
    this.#context.watch(
      this.#parts.peer,
      PeerService.method.watchPeers,
      {},
      {
        onMessage: (message) => this.#onPeer(message),
      },
    );
  }

  #onPeer(message: WatchPeersResponse): void {
    const change = peerChangeOf(message);
    if (change?.type === "all") this.#step({ type: "peersListed", peers: change.peers });
    else if (change?.type === "seen") this.#step({ type: "peerSeen", peer: change.peer });
    else if (change?.type === "gone") this.#step({ type: "peerGone", peerId: change.peerId });
  }

  #watchGossip(): void {
    this.#context.watch(
      this.#parts.network,
      NetworkInternalService.method.watchGossip,
      {},
      {
        onMessage: ({ event }) => this.#onGossip(event),
      },
    );
  }

  #onGossip(event: WatchGossipResponse["event"]): void {
    if (event.case === "skipped") this.#step({ type: "gossipSkipped", count: Number(event.value.count) });
    // The NetworkActor has transactions judged by the engine.
    if (event.case !== "message" || event.value.isTransaction) return;
    const { handle, peerId, payload, header } = event.value;
    this.#step({ type: "gossip", handle, peerId, bytes: payload, header: header && headerOf(header) });
  }

  #reportApproval({ header, approval }: ReportApprovalRequest) {
    try {
      const { height, authoritiesRoot } = decodeHeader(header);
      const authorities = this.#parts.chain.authoritiesAt(height);
      // Bits name members of the set that the header commits to; another one is not the one that was verified under.
      if (equalBytes(authoritiesRoot, authorities.root))
        this.#step({ type: "approvalSeen", check: { header, approval, authorities } });
      return {};
    } catch (error) {
      if (error instanceof MalformedError) return badField("header", error.message);
      throw error;
    }
  }

  #importBlock(block: Uint8Array): ImportReply {
    const reply = this.#context.deferred(SyncInternalService.method.importBlock);
    const token = this.#nextToken++;
    this.#own.set(token, reply);
    this.#step({ type: "own", token, block });
    return reply;
  }

  #answerOwn(token: number, answer: Uint8Array | Failure): void {
    const reply = this.#own.get(token);
    this.#own.delete(token);
    if (answer instanceof Failure) reply?.reject(answer);
    else reply?.resolve({ blockHash: answer });
  }

  #setOverride(request: SetProductionOverrideRequest) {
    const override = readOverride(request.override);
    if (override instanceof Failure) return override;
    const { reason } = request;
    // One line that an auditor finds: what was, what is, and why.
    this.#context.log.warn("production override", {
      audit: true,
      before: this.#machine.override,
      override,
      reason,
    });
    this.#step({ type: "overrideProduction", override });
    return { status: productionStatus(this.#machine.judge(this.#now())) };
  }
}

function productionStatus(verdict: ProductionVerdict): MessageInitShape<typeof ProductionStatusSchema> {
  const { canProduce, unmet, waived } = verdict;
  return { canProduce, unmet: [...unmet], waived: [...waived] };
}
