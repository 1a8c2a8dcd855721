/** The chain with an attached ChainActor: the contract of the chain port, and what is its own. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ChainServiceAttachRequestSchema,
  ImportVerdict,
} from "../../../../../gen/alys/integration/v1/integration_pb.ts";
import { chainPortContract } from "../../../../contract/chain-port.ts";
import { PullClient } from "../../attach/clients.ts";
import { FakeClient } from "../../attach/fake-client.ts";
import { pullProcess } from "../../attach/stub-process.ts";
import { hashOfBlock, quickForge, run, segmentOf } from "../segments.ts";
import { AttachedRig } from "./attached-rig.ts";

for (const isRequired of [false, true]) {
  const name = isRequired ? "AttachedChain that requires its ChainActor" : "AttachedChain";
  chainPortContract(name, async (forge, finalityDepth) => {
    const rig = new AttachedRig(isRequired, forge, finalityDepth);
    await rig.attach(new FakeClient());
    return { chain: rig.chain, settle: () => rig.settle() };
  });
}

chainPortContract("AttachedChain that requires a ChainActor which pulls", async (forge, finalityDepth) => {
  const rig = new AttachedRig(true, forge, finalityDepth);
  pullProcess(rig.hub, ChainServiceAttachRequestSchema, ({ value }) => {
    const { blocks } = value as { blocks: Uint8Array[] };
    const verdicts = blocks.map(() => ImportVerdict.IMPORTED);
    return { case: "importBlocks", value: { verdicts } };
  });
  await rig.settle();
  return { chain: rig.chain, settle: () => rig.settle() };
});

chainPortContract("AttachedChain with nobody attached", (forge, finalityDepth) => {
  const rig = new AttachedRig(false, forge, finalityDepth);
  return Promise.resolve({ chain: rig.chain, settle: () => rig.settle() });
});

test("AttachedChain replays from last_applied, in batches of 64, and follows the head", async () => {
  const rig = new AttachedRig(false);
  const blocks = run(rig.rig.forge, 300);
  await rig.import(blocks);
  const client = new FakeClient();
  client.blocks = blocks.slice(0, 100);
  await rig.attach(client);
  assert.equal(client.blocks.length, 300);
  assert.equal(client.verdicts.length, 200);
  const batches = client.frames.filter(({ message }) => message.case === "importBlocks");
  assert.equal(batches.length, 4);
  await rig.import(run(rig.rig.forge, 5));
  assert.equal(client.blocks.length, 305);
  assert(client.verdicts.every((verdict) => verdict === ImportVerdict.IMPORTED));
});

test("AttachedChain goes on where a killed client comes back, and no block comes twice", async () => {
  const rig = new AttachedRig(false);
  const client = new FakeClient();
  await rig.attach(client);
  await rig.import(run(rig.rig.forge, 70));
  client.answers = false;
  await rig.import(run(rig.rig.forge, 70));
  client.vanish();
  await rig.settle();
  assert.equal(await client.ended, "ATTACH_LEFT");
  assert.equal(rig.hub.isAttached, false);
  client.answers = true;
  await rig.attach(client);
  assert.equal(client.blocks.length, 140);
  assert.equal(client.verdicts.length, 140);
  assert.equal(rig.hub.epoch, 2);
});

test("AttachedChain takes the client along in a reorganization, one it saw and one it missed", async () => {
  const rig = new AttachedRig(false, quickForge(3));
  const { forge } = rig.rig;
  const client = new FakeClient();
  await rig.attach(client);
  await rig.import(run(forge, 3));
  const [first, second] = [forge.fork(), forge.fork()];
  await rig.import(run(forge, 2));
  assert.equal((await rig.import([first.next({ skippedSlots: 4 }), ...run(first, 3)])).kind, "reorganized");
  assert.deepEqual(hashOfBlock(client.blocks.at(-1)!), first.headHash);
  client.vanish();
  await rig.settle();
  assert.equal((await rig.import([second.next({ skippedSlots: 7 }), ...run(second, 9)])).kind, "reorganized");
  await rig.attach(client);
  assert.equal(client.blocks.length, 13);
  assert.deepEqual(hashOfBlock(client.blocks.at(-1)!), second.headHash);
});

test("AttachedChain asks again after not now, and after a call that was not answered", async () => {
  const rig = new AttachedRig(false);
  const client = new FakeClient();
  let isReady = false;
  client.judge = () => (isReady ? ImportVerdict.IMPORTED : ImportVerdict.NOT_NOW);
  await rig.attach(client);
  await rig.import(run(rig.rig.forge, 10));
  assert.equal(client.blocks.length, 0);
  isReady = true;
  await rig.advance(500);
  assert.equal(client.blocks.length, 10);
  client.answers = false;
  await rig.import(run(rig.rig.forge, 10));
  client.answers = true;
  await rig.advance(11_000);
  assert.equal(client.blocks.length, 20);
});

test("AttachedChain stops importing at a block that the client refuses, with an alarm, until one attaches anew", async () => {
  const rig = new AttachedRig(false);
  const client = new FakeClient();
  client.judge = (height) => (height === 7 ? ImportVerdict.INVALID : ImportVerdict.IMPORTED);
  await rig.attach(client);
  await rig.import(run(rig.rig.forge, 10));
  assert.equal(client.blocks.length, 6);
  assert.equal(rig.chain.snapshot().isAvailable, false);
  assert(rig.log.records.some(({ fields }) => fields["alarm"] === "chain_refused"));
  const outcome = await rig.import(run(rig.rig.forge, 1));
  assert.equal(outcome.kind === "notNow" && outcome.failure.reason, "CHAIN_ACTOR_REFUSES");
  client.judge = () => ImportVerdict.IMPORTED;
  await rig.attach(client);
  assert.equal(rig.chain.snapshot().isAvailable, true);
  assert.equal(client.blocks.length, 10);
});

test("AttachedChain that requires its ChainActor is away without it, and tells both", async () => {
  const rig = new AttachedRig(true);
  assert.equal(rig.chain.snapshot().isAvailable, false);
  const blocks = run(rig.rig.forge, 4);
  assert.equal((await rig.import(blocks)).kind, "notNow");
  const client = new FakeClient();
  await rig.attach(client);
  assert.equal((await rig.import(blocks)).kind, "imported");
  assert.equal(client.blocks.length, 4);
  client.vanish();
  await rig.settle();
  assert.equal(rig.chain.snapshot().isAvailable, false);
  const told = rig.events.flatMap((event) => (event.type === "availability" ? [event.isAvailable] : []));
  assert.deepEqual(told, [true, false]);
});

test("AttachedChain that requires its ChainActor answers not now when it goes away meanwhile, then known", async () => {
  const rig = new AttachedRig(true);
  const client = new FakeClient();
  await rig.attach(client);
  client.answers = false;
  const blocks = run(rig.rig.forge, 4);
  const outcome = rig.chain.importSegment(segmentOf(blocks));
  await rig.settle();
  client.vanish();
  assert.equal((await outcome).kind, "notNow");
  client.answers = true;
  await rig.attach(client);
  assert.equal((await rig.import(blocks)).kind, "known");
  assert.equal(client.blocks.length, 4);
});

test("AttachHub lets one client in, another one by a take-over, the same one again at once", async () => {
  const rig = new AttachedRig(false);
  const [one, two] = [new FakeClient(), new FakeClient()];
  await rig.attach(one);
  await rig.attach(two, { instanceId: "two" });
  assert.equal(await two.ended, "ATTACH_TAKEN");
  await rig.attach(two, { instanceId: "two", takeOver: true });
  assert.equal(await one.ended, "ATTACH_TAKEN_OVER");
  assert.equal(rig.hub.epoch, 2);
  await rig.attach(two, { instanceId: "two" });
  assert.equal(rig.hub.epoch, 3);
  await rig.import(run(rig.rig.forge, 2));
  assert.equal(one.blocks.length, 0);
  assert.equal(two.blocks.length, 2);
  two.leave();
  await rig.settle();
  assert.equal(await two.ended, "OK");
});

test("AttachHub refuses another chain and silence, and counts answers of an older epoch", async () => {
  const rig = new AttachedRig(false);
  const client = new FakeClient();
  await rig.attach(client, { genesisHash: new Uint8Array(32).fill(9) });
  assert.equal(await client.ended, "ATTACH_OTHER_CHAIN");
  await rig.attach(client);
  client.say({ callId: 99n, message: { case: "importBlocks", value: { verdicts: [] } } });
  await rig.settle();
  client.vanish();
  await rig.settle();
  assert.equal(rig.hub.staleAnswers, 1);
  const silent = new FakeClient();
  silent.attach(rig.hub, undefined as never);
  silent.vanish();
  await rig.settle();
});

test("AttachedChain ends the attachment of who pulls and gives more verdicts than blocks", async () => {
  const rig = new AttachedRig(false);
  await rig.import(run(rig.rig.forge, 3));
  const client = new PullClient(rig.hub, ChainServiceAttachRequestSchema);
  await client.attach();
  await rig.settle();
  await client.pull(0);
  const [call] = client.frames.filter(({ callId }) => callId > 0n);
  const verdicts = Array.from({ length: 4 }, () => ImportVerdict.IMPORTED);
  await client.say({ callId: call?.callId ?? 0n, message: { case: "importBlocks", value: { verdicts } } });
  await rig.settle();
  assert.equal(rig.hub.isAttached, false);
  await client.pull(0);
  assert.equal(client.end, "INVALID_ARGUMENT/ATTACH_PROTOCOL");
});

test("AttachedChain sends views to who asked for them", async () => {
  const rig = new AttachedRig(false);
  await rig.import(run(rig.rig.forge, 3));
  for (const withBlockViews of [true, false]) {
    const client = new PullClient(rig.hub, ChainServiceAttachRequestSchema);
    await client.attach({ withBlockViews, instanceId: `${withBlockViews}`, takeOver: true });
    await rig.settle();
    const [call = assert.fail()] = client.frames.filter(({ callId }) => callId > 0n);
    const { views } = call.message.value as { views?: { height: bigint }[] };
    assert.deepEqual(
      views?.map(({ height }) => height),
      withBlockViews ? [1n, 2n, 3n] : undefined,
    );
  }
});
