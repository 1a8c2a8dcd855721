/** The database's schema: its version is in it; newer ones are refused, older ones migrated whole or refused. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { failure } from "../../../src/kernel/errors.ts";
import { type Databases, openDatabases } from "../../../src/storage/lmdb.ts";
import { encodeIdentity, SCHEMA_VERSION } from "../../../src/storage/lmdb-layout.ts";
import { type Migration, openState } from "../../../src/storage/lmdb-schema.ts";
import { openLmdbStore } from "../../../src/storage/lmdb-store.ts";
import { blockBatch, blockHash } from "../../contract/block-batches.ts";
import { rejectsWith } from "../../contract/block-store.ts";

const genesisHash = blockHash(0);
const mapBytes = 1024 ** 3;

/** A store of ten blocks, closed. */
async function withStore(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "alys-schema-"));
  try {
    const store = await openLmdbStore({ folder, genesisHash, mapBytes });
    await store.append(blockBatch(1, 10));
    await store.close();
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function inDatabases<T>(folder: string, body: (databases: Databases) => T): Promise<T> {
  const databases = openDatabases(folder, mapBytes, false);
  try {
    return body(databases);
  } finally {
    await databases.environment.close();
  }
}

const setIdentity = (folder: string, bytes: Uint8Array): Promise<void> =>
  inDatabases(folder, ({ state }) => void state.putSync("identity", bytes));
const versionOf = ({ state }: Databases): number | undefined => state.getBinary("identity")?.readUInt32LE(0);

describe("openState", () => {
  it("writes the version into a new database", () =>
    withStore(async (folder) => {
      assert.equal(await inDatabases(folder, versionOf), SCHEMA_VERSION);
    }));

  it("refuses a newer version and says both, and changes nothing", () =>
    withStore(async (folder) => {
      await setIdentity(folder, encodeIdentity(genesisHash, SCHEMA_VERSION + 1));
      const before = readFileSync(join(folder, "data.mdb"));
      const opening = openLmdbStore({ folder, genesisHash, mapBytes });
      await assert.rejects(opening, {
        code: "FAILED_PRECONDITION",
        reason: "SCHEMA_NEWER",
        message: new RegExp(`schema ${SCHEMA_VERSION + 1}, this program knows up to ${SCHEMA_VERSION}`),
      });
      assert.deepEqual(readFileSync(join(folder, "data.mdb")), before);
    }));

  it("refuses an older version from which no step leads here, and changes nothing", () =>
    withStore(async (folder) => {
      await setIdentity(folder, encodeIdentity(genesisHash, 0));
      const before = readFileSync(join(folder, "data.mdb"));
      await assert.rejects(openLmdbStore({ folder, genesisHash, mapBytes }), {
        code: "FAILED_PRECONDITION",
        reason: "SCHEMA_OLDER",
        message: /has schema 0/,
      });
      assert.deepEqual(readFileSync(join(folder, "data.mdb")), before);
    }));

  it("refuses another chain of an older version as another chain", () =>
    withStore(async (folder) => {
      await setIdentity(folder, encodeIdentity(blockHash(1), 0));
      const opening = openLmdbStore({ folder, genesisHash, mapBytes });
      await rejectsWith(opening, "FAILED_PRECONDITION", "GENESIS_MISMATCH");
    }));

  it("refuses an identity that is none", () =>
    withStore(async (folder) => {
      await setIdentity(folder, new Uint8Array(7));
      await rejectsWith(openLmdbStore({ folder, genesisHash, mapBytes }), "DATA_LOSS", "DATABASE_CORRUPT");
    }));

  it("migrates an older version step by step", () =>
    withStore(async (folder) => {
      const steps: number[] = [];
      const step =
        (from: number): Migration =>
        ({ tables }) => {
          steps.push(from);
          tables.putSync(Buffer.from(`step ${from}`), Uint8Array.of(from));
        };
      const migrations = new Map([1, 2].map((from) => [from, step(from)]));
      await inDatabases(folder, (databases) => {
        const { head } = openState(databases, { folder, genesisHash }, { version: 3, migrations });
        assert.deepEqual([head, steps], [10, [1, 2]]);
        assert.equal(versionOf(databases), 3);
        assert.deepEqual([...databases.tables.getBinary(Buffer.from("step 2"))!], [2]);
        openState(databases, { folder, genesisHash }, { version: 3, migrations });
        assert.equal(steps.length, 2, "it is migrated once");
      });
    }));

  it("leaves the old version whole when a step fails", () =>
    withStore(async (folder) => {
      const migrations = new Map<number, Migration>([
        [1, ({ tables }) => void tables.putSync(Buffer.from("half"), Uint8Array.of(1))],
        [
          2,
          () => {
            throw failure("RESOURCE_EXHAUSTED", "DISK_FULL", "no room");
          },
        ],
      ]);
      await inDatabases(folder, (databases) => {
        assert.throws(() => openState(databases, { folder, genesisHash }, { version: 3, migrations }), {
          reason: "DISK_FULL",
        });
        assert.equal(versionOf(databases), 1);
        assert.equal(databases.tables.getBinary(Buffer.from("half")), undefined);
      });
      const store = await openLmdbStore({ folder, genesisHash, mapBytes });
      assert.equal(store.head()?.height, 10);
      await store.close();
    }));
});
