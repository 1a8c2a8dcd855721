/** The store on disk: the contract of every block store, its index in runs, and what it refuses to open. */
import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openLmdbStore } from "../../../src/storage/lmdb-store.ts";
import { blockBatch, blockHash } from "../../contract/block-batches.ts";
import { assertChain, blockStoreContract, rejectsWith } from "../../contract/block-store.ts";

const genesisHash = blockHash(0);
const mapBytes = 1024 ** 3;

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "alys-store-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// Short runs, so that every test of the contract meets the index on disk too.
for (const runBlocks of [65_536, 16, 1]) {
  blockStoreContract(`lmdb, runs of ${runBlocks}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "alys-store-"));
    return {
      open: () => openLmdbStore({ folder, genesisHash, mapBytes, runBlocks }),
      dispose: () => rm(folder, { recursive: true, force: true }),
    };
  });
}

describe("openLmdbStore", () => {
  it("refuses the database of another chain, and names both", () =>
    inFolder(async (folder) => {
      await (await openLmdbStore({ folder, genesisHash, mapBytes })).close();
      const other = openLmdbStore({ folder, genesisHash: blockHash(1), mapBytes });
      await rejectsWith(other, "FAILED_PRECONDITION", "GENESIS_MISMATCH");
      const same = await openLmdbStore({ folder, genesisHash, mapBytes });
      await same.close();
    }));

  it("refuses a file that is no database, and leaves it as it is", () =>
    inFolder(async (folder) => {
      const file = join(folder, "data.mdb");
      for (const content of [Buffer.alloc(0), Buffer.alloc(20_000, 0xab), Buffer.from("hello")]) {
        writeFileSync(file, content);
        const opening = openLmdbStore({ folder, genesisHash, mapBytes });
        await assert.rejects(opening, { reason: "DATABASE_CORRUPT", message: /data\.mdb/ });
        assert.deepEqual(readFileSync(file), content);
      }
    }));

  it("refuses a truncated database instead of crashing on it", () =>
    inFolder(async (folder) => {
      const store = await openLmdbStore({ folder, genesisHash, mapBytes });
      for (let first = 1; first < 4000; first += 1000) await store.append(blockBatch(first, 1000));
      await store.close();
      const file = join(folder, "data.mdb");
      truncateSync(file, Math.floor(readFileSync(file).length / 2));
      const opening = openLmdbStore({ folder, genesisHash, mapBytes });
      await rejectsWith(opening, "DATA_LOSS", "DATABASE_CORRUPT");
    }));

  it("answers a full disk with DISK_FULL, changes nothing, and goes on with less", () =>
    inFolder(async (folder) => {
      const store = await openLmdbStore({ folder, genesisHash, mapBytes: 1024 ** 2 });
      let next = 1;
      await assert.rejects(
        async () => {
          for (;;) {
            await store.append(blockBatch(next, 200));
            next += 200;
          }
        },
        { code: "RESOURCE_EXHAUSTED", reason: "DISK_FULL" },
      );
      assert.ok(next > 400);
      assertChain(store, 1, next - 1);
      await store.append(blockBatch(next, 1));
      assertChain(store, 1, next);
      await store.close();
      const again = await openLmdbStore({ folder, genesisHash, mapBytes: 1024 ** 2 });
      assertChain(again, 1, next);
      await again.close();
    }));
});
