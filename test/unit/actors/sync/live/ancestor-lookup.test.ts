/** AncestorLookups by hash: gaps and forks that gossip reveals, their bounds, and peers that fail at them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Offence } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import type { ChainForge } from "../../../../../src/chain/forge.ts";
import { forgeBlocks, hashOf, SyncRig } from "../sync-rig.ts";

/** At the head of a chain of 20 blocks, with a clock well ahead. */
async function synced(): Promise<{ rig: SyncRig; forge: ChainForge; blocks: Uint8Array[] }> {
  const { forge, blocks } = forgeBlocks(20);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks }, b: { blocks } });
  await rig.run(1_000);
  assert.equal(rig.height, 20);
  await rig.run(200_000);
  return { rig, forge, blocks };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("a gossip block whose parents are missing brings them by hash, before any range is asked for", async () => {
  const { rig, forge, blocks } = await synced();
  const more = [forge.next(), forge.next(), forge.next()];
  rig.connect({ a: { blocks, byHash: more } });
  const ranges = rig.requests.length;
  rig.gossip("1", "a", more[2]!);
  await rig.run(300);
  assert.equal(rig.height, 23);
  assert.deepEqual(
    rig.lookedUp.map(({ hash }) => hex(hash)),
    [hex(hashOf(more[1]!)), hex(hashOf(more[0]!))],
  );
  assert.equal(rig.requests.length, ranges);
  await rig.stop();
});

test("a lookup finds the parent beside the chain, which no range holds", async () => {
  const { rig, forge, blocks } = await synced();
  const fork = forge.fork();
  const ours = forge.next();
  rig.connect({ a: { blocks: [...blocks, ours] } });
  rig.gossip("1", "a", ours);
  await rig.run(100);
  assert.equal(rig.height, 21);
  const theirs = [fork.next({ skippedSlots: 1 }), fork.next()];
  // It serves its fork by hash alone.
  rig.connect({ b: { blocks: [...blocks, ours], byHash: theirs } });
  rig.gossip("2", "b", theirs[1]!);
  await rig.run(500);
  assert.equal(rig.height, 22);
  assert.equal(hex(rig.chain.snapshot().head.hash), hex(hashOf(theirs[1]!)));
  await rig.stop();
});

test("a peer that does not have the block is passed over for another one", async () => {
  const { rig, forge, blocks } = await synced();
  const more = [forge.next(), forge.next()];
  rig.connect({ a: { blocks: [...blocks, ...more], byHash: [] }, b: { blocks: [...blocks, ...more] } });
  rig.gossip("1", "a", more[1]!);
  await rig.run(500);
  assert.equal(rig.height, 22);
  assert.deepEqual(
    rig.lookedUp.map(({ peerId }) => peerId),
    ["a", "b"],
  );
  await rig.stop();
});

test("an invalid block that a lookup brings is held against who sent it", async () => {
  const { rig, forge, blocks } = await synced();
  const more = [forge.next(), forge.next()];
  const bad = more[0]!.slice();
  // The body: the header's hash stays, so that it is the block that was asked for.
  bad[bad.length - 110] = (bad[bad.length - 110] ?? 0) ^ 1;
  rig.connect({ a: { blocks: [...blocks, ...more], byHash: [bad] }, b: { blocks: [...blocks, ...more] } });
  rig.gossip("1", "a", more[1]!);
  await rig.run(8_000);
  assert.equal(rig.height, 22);
  const [offence] = rig.offences();
  assert.equal(offence?.peerId, "a");
  assert.equal(offence?.offence, Offence.INVALID_BLOCK);
  await rig.stop();
});

test("unknown ancestry far above our head is left to range synchronisation", async () => {
  const { rig, forge, blocks } = await synced();
  const more = Array.from({ length: 90 }, () => forge.next());
  rig.connect({ a: { blocks: [...blocks, ...more] } });
  const asked = rig.lookedUp.length;
  rig.gossip("1", "a", more[89]!);
  await rig.run(3_000);
  assert.equal(rig.height, 110);
  assert.equal(rig.lookedUp.length, asked);
  await rig.stop();
});

test("unknown ancestry without end is followed 64 deep and no further", async () => {
  const { rig, forge, blocks } = await synced();
  // A chain from the same genesis that never meets ours: heights near ours, so that it looks like a gap.
  const { forge: other } = forgeBlocks(0, 1);
  assert.equal(hex(other.genesis.hash), hex(forge.genesis.hash));
  const fork = forge.fork();
  const deep = Array.from({ length: 80 }, () => fork.next());
  rig.connect({ a: { blocks, byHash: deep.slice(10) } });
  rig.gossip("1", "a", deep[63]!);
  await rig.run(10_000);
  assert.ok(rig.lookedUp.length <= 64 + 2, `${rig.lookedUp.length} lookups`);
  await rig.stop();
});
