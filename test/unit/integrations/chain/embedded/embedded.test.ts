/** The embedded chain: the contract of the chain port, and what is its own (disk failures, crashes, marks). */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openEmbeddedChain } from "../../../../../src/integrations/chain/embedded/embedded.ts";
import { HISTORY_KEY } from "../../../../../src/integrations/chain/embedded/opening.ts";
import { Failure } from "../../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../../../src/kernel/ports/log.ts";
import { settleMicrotasks } from "../../../../../src/kernel/ports/scheduler.ts";
import { openLmdbStore } from "../../../../../src/storage/lmdb-store.ts";
import type { BlockStore } from "../../../../../src/storage/port.ts";
import { chainPortContract } from "../../../../contract/chain-port.ts";
import { ChainRig, hashOfBlock, quickForge, run, segmentOf } from "../segments.ts";

chainPortContract("EmbeddedChain", async (forge, finalityDepth) => {
  const rig = new ChainRig(forge, finalityDepth);
  return { chain: rig.chain, settle: () => rig.scheduler.runUntilIdle() };
});

const folders: { readonly folder: string; readonly store: BlockStore }[] = [];

after(async () => {
  for (const { folder, store } of folders) {
    await store.close();
    await rm(folder, { recursive: true });
  }
});

chainPortContract("EmbeddedChain on LMDB", async (forge, finalityDepth) => {
  const folder = await mkdtemp(join(tmpdir(), "alys-chain-"));
  const facts = forge.facts(500, finalityDepth);
  const store = await openLmdbStore({ folder, genesisHash: facts.genesisHash });
  folders.push({ folder, store });
  const { header, authorities } = forge.genesis;
  const clock = new FakeClock(1_000_000 * facts.slotDurationMs);
  const genesis = { header, authorities };
  const chain = openEmbeddedChain({ store, facts, genesis, clock, log: silentLog });
  assert(!(chain instanceof Failure));
  // What is asked for is awaited; there is nothing to step.
  return { chain, settle: async () => undefined };
});

test("EmbeddedChain shows nothing before it is durable", async () => {
  const rig = new ChainRig();
  const outcome = rig.chain.importSegment(segmentOf(run(rig.forge, 3)));
  await Promise.resolve();
  assert.equal(rig.chain.snapshot().head.height, 0);
  await rig.scheduler.runUntilIdle();
  assert.equal((await outcome).kind, "imported");
  assert.equal(rig.chain.snapshot().head.height, 3);
});

test("EmbeddedChain rolls the pending head back when a write fails, and goes on from the durable one", async () => {
  const rig = new ChainRig();
  const blocks = run(rig.forge, 12);
  await rig.import(blocks.slice(0, 4));
  rig.disk.isFull = true;
  const failed = [blocks.slice(4, 8), blocks.slice(8)].map((part) =>
    rig.chain.importSegment(segmentOf(part)),
  );
  await rig.scheduler.runUntilIdle();
  for (const outcome of await Promise.all(failed)) assert.equal(outcome.kind, "notNow");
  rig.disk.isFull = false;
  assert.equal((await rig.import(blocks.slice(4, 8))).kind, "imported");
  assert.equal((await rig.import(blocks.slice(8))).kind, "imported");
  assert.equal(rig.chain.snapshot().head.height, 12);
});

test("EmbeddedChain never lets a second segment into an empty store whose first write failed", async () => {
  const rig = new ChainRig();
  const blocks = run(rig.forge, 8);
  rig.disk.isFull = true;
  const outcomes = [blocks.slice(0, 4), blocks.slice(4)].map((part) =>
    rig.chain.importSegment(segmentOf(part)),
  );
  await settleMicrotasks();
  assert.equal(rig.scheduler.step(), true);
  await settleMicrotasks();
  rig.disk.isFull = false;
  await rig.scheduler.runUntilIdle();
  const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind);
  assert.deepEqual(kinds, ["notNow", "unknownParent"]);
  assert.equal(rig.store.head(), undefined);
});

