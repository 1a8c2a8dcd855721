/**
 * EmbeddedChain: the ChainActor that every node has, the chain port over a block store. It owns the order of imports
 * and the two heads: the durable one, which everybody sees, and the pending one, which the next segment is checked
 * against while earlier ones are still being written. SyncActor imports; everybody reads. A segment on the pending head
 * is pipelined; one beside it waits until nothing is being written and then goes through fork choice. A reorganization
 * is one transaction, so that it is bounded by the store's batch (16 MiB): a branch of more is answered `notNow`.
 */

import { lowestChangeHeight } from "../../../chain/authority/change.ts";
import type { BlockFault } from "../../../chain/block-fault.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../../chain/facts.ts";
import { finalHeight } from "../../../chain/finality.ts";
import {
  authoritiesAt,
  followBlock,
  type Lineage,
  lastChangeHeight,
  lineageUpTo,
} from "../../../chain/lineage.ts";
import { nextHistoryRoot } from "../../../chain/sequence.ts";
import type { ValidatedSegment } from "../../../chain/validator.ts";
import { asError, assert, assertNever, Failure, failure } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/ports/clock.ts";
import type { Log } from "../../../kernel/ports/log.ts";
import type { Appended, BlockPoint, BlockStore } from "../../../storage/port.ts";
import type { Adopted } from "../checkpoint/recovery-records.ts";
import type {
  ChainEvent,
  ChainPort,
  ChainSnapshot,
  ChildAuthorities,
  ChildTemplate,
  ImportOutcome,
} from "../port.ts";
import { appendBatchOf, findBranch } from "./branch.ts";
import { type BetterFork, checkLinks, ForkChoice } from "./fork-choice.ts";
import { type GenesisFacts, type OpenedTip, openTip } from "./opening.ts";
import { judgeChild } from "./proposal.ts";
import { storedAncestors } from "./rebuild.ts";
import { changedRecords, lineageRecord } from "./records.ts";
import { hashOf, ownedBytes } from "./segment-parts.ts";
import { recordAt, type Tip, tipAfter, withApproval } from "./tip.ts";
import { Unwritten } from "./unwritten.ts";
import { Writes } from "./writes.ts";

