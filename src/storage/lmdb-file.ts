/**
 * A look at the database file before it is mapped: touching a page behind the end of a truncated file kills the process
 * with SIGBUS, which no `catch` sees. Layout: LMDB's `MDB_meta`, pages 0 and 1, the one with the greater transaction counts.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { failure } from "../kernel/errors.ts";

const MAGIC = 0xbeefc0de;
const META_BYTES = 160;
const OFFSET_MAGIC = 24;
const OFFSET_PAGE_BYTES = 48;
const OFFSET_FREE_ROOT = 88;
const OFFSET_MAIN_ROOT = 136;
const OFFSET_LAST_PAGE = 144;
const OFFSET_TRANSACTION = 152;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/** Pages that a sound file may lack at its end: LMDB does not write pages it took and freed in the last transaction. */
const MISSING_PAGES_MAX = 64n;

interface Meta {
  readonly pageBytes: number;
  readonly roots: readonly bigint[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/** Throws DATA_LOSS / DATABASE_CORRUPT if the file is there and is no database or lacks its end. */
export function checkDatabaseFile(file: string): void {
  if (!existsSync(file)) return;
  const descriptor = openSync(file, "r");
  try {
    const bytesOnDisk = fstatSync(descriptor).size;
    if (bytesOnDisk === 0) throw corrupt(file, "is empty");
    const first = readMeta(descriptor, 0);
    const second = readMeta(descriptor, first?.pageBytes ?? 4096);
    if (first === undefined && second === undefined) throw corrupt(file, "is not a database");
    const newest = newer(first, second);
    if (newest === undefined) return;
    const pages = BigInt(Math.floor(bytesOnDisk / newest.pageBytes));
    const isShort = newest.lastPage + 1n > pages + MISSING_PAGES_MAX;
    const isRootless = newest.roots.some((root) => root !== NO_PAGE && root >= pages);
    if (isShort || isRootless) throw corrupt(file, `ends after ${pages} of ${newest.lastPage + 1n} pages`);
  } finally {
    closeSync(descriptor);
  }
}

function readMeta(descriptor: number, position: number): Meta | undefined {
  const bytes = Buffer.alloc(META_BYTES);
  if (readSync(descriptor, bytes, 0, META_BYTES, position) < META_BYTES) return undefined;
  if (bytes.readUInt32LE(OFFSET_MAGIC) !== MAGIC) return undefined;
  const pageBytes = bytes.readUInt32LE(OFFSET_PAGE_BYTES);
  if (pageBytes < 512 || pageBytes > 65_536) return undefined;
  return {
    pageBytes,
    roots: [bytes.readBigUInt64LE(OFFSET_FREE_ROOT), bytes.readBigUInt64LE(OFFSET_MAIN_ROOT)],
    lastPage: bytes.readBigUInt64LE(OFFSET_LAST_PAGE),
    transaction: bytes.readBigUInt64LE(OFFSET_TRANSACTION),
  };
}

function newer(first: Meta | undefined, second: Meta | undefined): Meta | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return first.transaction > second.transaction ? first : second;
}

function corrupt(file: string, what: string): Error {
  return failure("DATA_LOSS", "DATABASE_CORRUPT", `${file} ${what}: restore it, or remove it and sync anew`);
}
