/**
 * The writes of a block store as plain data, and the rules when one is refused. Both implementations check with these
 * functions, so that they refuse alike; lmdb-store.ts also sends the requests to its writer thread as they are.
 */
import { assertNever, type Failure, failure } from "../kernel/errors.ts";
import {
  type AppendBatch,
  BATCH_BLOCKS_MAX,
  BATCH_BYTES_MAX,
  HASH_LENGTH,
  HEIGHT_MAX,
  KEY_BYTES_MAX,
  type MetaEntries,
  SIDE_BLOCKS_MAX,
  SIDE_BYTES_MAX,
  VALUE_BYTES_MAX,
} from "./port.ts";

/** Table that `readMeta` and `writeMeta` use. */
export const META_TABLE = "meta";

/** Names of tables. */
const TABLE_NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** Blocks that one transaction of `truncateAbove` deletes: some 10 ms of the writer. */
export const TRUNCATE_BLOCKS_MAX = 4096;

export type Entries = readonly (readonly [string, Uint8Array | undefined])[];

/** `AppendBatch` with its entries as an array. */
export interface BatchWrite {
  readonly firstHeight: number;
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
  readonly hashes: Uint8Array;
  readonly parentRecord: Uint8Array | undefined;
  readonly meta: Entries;
}

export type WriteRequest =
  | { readonly kind: "append"; readonly batch: BatchWrite }
  | { readonly kind: "prepend"; readonly batch: BatchWrite }
  | { readonly kind: "replace"; readonly above: number; readonly batch: BatchWrite }
  | { readonly kind: "truncate"; readonly above: number }
  | {
      readonly kind: "putSide";
      readonly hash: Uint8Array;
      readonly height: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "pruneSide"; readonly below: number }
  | { readonly kind: "entries"; readonly table: string; readonly entries: Entries };

/** What a store holds, in numbers. Without blocks `base` and `head` are 0. */
export interface Extent {
  readonly base: number;
  readonly head: number;
  readonly sideBlocks: number;
  readonly sideBytes: number;
}

/** The batch as it is sent; its arrays are shared, not copied. */
export function batchWrite(batch: AppendBatch): BatchWrite {
  const { firstHeight, bytes, offsets, hashes, parentRecord } = batch;
  return { firstHeight, bytes, offsets, hashes, parentRecord, meta: entriesOf(batch.meta) };
}

export function entriesOf(entries: MetaEntries | undefined): Entries {
  return entries === undefined ? [] : [...entries];
}

/** Blocks in a batch. */
export function countOf(batch: BatchWrite): number {
  return batch.offsets.length - 1;
}

export function isHeight(height: number): boolean {
  return Number.isInteger(height) && height >= 1 && height <= HEIGHT_MAX;
}

/** Why a request is nonsense whatever is stored (INVALID_ARGUMENT), or undefined. */
export function malformation(request: WriteRequest): Failure | undefined {
  switch (request.kind) {
    case "append":
    case "prepend":
      return countOf(request.batch) < 1 ? invalid("batch has no blocks") : batchMalformation(request.batch);
    case "replace":
      if (request.above !== 0 && !isHeight(request.above)) return invalid("height is out of range");
      if (request.batch.firstHeight !== request.above + 1)
        return invalid("batch does not start above height");
      return batchMalformation(request.batch);
    case "truncate":
      return request.above !== 0 && !isHeight(request.above) ? invalid("height is out of range") : undefined;
    case "putSide":
      if (request.hash.length !== HASH_LENGTH) return invalid("hash is not 32 bytes long");
      if (request.bytes.length < 1 || request.bytes.length > BATCH_BYTES_MAX) return invalid("record size");
      return isHeight(request.height) ? undefined : invalid("height is out of range");
    case "pruneSide":
      return undefined;
    case "entries":
      if (!TABLE_NAME.test(request.table)) return invalid(`table name ${request.table}`);
      return entriesMalformation(request.entries);
    default:
      return assertNever(request);
  }
}

