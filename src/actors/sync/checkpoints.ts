/**
 * Checkpoints of the SyncActor: makes one every so many final blocks and when asked, lists and proves, and brings the
 * node back to one. It owns the operations of recovery and the back-fill behind an adopted checkpoint; what is done to
 * the chain is done by src/integrations/chain/checkpoint-*.ts. Everything runs outside of the mailbox, as effects.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type CheckpointSchema,
  type CreateCheckpointRequest,
  type ListCheckpointsRequest,
  RecoveryMode as ProtoMode,
  type ProveBlockRequest,
  type RecoverFromCheckpointRequest,
  type SyncInternalService,
  SyncService,
} from "../../../gen/alys/sync/v1/sync_pb.ts";
import { equalBytes } from "../../chain/bytes.ts";
import type { CheckpointDesk, KeptCheckpoint } from "../../integrations/chain/checkpoint-desk.ts";
import {
  missingHistory,
  planRecovery,
  proveHistory,
  type RecoveryMode,
  type RecoveryPlan,
  recover,
} from "../../integrations/chain/checkpoint-recovery.ts";
import type { ChainEvent } from "../../integrations/chain/port.ts";
import type { ActorContext } from "../../kernel/actor.ts";
import type { Deferred } from "../../kernel/deferred.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import { BackFill, type BackFillParts } from "./back-fill.ts";
import { badField } from "./errors.ts";
import { type Operation, Operations, operationMessage } from "./operation.ts";
import type { StartOptions } from "./state.ts";

type Public = typeof SyncService;
type Context = ActorContext<Public, typeof SyncInternalService>;
type Answer<M extends keyof Public["method"]> = Deferred<Public["method"][M]["output"]> | Failure;

export interface CheckpointsParts extends Pick<BackFillParts, "peers" | "network" | "peerInternal"> {
  readonly desk: CheckpointDesk | undefined;
  readonly context: Context;
  /** Blocks between checkpoints. */
  readonly interval: number;
  /** Ends synchronising, with the reason that the status tells. */
  stop(reason: string): void;
  start(options: StartOptions): void;
}

/** While history is being fetched final blocks pass by the thousand: a checkpoint no more often than this, milliseconds. */
const AUTOMATIC_PAUSE_MS = 10_000;

const PAGE_SIZE = 100;

const MODES: ReadonlyMap<ProtoMode, RecoveryMode> = new Map<ProtoMode, RecoveryMode>([
  [ProtoMode.FAST, "FAST"],
  [ProtoMode.SAFE, "SAFE"],
  [ProtoMode.MINIMAL, "MINIMAL"],
  [ProtoMode.FULL, "FULL"],
]);

const NO_CHECKPOINTS = failure(
  "FAILED_PRECONDITION",
  "NO_CHECKPOINTS",
  "the chain is kept by another process, which keeps its own checkpoints",
);
const RECOVERING = failure("FAILED_PRECONDITION", "RECOVERING", "a recovery is under way");

export class Checkpoints {
  readonly #parts: CheckpointsParts;
  readonly #operations: Operations;
  #isRecovering = false;
  #isCreating = false;
  #createdMs = Number.NEGATIVE_INFINITY;
  #createdHeight = 0;
  /** What FULL waits for: the chain synchronised again has this block, or not. */
  #awaited: KeptCheckpoint | undefined;
  #backFill: BackFill | undefined;

  constructor(parts: CheckpointsParts) {
    this.#parts = parts;
    this.#operations = new Operations(parts.context.epoch, "recovery");
  }

  /** A back-fill that was cut off by a restart goes on. */
  onStart(): void {
    const { desk, context } = this.#parts;
    if (desk === undefined || missingHistory(desk) === 0) return;
    this.#operations.start("BackFill", "", context.clock.nowMs());
    this.#startBackFill(desk);
  }

  onStop(): void {
    this.#backFill?.stop();
  }

  /** Its operations, oldest first. */
  get operations(): readonly Operation[] {
    return this.#operations.all;
  }

  find(id: string): Operation | undefined {
    return this.#operations.find(id);
  }

