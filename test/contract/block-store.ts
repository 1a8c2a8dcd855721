/**
 * What every block store must do, whatever it is made of. Register it once for each implementation.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../src/kernel/errors.ts";
import { type BlockStore, SIDE_BLOCKS_MAX } from "../../src/storage/port.ts";
import { blockBatch, blockHash, blockRecord } from "./block-batches.ts";

/** A medium that survives the stores opened on it. */
export interface StoreMedium {
  open(): Promise<BlockStore>;
  dispose(): Promise<void>;
}

/** Asserts that a promise rejects with a failure of this code and reason. */
export async function rejectsWith(promise: Promise<unknown>, code: string, reason: string): Promise<void> {
  await assert.rejects(promise, (thrown: unknown) => {
    assert.ok(thrown instanceof Failure, String(thrown));
    assert.deepEqual([thrown.code, thrown.reason], [code, reason]);
    return true;
  });
}

export function blockStoreContract(name: string, makeMedium: () => Promise<StoreMedium>): void {
  const test = (title: string, body: (store: BlockStore, medium: StoreMedium) => Promise<void>) => {
    it(title, async () => {
      const medium = await makeMedium();
      const store = await medium.open();
      try {
        await body(store, medium);
      } finally {
        await store.close();
        await medium.dispose();
      }
    });
  };

  describe(`BlockStore contract: ${name}`, () => {
    describe("append", () => registerAppend(test));
    describe("replaceAbove, truncateAbove, prepend", () => registerChange(test));
    describe("side blocks, meta, tables", () => registerBeside(test));
    describe("life", () => registerLife(test));
  });
}

type Register = (title: string, body: (store: BlockStore, medium: StoreMedium) => Promise<void>) => void;

/** Asserts that the store holds exactly these blocks, each on its branch. */
export function assertChain(
  store: BlockStore,
  base: number,
  head: number,
  branchOf = (_: number) => "main",
): void {
  assert.equal(store.base(), base);
  assert.equal(store.head()?.height, head);
  assert.equal(store.stats().blocks, head - base + 1);
  for (let height = base; height <= head; height++) {
    const branch = branchOf(height);
    assert.deepEqual(store.readBlock(height), blockRecord(height, branch), `record ${height}`);
    assert.deepEqual(store.hashAt(height), blockHash(height, branch), `hash ${height}`);
    assert.equal(store.heightOf(blockHash(height, branch)), height, `index ${height}`);
  }
  for (const outside of [base - 1, head + 1, 0, -1, 2 ** 32, 2 ** 40, 1.5, Number.NaN]) {
    assert.equal(store.readBlock(outside), undefined, `record ${outside}`);
    assert.equal(store.hashAt(outside), undefined, `hash ${outside}`);
  }
  store.verify();
}

