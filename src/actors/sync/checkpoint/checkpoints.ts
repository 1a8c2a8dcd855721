/**
 * Checkpoints of the SyncActor: makes one every so many final blocks and when asked, lists and proves, begins an empty
 * chain from one of peers, and brings the node back to one. It owns the operations of all that and the back-fill behind an
 * adopted checkpoint; what is done to the chain is done by src/integrations/chain/checkpoint-*.ts. Everything runs outside
 * of the mailbox, as effects.
 */

import {
  type CreateCheckpointRequest,
  type ListCheckpointsRequest,
  RecoveryMode as ProtoMode,
  type ProveBlockRequest,
  type RecoverFromCheckpointRequest,
  SyncService,
} from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import {
  chainSound,
  deletesSound,
  missingHistory,
  planRecovery,
  proveHistory,
  type RecoveryPlan,
  recover,
} from "../../../integrations/chain/checkpoint/checkpoint-recovery.ts";
import type {
  CheckpointStore,
  KeptCheckpoint,
} from "../../../integrations/chain/checkpoint/checkpoint-store.ts";
import {
  AWAITED_KEY,
  RECOVERY_KEY,
  type RecoveryMode,
  readRecovery,
  type UnfinishedRecovery,
} from "../../../integrations/chain/checkpoint/recovery-records.ts";
import type { ChainEvent } from "../../../integrations/chain/port.ts";
import { Failure, failure } from "../../../kernel/errors.ts";
import type { SyncConfig } from "../config.ts";
import { badField, RECOVERING } from "../errors.ts";
import type { CheckpointInput, StartOptions } from "../input.ts";
import { type Operation, Operations, operationMessage } from "../operation.ts";
import type { RestingReason, SearchReason } from "../status/stall-reason.ts";
import { contradictionWords } from "../status/stall-words.ts";
import { Beginning, type BeginOptions } from "./beginning.ts";
import {
  type Answer,
  type Context,
  checkpointMessage,
  createCheckpoint,
  listCheckpoints,
  proveBlock,
} from "./requests.ts";
import type { SearchOutcome } from "./search-outcome.ts";

export interface CheckpointsParts {
  readonly checkpointStore: CheckpointStore | undefined;
  readonly context: Context;
  /** The settings that hold now. */
  config(): SyncConfig;
  /** Ends synchronising, with the reason that the status tells. */
  stop(reason: RestingReason): void;
  start(options: StartOptions): void;
  /** To what fetches from peers, in the machine. */
  step(input: CheckpointInput): void;
}

/** While history is being fetched final blocks pass by the thousand: a checkpoint no more often than this, milliseconds. */
const AUTOMATIC_PAUSE_MS = 10_000;

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

export class Checkpoints {
  readonly #parts: CheckpointsParts;
  readonly #operations: Operations;
  #isRecovering = false;
  #isCreating = false;
  #createdMs = Number.NEGATIVE_INFINITY;
  #createdHeight = 0;
  /** What FULL waits for: the chain synchronised again has this block, or not. */
  #awaited: KeptCheckpoint | undefined;
  #isBackFilling = false;
  /** Height of the checkpoint that is back-filled behind. */
  #adoptedHeight = 0;

  readonly #beginning: Beginning | undefined;

  constructor(parts: CheckpointsParts) {
    const { checkpointStore } = parts;
    this.#parts = parts;
    this.#operations = new Operations(parts.context.epoch, "recovery");
    this.#beginning =
      checkpointStore &&
      new Beginning({
        ...parts,
        checkpointStore,
        operations: this.#operations,
        isRecovering: () => this.#isRecovering,
        recovering: (isRecovering) => {
          this.#isRecovering = isRecovering;
        },
        backFill: () => this.#startBackFill(checkpointStore),
      });
  }

  /**
   * What a restart cut off goes on: a recovery, a FULL one's synchronising, a back-fill. True when it begins to synchronise
   * by itself, so that nobody else shall.
   */
  onStart(): boolean {
    const { checkpointStore } = this.#parts;
    if (checkpointStore === undefined) return false;
    const unfinished = readRecovery(checkpointStore.parts.store);
    if (unfinished !== undefined) return this.#resume(checkpointStore, unfinished);
    const { awaitedId } = checkpointStore;
    if (awaitedId !== undefined) return this.#await(checkpointStore, awaitedId);
    if (missingHistory(checkpointStore) > 0 || checkpointStore.isWithheld) {
      this.#operations.start("BackFill", "", this.#nowMs());
      this.#startBackFill(checkpointStore);
    }
    return false;
  }

