/** Live blocks: gossip accepted, ignored, rejected and held, and the producer's own blocks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Offence } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import { SyncInternalService, SyncService } from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import type { LiveEffect } from "../../../../../src/actors/sync/effect.ts";
import {
  EarlyBlocks,
  HELD_BLOCKS_MAX,
  HELD_BYTES_MAX,
} from "../../../../../src/actors/sync/live/early-blocks.ts";
import { LiveBlocks } from "../../../../../src/actors/sync/live/live-blocks.ts";
import { SyncMetrics } from "../../../../../src/actors/sync/metrics.ts";
import { encodeApproval } from "../../../../../src/chain/approval.ts";
import { joinBlock, splitBlock } from "../../../../../src/chain/block.ts";
import { blockFault } from "../../../../../src/chain/block-fault.ts";
import type { ChainForge } from "../../../../../src/chain/forge.ts";
import { sha256 } from "../../../../../src/chain/hash.ts";
import { decodeHeader, HEADER_LENGTH, type ReadHeader, readHeader } from "../../../../../src/chain/header.ts";
import type { ValidatedSegment } from "../../../../../src/chain/validator.ts";
import type { Failure } from "../../../../../src/kernel/errors.ts";
import { forgeBlocks, hashOf, SyncRig } from "../sync-rig.ts";

const { importBlock } = SyncInternalService.method;

/** A rig that stands at the head of a chain of `count` blocks, with a clock ahead of the next ones. */
async function synced(count = 20): Promise<{ rig: SyncRig; forge: ChainForge; blocks: Uint8Array[] }> {
  const { forge, blocks } = forgeBlocks(count);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks }, b: { blocks } });
  await rig.run(1_000);
  assert.equal(rig.height, count);
  await rig.run(9_000);
  return { rig, forge, blocks };
}

/** The same block as another quorum approved it. */
function approvedBy(forge: ChainForge, block: Uint8Array, signers: number): Uint8Array {
  const { header, body } = splitBlock(block);
  return joinBlock(header, body, encodeApproval(forge.approve(hashOf(block), signers)));
}

/** The first signers, of those that include the author, that make a quorum of three. */
function twoSigners(forge: ChainForge): number {
  const author = forge.head.slot % 3;
  return (1 << author) | (1 << ((author + 1) % 3));
}

test("a valid gossip block is accepted and imported", async () => {
  const { rig, forge } = await synced();
  const block = forge.next();
  rig.gossip("1", "a", block);
  await rig.run(100);
  assert.deepEqual(rig.verdicts(), { 1: "accept" });
  assert.equal(rig.height, 21);
  assert.equal((await rig.status()).blocksFollowed, 1n);
  await rig.stop();
});