export interface EmbeddedChainParts {
  /** Outlives the chain and is closed by whoever opened it. */
  readonly store: BlockStore;
  readonly facts: ChainFacts;
  readonly genesis: GenesisFacts;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens the chain at what is durable, or says why it cannot: DATA_LOSS for damage, FAILED_PRECONDITION for another chain. */
export function openEmbeddedChain(parts: EmbeddedChainParts): EmbeddedChain | Failure {
  try {
    const opened = openTip(parts.store, parts.genesis, parts.facts);
    return opened instanceof Failure ? opened : new EmbeddedChain(parts, opened);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** An import that has its place in the order; what it came to is known when it is durable. */
interface Placed {
  readonly outcome: Promise<ImportOutcome>;
}

export class EmbeddedChain implements ChainPort {
  readonly facts: ChainFacts;
  readonly genesisHeader: Uint8Array;
  readonly #store: BlockStore;
  readonly #genesis: GenesisFacts;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Set<(event: ChainEvent) => void>();
  readonly #fork: ForkChoice;
  /** Drained before a fork is judged. */
  readonly #writes = new Writes();
  readonly #unwritten = new Unwritten();
  #durable: Tip;
  #pending: Tip;
  #final: BlockPoint;
  /** Counts roll-backs, so that of several failed writes only the first one rolls back. */
  #generation = 0;
  #order: Promise<unknown> = Promise.resolve();
  /** The checkpoint that the chain was begun from: final, however young the chain on it. */
  #adopted: Adopted | undefined;
  /** True while the history behind an adopted checkpoint is to be proven before any of it is served. */
  #isWithheld: boolean;
  /** False only when the side table is known to be empty, so that pruning an empty one costs nothing. */
  #mayHaveSides = true;
  #isClosed = false;

  /** What openTip found in the store. */
  constructor(parts: EmbeddedChainParts, { tip, isLineageStored, adopted, isWithheld }: OpenedTip) {
    this.facts = parts.facts;
    this.#store = parts.store;
    this.#genesis = parts.genesis;
    this.genesisHeader = parts.genesis.header;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#fork = new ForkChoice(parts);
    this.#durable = tip;
    this.#pending = tip;
    this.#adopted = adopted;
    this.#isWithheld = isWithheld;
    this.#final = this.#finalBelow(tip);
    if (!isLineageStored) this.#mendLineage(tip);
  }

  snapshot(): ChainSnapshot {
    return {
      head: this.#durable.head,
      final: this.#final,
      earliestHeight: this.#isWithheld ? this.#durable.head.height + 1 : (this.#store.base() ?? 1),
      isAvailable: !this.#isClosed,
    };
  }

  authoritiesAt(height: number): AuthoritySetFacts {
    return authoritiesAt(this.#durable.state.lineage, height);
  }

  authoritiesAfter(hash: Uint8Array): ChildAuthorities | undefined {
    const branch = findBranch(this.#store, (ancestor) => this.heightOf(ancestor), hash);
    if (branch === undefined) return undefined;
    const { commonHeight, blocks } = branch;
    let lineage = lineageUpTo(this.#durable.state.lineage, commonHeight);
    // AuxPoWs do not matter here, so neither does where their ranges end.
    for (const block of blocks) lineage = followBlock(lineage, block.height, block.bytes, () => 0);
    const height = commonHeight + blocks.length;
    return {
      authorities: authoritiesAt(lineage, height + 1),
      parentAuthorities: authoritiesAt(lineage, height),
    };
  }

  async importSegment(segment: ValidatedSegment): Promise<ImportOutcome> {
    const turn = this.#order.then(() => this.#place(segment));
    // The next one goes on whatever became of this one; the caller hears of a programmer's error.
    this.#order = turn.then(
      () => undefined,
      () => undefined,
    );
    return (await turn).outcome;
  }

  judgeProposal(block: Uint8Array, scheduledAuthorities?: AuthoritySetFacts): BlockFault | undefined {
    const context = { facts: this.facts, ancestors: storedAncestors(this.#store, this.facts.genesisHash) };
    return judgeChild(block, this.#durable, context, this.#clock.nowMs(), scheduledAuthorities);
  }

  childTemplate(): ChildTemplate {
    const { head, state, stateRoot } = this.#durable;
    return {
      parentHash: head.hash,
      height: head.height + 1,
      parentSlot: head.slot,
      stateRoot,
      authoritiesRoot: state.authorities.root,
      historyRoot: nextHistoryRoot(state),
      parentApproval: head.height === 0 ? undefined : head.approval,
      authorities: state.authorities,
      lowestChangeHeight: lowestChangeHeight(lastChangeHeight(state.lineage)),
      lastAuxPow: state.lineage.auxpows.at(-1),
    };
  }

  readBlock(height: number): Uint8Array | undefined {
    return height === 0 ? undefined : this.#store.readBlock(height);
  }

  readBlockByHash(
    hash: Uint8Array,
  ): { readonly height: number; readonly bytes: Uint8Array; readonly isCanonical: boolean } | undefined {
    const height = this.#store.heightOf(hash);
    const bytes = height === undefined ? undefined : this.#store.readBlock(height);
    if (height !== undefined && bytes !== undefined) return { height, bytes, isCanonical: true };
    const side = this.#store.readSide(hash);
    return side && { height: side.height, bytes: side.bytes, isCanonical: false };
  }

  readRange(firstHeight: number, count: number, bytesMax: number): Uint8Array[] {
    return this.#store.readRange(firstHeight, count, bytesMax);
  }

  hashAt(height: number): Uint8Array | undefined {
    return height === 0 ? this.facts.genesisHash : this.#store.hashAt(height);
  }

  heightOf(hash: Uint8Array): number | undefined {
    return equalBytes(hash, this.facts.genesisHash) ? 0 : this.#store.heightOf(hash);
  }

  subscribe(listener: (event: ChainEvent) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  /** Sets and AuxPoWs of the durable chain. */
  get lineage(): Lineage {
    return this.#durable.state.lineage;
  }

  /**
   * For recovery alone, the only way below final: in the order of imports, when nothing is being written, lets `change`
   * change the store and builds on what is there then. Rejects with the Failure of either; a change that failed half-way
   * is stood on as it is.
   */
  async reopen(change: () => Promise<void>): Promise<void> {
    const turn = this.#order.then(async () => {
      await this.#writes.drained();
      try {
        await change();
      } finally {
        this.#stand();
      }
    });
    this.#order = turn.catch(() => undefined);
    return await turn;
  }

  #stand(): void {
    const opened = openTip(this.#store, this.#genesis, this.facts);
    if (opened instanceof Failure) throw opened;
    const before = this.#durable;
    const { tip } = opened;
    this.#generation++;
    this.#unwritten.clear();
    this.#durable = tip;
    this.#pending = tip;
    this.#mayHaveSides = true;
    this.#adopted = opened.adopted;
    this.#isWithheld = opened.isWithheld;
    this.#final = this.#finalBelow(tip);
    if (!opened.isLineageStored) this.#mendLineage(tip);
    if (equalBytes(before.head.hash, tip.head.hash)) return;
    const commonHeight = Math.min(before.head.height, tip.head.height);
    const blocksReverted = before.head.height - commonHeight;
    this.#emit({ type: "reorganized", head: tip.head, commonHeight, blocksReverted });
    this.#tellChange(before);
  }

  /** Waits for the writes under way; later imports are answered `notNow`. Does not close the store. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#order;
    await this.#writes.drained();
    this.#listeners.clear();
  }

  /** Gives the segment its place: at once on the pending head, after everything else is written beside it. */
  async #place(segment: ValidatedSegment): Promise<Placed> {
    assert(segment.count > 0, "an empty segment was imported");
    if (this.#isClosed) return settled(notNow(failure("UNAVAILABLE", "CHAIN_CLOSED", "the chain is closed")));
    try {
      // An empty store takes any first height, so that nothing may stand behind a first write that can still fail.
      if (this.#durable.head.height === 0) await this.#writes.drained();
      if (equalBytes(segment.firstParentHash, this.#pending.state.hash)) return this.#extend(segment, 0);
      await this.#writes.drained();
      return await this.#placeFork(segment);
    } catch (error) {
      return settled(notNow(operating(error)));
    }
  }

  /** `skipped` blocks before the segment's first were there already. */
  #extend(segment: ValidatedSegment, skipped: number): Placed {
    const parent = this.#pending;
    const { facts } = this;
    const ancestors = this.#unwritten.on(storedAncestors(this.#store, facts.genesisHash));
    const checked = checkLinks(parent.state, parent.stateRoot, segment, skipped, { facts, ancestors });
    if (checked.kind === "invalid") return settled(checked);
    const tip = tipAfter(segment, checked.state, parent.marks, this.facts);
    const approval = segment.firstParentApproval;
    const parentRecord = parent.record && approval && withApproval(parent.record, approval);
    const bytes = ownedBytes(segment);
    const batch = appendBatchOf(segment, bytes, parentRecord, changedRecords(parent, tip, this.facts));
    const write = this.#store.append(batch);
    this.#pending = tip;
    this.#unwritten.add(segment.first.height, batch.hashes.slice());
    return { outcome: this.#settle(write, tip, segment, this.#generation) };
  }

  async #settle(
    write: Promise<Appended>,
    tip: Tip,
    { count, giveBack }: ValidatedSegment,
    generation: number,
  ): Promise<ImportOutcome> {
    try {
      const { bytes } = await this.#writes.track(write);
      giveBack?.(bytes.buffer as ArrayBuffer);
    } catch (error) {
      // What was queued behind it fails at the store for the gap; what comes now begins at the durable head again.
      if (this.#generation === generation) {
        this.#generation++;
        this.#pending = this.#durable;
        this.#unwritten.clear();
      }
      return notNow(operating(error));
    }
    const before = this.#durable;
    this.#durable = tip;
    this.#unwritten.written(tip.head.height - count + 1);
    this.#emit({ type: "imported", head: tip.head, blocks: count });
    this.#tellChange(before);
    this.#moveFinal();
    return { kind: "imported", head: tip.head };
  }

  /** Nothing is being written: the durable head is the pending one, and the store shows everything. */
  async #placeFork(segment: ValidatedSegment): Promise<Placed> {
    const tip = this.#durable;
    const judged = this.#fork.judge(segment, {
      tip,
      finalHeight: this.#final.height,
      adopted: this.#adopted,
    });
    switch (judged.kind) {
      case "extends":
        return this.#extend(judged.rest, judged.skipped);
      case "settled":
        return settled(judged.outcome);
      case "beside":
        return settled(await this.#keepBeside(judged.rest));
      case "better":
        return settled(await this.#replace(judged, tip));
      default:
        return assertNever(judged);
    }
  }

  async #replace({ next, commonHeight, batch }: BetterFork, before: Tip): Promise<ImportOutcome> {
    await this.#writes.track(this.#store.replaceAbove(commonHeight, batch));
    this.#durable = next;
    this.#pending = next;
    this.#mayHaveSides = true;
    const blocksReverted = before.head.height - commonHeight;
    this.#emit({ type: "reorganized", head: next.head, commonHeight, blocksReverted });
    this.#tellChange(before);
    this.#moveFinal();
    return { kind: "reorganized", head: next.head, commonHeight, blocksReverted };
  }

  /** Ascending, so that a crash leaves no side block without its parent. */
  async #keepBeside(segment: ValidatedSegment): Promise<ImportOutcome> {
    this.#mayHaveSides = true;
    for (let index = 0; index < segment.count; index++) {
      const height = segment.first.height + index;
      const record = recordAt(segment, index).slice();
      await this.#writes.track(this.#store.putSide(hashOf(segment, index).slice(), height, record));
    }
    return { kind: "side" };
  }

  /** It was found by reading blocks: next time it need not be. */
  #mendLineage(tip: Tip): void {
    const write = this.#store.writeMeta(new Map([lineageRecord(tip, this.facts.genesisHash)]));
    this.#writes
      .track(write)
      .catch((error: unknown) => this.#log.warn("the lineage was not written", { error: asError(error) }));
  }

  #tellChange(before: Tip): void {
    const { height, authorities, lineage } = this.#durable.state;
    if (equalBytes(before.state.authorities.root, authorities.root)) return;
    const firstHeight = lineage.periods.at(-1)?.firstHeight ?? height + 1;
    this.#emit({ type: "authoritiesChanged", firstHeight, authorities });
  }

  #finalBelow(tip: Tip): BlockPoint {
    const base = this.#store.base() ?? 1;
    const height = Math.max(
      finalHeight(tip.head.height, this.facts, tip.state.lineage.auxpows),
      // What was adopted is final, and so is what lies below; a chain of an older version has no record of it.
      this.#adopted?.height ?? (base > 1 ? base : 0),
    );
    const hash = this.hashAt(height);
    assert(hash !== undefined, "the final block is in the store");
    return { height, hash };
  }

  #moveFinal(): void {
    const final = this.#finalBelow(this.#durable);
    if (final.height <= this.#final.height) return;
    this.#final = final;
    this.#emit({ type: "finalized", height: final.height, hash: final.hash });
    // A side block at or below the final one can never be chosen any more.
    if (!this.#mayHaveSides) return;
    this.#writes.track(this.#store.pruneSide(final.height + 1)).then(
      () => {
        this.#mayHaveSides = this.#store.stats().sideBlocks > 0;
      },
      (error: unknown) => this.#log.warn("side blocks were not pruned", { error: asError(error) }),
    );
  }

  #emit(event: ChainEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function settled(outcome: ImportOutcome): Placed {
  return { outcome: Promise.resolve(outcome) };
}

function notNow(reason: Failure): ImportOutcome {
  return { kind: "notNow", failure: reason };
}

/** The failure that a write rejected with; anything else is a programmer's error and goes on. */
function operating(error: unknown): Failure {
  if (error instanceof Failure) return error;
  throw error;
}
