/**
 * Which chain and which layout a database is of. A new one gets its identity here; an older layout is migrated step by step
 * in one transaction, or refused where there is no step; a newer one is refused, because what it keeps is not known here.
 * The writer thread calls it before it serves.
 */
import { failure } from "../kernel/errors.ts";
import type { Databases } from "./lmdb.ts";
import {
  type ChainState,
  decodeState,
  EMPTY_STATE,
  encodeIdentity,
  encodeState,
  SCHEMA_VERSION,
} from "./lmdb-layout.ts";
import { HASH_LENGTH } from "./port.ts";

/** Makes a database of one version one of the next. Runs in a transaction: it throws, and nothing has happened. */
export type Migration = (databases: Databases) => void;

/** The version that this program writes, and the ways to it from earlier ones, by the version they begin at. */
export interface Schema {
  readonly version: number;
  readonly migrations: ReadonlyMap<number, Migration>;
}

/** Version 1 was the first that left a workshop: nothing leads to it. */
const SCHEMA: Schema = { version: SCHEMA_VERSION, migrations: new Map() };

const IDENTITY_BYTES = 4 + HASH_LENGTH;

/**
 * Finds the identity of the store, or gives it one if it is new; brings it to the schema's version. Throws a Failure:
 * FAILED_PRECONDITION (GENESIS_MISMATCH, SCHEMA_NEWER, SCHEMA_OLDER), DATA_LOSS (DATABASE_CORRUPT).
 */
export function openState(
  databases: Databases,
  { folder, genesisHash }: { readonly folder: string; readonly genesisHash: Uint8Array },
  schema: Schema = SCHEMA,
): ChainState {
  const { state, environment } = databases;
  const identity = state.getBinary("identity");
  const own = Buffer.from(encodeIdentity(genesisHash, schema.version));
  if (identity === undefined) {
    environment.transactionSync(() => {
      state.putSync("identity", own);
      state.putSync("chain", encodeState(EMPTY_STATE));
    });
    return EMPTY_STATE;
  }
  if (identity.length !== IDENTITY_BYTES)
    throw failure("DATA_LOSS", "DATABASE_CORRUPT", `${folder}: its identity has ${identity.length} bytes`);
  const version = identity.readUInt32LE(0);
  if (version > schema.version) {
    const text = `${folder} has schema ${version}, this program knows up to ${schema.version}: use a newer one`;
    throw failure("FAILED_PRECONDITION", "SCHEMA_NEWER", text);
  }
  if (!identity.subarray(4).equals(own.subarray(4))) {
    const text = `${folder} holds the chain of genesis ${identity.toString("hex", 4)}, not of ${own.toString("hex", 4)}`;
    throw failure("FAILED_PRECONDITION", "GENESIS_MISMATCH", text);
  }
  if (version < schema.version) migrate(databases, folder, version, own, schema);
  const chain = decodeState(state.getBinary("chain") ?? new Uint8Array(0));
  if (chain === undefined)
    throw failure("DATA_LOSS", "DATABASE_CORRUPT", `${folder}: chain state is damaged`);
  return chain;
}

/** All steps and the new identity in one transaction: a kill leaves the old version whole. */
function migrate(
  databases: Databases,
  folder: string,
  from: number,
  identity: Uint8Array,
  { version, migrations }: Schema,
): void {
  const steps = Array.from({ length: version - from }, (_, index) => migrations.get(from + index));
  const missing = steps.indexOf(undefined);
  if (missing >= 0) {
    const text =
      `${folder} has schema ${from}, this program has ${version} and no way there from ${from + missing}: ` +
      "use the version that wrote it, or synchronise anew";
    throw failure("FAILED_PRECONDITION", "SCHEMA_OLDER", text);
  }
  databases.environment.transactionSync(() => {
    for (const step of steps) step?.(databases);
    databases.state.putSync("identity", identity);
  });
}
