/**
 * ForkChoice: judges a segment that does not build on the head: whether it is there already, where it leaves the canonical
 * chain, whether it is valid there, and which of both branches is the better one. Reads the store and changes nothing;
 * the embedded chain carries out what it says.
 */

import { StackedAncestors } from "../../../chain/auxpow/ancestors.ts";
import { concatBytes, equalBytes } from "../../../chain/bytes.ts";
import type { ChainFacts } from "../../../chain/facts.ts";
import { mayReorganize } from "../../../chain/finality.ts";
import { isBetterHead } from "../../../chain/fork-choice.ts";
import { HEADER_LENGTH } from "../../../chain/header.ts";
import { type Lineage, lineageUpTo } from "../../../chain/lineage.ts";
import { checkSequence, type SequenceContext, type SequenceState } from "../../../chain/sequence.ts";
import type { ValidatedSegment } from "../../../chain/validator.ts";
import { failure } from "../../../kernel/errors.ts";
import type { AppendBatch, BlockStore } from "../../../storage/port.ts";
import type { Adopted } from "../checkpoint/recovery-records.ts";
import type { ImportOutcome } from "../port.ts";
import { type Branch, batchOf, findBranch, stateAt, stateBehind } from "./branch.ts";
import { marksUpTo, peaksAt } from "./history.ts";
import type { GenesisFacts } from "./opening.ts";
import { findLastAuxPow, storedAncestors } from "./rebuild.ts";
import { recordsOf } from "./records.ts";
import { behind, checkStateRoots, hashOf } from "./segment-parts.ts";
import { type Tip, tipAfter } from "./tip.ts";

export interface ForkParts {
  readonly store: BlockStore;
  readonly facts: ChainFacts;
  readonly genesis: GenesisFacts;
}

/** The branch wins: this replaces what lies above `commonHeight`. */
export interface BetterFork {
  readonly kind: "better";
  readonly next: Tip;
  readonly commonHeight: number;
  readonly batch: AppendBatch;
}

/** What a fork is compared with. */
export interface ForkGround {
  readonly tip: Tip;
  readonly finalHeight: number;
  /** The checkpoint that the chain was begun from. */
  readonly adopted: Adopted | undefined;
}

export type ForkJudgement =
  /** Its first blocks are there; the rest builds on the head. */
  | { readonly kind: "extends"; readonly rest: ValidatedSegment; readonly skipped: number }
  | { readonly kind: "settled"; readonly outcome: ImportOutcome }
  /** Valid, but the canonical branch is the better one. */
  | { readonly kind: "beside"; readonly rest: ValidatedSegment }
  | BetterFork;

export class ForkChoice {
  readonly #store: BlockStore;
  readonly #facts: ChainFacts;
  readonly #genesis: GenesisFacts;

  constructor({ store, facts, genesis }: ForkParts) {
    this.#store = store;
    this.#facts = facts;
    this.#genesis = genesis;
  }

  /**
   * The tip is durable and nothing else is being written. Throws DATA_LOSS when the store lacks what it should have.
   */
  judge(segment: ValidatedSegment, ground: ForkGround): ForkJudgement {
    const { tip, finalHeight } = ground;
    const last = hashOf(segment, segment.count - 1);
    if (this.#heightOf(last) !== undefined || this.#store.readSide(last) !== undefined) {
      return settled({ kind: "known" });
    }
    let skipped = 0;
    while (this.#heightOf(hashOf(segment, skipped)) !== undefined) skipped++;
    const rest = skipped === 0 ? segment : behind(segment, skipped);
    if (equalBytes(rest.firstParentHash, tip.state.hash)) return { kind: "extends", rest, skipped };

    const branch = findBranch(this.#store, (hash) => this.#heightOf(hash), rest.firstParentHash);
    if (branch === undefined) {
      const parentHash = rest.firstParentHash.slice();
      return settled({ kind: "unknownParent", parentHash, height: rest.first.height });
    }
    if (!mayReorganize(branch.commonHeight, finalHeight)) {
      return settled({ kind: "belowFinal", height: branch.commonHeight + 1 });
    }
    return this.#choose(branch, rest, skipped, ground);
  }

  /** Checks the segment on its branch and lets fork choice decide between it and the canonical head. */
  #choose(branch: Branch, segment: ValidatedSegment, skipped: number, ground: ForkGround): ForkJudgement {
    const { tip } = ground;
    const facts = this.#facts;
    const { commonHeight } = branch;
    const parentRecord = commonHeight === 0 ? undefined : this.#store.readBlock(commonHeight);
    const common = this.#stateAt(commonHeight, parentRecord, ground);
    const ancestors = new StackedAncestors(storedAncestors(this.#store, facts.genesisHash), commonHeight, [
      concatBytes(branch.blocks.map(({ hash }) => hash)),
    ]);
    const parent = stateBehind(branch, common, ancestors);
    const checked = checkLinks(parent, tip.stateRoot, segment, skipped, { facts, ancestors });
    if (checked.kind === "invalid") return settled(checked);
    if (!isBetterHead(checked.state, tip.state)) return { kind: "beside", rest: segment };
    const next = tipAfter(segment, checked.state, marksUpTo(tip.marks, commonHeight), facts);
    const batch = batchOf(branch, segment, parentRecord, recordsOf(next, facts));
    return { kind: "better", next, commonHeight, batch };
  }

  /** The state behind a canonical block; the store must show all of the chain up to it. */
  #stateAt(height: number, record: Uint8Array | undefined, { tip, adopted }: ForkGround): SequenceState {
    const hashes = (first: number, count: number): Uint8Array => this.#store.hashesBetween(first, count);
    const { genesisHash } = this.#facts;
    const peaks = peaksAt(marksUpTo(tip.marks, height), genesisHash, height + 1, hashes);
    const header = height === 0 ? this.#genesis.header : record?.subarray(0, HEADER_LENGTH);
    const hash = height === 0 ? genesisHash : this.#store.hashAt(height);
    if (peaks === undefined || header === undefined || hash === undefined) {
      throw failure("DATA_LOSS", "RECORD_MISSING", `canonical block ${height} is not in the store`);
    }
    return stateAt(header, hash, peaks, this.#lineageAt(height, tip, adopted));
  }

  #lineageAt(height: number, tip: Tip, adopted: Adopted | undefined): Lineage {
    const lineage = lineageUpTo(tip.state.lineage, height);
    if (lineage.auxpows.length > 0) return lineage;
    return { ...lineage, auxpows: [findLastAuxPow(this.#store, this.#facts, height, adopted)] };
  }

  #heightOf(hash: Uint8Array): number | undefined {
    return equalBytes(hash, this.#facts.genesisHash) ? 0 : this.#store.heightOf(hash);
  }
}

export type CheckedLinks =
  | { readonly kind: "valid"; readonly state: SequenceState }
  | Extract<ImportOutcome, { kind: "invalid" }>;

/** The rules that need the parent, and the embedded ChainActor's verdict. */
export function checkLinks(
  parent: SequenceState,
  stateRoot: Uint8Array,
  segment: ValidatedSegment,
  skipped: number,
  context: SequenceContext,
): CheckedLinks {
  const verdict = checkSequence(parent, segment, context);
  if (!verdict.ok) return { kind: "invalid", index: skipped + verdict.index, fault: verdict.fault };
  const wrong = checkStateRoots(stateRoot, segment);
  if (wrong === undefined) return { kind: "valid", state: verdict.state };
  return { kind: "invalid", index: skipped + wrong.index, fault: wrong.fault };
}

function settled(outcome: ImportOutcome): ForkJudgement {
  return { kind: "settled", outcome };
}
