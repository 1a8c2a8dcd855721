/**
 * The hashes of stored blocks out of the values that hold 32 of them each: lmdb-store.ts looks blocks up with them,
 * lmdb-writer.ts puts them into the index.
 */
import type { Databases } from "./lmdb.ts";
import { CHUNK_HASHES } from "./lmdb-layout.ts";
import { HASH_LENGTH } from "./port.ts";

/**
 * Copies the hashes of heights `[first, end)` to the beginning of `target`, which has room for them. Returns the first height
 * whose hash is not stored, undefined when all are.
 */
export function copyHashes(
  chunks: Databases["hashes"],
  first: number,
  end: number,
  target: Uint8Array,
): number | undefined {
  for (let height = first; height < end; ) {
    const number = Math.floor(height / CHUNK_HASHES);
    const stop = Math.min(end, (number + 1) * CHUNK_HASHES);
    const chunk = chunks.getBinary(number);
    if (chunk === undefined) return height;
    const from = height % CHUNK_HASHES;
    const part = chunk.subarray(from * HASH_LENGTH, (from + stop - height) * HASH_LENGTH);
    target.set(part, (height - first) * HASH_LENGTH);
    height = stop;
  }
  return undefined;
}