function registerAppend(test: Register): void {
  test("an empty store has no head, no base and no blocks", async (store) => {
    assert.equal(store.head(), undefined);
    assert.equal(store.base(), undefined);
    assert.equal(store.readBlock(1), undefined);
    assert.deepEqual(store.readRange(1, 10, 1e6), []);
    assert.equal(store.heightOf(blockHash(1)), undefined);
    assert.equal(store.stats().blocks, 0);
    store.verify();
  });

  test("append stores records, hashes and index, and gives the buffer back", async (store) => {
    const batch = blockBatch(1, 100);
    const before = batch.bytes.slice();
    const written = store.append(batch);
    assert.equal(batch.bytes.length, 0, "the buffer belongs to the store meanwhile");
    assert.deepEqual((await written).bytes, before);
    assertChain(store, 1, 100);
    assert.deepEqual(store.head(), { height: 100, hash: blockHash(100) });
  });

  test("append takes a view into a slab and gives the same view back", async (store) => {
    const batch = blockBatch(1, 3);
    const slab = new Uint8Array(10_000);
    slab.set(batch.bytes, 100);
    const { bytes } = await store.append({ ...batch, bytes: slab.subarray(100, 100 + batch.bytes.length) });
    assert.deepEqual([bytes.byteOffset, bytes.buffer.byteLength], [100, 10_000]);
    assertChain(store, 1, 3);
  });

  test("pipelined appends settle in order and are all stored", async (store) => {
    const order: number[] = [];
    const writes = Array.from({ length: 20 }, async (_, i) => {
      await store.append(blockBatch(1 + 7 * i, 7));
      order.push(i);
      assert.ok((store.head()?.height ?? 0) >= 7 * (i + 1));
    });
    await Promise.all(writes);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    assertChain(store, 1, 140);
    assert.ok(store.stats().flushes >= 1 && store.stats().flushes <= 20);
  });

  test("append refuses a gap and an overlap, changes nothing, and fails what builds on it", async (store) => {
    await store.append(blockBatch(1, 5));
    const gap = store.append(blockBatch(7, 2));
    const onTop = store.append(blockBatch(9, 2));
    await rejectsWith(gap, "FAILED_PRECONDITION", "NOT_CONTIGUOUS");
    await rejectsWith(onTop, "FAILED_PRECONDITION", "NOT_CONTIGUOUS");
    await rejectsWith(store.append(blockBatch(5, 2)), "FAILED_PRECONDITION", "NOT_CONTIGUOUS");
    await store.append(blockBatch(6, 1));
    assertChain(store, 1, 6);
  });

  test("append refuses malformed batches", async (store) => {
    const batch = blockBatch(1, 3);
    const bad = [
      { ...batch, firstHeight: 0 },
      { ...batch, firstHeight: 2 ** 32 },
      { ...batch, hashes: batch.hashes.subarray(1) },
      { ...batch, offsets: Uint32Array.of(0, 10, 10, 20) },
      { ...batch, offsets: Uint32Array.of(0, 10, 20, 1e6) },
      blockBatch(1, 0),
    ];
    for (const one of bad) await rejectsWith(store.append(one), "INVALID_ARGUMENT", "WRITE_MALFORMED");
    assert.equal(store.head(), undefined);
  });

  test("append replaces the parent's record and writes meta in the same transaction", async (store) => {
    await store.append(blockBatch(1, 2));
    const parentRecord = Uint8Array.of(9, 9, 9);
    await store.append(blockBatch(3, 1, { parentRecord, meta: new Map([["peaks", Uint8Array.of(1)]]) }));
    assert.deepEqual(store.readBlock(2), parentRecord);
    assert.deepEqual(store.hashAt(2), blockHash(2));
    assert.deepEqual(store.readMeta("peaks"), Uint8Array.of(1));
    const refused = store.append(blockBatch(9, 1, { meta: new Map([["peaks", Uint8Array.of(2)]]) }));
    await rejectsWith(refused, "FAILED_PRECONDITION", "NOT_CONTIGUOUS");
    assert.deepEqual(store.readMeta("peaks"), Uint8Array.of(1));
  });

  test("a parent's record without a stored parent is refused", async (store) => {
    const orphan = store.append(blockBatch(1, 1, { parentRecord: Uint8Array.of(1) }));
    await rejectsWith(orphan, "FAILED_PRECONDITION", "PARENT_NOT_STORED");
  });

  test("readRange keeps to count, bytes and the chain, but gives one block at least", async (store) => {
    await store.append(blockBatch(1, 10));
    const records = (first: number, count: number) =>
      Array.from({ length: count }, (_, i) => blockRecord(first + i));
    assert.deepEqual(store.readRange(1, 4, 1e6), records(1, 4));
    assert.deepEqual(store.readRange(8, 100, 1e6), records(8, 3));
    assert.deepEqual(store.readRange(3, 4, 1), records(3, 1));
    assert.deepEqual(store.readRange(1, 5, blockRecord(1).length + blockRecord(2).length), records(1, 2));
    assert.deepEqual(store.readRange(11, 5, 1e6), []);
    assert.deepEqual(store.readRange(0, 5, 1e6), []);
    assert.deepEqual(store.hashesBetween(9, 5), new Uint8Array([...blockHash(9), ...blockHash(10)]));
  });

  test("what is read is a copy", async (store) => {
    await store.append(blockBatch(1, 2));
    store.readBlock(1)!.fill(0);
    store.hashAt(1)!.fill(0);
    store.readRange(1, 2, 1e6)[1]!.fill(0);
    assertChain(store, 1, 2);
  });
}

