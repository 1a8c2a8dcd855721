/**
 * Opening the chain from what is durable: the head, its record, and the mountain range up to it, compared with the
 * head's own history_root. Whatever moment the process was killed at, blocks and marks were written together, so this
 * finds the state of some transaction's end or says what is damaged.
 */

import { equalBytes } from "../../../chain/bytes.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../../chain/facts.ts";
import { finalHeight } from "../../../chain/finality.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../../chain/header.ts";
import { authoritiesAt, decodeLineage, type Lineage, lineageUpTo } from "../../../chain/lineage.ts";
import { MalformedError } from "../../../chain/malformed.ts";
import { appendHash, historyRoot } from "../../../chain/mmr.ts";
import { Failure, failure } from "../../../kernel/errors.ts";
import type { BlockPoint, BlockStore } from "../../../storage/port.ts";
import { type Adopted, readAdopted, WITHHELD_KEY } from "../checkpoint/recovery-records.ts";
import { stateAt } from "./branch.ts";
import { decodeMarks, type HistoryMark, marksUpTo, peaksAt, withMark } from "./history.ts";
import { findLastAuxPow, rebuildLineage } from "./rebuild.ts";
import { genesisTip, type Tip, tipOf } from "./tip.ts";

/** Key of the record of marks (history.ts) in the store's meta. */
export const HISTORY_KEY = "chain/history";
/** Key of the lineage (src/chain/lineage.ts) beside it. */
export const LINEAGE_KEY = "chain/lineage";

export interface GenesisFacts {
  /** 184 bytes. */
  readonly header: Uint8Array;
  /** The set in force from height 1. */
  readonly authorities: AuthoritySetFacts;
}

/** The durable tip, and what is beside it. */
export interface OpenedTip {
  readonly tip: Tip;
  /** Whether its lineage is in the store as it should be. */
  readonly isLineageStored: boolean;
  /** The checkpoint that the chain was begun from. */
  readonly adopted: Adopted | undefined;
  /** Whether the history behind that is to be proven before any of it is served. */
  readonly isWithheld: boolean;
}

/** DATA_LOSS when the store is damaged, FAILED_PRECONDITION when it holds another chain. */
export function openTip(store: BlockStore, genesis: GenesisFacts, facts: ChainFacts): OpenedTip | Failure {
  const head = store.head();
  const genesisHash = facts.genesisHash;
  if (head === undefined) {
    const tip = genesisTip(genesis.header, facts, genesis.authorities);
    return { tip, isLineageStored: true, adopted: undefined, isWithheld: false };
  }
  const recorded = readMarks(store, genesisHash);
  if (recorded === undefined) {
    return failure(
      "FAILED_PRECONDITION",
      "OTHER_CHAIN",
      "the block store holds another chain than configured",
    );
  }
  // Throws DATA_LOSS itself; the blocks that may yet be replaced are the ones worth the look.
  store.verify(facts.finalityDepth);
  const record = store.readBlock(head.height);
  if (record === undefined || !equalBytes(headerHash(record.subarray(0, HEADER_LENGTH)), head.hash)) {
    return damaged(head, "the head's record is not the block that its hash names");
  }
  const adopted = readAdopted(store, genesisHash);
  const stored = readLineage(store, head, facts, adopted);
  const isStored = stored !== undefined && isLineageOf(stored.lineage, head, record);
  const lineage = isStored ? stored.lineage : rebuilt(store, facts, genesis.authorities, adopted);
  if (lineage === undefined || !isLineageOf(lineage, head, record)) {
    return damaged(head, "the changes of authorities and the AuxPoWs below it do not lead to it");
  }
  const tip = tipFrom(store, head, record, marksUpTo(recorded, head.height), lineage, facts);
  if (tip instanceof Failure) return tip;
  const isWithheld = store.readMeta(WITHHELD_KEY) !== undefined;
  return { tip, isLineageStored: isStored && stored.isWhole, adopted, isWithheld };
}

function tipFrom(
  store: BlockStore,
  head: BlockPoint,
  record: Uint8Array,
  recorded: readonly HistoryMark[],
  lineage: Lineage,
  facts: ChainFacts,
): Tip | Failure {
  const { historyRoot: committed } = decodeHeader(record.subarray(0, HEADER_LENGTH));
  const hashes = (first: number, count: number): Uint8Array => store.hashesBetween(first, count);
  // A damaged mark costs a count from genesis, not the chain.
  for (const marks of recorded.length > 0 ? [recorded, []] : [recorded]) {
    const peaks = peaksAt(marks, facts.genesisHash, head.height, hashes);
    if (peaks === undefined || !equalBytes(historyRoot(head.height, peaks), committed)) continue;
    const all = appendHash(peaks, head.height, head.hash);
    const state = stateAt(record.subarray(0, HEADER_LENGTH), head.hash, all, lineage);
    const mark = { count: head.height + 1, peaks: all };
    return tipOf(record, state, withMark(marks, mark, finalHeight(head.height, facts, lineage.auxpows)));
  }
  return damaged(head, "the stored hashes do not have the history root that the head commits to");
}

function readMarks(store: BlockStore, genesisHash: Uint8Array): readonly HistoryMark[] | undefined {
  const bytes = store.readMeta(HISTORY_KEY);
  if (bytes === undefined) return [];
  try {
    return decodeMarks(bytes, genesisHash);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return [];
  }
}

/**
 * The stored lineage, cut back to the head where blocks went without it: a rollback deletes them before it writes what is
 * left, and on a chain that begins at a checkpoint the sets cannot be found again by reading blocks.
 */
function readLineage(
  store: BlockStore,
  head: BlockPoint,
  facts: ChainFacts,
  adopted: Adopted | undefined,
): { readonly lineage: Lineage; readonly isWhole: boolean } | undefined {
  const bytes = store.readMeta(LINEAGE_KEY);
  if (bytes === undefined) return undefined;
  try {
    const stored = decodeLineage(bytes, facts.genesisHash);
    if (stored === undefined) return undefined;
    const cut = lineageUpTo(stored, head.height);
    if (cut.auxpows.length > 0) return { lineage: cut, isWhole: cut === stored };
    const auxpows = [findLastAuxPow(store, facts, head.height, adopted)];
    return { lineage: { ...cut, auxpows }, isWhole: false };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return undefined;
  }
}

/** Undefined when the blocks are not all there that it follows from. */
function rebuilt(
  store: BlockStore,
  facts: ChainFacts,
  authorities: AuthoritySetFacts,
  adopted: Adopted | undefined,
): Lineage | undefined {
  try {
    return rebuildLineage(store, facts, authorities, adopted);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return undefined;
  }
}

/** Nothing in it lies above the head, and its set is the one that the head's header names. */
function isLineageOf(lineage: Lineage, head: BlockPoint, record: Uint8Array): boolean {
  const { authoritiesRoot } = decodeHeader(record.subarray(0, HEADER_LENGTH));
  const newest = lineage.auxpows.at(-1);
  return (
    newest !== undefined &&
    newest.carrierHeight <= head.height &&
    lineageUpTo(lineage, head.height) === lineage &&
    equalBytes(authoritiesAt(lineage, head.height).root, authoritiesRoot)
  );
}

function damaged(head: BlockPoint, what: string): Failure {
  const remedy = "alysctl checkpoints recover --data-dir goes back to a checkpoint";
  return failure("DATA_LOSS", "CHAIN_DAMAGED", `block ${head.height}: ${what}; ${remedy}`);
}
