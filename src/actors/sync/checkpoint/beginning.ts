/**
 * Beginning: how an empty chain is begun from a checkpoint (mode CHECKPOINT): one of our own disk that is named, else one
 * that two parties agree on (search.ts). It is adopted as a recovery FAST does it; then synchronising goes on
 * above it and the back-fill behind it. Without one in time it falls back to FAST. Owned by checkpoints.ts.
 */

import { planRecovery, recover } from "../../../integrations/chain/checkpoint/checkpoint-recovery.ts";
import type {
  CheckpointStore,
  KeptCheckpoint,
} from "../../../integrations/chain/checkpoint/checkpoint-store.ts";
import { assertNever, type Failure } from "../../../kernel/errors.ts";
import { CHAIN_NOT_EMPTY, RECOVERING } from "../errors.ts";
import type { CheckpointInput, StartOptions } from "../input.ts";
import type { Operation, Operations } from "../operation.ts";
import { heightOfId } from "../request.ts";
import type { RestingReason, SearchReason } from "../status/stall-reason.ts";
import { conflictWords, stallWords } from "../status/stall-words.ts";
import type { Context } from "./requests.ts";
import type { SearchOptions, SearchOutcome } from "./search-outcome.ts";

/** What an empty chain is to be begun with. */
export interface BeginOptions {
  /** The only one wanted; undefined: the newest that two parties agree on. */
  readonly checkpointId: string | undefined;
  readonly heightMax: number | undefined;
}

/** A search for a checkpoint to begin from. */
interface Search {
  readonly options: BeginOptions;
  /** Where it stands. */
  reason: SearchReason;
}

export interface BeginningParts {
  readonly checkpointStore: CheckpointStore;
  readonly context: Context;
  /** Shared with the recoveries: one of all of them runs at a time. */
  readonly operations: Operations;
  isRecovering(): boolean;
  /** While the chain is being changed nothing else may change it. */
  recovering(isRecovering: boolean): void;
  backFill(): void;
  step(input: CheckpointInput): void;
  stop(reason: RestingReason): void;
  start(options: StartOptions): void;
}

export class Beginning {
  readonly #parts: BeginningParts;
  #search: Search | undefined;
  /** The checkpoint that was found and is being adopted. */
  #adopting: SearchReason | undefined;

  constructor(parts: BeginningParts) {
    this.#parts = parts;
  }

  /** Where the search or the adoption stands; undefined without one. */
  get searching(): SearchReason | undefined {
    return this.#search?.reason ?? this.#adopting;
  }

  #nowMs(): number {
    return this.#parts.context.clock.nowMs();
  }

  /** Ends a search; `note` says why. False when there is none. */
  end(note: string): boolean {
    if (this.#search === undefined) return false;
    this.#search = undefined;
    this.#parts.step({ type: "endSearch" });
    this.#parts.operations.finish(note, this.#nowMs());
    this.#parts.stop({ type: "stopped", note });
    return true;
  }

  /** Begins an empty chain from a checkpoint; the same again is the same operation. */
  begin(options: BeginOptions): Operation | Failure {
    const { checkpointStore, context, operations, isRecovering, stop } = this.#parts;
    const parameters = `CHECKPOINT ${options.checkpointId ?? "newest"} ${options.heightMax ?? "head"}`;
    const { running } = operations;
    if (running?.kind === "StartSync" && running.parameters === parameters) return running;
    if (isRecovering()) return RECOVERING;
    if (checkpointStore.parts.chain.snapshot().head.height > 0) return CHAIN_NOT_EMPTY;
    this.end("replaced by another one");
    const reason: SearchReason = { type: "searchingCheckpoint" };
    stop(reason);
    const operation = this.#parts.operations.start("StartSync", parameters, this.#nowMs());
    const search: Search = { options, reason };
    this.#search = search;
    context.effect(checkpointStore.list(), (listed) => {
      if (this.#search !== search) return;
      if (listed.ok) this.#find(options, listed.value);
      else this.ended({ type: "failed", failure: listed.failure });
    });
    return this.#parts.operations.find(operation.id) ?? operation;
  }

  /** A named one may lie on our own disk: then nobody is asked. */
  #find({ checkpointId: id }: BeginOptions, kept: readonly KeptCheckpoint[]): void {
    const own = kept.find((each) => each.id === id);
    if (own !== undefined) return this.ended({ type: "found", kept: own });
    const options: SearchOptions = {
      wanted: id === undefined ? undefined : { id, height: heightOfId(id) ?? 0 },
      ownHeight: id === undefined ? (kept[0]?.height ?? 0) : 0,
    };
    return this.#parts.step({ type: "search", options });
  }

  /** Where the search stands. */
  told(reason: SearchReason): void {
    if (this.#search === undefined) return;
    this.#search.reason = reason;
    this.#parts.operations.tell(stallWords(reason));
  }

  ended(outcome: SearchOutcome): void {
    const search = this.#search;
    if (search === undefined) return;
    this.#search = undefined;
    this.#found(search.options, outcome);
  }

  #found(options: BeginOptions, outcome: SearchOutcome): void {
    const { context, start } = this.#parts;
    const { heightMax } = options;
    switch (outcome.type) {
      case "failed":
        return this.#failed(outcome.failure);
      case "conflict": {
        const text = conflictWords(outcome.conflict);
        context.log.error("checkpoints contradict each other", { alarm: "conflict", reason: text });
        return this.#giveUp(text, outcome.conflict);
      }
      case "none": {
        const text = `${outcome.reason}: synchronising FAST from genesis instead`;
        context.log.warn(text);
        this.#parts.operations.tell(text);
        this.#parts.operations.finish(text, this.#nowMs());
        return start({ mode: "FAST", heightMax });
      }
      case "found":
        return this.#beginFrom(options, outcome.kept);
      default:
        return assertNever(outcome);
    }
  }

  #beginFrom({ heightMax }: BeginOptions, kept: KeptCheckpoint): void {
    const { checkpointStore, context, recovering, start, backFill } = this.#parts;
    recovering(true);
    this.#adopting = { type: "adoptingCheckpoint", checkpointId: kept.id };
    this.#parts.operations.tell(stallWords(this.#adopting));
    context.log.info("a checkpoint is adopted", { checkpoint: kept.id });
    const plan = { checkpointId: kept.id, mode: "FAST", isScanned: false } as const;
    const work = planRecovery(checkpointStore, plan).then(async (planned) => {
      // Our own producer may have begun the chain meanwhile.
      if (planned.headHeight > 0) throw CHAIN_NOT_EMPTY;
      await recover(checkpointStore, planned, context.log);
    });
    context.effect(work, (outcome) => {
      recovering(false);
      this.#adopting = undefined;
      if (!outcome.ok) return this.#failed(outcome.failure);
      start({ mode: "CHECKPOINT", heightMax });
      this.#parts.operations.tell(`begun from checkpoint ${kept.id}; the history behind it is fetched`);
      return backFill();
    });
  }

  #failed(failed: Failure): void {
    this.#giveUp(failed.message, { type: "checkpointFailed", failure: failed });
  }

  /** `text`: as the operation says it. */
  #giveUp(text: string, reason: RestingReason): void {
    this.#parts.operations.finish(text, this.#nowMs());
    this.#parts.stop(reason);
  }
}
