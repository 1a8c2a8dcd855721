/**
 * Makes a chain that looks as if it had been running: forges blocks that all members signed, the last one just before
 * now, and writes them to a block store in the form in which the embedded ChainActor finds them. What is forged here
 * is valid by every rule; nodes that sync it verify it all the same. Used by `alysd localnet` and by benchmarks.
 */

import { ChainForge, type ForgeOptions } from "../../chain/forge.ts";
import { encodeLineage, type Lineage } from "../../chain/lineage.ts";
import { slotAt } from "../../chain/rules.ts";
import { encodeMarks } from "../../integrations/chain/embedded/history.ts";
import { HISTORY_KEY, LINEAGE_KEY } from "../../integrations/chain/embedded/opening.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import { openLmdbStore } from "../../storage/lmdb-store.ts";
import type { AppendBatch, BlockStore } from "../../storage/port.ts";

/** Blocks a transaction: some 220 KB of 435-byte blocks, and a step of progress about ten times a second. */
const BATCH_BLOCKS = 512;
/** Bytes a transaction: half of what the store takes, so that batches of large blocks end early. */
const BATCH_BYTES = 8 * 1024 * 1024;

/**
 * Blocks at the end that are signed whatever `signEvery` says: near the tip (64 blocks) nodes verify every block, and
 * the rest of the last segment with it.
 */
const SIGNED_TAIL = 192;

export interface HistoryOptions extends ForgeOptions {
  /** At least 1. */
  readonly blocks: number;
  /** Folder of the block store, new or empty. */
  readonly folder: string;
  readonly clock: Clock;
  /** Told after each transaction. */
  readonly onProgress?: (blocksDone: number) => void;
  /** Aborting ends the forging after the transaction under way; the folder then holds less. */
  readonly signal?: AbortSignal;
}

export interface History {
  /** Height of the last block written: `blocks`, or less after an abort. */
  readonly height: number;
  readonly slot: number;
  /** Serialized bytes of all blocks. */
  readonly bytes: number;
}

/**
 * Forges and writes; resolves when all is durable and the folder is free to be copied. The last block lies in the slot
 * before the one in which the forging ends: the slots that went by meanwhile stay empty. Rejects with the store's
 * Failure.
 */
export async function writeHistory(options: HistoryOptions): Promise<History> {
  const { blocks, clock, slotDurationMs = 2000 } = options;
  const forge = ChainForge.of({ ...options, endTimestampMs: clock.nowMs() - slotDurationMs });
  const store = await openLmdbStore({ folder: options.folder, genesisHash: forge.genesis.hash });
  let bytes = 0;
  try {
    while (forge.head.height < blocks && options.signal?.aborted !== true) {
      bytes += await appendNext(forge, store, options);
      options.onProgress?.(forge.head.height);
    }
  } finally {
    await store.close();
  }
  return { height: forge.head.height, slot: forge.head.slot, bytes };
}

/** Forges one transaction's worth and appends it; answers its bytes. */
async function appendNext(forge: ChainForge, store: BlockStore, options: HistoryOptions): Promise<number> {
  const { blocks, clock, slotDurationMs = 2000 } = options;
  const firstHeight = forge.head.height + 1;
  const records: Uint8Array[] = [];
  const hashes: Uint8Array[] = [];
  let length = 0;
  while (forge.head.height < blocks && records.length < BATCH_BLOCKS && length < BATCH_BYTES) {
    const remaining = blocks - forge.head.height;
    const idleSlots = slotAt(clock.nowMs(), slotDurationMs) - 2 - forge.head.slot;
    const block = forge.next(
      remaining === 1 ? { skippedSlots: Math.max(0, idleSlots) } : {},
      remaining <= SIGNED_TAIL,
    );
    records.push(block);
    hashes.push(forge.headHash);
    length += block.length;
  }
  const batch = batchOf(firstHeight, records, hashes);
  await store.append({ ...batch, meta: recordsOf(forge.genesis.hash, forge.lineage, firstHeight) });
  return length;
}

/**
 * The records beside the blocks. That of marks names the chain, and opening completes it; the lineage is that of the
 * batch's last block, so that a forging that is aborted leaves it right.
 */
function recordsOf(genesisHash: Uint8Array, lineage: Lineage, firstHeight: number): Map<string, Uint8Array> {
  const records = new Map([[LINEAGE_KEY, encodeLineage(genesisHash, lineage)]]);
  if (firstHeight === 1) records.set(HISTORY_KEY, encodeMarks(genesisHash, []));
  return records;
}

/**
 * The batch as an import would write it. The approval inside each successor is the block's own here, so that no record
 * changes when its successor comes.
 */
function batchOf(
  firstHeight: number,
  records: readonly Uint8Array[],
  hashes: readonly Uint8Array[],
): AppendBatch {
  const offsets = new Uint32Array(records.length + 1);
  for (const [index, record] of records.entries()) offsets[index + 1] = (offsets[index] ?? 0) + record.length;
  return { firstHeight, bytes: joined(records), offsets, hashes: joined(hashes) };
}

/** Back to back in a buffer of its own, which the store may take over (small Buffers share one). */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
