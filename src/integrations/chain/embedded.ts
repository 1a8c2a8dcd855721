/**
 * EmbeddedChain: the ChainActor that every node has, the chain port over a block store. It owns the order of imports
 * and the two heads: the durable one, which everybody sees, and the pending one, which the next segment is checked
 * against while earlier ones are still being written. SyncActor imports; everybody reads. A segment on the pending head
 * is pipelined; one beside it waits until nothing is being written and then goes through fork choice. A reorganization
 * is one transaction, so that it is bounded by the store's batch (16 MiB): a branch of more is answered `notNow`.
 */

import { lowestChangeHeight } from "../../chain/authority/change.ts";
import { StackedAncestors } from "../../chain/auxpow/ancestors.ts";
import type { BlockFault } from "../../chain/block-fault.ts";
import { concatBytes, equalBytes } from "../../chain/bytes.ts";
import { finalHeight, mayReorganize } from "../../chain/finality.ts";
import { isBetterHead } from "../../chain/fork-choice.ts";
import { HEADER_LENGTH } from "../../chain/header.ts";
import {
  authoritiesAt,
  followBlock,
  type Lineage,
  lastChangeHeight,
  lineageUpTo,
} from "../../chain/lineage.ts";
import {
  checkSequence,
  nextHistoryRoot,
  type SequenceContext,
  type SequenceState,
} from "../../chain/sequence.ts";
import type { AuthoritySetFacts, ChainFacts, ValidatedSegment } from "../../chain/validator.ts";
import type { Clock } from "../../kernel/clock.ts";
import { asError, assert, Failure, failure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { BlockPoint, BlockStore } from "../../storage/port.ts";
import { appendBatchOf, type Branch, batchOf, findBranch, stateAt, stateBehind } from "./branch.ts";
import { marksUpTo, peaksAt } from "./history.ts";
import { type GenesisFacts, type OpenedTip, openTip, WITHHELD_KEY } from "./opening.ts";
import type {
  ChainEvent,
  ChainPort,
  ChainSnapshot,
  ChildAuthorities,
  ChildTemplate,
  ImportOutcome,
} from "./port.ts";
import { judgeChild } from "./proposal.ts";
import { findLastAuxPow, storedAncestors } from "./rebuild.ts";
import { changedRecords, lineageRecord, recordsOf } from "./records.ts";
import { behind, checkStateRoots, hashOf, ownedBytes } from "./segment-parts.ts";
import { recordAt, type Tip, tipAfter, withApproval } from "./tip.ts";
import { Unwritten } from "./unwritten.ts";

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
  readonly #store: BlockStore;
  readonly #genesis: GenesisFacts;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Set<(event: ChainEvent) => void>();
  /** Writes under way; drained before a fork is judged. Bounded by the store, which refuses more. */
  readonly #writes = new Set<Promise<unknown>>();
  readonly #unwritten = new Unwritten();
  #durable: Tip;
  #pending: Tip;
  #final: BlockPoint;
  /** Counts roll-backs, so that of several failed writes only the first one rolls back. */
  #generation = 0;
  #order: Promise<unknown> = Promise.resolve();
  /** True while the history behind an adopted checkpoint is to be proven before any of it is served. */
  #isWithheld: boolean;
  /** False only when the side table is known to be empty, so that pruning an empty one costs nothing. */
  #mayHaveSides = true;
  #isClosed = false;

  /** What openTip found in the store. */
  constructor(parts: EmbeddedChainParts, { tip, isLineageStored }: OpenedTip) {
    this.facts = parts.facts;
    this.#store = parts.store;
    this.#genesis = parts.genesis;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#durable = tip;
    this.#pending = tip;
    this.#final = this.#finalBelow(tip);
    this.#isWithheld = parts.store.readMeta(WITHHELD_KEY) !== undefined;
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
   * change the store and stands on what is there then. Rejects with the Failure of either; a change that failed half-way
   * is stood on as it is.
   */
  async restand(change: () => Promise<void>): Promise<void> {
    const turn = this.#order.then(async () => {
      await this.#drained();
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
    this.#final = this.#finalBelow(tip);
    this.#isWithheld = this.#store.readMeta(WITHHELD_KEY) !== undefined;
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
    await this.#drained();
    this.#listeners.clear();
  }

  /** Gives the segment its place: at once on the pending head, after everything else is written beside it. */
  async #place(segment: ValidatedSegment): Promise<Placed> {
    assert(segment.count > 0, "an empty segment was imported");
    if (this.#isClosed) return settled(notNow(failure("UNAVAILABLE", "CHAIN_CLOSED", "the chain is closed")));
    try {
      // An empty store takes any first height, so that nothing may stand behind a first write that can still fail.
      if (this.#durable.head.height === 0) await this.#drained();
      if (equalBytes(segment.firstParentHash, this.#pending.state.hash)) return this.#extend(segment, 0);
      await this.#drained();
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
    const checked = check(parent.state, parent.stateRoot, segment, skipped, { facts, ancestors });
    if (checked.kind === "invalid") return settled(checked);
    const tip = tipAfter(segment, checked.state, parent.marks, this.facts);
    const approval = segment.firstParentApproval;
    const parentRecord = parent.record && approval && withApproval(parent.record, approval);
    const bytes = ownedBytes(segment.bytes);
    const batch = appendBatchOf(segment, bytes, parentRecord, changedRecords(parent, tip, this.facts));
    const write = this.#store.append(batch);
    this.#pending = tip;
    this.#unwritten.add(segment.first.height, batch.hashes.slice());
    return { outcome: this.#settle(write, tip, segment.count, this.#generation) };
  }

  async #settle(
    write: Promise<unknown>,
    tip: Tip,
    blocks: number,
    generation: number,
  ): Promise<ImportOutcome> {
    try {
      await this.#track(write);
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
    this.#unwritten.written(tip.head.height - blocks + 1);
    this.#emit({ type: "imported", head: tip.head, blocks });
    this.#tellChange(before);
    this.#moveFinal();
    return { kind: "imported", head: tip.head };
  }

  /** Nothing is being written: the durable head is the pending one, and the store shows everything. */
  async #placeFork(segment: ValidatedSegment): Promise<Placed> {
    const tip = this.#durable;
    const last = hashOf(segment, segment.count - 1);
    if (this.heightOf(last) !== undefined || this.#store.readSide(last) !== undefined) {
      return settled({ kind: "known" });
    }
    let skipped = 0;
    while (this.heightOf(hashOf(segment, skipped)) !== undefined) skipped++;
    const rest = skipped === 0 ? segment : behind(segment, skipped);
    if (equalBytes(rest.firstParentHash, tip.state.hash)) return this.#extend(rest, skipped);

    const branch = findBranch(this.#store, (hash) => this.heightOf(hash), rest.firstParentHash);
    if (branch === undefined) {
      const parentHash = rest.firstParentHash.slice();
      return settled({ kind: "unknownParent", parentHash, height: rest.first.height });
    }
    if (!mayReorganize(branch.commonHeight, this.#final.height)) {
      return settled({ kind: "belowFinal", height: branch.commonHeight + 1 });
    }
    return settled(await this.#choose(branch, rest, skipped));
  }

  /** Checks the segment on its branch and lets fork choice decide between it and the canonical head. */
  async #choose(branch: Branch, segment: ValidatedSegment, skipped: number): Promise<ImportOutcome> {
    const tip = this.#durable;
    const { commonHeight } = branch;
    const parentRecord = commonHeight === 0 ? undefined : this.#store.readBlock(commonHeight);
    const common = this.#stateAt(commonHeight, parentRecord, tip);
    const { facts } = this;
    const ancestors = new StackedAncestors(storedAncestors(this.#store, facts.genesisHash), commonHeight, [
      concatBytes(branch.blocks.map(({ hash }) => hash)),
    ]);
    const parent = stateBehind(branch, common, ancestors);
    const checked = check(parent, tip.stateRoot, segment, skipped, { facts, ancestors });
    if (checked.kind === "invalid") return checked;
    if (!isBetterHead(checked.state, tip.state)) return await this.#keepBeside(segment);

    const next = tipAfter(segment, checked.state, marksUpTo(tip.marks, commonHeight), this.facts);
    const batch = batchOf(branch, segment, parentRecord, recordsOf(next, this.facts));
    await this.#track(this.#store.replaceAbove(commonHeight, batch));
    this.#durable = next;
    this.#pending = next;
    this.#mayHaveSides = true;
    const blocksReverted = tip.head.height - commonHeight;
    this.#emit({ type: "reorganized", head: next.head, commonHeight, blocksReverted });
    this.#tellChange(tip);
    this.#moveFinal();
    return { kind: "reorganized", head: next.head, commonHeight, blocksReverted };
  }

  /** Ascending, so that a crash leaves no side block without its parent. */
  async #keepBeside(segment: ValidatedSegment): Promise<ImportOutcome> {
    this.#mayHaveSides = true;
    for (let index = 0; index < segment.count; index++) {
      const height = segment.first.height + index;
      const record = recordAt(segment, index).slice();
      await this.#track(this.#store.putSide(hashOf(segment, index).slice(), height, record));
    }
    return { kind: "side" };
  }

  /** The state behind a canonical block; the store must show all of the chain up to it. */
  #stateAt(height: number, record: Uint8Array | undefined, tip: Tip): SequenceState {
    const hashes = (first: number, count: number): Uint8Array => this.#store.hashesBetween(first, count);
    const peaks = peaksAt(marksUpTo(tip.marks, height), this.facts.genesisHash, height + 1, hashes);
    const header = height === 0 ? this.#genesis.header : record?.subarray(0, HEADER_LENGTH);
    const hash = this.hashAt(height);
    if (peaks === undefined || header === undefined || hash === undefined) {
      throw failure("DATA_LOSS", "RECORD_MISSING", `canonical block ${height} is not in the store`);
    }
    return stateAt(header, hash, peaks, this.#lineageAt(height, tip));
  }

  #lineageAt(height: number, tip: Tip): Lineage {
    const lineage = lineageUpTo(tip.state.lineage, height);
    if (lineage.auxpows.length > 0) return lineage;
    return { ...lineage, auxpows: [findLastAuxPow(this.#store, this.facts, height)] };
  }

  /** It was found by reading blocks: next time it need not be. */
  #mendLineage(tip: Tip): void {
    const write = this.#store.writeMeta(new Map([lineageRecord(tip, this.facts.genesisHash)]));
    this.#track(write).catch((error: unknown) =>
      this.#log.warn("the lineage was not written", { error: asError(error) }),
    );
  }

  #tellChange(before: Tip): void {
    const { height, authorities, lineage } = this.#durable.state;
    if (equalBytes(before.state.authorities.root, authorities.root)) return;
    const firstHeight = lineage.periods.at(-1)?.firstHeight ?? height + 1;
    this.#emit({ type: "authoritiesChanged", firstHeight, authorities });
  }

  #finalBelow(tip: Tip): BlockPoint {
    const base = this.#store.base() ?? 1;
    // An adopted checkpoint is final by its adoption, however young the chain on it.
    const height = Math.max(
      finalHeight(tip.head.height, this.facts, tip.state.lineage.auxpows),
      base > 1 ? base : 0,
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
    this.#track(this.#store.pruneSide(final.height + 1)).then(
      () => {
        this.#mayHaveSides = this.#store.stats().sideBlocks > 0;
      },
      (error: unknown) => this.#log.warn("side blocks were not pruned", { error: asError(error) }),
    );
  }

  #emit(event: ChainEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #track<T>(write: Promise<T>): Promise<T> {
    const entry: Promise<unknown> = write.then(
      () => this.#writes.delete(entry),
      () => this.#writes.delete(entry),
    );
    this.#writes.add(entry);
    return write;
  }

  async #drained(): Promise<void> {
    while (this.#writes.size > 0) await Promise.all(this.#writes);
  }
}

type Checked =
  | { readonly kind: "valid"; readonly state: SequenceState }
  | Extract<ImportOutcome, { kind: "invalid" }>;

/** The rules that need the parent, and the embedded ChainActor's verdict. */
function check(
  parent: SequenceState,
  stateRoot: Uint8Array,
  segment: ValidatedSegment,
  skipped: number,
  context: SequenceContext,
): Checked {
  const verdict = checkSequence(parent, segment, context);
  if (!verdict.ok) return { kind: "invalid", index: skipped + verdict.index, fault: verdict.fault };
  const wrong = checkStateRoots(stateRoot, segment);
  if (wrong === undefined) return { kind: "valid", state: verdict.state };
  return { kind: "invalid", index: skipped + wrong.index, fault: wrong.fault };
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
