/** An attached ChainActor whose word about itself contradicts the chain: when it is believed to, and what follows. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ChainServiceAttachRequestSchema,
  ImportVerdict,
} from "../../../../../gen/alys/integration/v1/integration_pb.ts";
import { toHex } from "../../../../../src/chain/hex.ts";
import { BESIDE_MS } from "../../../../../src/integrations/chain/attached/divergence.ts";
import { PullClient } from "../../attach/clients.ts";
import { FakeClient } from "../../attach/fake-client.ts";
import { hashOfBlock, quickForge, run } from "../segments.ts";
import { AttachedRig } from "./attached-rig.ts";

type Point = { readonly height: number; readonly hash: Uint8Array };

const OTHER = new Uint8Array(32).fill(0xee);

class DivergedRig extends AttachedRig {
  readonly client = new FakeClient();

  async report(said: { readonly head?: Point; readonly final?: Point }): Promise<void> {
    const reference = (point: Point | undefined) =>
      point && { height: BigInt(point.height), hash: point.hash };
    const [head, final] = [reference(said.head), reference(said.final)];
    const value = { ...(head && { head }), ...(final && { final }) };
    this.client.say({ message: { case: "heartbeat", value } });
    await this.settle();
  }

  ours(height: number): Point {
    return { height, hash: this.chain.hashAt(height) ?? assert.fail(`we have no block ${height}`) };
  }

  get isDiverged(): boolean {
    return this.chain.contradiction !== undefined;
  }

  get availability(): boolean[] {
    return this.events.flatMap((event) => (event.type === "availability" ? [event.isAvailable] : []));
  }
}

async function following(isRequired: boolean, blocks = 10, finalityDepth = 64): Promise<DivergedRig> {
  const rig = new DivergedRig(isRequired, quickForge(3), finalityDepth);
  await rig.attach(rig.client);
  await rig.import(run(rig.rig.forge, blocks));
  assert.equal(rig.client.blocks.length, blocks);
  return rig;
}

/** Five blocks, all confirmed, and a branch that replaces those from the fourth on. */
async function replaceable(isRequired: boolean) {
  const rig = new DivergedRig(isRequired, quickForge(3));
  const { forge } = rig.rig;
  await rig.attach(rig.client);
  await rig.import(run(forge, 3));
  const branch = forge.fork();
  await rig.import(run(forge, 2));
  const better = [branch.next({ skippedSlots: 4 }), ...run(branch, 3)];
  return { rig, older: rig.ours(4), old: rig.ours(5), better, betterHash: branch.headHash };
}

test("AttachedChain that requires its ChainActor waits while that stands on another block than it confirmed", async () => {
  const rig = await following(true);
  await rig.report({ head: { height: 7, hash: OTHER } });
  const { contradiction } = rig.chain;
  assert.equal(contradiction?.of, "head");
  assert.equal(contradiction?.height, 7);
  assert.deepEqual(contradiction?.theirHash, OTHER);
  assert.deepEqual(contradiction?.ourHash, rig.ours(7).hash);
  assert(rig.log.records.some(({ fields }) => fields["alarm"] === "chain_diverged"));
  const { isAvailable, unavailable } = rig.chain.snapshot();
  assert.equal(isAvailable, false);
  const outcome = await rig.import(run(rig.rig.forge, 1));
  const reason = outcome.kind === "notNow" ? outcome.failure : undefined;
  for (const failure of [unavailable, reason]) {
    assert.equal(failure?.reason, "CHAIN_ACTOR_DIVERGED");
    assert(failure?.message.includes(toHex(OTHER)), failure?.message);
    assert(failure?.message.includes(toHex(rig.ours(7).hash)), failure?.message);
  }
  assert.deepEqual(rig.availability, [true, false]);
  assert.deepEqual(rig.told, [contradiction]);
});

test("AttachedChain goes on without a ChainActor that it does not require, and tells the contradiction", async () => {
  const rig = await following(false);
  await rig.report({ head: { height: 10, hash: OTHER } });
  assert.equal(rig.isDiverged, true);
  assert.equal(rig.chain.snapshot().isAvailable, true);
  assert.equal((await rig.import(run(rig.rig.forge, 3))).kind, "imported");
  assert.equal(rig.told.length, 1);
});

test("AttachedChain takes a final block that is not on its chain for a contradiction, whatever was confirmed", async () => {
  const rig = await following(true);
  await rig.report({ head: rig.ours(10), final: { height: 4, hash: OTHER } });
  assert.equal(rig.chain.contradiction?.of, "final");
  assert.equal(rig.chain.snapshot().isAvailable, false);
  await rig.report({ head: rig.ours(10), final: rig.ours(4) });
  assert.equal(rig.chain.snapshot().isAvailable, true);
});

test("AttachedChain ends the contradiction when its ChainActor is on the chain again, and not by a word that says nothing", async () => {
  const rig = await following(true);
  await rig.report({ head: { height: 10, hash: OTHER } });
  await rig.report({});
  assert.equal(rig.isDiverged, true);
  // Its branch grows: that vouches for nothing below it.
  await rig.report({ head: { height: 11, hash: OTHER }, final: rig.ours(3) });
  assert.equal(rig.isDiverged, true);
  await rig.report({ head: rig.ours(8) });
  assert.equal(rig.isDiverged, false);
  assert.deepEqual(rig.availability, [true, false, true]);
  assert.equal(rig.told.at(-1), undefined);
  assert.equal((await rig.import(run(rig.rig.forge, 1))).kind, "imported");
});