test("a gossip block that is known, or known by another aggregate, is ignored without penalty", async () => {
  const { rig, forge, blocks } = await synced();
  const block = forge.next();
  const other = approvedBy(forge, block, twoSigners(forge));
  rig.gossip("1", "a", block);
  await rig.run(100);
  rig.gossip("2", "b", block);
  rig.gossip("3", "b", other);
  rig.gossip("4", "b", blocks[3]!);
  await rig.run(100);
  assert.deepEqual(rig.verdicts(), { 1: "accept", 2: "ignore", 3: "ignore", 4: "ignore" });
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("of two valid aggregates on their way at the same time one is forwarded", async () => {
  const { rig, forge } = await synced();
  const block = forge.next();
  rig.gossip("1", "a", block);
  rig.gossip("2", "b", approvedBy(forge, block, twoSigners(forge)));
  await rig.run(100);
  assert.deepEqual(Object.values(rig.verdicts()).sort(), ["accept", "ignore"]);
  assert.equal(rig.height, 21);
  await rig.stop();
});

test("an invalid gossip block is rejected, blamed on its sender by digest, and keeps no valid one out", async () => {
  const { rig, forge } = await synced();
  const block = forge.next();
  const forged = block.slice();
  forged[forged.length - 5]! ^= 1;
  rig.gossip("1", "liar", forged);
  rig.gossip("2", "a", block);
  await rig.run(100);
  assert.deepEqual(rig.verdicts(), { 1: "reject", 2: "accept" });
  rig.gossip("3", "other", forged);
  await rig.run(100);
  assert.equal(rig.verdicts()["3"], "reject");
  const offences = rig.offences();
  assert.deepEqual(
    offences.map(({ peerId, offence }) => [peerId, offence]),
    [
      ["liar", Offence.INVALID_BLOCK],
      ["other", Offence.INVALID_BLOCK],
    ],
  );
  assert.deepEqual(offences[0]!.evidence, sha256(forged));
  await rig.stop();
});

test("what is no block is rejected before it costs anything", async () => {
  const { rig } = await synced();
  rig.gossip("1", "a", new Uint8Array(10));
  rig.gossip("2", "a", new Uint8Array(184).fill(255));
  await rig.run(100);
  assert.deepEqual(rig.verdicts(), { 1: "reject", 2: "reject" });
  await rig.stop();
});

test("a block with an unknown parent is held without penalty, and a range is asked for when no lookup helps", async () => {
  const { rig, forge, blocks } = await synced();
  const next = [forge.next(), forge.next(), forge.next()];
  const before = rig.requests.length;
  rig.peers.set("a", { blocks: [...blocks, ...next], byHash: [] });
  rig.gossip("1", "a", next[2]!);
  await rig.run(300);
  assert.deepEqual(rig.verdicts(), { 1: "ignore" });
  assert.deepEqual(rig.offences(), []);
  assert.ok(rig.requests.length > before);
  assert.equal(rig.requests.at(-1)?.peerId, "a");
  assert.equal(rig.height, 23);
  await rig.stop();
});

test("held blocks follow when their parent comes by gossip", async () => {
  const { rig, forge } = await synced();
  const next = [forge.next(), forge.next(), forge.next()];
  await rig.ask(rig.cell.ref.ask(SyncService.method.getSyncStatus, {}));
  rig.gossip("3", "b", next[2]!);
  rig.gossip("2", "b", next[1]!);
  await rig.run(1);
  rig.gossip("1", "b", next[0]!);
  await rig.run(10);
  assert.equal(rig.height, 23);
  await rig.stop();
});

test("a block ahead of our clock is held and imported when its time has come", async () => {
  const { forge, blocks } = forgeBlocks(20);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks } });
  await rig.run(200);
  assert.equal(rig.height, 20);
  rig.gossip("1", "a", forge.next());
  await rig.run(200);
  assert.deepEqual(rig.verdicts(), { 1: "ignore" });
  assert.equal(rig.height, 20);
  await rig.run(2_000);
  assert.equal(rig.height, 21);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("gossip is ignored while synchronisation is paused", async () => {
  const { rig, forge } = await synced();
  await rig.ask(rig.cell.ref.ask(SyncService.method.pauseSync, { reason: "" }));
  rig.gossip("1", "a", forge.next());
  await rig.run(200);
  assert.deepEqual(rig.verdicts(), { 1: "ignore" });
  assert.equal(rig.height, 20);
  await rig.stop();
});

test("importBlock() answers when the block is durable, and again when it is known", async () => {
  const { rig, forge } = await synced();
  const block = forge.next();
  const first = await rig.ask(rig.cell.internalRef.ask(importBlock, { block }));
  assert.deepEqual(first.blockHash, hashOf(block));
  assert.equal(rig.height, 21);
  const again = await rig.ask(rig.cell.internalRef.ask(importBlock, { block }));
  assert.deepEqual(again.blockHash, first.blockHash);
  await rig.stop();
});

test("importBlock() refuses what is invalid, early, or has no parent, and blames nobody", async () => {
  const { rig, forge } = await synced();
  const block = forge.next();
  const after = forge.next();
  const forged = block.slice();
  forged[forged.length - 5]! ^= 1;
  const reasonOf = async (bytes: Uint8Array): Promise<string> => {
    try {
      await rig.ask(rig.cell.internalRef.ask(importBlock, { block: bytes }));
      return "accepted";
    } catch (thrown) {
      return (thrown as Failure).reason;
    }
  };
  assert.equal(await reasonOf(new Uint8Array(3)), "INVALID_BLOCK");
  assert.equal(await reasonOf(forged), "INVALID_BLOCK");
  assert.equal(await reasonOf(after), "BLOCK_REFUSED");
  rig.disk.isFull = true;
  assert.equal(await reasonOf(block), "DISK_FULL");
  rig.disk.isFull = false;
  assert.equal(await reasonOf(block), "accepted");
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("HeldBlocks keeps its bounds in blocks and in bytes; the oldest gives way", () => {
  const held = new EarlyBlocks();
  const block = (seed: number, length: number) => ({
    peerId: "a",
    hash: sha256(new Uint8Array([seed, seed >> 8])),
    header: decodeHeader(new Uint8Array(HEADER_LENGTH)),
    digest: new Uint8Array(32),
    content: { waitsFor: "time", bytes: new Uint8Array(length) } as const,
  });
  for (let seed = 0; seed < 200; seed++) held.hold(block(seed, 100));
  assert.equal(held.size, HELD_BLOCKS_MAX);
  assert.equal(held.bytes, HELD_BLOCKS_MAX * 100);
  assert.ok(!held.has(block(0, 1).hash) && held.has(block(199, 1).hash));
  for (let seed = 0; seed < 20; seed++) held.hold(block(1000 + seed, 2 * 1024 * 1024));
  assert.ok(held.bytes <= HELD_BYTES_MAX);
  assert.equal(held.size, 8);
  assert.equal(held.take(() => true).length, 8);
  assert.equal(held.bytes, 0);
});

test("a header that came with the block is read no further time, on its way through the time that it is held", () => {
  const { forge, blocks } = forgeBlocks(3);
  const effects: LiveEffect[] = [];
  const chain = {
    authoritiesAfter: () => ({ authorities: forge.authorities, parentAuthorities: forge.authorities }),
    authoritiesAt: () => forge.authorities,
    isKnown: () => false,
    finalHeight: () => 0,
  };
  const told: ReadHeader[] = [];
  const live = new LiveBlocks({
    chain,
    metrics: new SyncMetrics(),
    driftMs: 500,
    effect: (effect) => void effects.push(effect),
    proven: () => undefined,
    approved: (_, header) => void told.push(header),
    hinted: () => undefined,
    missing: () => undefined,
  });
  const carried = readHeader(blocks[2]!);
  const validation = () => {
    const effect = effects.filter(({ type }) => type === "validateLive").at(-1);
    assert(effect?.type === "validateLive");
    assert.equal(effect.header.header, carried.header);
    assert.equal(effect.header.hash, carried.hash);
    return effect.id;
  };
  live.gossip("1", "a", blocks[2]!, carried);
  const { timestampMs } = carried.header;
  const early = blockFault("FUTURE_TIMESTAMP", { timestampMs, latestMs: timestampMs - 1 });
  live.validated(validation(), { ok: false, index: 0, fault: early });
  assert.equal(live.heldBlocks, 1);
  live.tick(timestampMs);
  assert.equal(live.heldBlocks, 0);
  live.validated(validation(), { ok: true, segment: { bytes: blocks[2] } as ValidatedSegment });
  assert.equal(told[0]?.header, carried.header);
});
