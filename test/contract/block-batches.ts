/**
 * Batches of blocks whose record and hash follow from height and branch, so that a test can tell what must be stored.
 */
import { hash } from "node:crypto";
import type { AppendBatch, MetaEntries } from "../../src/storage/port.ts";

/** Hash of the block at a height of a branch. */
export function blockHash(height: number, branch = "main"): Uint8Array {
  return new Uint8Array(hash("sha256", `${branch}/${height}`, "buffer"));
}

/** Record of the block at a height of a branch: 20 to 500 bytes. */
export function blockRecord(height: number, branch = "main"): Uint8Array {
  const seed = blockHash(height, branch);
  return Uint8Array.from({ length: 20 + ((height * 131) % 481) }, (_, i) => (seed[i % 32] ?? 0) ^ (i & 0xff));
}

/** Blocks `firstHeight … firstHeight + count − 1` of a branch. */
export function blockBatch(
  firstHeight: number,
  count: number,
  options: { branch?: string; parentRecord?: Uint8Array; meta?: MetaEntries } = {},
): AppendBatch {
  const { branch = "main", ...rest } = options;
  const records = Array.from({ length: count }, (_, i) => blockRecord(firstHeight + i, branch));
  const offsets = new Uint32Array(count + 1);
  for (const [i, record] of records.entries()) offsets[i + 1] = offsets[i]! + record.length;
  const bytes = new Uint8Array(offsets[count]!);
  const hashes = new Uint8Array(32 * count);
  for (const [i, record] of records.entries()) {
    bytes.set(record, offsets[i]);
    hashes.set(blockHash(firstHeight + i, branch), 32 * i);
  }
  return { firstHeight, bytes, offsets, hashes, ...rest };
}