test("AttachedChain ends the contradiction when a ChainActor attaches anew, and when it is gone", async () => {
  const rig = await following(true);
  await rig.report({ head: { height: 10, hash: OTHER } });
  await rig.attach(rig.client);
  assert.equal(rig.isDiverged, false);
  assert.equal(rig.chain.snapshot().isAvailable, true);
  await rig.report({ head: { height: 10, hash: OTHER } });
  assert.equal(rig.isDiverged, true);
  rig.client.vanish();
  await rig.settle();
  assert.equal(rig.isDiverged, false);
  assert.equal(rig.chain.snapshot().unavailable?.reason, "CHAIN_ACTOR_AWAY");
  assert.deepEqual(
    rig.told.map((one) => one?.of),
    ["head", undefined, "head", undefined],
  );
});

test("AttachedChain sees no contradiction in a ChainActor that is behind, ahead, or says what cannot be compared", async () => {
  const rig = await following(true);
  await rig.report({ head: rig.ours(2), final: rig.ours(1) });
  await rig.report({ head: { height: 5_000, hash: OTHER }, final: { height: 4_000, hash: OTHER } });
  await rig.report({ head: { height: 2 ** 60, hash: OTHER } });
  await rig.report({ head: { height: 0, hash: new Uint8Array(32) }, final: { height: 0, hash: OTHER } });
  await rig.report({ head: { height: 5, hash: new Uint8Array(0) } });
  assert.equal(rig.isDiverged, false);
  assert.deepEqual(rig.told, []);
});

test("AttachedChain sees no contradiction in another block where the ChainActor confirmed none", async () => {
  const rig = await following(false);
  rig.client.judge = () => ImportVerdict.NOT_NOW;
  await rig.import(run(rig.rig.forge, 5));
  await rig.report({ head: { height: 12, hash: OTHER } });
  assert.equal(rig.isDiverged, false);
  rig.client.judge = () => ImportVerdict.IMPORTED;
  await rig.advance(500);
  await rig.report({ head: { height: 12, hash: OTHER } });
  assert.equal(rig.isDiverged, true);
});

test("AttachedChain gives its ChainActor time to leave blocks that a reorganization replaced", async () => {
  const { rig, older, old, better, betterHash } = await replaceable(true);
  assert.equal((await rig.import(better)).kind, "reorganized");
  assert.deepEqual(hashOfBlock(rig.client.blocks.at(-1)!), betterHash);
  // Written before the new blocks were applied, or it has not caught up with its own store.
  await rig.report({ head: old, final: older });
  await rig.advance(BESIDE_MS - 500);
  await rig.report({ head: old, final: rig.ours(2) });
  assert.equal(rig.isDiverged, false);
  await rig.advance(500);
  await rig.report({ head: older });
  assert.equal(rig.isDiverged, true);
  assert.deepEqual(rig.chain.contradiction?.theirHash, older.hash);
});

test("AttachedChain excuses replaced blocks alone, and anew once its ChainActor had left them", async () => {
  const { rig, old, better } = await replaceable(false);
  await rig.import(better);
  await rig.report({ head: old });
  await rig.report({ head: { height: 5, hash: OTHER } });
  assert.equal(rig.isDiverged, true);
  await rig.report({ head: rig.ours(5) });
  await rig.advance(BESIDE_MS);
  await rig.report({ head: old });
  assert.equal(rig.isDiverged, false);
});

test("AttachedChain counts that time from when the ChainActor took the replaced heights again", async () => {
  const { rig, old, better, betterHash } = await replaceable(false);
  rig.client.judge = () => ImportVerdict.NOT_NOW;
  await rig.import(better);
  await rig.advance(BESIDE_MS * 2);
  await rig.report({ head: old });
  assert.equal(rig.isDiverged, false);
  rig.client.judge = () => ImportVerdict.IMPORTED;
  await rig.advance(1_000);
  assert.deepEqual(hashOfBlock(rig.client.blocks.at(-1)!), betterHash);
  await rig.report({ head: old });
  assert.equal(rig.isDiverged, false);
  await rig.advance(BESIDE_MS);
  await rig.report({ head: old });
  assert.equal(rig.isDiverged, true);
});

test("AttachedChain gives the same time to a ChainActor that comes back on a block beside the chain", async () => {
  const { rig, old, better } = await replaceable(true);
  rig.client.vanish();
  await rig.settle();
  await rig.rig.import(better);
  await rig.attach(rig.client);
  await rig.report({ head: old });
  assert.equal(rig.isDiverged, false);
  await rig.advance(BESIDE_MS);
  await rig.report({ head: old });
  assert.equal(rig.isDiverged, true);
});

test("AttachedChain answers not now to an import whose ChainActor contradicts before it confirmed", async () => {
  const rig = await following(true);
  rig.client.answers = false;
  const outcome = rig.import(run(rig.rig.forge, 2));
  await rig.settle();
  await rig.report({ head: { height: 10, hash: OTHER } });
  const { kind } = await outcome;
  assert.equal(kind, "notNow");
});

test("AttachedChain hears the word of a ChainActor that pulls", async () => {
  const rig = new AttachedRig(false);
  await rig.import(run(rig.rig.forge, 3));
  const client = new PullClient(rig.hub, ChainServiceAttachRequestSchema);
  await client.attach();
  await rig.settle();
  await client.pull(0);
  const [call = assert.fail()] = client.frames.filter(({ callId }) => callId > 0n);
  const verdicts = [1, 2, 3].map(() => ImportVerdict.IMPORTED);
  await client.say({ callId: call.callId, message: { case: "importBlocks", value: { verdicts } } });
  await client.say({
    message: { case: "heartbeat", value: { head: { height: 3n, hash: OTHER } } },
  });
  assert.equal(rig.chain.contradiction?.height, 3);
});