test("EmbeddedChain reopens at the durable head and goes on", async () => {
  const rig = new ChainRig();
  for (let segment = 0; segment < 5; segment++) await rig.import(run(rig.forge, 64), "SEGMENT");
  void rig.chain.importSegment(segmentOf(run(rig.forge.fork(), 2)));
  await settleMicrotasks();
  rig.reopenAfterCrash();
  assert.equal(rig.chain.snapshot().head.height, 320);
  assert.equal(rig.chain.snapshot().final.height, 256);
  assert.equal((await rig.import(run(rig.forge, 3))).kind, "imported");
});

for (const damage of ["cut short", "a wrong peak"]) {
  test(`EmbeddedChain counts its history anew when its marks are damaged: ${damage}`, async () => {
    const rig = new ChainRig();
    for (let segment = 0; segment < 3; segment++) await rig.import(run(rig.forge, 64), "SEGMENT");
    const record = rig.store.readMeta(HISTORY_KEY)!;
    const at = record.length - 1;
    record[at] = record[at]! ^ 1;
    const value = damage === "cut short" ? record.subarray(0, at) : record;
    const write = rig.store.writeMeta(new Map([[HISTORY_KEY, value]]));
    await rig.scheduler.runUntilIdle();
    await write;
    rig.reopenAfterCrash();
    assert.equal(rig.chain.snapshot().head.height, 192);
    assert.equal((await rig.import(run(rig.forge, 64), "SEGMENT")).kind, "imported");
    assert.equal((await rig.import(run(rig.forge, 1))).kind, "imported");
  });
}

test("EmbeddedChain judges a fork behind many marks", async () => {
  const rig = new ChainRig(quickForge(), 200);
  for (let segment = 0; segment < 3; segment++) await rig.import(run(rig.forge, 64), "SEGMENT");
  const branch = rig.forge.fork();
  for (let segment = 0; segment < 2; segment++) await rig.import(run(rig.forge, 50), "SEGMENT");
  assert.equal((await rig.import([branch.next({ skippedSlots: 500 }), ...run(branch, 59)])).kind, "side");
  const outcome = await rig.import(run(branch, 60));
  assert.equal(outcome.kind, "reorganized");
  assert.equal(outcome.kind === "reorganized" && outcome.commonHeight, 192);
  rig.reopenAfterCrash();
  assert.deepEqual(rig.chain.snapshot().head.hash, branch.headHash);
  assert.equal((await rig.import(run(branch, 1))).kind, "imported");
});

test("EmbeddedChain prunes side blocks that finality left behind", async () => {
  const rig = new ChainRig(quickForge(), 4);
  await rig.import(run(rig.forge, 2));
  const branch = rig.forge.fork();
  await rig.import(run(rig.forge, 1));
  const beside = branch.next({ skippedSlots: 2 });
  assert.equal((await rig.import([beside])).kind, "side");
  await rig.import(run(rig.forge, 6));
  assert.equal(rig.chain.readBlockByHash(hashOfBlock(beside)), undefined);
  assert.equal(rig.store.stats().sideBlocks, 0);
});

test("openEmbeddedChain answers DATA_LOSS when the history does not match the head", async () => {
  const rig = new ChainRig();
  await rig.import(run(rig.forge, 3));
  const { forge, store, facts } = rig;
  const other = quickForge(3);
  const genesis = { header: other.genesis.header, authorities: forge.genesis.authorities };
  const opened = openEmbeddedChain({
    store,
    facts: { ...facts, genesisHash: new Uint8Array(32).fill(9) },
    genesis,
    clock: new FakeClock(),
    log: silentLog,
  });
  assert(opened instanceof Failure);
  assert.equal(opened.reason, "OTHER_CHAIN");
});

test("EmbeddedChain answers notNow after close", async () => {
  const rig = new ChainRig();
  await rig.chain.close();
  const outcome = await rig.import(run(rig.forge, 1));
  assert.equal(outcome.kind === "notNow" && outcome.failure.reason, "CHAIN_CLOSED");
});
