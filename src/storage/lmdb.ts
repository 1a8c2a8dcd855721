/**
 * The one file that knows the database library: which databases there are and how they are opened. lmdb-store.ts reads
 * through one handle, lmdb-writer.ts writes through another.
 */
import { type Database, open, type RootDatabase } from "lmdb";
import { PAGE_BYTES } from "./lmdb-layout.ts";

/** Keys and values are bytes but for the heights of `blocks`, `hashes` and `index`. */
export interface Databases {
  readonly environment: RootDatabase<Buffer, Uint8Array>;
  readonly blocks: Database<Buffer | Uint8Array, number>;
  readonly hashes: Database<Buffer | Uint8Array, number>;
  readonly index: Database<Buffer | Uint8Array, number>;
  readonly side: Database<Buffer | Uint8Array, Uint8Array>;
  readonly sides: Database<Buffer | Uint8Array, Uint8Array>;
  readonly tables: Database<Buffer | Uint8Array, Uint8Array>;
  readonly state: Database<Buffer | Uint8Array, string>;
}

/** Opens all databases. With `overlappingSync` off a commit is flushed before anybody sees it. */
export function openDatabases(folder: string, mapBytes: number, readOnly: boolean): Databases {
  const environment = open<Buffer, Uint8Array>({
    path: folder,
    noSubdir: false,
    overlappingSync: false,
    noMemInit: true,
    pageSize: PAGE_BYTES,
    mapSize: mapBytes,
    maxDbs: 8,
    encoding: "binary",
    keyEncoding: "binary",
    readOnly,
  });
  const numbered = (name: string) =>
    environment.openDB<Buffer | Uint8Array, number>({ name, keyEncoding: "uint32", encoding: "binary" });
  const keyed = (name: string) =>
    environment.openDB<Buffer | Uint8Array, Uint8Array>({ name, keyEncoding: "binary", encoding: "binary" });
  return {
    environment,
    blocks: numbered("blocks"),
    hashes: numbered("hashes"),
    index: numbered("index"),
    side: keyed("side"),
    sides: keyed("sides"),
    tables: keyed("tables"),
    state: environment.openDB<Buffer | Uint8Array, string>({ name: "state", encoding: "binary" }),
  };
}