  onStop(): void {
    this.#parts.step({ type: "endSearch" });
    this.#endBackFill();
  }

  /** Where the search for a checkpoint to begin from, or its adoption, stands; undefined without one. */
  get searching(): SearchReason | undefined {
    return this.#beginning?.searching;
  }

  /** The chain is being changed: that asks nobody for anything, and nothing interrupts it. */
  get isRecovering(): boolean {
    return this.#isRecovering;
  }

  /** Something of it asks peers, or will go on to. */
  get isWorking(): boolean {
    return this.searching !== undefined || this.#isRecovering || this.#isBackFilling;
  }

  /** How far the back-fill is, parts per million. */
  get progressPpm(): number {
    const { checkpointStore } = this.#parts;
    if (checkpointStore === undefined || !this.#isBackFilling || this.#adoptedHeight === 0) return 0;
    return Math.floor(1_000_000 * (1 - missingHistory(checkpointStore) / this.#adoptedHeight));
  }

  /** Its operations, oldest first. */
  get operations(): readonly Operation[] {
    return this.#operations.all;
  }

  find(id: string): Operation | undefined {
    return this.#operations.find(id);
  }

  /** Ends a search, or what follows a recovery; the chain stays where it stands. False when it is not ours or has ended. */
  cancel(id: string): boolean {
    if (this.#operations.running?.id !== id || this.#isRecovering) return false;
    if (this.endSearch("cancelled")) return true;
    this.#endBackFill();
    this.#awaited = undefined;
    this.#operations.finish("cancelled", this.#nowMs());
    return true;
  }

  /** Begins an empty chain from a checkpoint; the same again is the same operation. */
  begin(options: BeginOptions): Operation | Failure {
    return this.#beginning?.begin(options) ?? NO_CHECKPOINTS;
  }

  /** False when there is none. */
  endSearch(reason: string): boolean {
    return this.#beginning?.end(reason) ?? false;
  }

  create(request: CreateCheckpointRequest): Answer<"createCheckpoint"> {
    const { checkpointStore, context } = this.#parts;
    if (checkpointStore === undefined) return NO_CHECKPOINTS;
    return this.#isRecovering ? RECOVERING : createCheckpoint(checkpointStore, context, request);
  }

  list(request: ListCheckpointsRequest): Answer<"listCheckpoints"> {
    const { checkpointStore, context } = this.#parts;
    return checkpointStore === undefined
      ? NO_CHECKPOINTS
      : listCheckpoints(checkpointStore, context, request);
  }

  prove(request: ProveBlockRequest): Answer<"proveBlock"> {
    const { checkpointStore, context } = this.#parts;
    return checkpointStore === undefined ? NO_CHECKPOINTS : proveBlock(checkpointStore, context, request);
  }

  recover(request: RecoverFromCheckpointRequest): Answer<"recoverFromCheckpoint"> {
    const { checkpointStore, context } = this.#parts;
    const { checkpointId, recoveryMode, verifyIntegrity, validateOnly, force } = request;
    if (checkpointStore === undefined) return NO_CHECKPOINTS;
    const mode = MODES.get(recoveryMode);
    if (mode === undefined) return badField("recovery_mode", "FAST, SAFE, MINIMAL or FULL is required");
    if (checkpointId === "" && mode !== "MINIMAL") return badField("checkpoint_id", `${mode} needs one`);
    if (this.#isRecovering) return RECOVERING;
    const answer = context.deferred(SyncService.method.recoverFromCheckpoint);
    this.#isRecovering = !validateOnly;
    // Whether anything is damaged has to be known, unless it does not matter.
    const isScanned = verifyIntegrity || !force;
    context.effect(planRecovery(checkpointStore, { checkpointId, mode, isScanned }), (planned) => {
      if (!planned.ok) {
        if (!validateOnly) this.#isRecovering = false;
        return answer.reject(planned.failure);
      }
      const { checkpoint, text, blocksDeleted } = planned.value;
      const needsForce = deletesSound(planned.value);
      if (needsForce && !force && !validateOnly) {
        this.#isRecovering = false;
        return answer.reject(chainSound(planned.value));
      }
      const words = {
        checkpoint: checkpointMessage(checkpoint.kept),
        plan: text,
        blocksDeleted: BigInt(blocksDeleted),
      };
      if (validateOnly) return answer.resolve({ ...words, needsForce });
      return this.#carryOut(checkpointStore, planned.value, undefined, (outcome) => {
        if ("id" in outcome) answer.resolve({ ...words, operation: operationMessage(outcome) });
        else answer.reject(outcome);
      });
    });
    return answer;
  }

  #carryOut(
    checkpointStore: CheckpointStore,
    plan: RecoveryPlan,
    begun: Operation | undefined,
    answer: (outcome: Operation | Failure) => void,
  ): void {
    const { context, stop } = this.#parts;
    const { mode, checkpoint } = plan;
    this.endSearch("replaced by a recovery");
    this.#endBackFill();
    this.#awaited = undefined;
    stop({ type: "recovering", checkpointId: checkpoint.kept.id });
    context.log.warn("recovery", { mode, checkpoint: checkpoint.kept.id, plan: plan.text });
    const operation = begun ?? this.#operations.start("RecoverFromCheckpoint", plan.text, this.#nowMs());
    this.#operations.tell(plan.text);
    context.effect(recover(checkpointStore, plan, context.log), (outcome) => {
      this.#isRecovering = false;
      if (!outcome.ok) {
        this.#operations.finish(outcome.failure.message, this.#nowMs());
        stop({ type: "checkpointFailed", failure: outcome.failure });
        return answer(outcome.failure);
      }
      this.#goOn(checkpointStore, plan);
      return answer(this.#operations.find(operation.id) ?? operation);
    });
  }

  /** The recovery that a kill cut off is carried out again, from its plan on. */
  #resume(checkpointStore: CheckpointStore, unfinished: UnfinishedRecovery): boolean {
    const { context, start } = this.#parts;
    const { checkpointId } = unfinished;
    this.#isRecovering = true;
    const operation = this.#operations.start("RecoverFromCheckpoint", checkpointId, this.#nowMs());
    context.log.warn("a recovery that was cut off goes on", {
      mode: unfinished.mode,
      checkpoint: checkpointId,
    });
    const failed = (reason: Failure): void => {
      this.#isRecovering = false;
      context.log.error("a recovery that was cut off cannot go on", { error: reason });
      this.#operations.finish(reason.message, this.#nowMs());
      this.#forget(checkpointStore, RECOVERY_KEY);
      start({ mode: this.#parts.config().mode, heightMax: undefined });
    };
    context.effect(planRecovery(checkpointStore, { ...unfinished, isScanned: false }), (planned) => {
      if (!planned.ok) return failed(planned.failure);
      return this.#carryOut(checkpointStore, planned.value, operation, (outcome) => {
        if (outcome instanceof Failure) failed(outcome);
      });
    });
    return true;
  }

  /** A FULL recovery was cut off while it synchronised again: what it is compared with is on disk. */
  #await(checkpointStore: CheckpointStore, id: string): boolean {
    const { context, start } = this.#parts;
    this.#operations.start("RecoverFromCheckpoint", id, this.#nowMs());
    context.effect(checkpointStore.list(), (listed) => {
      const kept = listed.ok ? listed.value.find((each) => each.id === id) : undefined;
      if (kept === undefined) {
        this.#operations.finish(`checkpoint ${id} is not there any more`, this.#nowMs());
        this.#forget(checkpointStore, AWAITED_KEY);
      }
      this.#awaited = kept;
      start({ mode: "FULL", heightMax: undefined });
      this.#holdAgainst(checkpointStore, checkpointStore.parts.chain.snapshot().head.height);
    });
    return true;
  }

  #forget(checkpointStore: CheckpointStore, key: string): void {
    const { context } = this.#parts;
    context.effect(checkpointStore.parts.store.writeMeta(new Map([[key, undefined]])), (outcome) => {
      if (!outcome.ok) context.log.warn("a record of recovery was not removed", { error: outcome.failure });
    });
  }

