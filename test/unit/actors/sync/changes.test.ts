/** The SyncActor across changes of the authorities: in batches, on forks, live, after a restart, from hints. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { Offence, PeerInternalService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { ProductionCondition, SyncService, SyncState } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import type { Mode } from "../../../../src/actors/sync/config.ts";
import { ChainForge, forgeSecretKeys, type ScheduledChange } from "../../../../src/chain/forge.ts";
import { MemoryDisk } from "../../../../src/storage/memory.ts";
import { CheckpointRig } from "../../integrations/chain/checkpoint/checkpoint-rig.ts";
import { withOtherApproval } from "../../integrations/chain/segments.ts";
import { type Behaviour, hashOf, honest, type PeerOptions, SyncRig, silent } from "./sync-rig.ts";

const START_MS = 1_700_000_000_000;
const keys = forgeSecretKeys(8, 1);
/** The first three members and those beside them. */
const withMembers = (...more: number[]) => [...keys.slice(0, 3), ...more.map((index) => keys[index]!)];

/** A chain of three members from genesis whose last block lies in the slot of START_MS. */
function forgeChanging(count: number, authorityChanges: readonly ScheduledChange[]) {
  const forge = ChainForge.of({
    blocks: count,
    seed: 1,
    members: 3,
    endTimestampMs: START_MS,
    authorityChanges,
  });
  return { forge, blocks: Array.from({ length: count }, () => forge.next()) };
}

const PLACES: Record<string, ScheduledChange[]> = {
  "at its first block": [{ height: 1, set: withMembers(3) }],
  "in its middle": [{ height: 70, set: withMembers(3) }],
  "at its last block": [{ height: 256, set: withMembers(3) }],
  "at the first block of the second one": [{ height: 257, set: withMembers(3) }],
  "twice in it, 64 blocks apart": [
    { height: 70, set: withMembers(3) },
    { height: 134, set: withMembers(3, 4) },
  ],
  "there and back, with the second one at its end": [
    { height: 192, set: withMembers(3) },
    { height: 256, set: withMembers() },
  ],
};

for (const mode of ["FAST", "FULL"] as const satisfies readonly Mode[]) {
  for (const [place, changes] of Object.entries(PLACES)) {
    test(`${mode} goes through a batch that changes the authorities ${place}`, async () => {
      const { forge, blocks } = forgeChanging(300, changes);
      const rig = new SyncRig(forge, { config: { batchBlocks: 256, mode } });
      rig.connect({ a: { blocks }, b: { blocks } });
      await rig.run(6_000);
      assert.equal(rig.height, 300);
      assert.deepEqual(rig.chain.snapshot().head.hash, hashOf(blocks.at(-1)!));
      assert.deepEqual(rig.offences(), []);
      assert.equal(rig.metrics?.get("stuckFound"), 0);
      await rig.stop();
    });
  }
}

/** Two branches that part at height 104, ours up to 130 and theirs up to 140, each with its own change. */
function forgeFork() {
  const { forge, blocks: common } = forgeChanging(100, []);
  const other = forge.fork();
  const branch = (from: ChainForge, count: number, changeAt: number, member: number) =>
    Array.from({ length: count }, (_, index) =>
      from.next(index === changeAt ? { nextAuthorities: withMembers(member) } : {}),
    );
  const ours = [...common, ...branch(forge, 30, 9, 3)];
  const theirs = [...common, ...branch(other, 40, 4, 4)];
  return { forge, ours, theirs };
}

async function onOurs(ours: readonly Uint8Array[], forge: ChainForge): Promise<SyncRig> {
  const rig = new SyncRig(forge, { config: { batchBlocks: 256 } });
  // The clock stands where the common part ends.
  await rig.run(120_000);
  rig.connect({ ours: { blocks: ours } });
  await rig.run(4_000);
  assert.equal(rig.height, 130);
  rig.disconnect("ours");
  return rig;
}

test("a fork whose branches changed the authorities differently is adopted, and nobody is blamed", async () => {
  for (const isUnproven of [false, true]) {
    const { forge, ours, theirs } = forgeFork();
    const rig = await onOurs(ours, forge);
    const peer: PeerOptions = { blocks: theirs, isUnproven };
    rig.connect({ a: peer, b: peer });
    await rig.run(30_000);
    assert.equal(rig.height, 140);
    assert.deepEqual(rig.chain.snapshot().head.hash, hashOf(theirs.at(-1)!));
    assert.deepEqual(rig.offences(), []);
    await rig.stop();
  }
});