function registerChange(test: Register): void {
  test("replaceAbove moves blocks aside and appends in one write", async (store) => {
    await store.append(blockBatch(1, 10));
    await store.replaceAbove(6, blockBatch(7, 6, { branch: "other" }));
    assertChain(store, 1, 12, (height) => (height > 6 ? "other" : "main"));
    for (let height = 7; height <= 10; height++) {
      const side = { hash: blockHash(height), height, bytes: blockRecord(height) };
      assert.deepEqual(store.readSide(side.hash), side);
      assert.deepEqual(store.sideBlocksAt(height), [side]);
      assert.equal(store.heightOf(side.hash), undefined);
    }
    await store.replaceAbove(6, blockBatch(7, 4));
    assertChain(store, 1, 10);
    assert.equal(store.readSide(blockHash(7)), undefined, "a canonical block is no side block");
    assert.equal(store.stats().sideBlocks, 6);
  });

  test("replaceAbove with an empty batch only moves aside, and may empty the chain", async (store) => {
    await store.append(blockBatch(1, 5));
    await store.replaceAbove(3, blockBatch(4, 0));
    assertChain(store, 1, 3);
    await store.replaceAbove(0, blockBatch(1, 0));
    assert.equal(store.head(), undefined);
    assert.equal(store.stats().sideBlocks, 5);
    await rejectsWith(store.replaceAbove(9, blockBatch(10, 1)), "FAILED_PRECONDITION", "NOT_CONTIGUOUS");
    await store.append(blockBatch(1, 2));
    assertChain(store, 1, 2);
  });

  test("truncateAbove deletes from the top, and the chain goes on from there", async (store) => {
    for (let first = 1; first <= 9001; first += 1000) await store.append(blockBatch(first, 1000));
    assert.equal(await store.truncateAbove(700), 9300);
    assertChain(store, 1, 700);
    await store.append(blockBatch(701, 200, { branch: "other" }));
    assertChain(store, 1, 900, (height) => (height > 700 ? "other" : "main"));
    assert.equal(store.stats().sideBlocks, 0);
    assert.equal(await store.truncateAbove(0), 900);
    assert.equal(store.head(), undefined);
    await store.append(blockBatch(41, 9));
    assertChain(store, 41, 49);
  });

  test("prepend fills in the history behind an adopted checkpoint", async (store, medium) => {
    await store.append(blockBatch(501, 100));
    await rejectsWith(store.prepend(blockBatch(400, 100)), "FAILED_PRECONDITION", "NOT_CONTIGUOUS");
    await store.prepend(blockBatch(401, 100));
    await Promise.all([store.append(blockBatch(601, 50)), store.prepend(blockBatch(1, 400))]);
    assertChain(store, 1, 650);
    await store.close();
    const again = await medium.open();
    assertChain(again, 1, 650);
    await again.close();
  });
}

