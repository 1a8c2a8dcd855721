/**
 * Finding the lineage again by reading blocks: all of them where its record is missing or damaged, those below a fork
 * until the first AuxPoW where a fork goes back further than the record does. Both are rare. Reads the store only.
 */

import type { Ancestors } from "../../../chain/auxpow/ancestors.ts";
import { genesisAuxPow, type LastAuxPow } from "../../../chain/auxpow/last-auxpow.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../../chain/facts.ts";
import { finalHeight } from "../../../chain/finality.ts";
import { followBlock, genesisLineage, type Lineage, pruneLineage } from "../../../chain/lineage.ts";
import { carriesAuxPow } from "../../../chain/segment.ts";
import type { BlockStore } from "../../../storage/port.ts";
import type { Adopted } from "../checkpoint/recovery-records.ts";

/** Blocks read at once, and their bytes. */
const RUN_BLOCKS = 512;
const RUN_BYTES = 4 * 1024 * 1024;
/** Hashes read at once: 128 KiB. */
const RUN_HASHES = 4096;

/** The canonical chain as the store shows it, genesis below it. */
export function storedAncestors(store: BlockStore, genesisHash: Uint8Array): Ancestors {
  const hashAt = (height: number): Uint8Array | undefined =>
    height === 0 ? genesisHash : store.hashAt(height);
  return {
    heightOf: (hash) => (equalBytes(hash, genesisHash) ? 0 : store.heightOf(hash)),
    hashAt,
    *hashes(first, last) {
      let height = first;
      if (height === 0 && last >= 0) {
        yield genesisHash;
        height = 1;
      }
      while (height <= last) {
        const run = store.hashesBetween(height, Math.min(RUN_HASHES, last - height + 1));
        if (run.length === 0) return;
        yield run;
        height += run.length / genesisHash.length;
      }
    },
  };
}

/** Some 0.5 million blocks a second. On a chain that was begun from a checkpoint it goes on from what that proved. */
export function rebuildLineage(
  store: BlockStore,
  facts: ChainFacts,
  authorities: AuthoritySetFacts,
  adopted: Adopted | undefined,
): Lineage {
  const { heightOf } = storedAncestors(store, facts.genesisHash);
  let lineage = adopted?.lineage ?? genesisLineage(facts, authorities);
  const last = store.head()?.height ?? 0;
  for (let height = adopted === undefined ? (store.base() ?? 1) : adopted.height + 1; height <= last; ) {
    const blocks = store.readRange(height, RUN_BLOCKS, RUN_BYTES);
    if (blocks.length === 0) return lineage;
    for (const block of blocks) lineage = followBlock(lineage, height++, block, heightOf);
    const final = finalHeight(height - 1, facts, lineage.auxpows);
    lineage = pruneLineage(lineage, final, facts.finalityDepth);
  }
  return lineage;
}

/**
 * The newest AuxPoW in the canonical blocks up to `height`: genesis when there is none. What lies below the checkpoint that
 * the chain was begun from is known from that. Throws MalformedError where it cannot be known.
 */
export function findLastAuxPow(
  store: BlockStore,
  facts: ChainFacts,
  height: number,
  adopted: Adopted | undefined,
): LastAuxPow {
  const base = store.base() ?? 1;
  const { heightOf } = storedAncestors(store, facts.genesisHash);
  for (let end = height; end >= base; end -= RUN_BLOCKS) {
    const first = Math.max(base, end - RUN_BLOCKS + 1);
    for (let at = end; at >= first; at--) {
      if (at === adopted?.height) return adopted.lineage.auxpows.at(-1) ?? genesisAuxPow(facts);
      const block = store.readBlock(at);
      if (block === undefined || !carriesAuxPow(block)) continue;
      const found = followBlock({ periods: [], auxpows: [] }, at, block, heightOf).auxpows.at(-1);
      if (found !== undefined) return found;
    }
  }
  return genesisAuxPow(facts);
}