  /** Ends what follows a recovery; the chain stays where it stands. False when it is not ours or has ended. */
  cancel(id: string): boolean {
    if (this.#operations.running?.id !== id || this.#isRecovering) return false;
    this.#backFill?.stop();
    this.#awaited = undefined;
    this.#operations.finish("cancelled", this.#parts.context.clock.nowMs());
    return true;
  }

  create({ height }: CreateCheckpointRequest): Answer<"createCheckpoint"> {
    const { desk, context } = this.#parts;
    if (desk === undefined) return NO_CHECKPOINTS;
    if (this.#isRecovering) return RECOVERING;
    const answer = context.deferred(SyncService.method.createCheckpoint);
    const work = desk.create(height === undefined ? undefined : Number(height));
    context.effect(work, (outcome) => {
      if (outcome.ok) answer.resolve({ checkpoint: checkpointMessage(outcome.value) });
      else answer.reject(outcome.failure);
    });
    return answer;
  }

  list({ pageSize, pageToken }: ListCheckpointsRequest): Answer<"listCheckpoints"> {
    const { desk, context } = this.#parts;
    if (desk === undefined) return NO_CHECKPOINTS;
    const answer = context.deferred(SyncService.method.listCheckpoints);
    context.effect(desk.list(), (outcome) => {
      if (!outcome.ok) return answer.reject(outcome.failure);
      // The token is the id of the last one shown.
      const start = pageToken === "" ? 0 : outcome.value.findIndex(({ id }) => id === pageToken) + 1;
      const page = outcome.value.slice(start, start + (pageSize || PAGE_SIZE));
      const isEnd = start + page.length >= outcome.value.length;
      const nextPageToken = isEnd ? "" : (page.at(-1)?.id ?? "");
      return answer.resolve({ checkpoints: page.map(checkpointMessage), nextPageToken });
    });
    return answer;
  }

  prove({ by, checkpointId }: ProveBlockRequest): Answer<"proveBlock"> {
    const { desk, context } = this.#parts;
    if (desk === undefined) return NO_CHECKPOINTS;
    if (by.case === undefined) return badField("by", "height or hash is required");
    const answer = context.deferred(SyncService.method.proveBlock);
    const block = by.case === "height" ? { height: Number(by.value) } : { hash: by.value };
    context.effect(desk.prove(block, checkpointId), (outcome) => {
      if (!outcome.ok) return answer.reject(outcome.failure);
      const { height, hash, checkpoint, historyRoot, proof } = outcome.value;
      return answer.resolve({
        block: { height: BigInt(height), hash },
        checkpoint: { height: BigInt(checkpoint.height), hash: checkpoint.hash },
        historyRoot,
        proof,
      });
    });
    return answer;
  }

  recover(request: RecoverFromCheckpointRequest): Answer<"recoverFromCheckpoint"> {
    const { desk, context } = this.#parts;
    const { checkpointId, recoveryMode, verifyIntegrity: isScanned, validateOnly } = request;
    if (desk === undefined) return NO_CHECKPOINTS;
    const mode = MODES.get(recoveryMode);
    if (mode === undefined) return badField("recovery_mode", "FAST, SAFE, MINIMAL or FULL is required");
    if (checkpointId === "" && mode !== "MINIMAL") return badField("checkpoint_id", `${mode} needs one`);
    if (this.#isRecovering) return RECOVERING;
    const answer = context.deferred(SyncService.method.recoverFromCheckpoint);
    this.#isRecovering = !validateOnly;
    context.effect(planRecovery(desk, { checkpointId, mode, isScanned }), (planned) => {
      if (!planned.ok) {
        if (!validateOnly) this.#isRecovering = false;
        return answer.reject(planned.failure);
      }
      const { checkpoint, text, blocksDeleted } = planned.value;
      const words = {
        checkpoint: checkpointMessage(checkpoint.kept),
        plan: text,
        blocksDeleted: BigInt(blocksDeleted),
      };
      if (validateOnly) return answer.resolve(words);
      return this.#carryOut(desk, planned.value, (outcome) => {
        if ("id" in outcome) answer.resolve({ ...words, operation: operationMessage(outcome) });
        else answer.reject(outcome);
      });
    });
    return answer;
  }

  #carryOut(desk: CheckpointDesk, plan: RecoveryPlan, answer: (outcome: Operation | Failure) => void): void {
    const { context, stop } = this.#parts;
    const { mode, checkpoint } = plan;
    this.#backFill?.stop();
    this.#awaited = undefined;
    stop(`recovering from checkpoint ${checkpoint.kept.id}`);
    context.log.warn("recovery", { mode, checkpoint: checkpoint.kept.id, plan: plan.text });
    const operation = this.#operations.start("RecoverFromCheckpoint", plan.text, context.clock.nowMs());
    context.effect(recover(desk, plan, context.log), (outcome) => {
      this.#isRecovering = false;
      if (!outcome.ok) {
        this.#operations.finish(outcome.failure.message, this.#parts.context.clock.nowMs());
        return answer(outcome.failure);
      }
      this.#goOn(desk, plan);
      return answer(this.#operations.find(operation.id) ?? operation);
    });
  }

  /** The chain stands where the mode wants it; what the mode wants after that. */
  #goOn(desk: CheckpointDesk, { mode, checkpoint }: RecoveryPlan): void {
    if (mode === "FULL") this.#awaited = checkpoint.kept;
    this.#parts.start({ mode: mode === "FULL" ? "FULL" : "FAST", heightMax: undefined });
    if (mode === "MINIMAL") this.#operations.finish("", this.#parts.context.clock.nowMs());
    if (mode === "FAST" || mode === "SAFE") this.#startBackFill(desk);
  }

