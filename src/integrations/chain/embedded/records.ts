/**
 * The small records beside the blocks: marks of the mountain range and lineage, each written in the transaction of the
 * blocks that change it. Opening reads them (opening.ts).
 */

import type { ChainFacts } from "../../../chain/facts.ts";
import { encodeLineage } from "../../../chain/lineage.ts";
import type { MetaEntries } from "../../../storage/port.ts";
import { ADOPTED_KEY, WITHHELD_KEY } from "../checkpoint/recovery-records.ts";
import { encodeMarks } from "./history.ts";
import { HISTORY_KEY, LINEAGE_KEY } from "./opening.ts";
import type { Tip } from "./tip.ts";

/** Both records of a tip. */
export function recordsOf(tip: Tip, { genesisHash }: ChainFacts): Map<string, Uint8Array> {
  return new Map([[HISTORY_KEY, encodeMarks(genesisHash, tip.marks)], lineageRecord(tip, genesisHash)]);
}

/**
 * Those of `tip` that differ from its parent's; undefined when none does. The first block brings both, so that the store
 * names its chain, and ends what an earlier one left.
 */
export function changedRecords(parent: Tip, tip: Tip, facts: ChainFacts): MetaEntries | undefined {
  if (parent.head.height === 0) {
    const gone = [ADOPTED_KEY, WITHHELD_KEY].map((key) => [key, undefined] as const);
    return new Map([...gone, ...recordsOf(tip, facts)]);
  }
  const records = new Map<string, Uint8Array>();
  if (parent.marks !== tip.marks) records.set(HISTORY_KEY, encodeMarks(facts.genesisHash, tip.marks));
  if (parent.state.lineage !== tip.state.lineage) records.set(...lineageRecord(tip, facts.genesisHash));
  return records.size > 0 ? records : undefined;
}

export function lineageRecord(tip: Tip, genesisHash: Uint8Array): [string, Uint8Array] {
  return [LINEAGE_KEY, encodeLineage(genesisHash, tip.state.lineage)];
}
