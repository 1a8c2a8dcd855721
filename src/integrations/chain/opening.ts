/**
 * Opening the chain from what is durable: the head, its record, and the mountain range up to it, held against the
 * head's own history_root. Whatever moment the process was killed at, blocks and marks were written together, so this
 * finds the state of some transaction's end or says what is damaged.
 */

import { equalBytes } from "../../chain/bytes.ts";
import { finalHeight } from "../../chain/finality.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../chain/header.ts";
import { MalformedError } from "../../chain/malformed.ts";
import { appendHash, historyRoot } from "../../chain/mmr.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../chain/validator.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { BlockPoint, BlockStore } from "../../storage/port.ts";
import { stateAt } from "./branch.ts";
import { decodeMarks, type HistoryMark, marksUpTo, peaksAt, withMark } from "./history.ts";
import { genesisTip, type Tip, tipOf } from "./tip.ts";

/** Key of the record of marks (history.ts) in the store's meta. */
export const HISTORY_KEY = "chain/history";

export interface GenesisFacts {
  /** 184 bytes. */
  readonly header: Uint8Array;
  /** The set in force from height 1. */
  readonly authorities: AuthoritySetFacts;
}

/** The durable tip. DATA_LOSS when the store is damaged, FAILED_PRECONDITION when it holds another chain. */
export function openTip(store: BlockStore, genesis: GenesisFacts, facts: ChainFacts): Tip | Failure {
  const head = store.head();
  const genesisHash = facts.genesisHash;
  if (head === undefined) return genesisTip(genesis.header, genesisHash, genesis.authorities);
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
  return tipFrom(store, head, record, marksUpTo(recorded, head.height), genesis, facts);
}

function tipFrom(
  store: BlockStore,
  head: BlockPoint,
  record: Uint8Array,
  recorded: readonly HistoryMark[],
  genesis: GenesisFacts,
  facts: ChainFacts,
): Tip | Failure {
  const { historyRoot: committed } = decodeHeader(record.subarray(0, HEADER_LENGTH));
  const hashes = (first: number, count: number): Uint8Array => store.hashesBetween(first, count);
  // A damaged mark costs a count from genesis, not the chain.
  for (const marks of recorded.length > 0 ? [recorded, []] : [recorded]) {
    const peaks = peaksAt(marks, facts.genesisHash, head.height, hashes);
    if (peaks === undefined || !equalBytes(historyRoot(head.height, peaks), committed)) continue;
    const all = appendHash(peaks, head.height, head.hash);
    const state = stateAt(record.subarray(0, HEADER_LENGTH), head.hash, all, genesis.authorities);
    const mark = { count: head.height + 1, peaks: all };
    return tipOf(record, state, withMark(marks, mark, finalHeight(head.height, facts)));
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

function damaged(head: BlockPoint, what: string): Failure {
  return failure("DATA_LOSS", "CHAIN_DAMAGED", `block ${head.height}: ${what}`);
}