test("a reorganization waits for a second peer that reports its head, and says so", async () => {
  const { forge, ours, theirs } = forgeFork();
  const rig = await onOurs(ours, forge);
  rig.connect({ a: { blocks: theirs, remoteAddress: "/ip4/203.0.113.7/tcp/1" } });
  await rig.run(20_000);
  assert.equal(rig.height, 130);
  const waiting = "waiting for a second peer to confirm the reorganization to 140";
  assert.equal((await rig.status()).reason, `${waiting}: only one is connected`);
  // Peers are asked for their heads meanwhile.
  assert.ok(rig.peerInternal.told(PeerInternalService.method.refreshStatus).length >= 2);
  // One more of the same subnet may be the same party's.
  rig.connect({ b: { blocks: theirs, remoteAddress: "/ip4/203.0.99.1/tcp/1" } });
  await rig.run(5_000);
  assert.equal((await rig.status()).reason, waiting);
  rig.connect({ c: { blocks: theirs, remoteAddress: "/ip4/198.51.100.1/tcp/1" } });
  await rig.run(5_000);
  assert.equal(rig.height, 140);
  assert.doesNotMatch((await rig.status()).reason, /waiting/);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("a reorganization that nobody claims any more is waited for no longer", async () => {
  const { forge, ours, theirs } = forgeFork();
  const rig = await onOurs(ours, forge);
  rig.connect({ a: { blocks: theirs } });
  await rig.run(5_000);
  assert.match((await rig.status()).reason, /^waiting for a second peer/);
  rig.disconnect("a");
  await rig.run(1_000);
  assert.doesNotMatch((await rig.status()).reason, /waiting/);
  assert.equal(rig.height, 130);
  await rig.stop();
});

test("a member's word is enough for a reorganization", async () => {
  const { forge, ours, theirs } = forgeFork();
  const rig = await onOurs(ours, forge);
  rig.connect({ a: { blocks: theirs, memberKey: keys[0]!.publicKey } });
  await rig.run(20_000);
  assert.equal(rig.height, 140);
  await rig.stop();
});

test("a live block under a set that nobody here knows is ignored, and its sender is not blamed", async () => {
  const { forge, ours, theirs } = forgeFork();
  const rig = await onOurs(ours, forge);
  rig.connect({ a: { blocks: [] } });
  rig.gossip("1", "a", theirs.at(-1)!);
  await rig.run(500);
  assert.deepEqual(rig.verdicts(), { 1: "ignore" });
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("a live block beside the chain is judged under the set of its own branch", async () => {
  const { forge, ours, theirs } = forgeFork();
  const rig = await onOurs(ours, forge);
  rig.connect({ a: { blocks: [] } });
  // One after the other, so that each builds on a block that is durable beside the chain.
  for (const [index, block] of theirs.slice(104).entries()) {
    rig.gossip(`${index}`, "a", block);
    await rig.run(50);
  }
  assert.deepEqual(new Set(Object.values(rig.verdicts())), new Set(["accept"]));
  assert.equal(rig.height, 140);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("three changes from genesis on: from hints, after a restart between them, and live", async () => {
  const { forge, blocks } = forgeChanging(302, [
    { height: 70, set: withMembers(3) },
    { height: 200, set: withMembers(3, 4) },
    { height: 301, set: withMembers(4) },
  ]);
  const disk = new MemoryDisk();
  const first = new SyncRig(forge, { disk, config: { batchBlocks: 128 } });
  first.connect({ a: { blocks: blocks.slice(0, 150), isUnproven: true } });
  await first.run(4_000);
  assert.equal(first.height, 150);
  await first.stop();
  disk.crash();

  const second = new SyncRig(forge, { disk, config: { batchBlocks: 128 } });
  assert.equal(second.height, 150);
  second.connect({ a: { blocks: blocks.slice(0, 300), isUnproven: true } });
  await second.run(4_000);
  assert.equal(second.height, 300);
  second.gossip("1", "a", blocks[300]!);
  await second.run(100);
  second.gossip("2", "a", blocks[301]!);
  await second.run(100);
  assert.equal(second.height, 302);
  assert.deepEqual(second.verdicts(), { 1: "accept", 2: "accept" });
  assert.deepEqual([...first.offences(), ...second.offences()], []);
  await second.stop();
});

test("a claimed head that nobody makes good is left alone, and proves nothing", async () => {
  const { forge, blocks } = forgeChanging(300, [{ height: 70, set: withMembers(3) }]);
  const rig = new SyncRig(forge, { config: { batchBlocks: 128 } });
  const onlyBegins = (first: number, count: number) => honest(first, count, blocks.slice(0, 50));
  rig.connect({ a: { blocks, isUnproven: true, behaviour: onlyBegins } });
  await rig.run(30_000);
  assert.equal(rig.height, 50);
  assert.ok(rig.requests.length < 30, `${rig.requests.length} requests`);
  const { target, unprovenTarget } = await rig.status();
  assert.deepEqual([target?.height, unprovenTarget], [50n, undefined]);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

/** Peers deliver no blocks, but the changes up to a checkpoint at height 320 and 64 blocks on. */
async function withEvidence(claim: (head: Uint8Array) => Uint8Array, changeAt = 70) {
  const { forge, blocks } = forgeChanging(400, [{ height: changeAt, set: withMembers(3) }]);
  const far = new CheckpointRig(forge);
  await far.feed(blocks);
  await far.settle(far.checkpoints.create(320));
  const rig = new SyncRig(forge, { config: { batchBlocks: 128 } });
  const asked: bigint[] = [];
  rig.network.on(NetworkInternalService.method.requestCheckpoint, async ({ knownChangeHeight }) => {
    asked.push(knownChangeHeight);
    const evidence = await far.checkpoints.serve(0, Number(knownChangeHeight));
    return { evidence: evidence! };
  });
  const head = claim(blocks.at(-1)!);
  rig.connect({ a: { blocks: [...blocks.slice(0, -1), head], isUnproven: true, behaviour: silent } });
  await rig.run(3_000);
  return { rig, asked };
}

test("a claimed head is proven by the changes that lead from our authorities to its own", async () => {
  const { rig, asked } = await withEvidence((head) => head);
  assert.deepEqual(asked, [0n]);
  const { head, target, unprovenTarget } = await rig.status();
  assert.deepEqual([head?.height, target?.height, unprovenTarget], [0n, 400n, undefined]);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("a claimed head that its own set did not approve is a lie", async () => {
  const { rig } = await withEvidence((head) => withOtherApproval(head, 1));
  const { target } = await rig.status();
  assert.equal(target?.height, 0n);
  assert.deepEqual(
    rig.offences().map(({ peerId, offence }) => [peerId, offence]),
    [["a", Offence.FALSE_HEAD]],
  );
  await rig.stop();
});

test("a claimed head that no checkpoint leads to stays a hint", async () => {
  const { rig } = await withEvidence((head) => head, 390);
  const { state, target, unprovenTarget, reason, progressPpm } = await rig.status();
  assert.equal(target?.height, 0n);
  // It is named, and nothing is judged by it but what is shown.
  const { hash } = rig.peers
    .get("a")!
    .blocks.slice(-1)
    .map((block) => ({ hash: hashOf(block) }))[0]!;
  assert.deepEqual([unprovenTarget?.height, unprovenTarget?.hash], [400n, hash]);
  assert.equal(state, SyncState.BLOCKS);
  assert.equal(progressPpm, 1_000_000);
  assert.match(reason, /claimed under authorities that are not known yet/);
  assert.match(reason, new RegExp(`height 400 .block ${Buffer.from(hash).toString("hex").slice(0, 8)}`));
  const near: ProductionCondition[] = [ProductionCondition.RATIO, ProductionCondition.LAG];
  assert(!(await rig.production()).unmet.some(({ condition }) => near.includes(condition)));
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("a peer that serves nothing towards the head that it claims is let go, after a bounded number of attempts", async () => {
  const { forge, blocks } = forgeChanging(300, [{ height: 250, set: withMembers(3) }]);
  const rig = new SyncRig(forge, { config: { headAgeMsMax: 10_000_000 } });
  const dropped = () =>
    rig.peerInternal.told(PeerInternalService.method.dropUnserving).map(({ peerId }) => peerId);
  rig.connect({ a: { blocks: blocks.slice(0, 240) } });
  await rig.run(5_000);
  // Empty answers for whatever is asked above what everybody has.
  const empty: Behaviour = (first, count, own) => (first > 240 ? [] : honest(first, count, own));
  rig.connect({ a: { blocks: blocks.slice(0, 240) }, b: { blocks, isUnproven: true, behaviour: empty } });
  await rig.run(600_000);
  assert.deepEqual(new Set(dropped()), new Set(["b"]));
  assert.deepEqual(rig.offences(), [], "that proves nothing");
  await rig.stop();
});

test("a synced node shows a better claimed head, stays SYNCED, and WatchSyncStatus tells of both", async () => {
  const { forge, blocks } = forgeChanging(300, [{ height: 250, set: withMembers(3) }]);
  const rig = new SyncRig(forge, { config: { headAgeMsMax: 1_000_000 } });
  const told: (bigint | undefined)[] = [];
  rig.cell.ref.watch(
    SyncService.method.watchSyncStatus,
    {},
    {
      onMessage: ({ event }) => {
        if (event.case === "status" || event.case === "snapshot")
          told.push(event.value.unprovenTarget?.height);
      },
      onEnd: () => undefined,
    },
  );
  rig.connect({ a: { blocks: blocks.slice(0, 240) } });
  await rig.run(5_000);
  assert.equal((await rig.status()).state, SyncState.SYNCED);
  rig.connect({ b: { blocks, isUnproven: true, behaviour: silent } });
  rig.disconnect("a");
  await rig.run(1_000);
  const { state, target, unprovenTarget } = await rig.status();
  assert.deepEqual([state, target?.height, unprovenTarget?.height], [SyncState.SYNCED, 240n, 300n]);
  rig.disconnect("b");
  await rig.run(1_000);
  assert.equal((await rig.status()).unprovenTarget, undefined);
  assert.deepEqual([told[0], told.includes(300n), told.at(-1)], [undefined, true, undefined]);
  await rig.stop();
});