  #nowMs(): number {
    return this.#parts.context.clock.nowMs();
  }

  /** The chain stands where the mode wants it; what the mode wants after that. */
  #goOn(checkpointStore: CheckpointStore, { mode, checkpoint }: RecoveryPlan): void {
    if (mode === "FULL") this.#awaited = checkpoint.kept;
    this.#parts.start({ mode: mode === "FULL" ? "FULL" : "FAST", heightMax: undefined });
    if (mode === "MINIMAL") this.#operations.finish("", this.#nowMs());
    if (mode === "FAST" || mode === "SAFE") this.#startBackFill(checkpointStore);
  }

  #startBackFill(checkpointStore: CheckpointStore): void {
    const missing = missingHistory(checkpointStore);
    this.#adoptedHeight = missing + 1;
    this.#isBackFilling = true;
    this.#parts.step({ type: "backFill", missing });
  }

  #endBackFill(): void {
    this.#isBackFilling = false;
    this.#parts.step({ type: "endBackFill" });
  }

  /** Nothing is missing any more: the whole is held against the chain. Or our own disk failed. */
  backFilled(failed: Failure | undefined): void {
    const { checkpointStore, context } = this.#parts;
    if (checkpointStore === undefined || !this.#isBackFilling) return;
    const end = (error: string): void => {
      this.#isBackFilling = false;
      this.#operations.finish(error, this.#nowMs());
    };
    if (failed !== undefined) return end(failed.message);
    const { height } = checkpointStore.parts.chain.snapshot().head;
    return context.effect(proveHistory(checkpointStore, height), (outcome) => {
      if (this.#isBackFilling) end(outcome.ok ? "" : outcome.failure.message);
    });
  }

  /** Where the search for a checkpoint to begin from stands. */
  searchTold(reason: SearchReason): void {
    this.#beginning?.told(reason);
  }

  searchEnded(outcome: SearchOutcome): void {
    this.#beginning?.ended(outcome);
  }

  /** Makes the checkpoints that are due, and holds a chain synchronised again against the one that is awaited. */
  onChain(event: ChainEvent): void {
    const { checkpointStore } = this.#parts;
    if (checkpointStore === undefined) return;
    if (event.type === "finalized") this.#createDue(checkpointStore);
    if (event.type === "imported" || event.type === "reorganized")
      this.#holdAgainst(checkpointStore, event.head.height);
  }

  #createDue(checkpointStore: CheckpointStore): void {
    const { context } = this.#parts;
    const interval = this.#parts.config().checkpointInterval;
    const due = checkpointStore.dueHeight(interval);
    if (due === undefined) return;
    const nowMs = context.clock.monotonicMs();
    const isDone = Math.floor(due / interval) === Math.floor(this.#createdHeight / interval);
    const isBusy = this.#isCreating || this.#isRecovering || this.#isBackFilling;
    if (isDone || isBusy || nowMs - this.#createdMs < AUTOMATIC_PAUSE_MS) return;
    this.#isCreating = true;
    this.#createdMs = nowMs;
    this.#createdHeight = due;
    context.effect(checkpointStore.create(due), (outcome) => {
      this.#isCreating = false;
      if (outcome.ok) context.log.info("a checkpoint was made", { checkpoint: outcome.value.id });
      else context.log.warn("no checkpoint was made", { height: due, error: outcome.failure });
    });
  }

  #holdAgainst(checkpointStore: CheckpointStore, headHeight: number): void {
    const awaited = this.#awaited;
    if (awaited === undefined || headHeight < awaited.height) return;
    this.#awaited = undefined;
    this.#forget(checkpointStore, AWAITED_KEY);
    const own = checkpointStore.parts.chain.hashAt(awaited.height);
    if (own !== undefined && equalBytes(own, awaited.hash)) return this.#operations.finish("", this.#nowMs());
    const { height, id: checkpointId } = awaited;
    const reason = { type: "recoveryContradicted", height, checkpointId } as const;
    const text = contradictionWords(reason);
    this.#parts.context.log.error(text);
    this.#operations.finish(text, this.#nowMs());
    return this.#parts.stop(reason);
  }
}
