/** The store on disk: the contract of every block store, its index in runs, and what it refuses to open. */
import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { openLmdbStore } from "../../../src/storage/lmdb-store.ts";
import { PENDING_WRITES_MAX } from "../../../src/storage/port.ts";
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

  it("fails every write once the writer died, still reads, and goes on when opened again", (t) =>
    inFolder(async (folder) => {
      const post = t.mock.method(Worker.prototype, "postMessage");
      const store = await openLmdbStore({ folder, genesisHash, mapBytes });
      await store.append(blockBatch(1, 10));
      const thread = post.mock.calls.at(-1)!.this as Worker;
      // Idle: a thread that is terminated inside a transaction never ends, because LMDB's lock dies with it.
      await thread.terminate();
      assert.equal((await store.died).reason, "STORE_WRITER_DIED");
      await rejectsWith(store.append(blockBatch(11, 10)), "UNAVAILABLE", "STORE_WRITER_DIED");
      assertChain(store, 1, 10);
      await store.close();
      const again = await openLmdbStore({ folder, genesisHash, mapBytes });
      await again.append(blockBatch(11, 1));
      assertChain(again, 1, 11);
      let isDead = false;
      void again.died.then(() => {
        isDead = true;
      });
      await again.close();
      await new Promise(setImmediate);
      assert.ok(!isDead, "a store that was closed did not die");
    }));

  it("writes again once its writer is started anew, and sees what is durable", (t) =>
    inFolder(async (folder) => {
      const post = t.mock.method(Worker.prototype, "postMessage");
      const store = await openLmdbStore({ folder, genesisHash, mapBytes });
      await store.append(blockBatch(1, 10));
      const first = store.died;
      const thread = post.mock.calls.at(-1)!.this as Worker;
      await thread.terminate();
      await first;
      const table = store.table("kept");
      await rejectsWith(table.put(new Map([["a", Uint8Array.of(1)]])), "UNAVAILABLE", "STORE_WRITER_DIED");
      await store.reopen();
      await table.put(new Map([["a", Uint8Array.of(2)]]));
      assert.deepEqual(table.get("a"), Uint8Array.of(2), "a table that was taken before writes again, too");
      await store.append(blockBatch(11, 5));
      assertChain(store, 1, 15);
      assert.equal(store.stats().flushes, 3);
      assert.notEqual(store.died, first);
      await store.close();
      await rejectsWith(store.reopen(), "UNAVAILABLE", "STORE_CLOSED");
    }));

  it("refuses a 257th write that waits", () =>
    inFolder(async (folder) => {
      const store = await openLmdbStore({ folder, genesisHash, mapBytes });
      const writes = Array.from({ length: PENDING_WRITES_MAX }, (_, i) => store.append(blockBatch(1 + i, 1)));
      await rejectsWith(store.append(blockBatch(257, 1)), "RESOURCE_EXHAUSTED", "STORE_BUSY");
      await Promise.all(writes);
      assertChain(store, 1, PENDING_WRITES_MAX);
      assert.ok(store.stats().flushes < PENDING_WRITES_MAX / 2, "writes that wait share flushes");
      await store.close();
    }));
});