  #startBackFill(desk: CheckpointDesk): void {
    const { context, peers, network, peerInternal } = this.#parts;
    const { clock, log } = context;
    const backFill = new BackFill({ desk, peers, network, peerInternal, clock, log, signal: context.signal });
    this.#backFill = backFill;
    const work = backFill.run().then(async (isComplete) => {
      if (isComplete) await proveHistory(desk, desk.parts.chain.snapshot().head.height);
      return isComplete;
    });
    context.effect(work, (outcome) => {
      if (this.#backFill !== backFill) return;
      this.#backFill = undefined;
      if (!outcome.ok) this.#operations.finish(outcome.failure.message, this.#parts.context.clock.nowMs());
      else if (outcome.value) this.#operations.finish("", this.#parts.context.clock.nowMs());
    });
  }

  /** Makes the checkpoints that are due, and holds a chain synchronised again against the one that is awaited. */
  onChain(event: ChainEvent): void {
    const { desk } = this.#parts;
    if (desk === undefined) return;
    if (event.type === "finalized") this.#createDue(desk, event.height);
    if (event.type === "imported" || event.type === "reorganized") this.#holdAgainst(desk, event.head.height);
  }

  #createDue(desk: CheckpointDesk, finalHeight: number): void {
    const { interval, context } = this.#parts;
    const due = Math.floor(finalHeight / interval) * interval;
    const nowMs = context.clock.monotonicMs();
    const isTooSoon = nowMs - this.#createdMs < AUTOMATIC_PAUSE_MS || due === this.#createdHeight;
    const isBusy = this.#isCreating || this.#isRecovering || this.#backFill !== undefined;
    if (due === 0 || isTooSoon || isBusy) return;
    this.#isCreating = true;
    this.#createdMs = nowMs;
    this.#createdHeight = due;
    context.effect(desk.create(due), (outcome) => {
      this.#isCreating = false;
      if (outcome.ok) context.log.info("a checkpoint was made", { checkpoint: outcome.value.id });
      else if (outcome.failure.code !== "UNIMPLEMENTED") {
        context.log.warn("no checkpoint was made", { height: due, error: outcome.failure });
      }
    });
  }

  #holdAgainst(desk: CheckpointDesk, headHeight: number): void {
    const awaited = this.#awaited;
    if (awaited === undefined || headHeight < awaited.height) return;
    this.#awaited = undefined;
    const own = desk.parts.chain.hashAt(awaited.height);
    if (own !== undefined && equalBytes(own, awaited.hash))
      return this.#operations.finish("", this.#parts.context.clock.nowMs());
    const reason = `the chain synchronised again has another block ${awaited.height} than checkpoint ${awaited.id}`;
    this.#parts.context.log.error(reason);
    this.#operations.finish(reason, this.#parts.context.clock.nowMs());
    return this.#parts.stop(reason);
  }
}

function checkpointMessage(kept: KeptCheckpoint): MessageInitShape<typeof CheckpointSchema> {
  const { id, height, hash, createdMs, bytes } = kept;
  return {
    id,
    block: { height: BigInt(height), hash },
    created: timestampFromMs(createdMs),
    sizeBytes: BigInt(bytes),
  };
}
