/** The twin in memory: the contract of every block store, and its simulated crashes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { realScheduler, SimulatedScheduler } from "../../../src/kernel/ports/scheduler.ts";
import { MemoryDisk, openMemoryStore, openMemoryVotes } from "../../../src/storage/memory.ts";
import { blockBatch, blockHash } from "../../contract/block-batches.ts";
import { assertChain, blockStoreContract, rejectsWith } from "../../contract/block-store.ts";

const genesisHash = blockHash(0);

blockStoreContract("memory", async () => {
  const disk = new MemoryDisk();
  return {
    open: async () => openMemoryStore({ disk, genesisHash, scheduler: realScheduler }),
    dispose: async () => {},
  };
});

describe("MemoryDisk", () => {
  it("loses at a crash what was not flushed, but for the survivors, in order", async () => {
    for (const survivors of [0, 1, 2, 3]) {
      const disk = new MemoryDisk();
      const scheduler = new SimulatedScheduler();
      const store = openMemoryStore({ disk, genesisHash, scheduler });
      const first = store.append(blockBatch(1, 5));
      scheduler.step();
      await first;
      for (const height of [6, 11, 16]) void store.append(blockBatch(height, 5));
      assert.equal(store.head()?.height, 5, "only what is durable is seen");
      disk.crash({ survivors });
      assert.throws(() => store.head(), { reason: "STORE_CLOSED" });
      await store.close();
      await scheduler.runUntilIdle();
      assertChain(openMemoryStore({ disk, genesisHash, scheduler }), 1, 5 + 5 * survivors);
    }
  });

  it("refuses to open what a torn write left", async () => {
    const disk = new MemoryDisk();
    const scheduler = new SimulatedScheduler();
    const store = openMemoryStore({ disk, genesisHash, scheduler });
    void store.append(blockBatch(1, 5));
    disk.crash({ isTorn: true });
    assert.throws(() => openMemoryStore({ disk, genesisHash, scheduler }), { reason: "DATABASE_CORRUPT" });
  });

  it("refuses what waits and every later write once the writer ended, tells it, and still reads", async () => {
    const disk = new MemoryDisk();
    const scheduler = new SimulatedScheduler();
    const store = openMemoryStore({ disk, genesisHash, scheduler });
    const first = store.append(blockBatch(1, 5));
    scheduler.step();
    await first;
    const waiting = store.append(blockBatch(6, 5));
    disk.killWriter();
    await rejectsWith(waiting, "UNAVAILABLE", "STORE_WRITER_DIED");
    await rejectsWith(store.append(blockBatch(6, 5)), "UNAVAILABLE", "STORE_WRITER_DIED");
    assert.equal((await store.died).reason, "STORE_WRITER_DIED");
    assertChain(store, 1, 5);
    await store.reopen();
    const second = store.append(blockBatch(6, 5));
    await scheduler.runUntilIdle();
    await second;
    assertChain(store, 1, 10);
    disk.killWriter();
    assert.equal((await store.died).reason, "STORE_WRITER_DIED");
    await store.close();
    await scheduler.runUntilIdle();
    const again = openMemoryStore({ disk, genesisHash, scheduler });
    const later = again.append(blockBatch(11, 1));
    await scheduler.runUntilIdle();
    await later;
    assertChain(again, 1, 11);
  });

  it("fails writes while it is full, and goes on afterwards", async () => {
    const disk = new MemoryDisk();
    const store = openMemoryStore({ disk, genesisHash, scheduler: realScheduler });
    const votes = openMemoryVotes(disk);
    disk.isFull = true;
    await rejectsWith(store.append(blockBatch(1, 5)), "RESOURCE_EXHAUSTED", "DISK_FULL");
    assert.throws(() => votes.record(Uint8Array.of(1)), { reason: "DISK_FULL" });
    disk.isFull = false;
    await store.append(blockBatch(1, 5));
    votes.record(Uint8Array.of(2));
    assert.deepEqual(votes.last(), Uint8Array.of(2));
    assertChain(store, 1, 5);
  });

  it("refuses another chain", async () => {
    const disk = new MemoryDisk();
    await openMemoryStore({ disk, genesisHash, scheduler: realScheduler }).close();
    const open = () => openMemoryStore({ disk, genesisHash: blockHash(1), scheduler: realScheduler });
    assert.throws(open, { reason: "GENESIS_MISMATCH" });
  });
});