/** Why a request does not fit what is stored (FAILED_PRECONDITION, RESOURCE_EXHAUSTED), or undefined. */
export function misfit(request: WriteRequest, extent: Extent): Failure | undefined {
  const { base, head } = extent;
  switch (request.kind) {
    case "append":
      if (head !== 0 && request.batch.firstHeight !== head + 1) return notContiguous(request.batch, extent);
      return parentMisfit(request.batch, base, head);
    case "prepend":
      if (head === 0 || request.batch.firstHeight + countOf(request.batch) !== base) {
        return notContiguous(request.batch, extent);
      }
      return parentMisfit(request.batch, base, head);
    case "replace":
      if (head === 0 || request.above > head || request.above < base - 1) {
        return notContiguous(request.batch, extent);
      }
      return parentMisfit(request.batch, base, request.above);
    case "putSide":
      // An existing block may be put again, which changes nothing; the check need not know.
      if (extent.sideBlocks >= SIDE_BLOCKS_MAX || extent.sideBytes + request.bytes.length > SIDE_BYTES_MAX) {
        return failure(
          "RESOURCE_EXHAUSTED",
          "SIDE_TABLE_FULL",
          `${extent.sideBlocks} side blocks of ${extent.sideBytes} bytes are kept already`,
        );
      }
      return undefined;
    case "truncate":
    case "pruneSide":
    case "entries":
      return undefined;
    default:
      return assertNever(request);
  }
}

function batchMalformation(batch: BatchWrite): Failure | undefined {
  const { bytes, offsets, hashes, firstHeight } = batch;
  const count = countOf(batch);
  if (count < 0 || count > BATCH_BLOCKS_MAX) return invalid(`batch of ${count} blocks`);
  if (!isHeight(firstHeight) || firstHeight + count > HEIGHT_MAX) return invalid("height is out of range");
  if (hashes.length !== count * HASH_LENGTH)
    return invalid(`${hashes.length} hash bytes for ${count} blocks`);
  if (bytes.length > BATCH_BYTES_MAX) return invalid(`batch of ${bytes.length} bytes`);
  for (let i = 0; i < count; i++) {
    if ((offsets[i] ?? 0) >= (offsets[i + 1] ?? 0)) return invalid("offsets do not ascend");
  }
  if ((offsets[count] ?? 0) > bytes.length) return invalid("offsets end after the bytes");
  if (batch.parentRecord !== undefined && batch.parentRecord.length > BATCH_BYTES_MAX) {
    return invalid(`parent record of ${batch.parentRecord.length} bytes`);
  }
  return entriesMalformation(batch.meta);
}

function entriesMalformation(entries: Entries): Failure | undefined {
  for (const [key, value] of entries) {
    if (key.length === 0 || Buffer.byteLength(key) > KEY_BYTES_MAX)
      return invalid(`key of ${key.length} characters`);
    if (value !== undefined && value.length > VALUE_BYTES_MAX)
      return invalid(`value of ${value.length} bytes`);
  }
  return undefined;
}

function parentMisfit(batch: BatchWrite, base: number, head: number): Failure | undefined {
  if (batch.parentRecord === undefined) return undefined;
  const parent = batch.firstHeight - 1;
  if (head !== 0 && parent >= base && parent <= head) return undefined;
  return failure("FAILED_PRECONDITION", "PARENT_NOT_STORED", `block ${parent} is not stored`);
}

function notContiguous(batch: BatchWrite, { base, head }: Extent): Failure {
  const stored = head === 0 ? "nothing" : `${base} to ${head}`;
  return failure(
    "FAILED_PRECONDITION",
    "NOT_CONTIGUOUS",
    `a batch of ${countOf(batch)} blocks from ${batch.firstHeight} does not fit: stored is ${stored}`,
  );
}

function invalid(message: string): Failure {
  return failure("INVALID_ARGUMENT", "WRITE_MALFORMED", message);
}