function registerBeside(test: Register): void {
  test("side blocks are found by hash and height, and pruned by height", async (store) => {
    const put = (height: number, branch: string) =>
      store.putSide(blockHash(height, branch), height, blockRecord(height, branch));
    await Promise.all([put(5, "a"), put(5, "b"), put(6, "a"), put(300, "a"), put(5, "a")]);
    assert.equal(store.stats().sideBlocks, 4);
    assert.deepEqual(
      store.sideBlocksAt(5).map(({ hash }) => Buffer.from(hash).toString("hex")),
      [blockHash(5, "a"), blockHash(5, "b")].map((hash) => Buffer.from(hash).toString("hex")).sort(),
    );
    assert.deepEqual(store.readSide(blockHash(300, "a"))?.bytes, blockRecord(300, "a"));
    assert.equal(store.readSide(Uint8Array.of(1)), undefined);
    assert.deepEqual(store.sideBlocksAt(4), []);
    assert.equal(await store.pruneSide(300), 3);
    assert.deepEqual(store.sideBlocksAt(5), []);
    const { sideBlocks, sideBytes } = store.stats();
    assert.deepEqual([sideBlocks, sideBytes], [1, blockRecord(300, "a").length]);
  });

  test("the side table is bounded; a reorganization still finds room", async (store) => {
    for (let i = 0; i < SIDE_BLOCKS_MAX; i += 128) {
      const block = (_: unknown, k: number) =>
        store.putSide(blockHash(i + k, "side"), 1 + i + k, Uint8Array.of(1));
      await Promise.all(Array.from({ length: 128 }, block));
    }
    const over = store.putSide(blockHash(1, "over"), 1, Uint8Array.of(1));
    await rejectsWith(over, "RESOURCE_EXHAUSTED", "SIDE_TABLE_FULL");
    await store.append(blockBatch(1, 3000));
    await store.replaceAbove(2998, blockBatch(2999, 1, { branch: "other" }));
    assert.equal(store.stats().sideBlocks, SIDE_BLOCKS_MAX);
    assert.deepEqual(store.sideBlocksAt(1), []);
    assert.deepEqual(store.readSide(blockHash(3000))?.bytes, blockRecord(3000));
  });

  test("meta is written, replaced and deleted", async (store) => {
    assert.equal(store.readMeta("a"), undefined);
    await store.writeMeta(
      new Map([
        ["a", Uint8Array.of(1)],
        ["ü".repeat(256), Uint8Array.of()],
      ]),
    );
    assert.deepEqual(store.readMeta("a"), Uint8Array.of(1));
    assert.deepEqual(store.readMeta("ü".repeat(256)), Uint8Array.of());
    await store.writeMeta(
      new Map([
        ["a", undefined],
        ["b", Uint8Array.of(2)],
      ]),
    );
    assert.equal(store.readMeta("a"), undefined);
    assert.deepEqual(store.readMeta("b"), Uint8Array.of(2));
    const long = store.writeMeta(new Map([["ü".repeat(257), Uint8Array.of(1)]]));
    await rejectsWith(long, "INVALID_ARGUMENT", "WRITE_MALFORMED");
  });

  test("tables are apart from each other and ordered", async (store) => {
    const peers = store.table("peers");
    const bans = store.table("peers-2");
    await peers.put(
      new Map([
        ["b", Uint8Array.of(2)],
        ["a", Uint8Array.of(1)],
        ["é", new Uint8Array(10_000).fill(3)],
      ]),
    );
    await bans.put(new Map([["a", Uint8Array.of(9)]]));
    assert.deepEqual(
      Array.from(peers.entries(), ([key, value]) => [key, value.length, value[0]]),
      [
        ["a", 1, 1],
        ["b", 1, 2],
        ["é", 10_000, 3],
      ],
    );
    await peers.delete(["a", "missing"]);
    assert.equal(peers.get("a"), undefined);
    assert.deepEqual(bans.get("a"), Uint8Array.of(9));
    await rejectsWith(store.table("Bad/name").put(new Map()), "INVALID_ARGUMENT", "WRITE_MALFORMED");
  });
}

function registerLife(test: Register): void {
  test("everything is there after closing and opening again", async (store, medium) => {
    await store.append(blockBatch(1, 200));
    await store.replaceAbove(190, blockBatch(191, 20, { branch: "other" }));
    await store.writeMeta(new Map([["key", Uint8Array.of(7)]]));
    const before = store.stats();
    await store.close();
    const again = await medium.open();
    assertChain(again, 1, 210, (height) => (height > 190 ? "other" : "main"));
    assert.deepEqual(again.readMeta("key"), Uint8Array.of(7));
    assert.equal(again.readSide(blockHash(191))?.height, 191);
    assert.deepEqual([again.stats().blocks, again.stats().sideBytes], [before.blocks, before.sideBytes]);
    await again.close();
  });

  test("close finishes the writes that wait; afterwards everything fails with STORE_CLOSED", async (store, medium) => {
    const waiting = store.append(blockBatch(1, 10));
    await store.close();
    await waiting;
    await rejectsWith(store.append(blockBatch(11, 1)), "UNAVAILABLE", "STORE_CLOSED");
    assert.throws(() => store.readBlock(1), { code: "UNAVAILABLE", reason: "STORE_CLOSED" });
    await store.close();
    const again = await medium.open();
    assertChain(again, 1, 10);
    await again.close();
  });

  test("a store that is open cannot be opened again", async (_store, medium) => {
    await rejectsWith(medium.open(), "FAILED_PRECONDITION", "DATA_DIRECTORY_LOCKED");
  });
}
