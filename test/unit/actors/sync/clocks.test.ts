/** A wall clock that was wrong: what the status says of it has an end when the clock is right, and no age is negative. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ProductionCondition, SyncState } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { forgeBlocks, SyncRig } from "./sync-rig.ts";

const HOUR_MS = 3_600_000;

test("a node whose clock was behind is SYNCED without a reason once it is right and live blocks brought it level", async () => {
  const { forge, blocks } = forgeBlocks(20);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks }, b: { blocks } });
  await rig.run(10_000);
  assert.equal(rig.height, 20);
  rig.skewMs = -HOUR_MS;
  const live = [forge.next(), forge.next(), forge.next()];
  const all = [...blocks, ...live];
  rig.connect({ a: { blocks: all }, b: { blocks: all } });
  for (let second = 0; second < 40; second++) {
    await rig.run(1_000);
    const { reason, headAgeMs } = await rig.status();
    assert.doesNotMatch(reason, /-\d/);
    assert.ok(headAgeMs >= 0n);
  }
  assert.equal(rig.height, 20, "blocks of an hour ahead are not taken");
  const wrong = await rig.status();
  assert.equal(wrong.state, SyncState.FAILED);
  assert.notEqual(wrong.reason, "");
  rig.skewMs = 0;
  for (const [index, block] of live.entries()) rig.gossip(`${index}`, "a", block);
  await rig.run(15_000);
  assert.equal(rig.height, 23);
  const right = await rig.status();
  assert.notEqual(right.state, SyncState.FAILED);
  assert.doesNotMatch(right.reason, /time|ahead|future/);
  await rig.stop();
});

test("heads that keep coming old by a clock that is ahead waive nothing: it is no halt", async () => {
  const { forge, blocks } = forgeBlocks(20);
  const [first, second, third] = forge.authorities.keys;
  const rig = new SyncRig(forge, { ownMemberKey: first! });
  const members = () => ({ a: { blocks, memberKey: second! }, b: { blocks, memberKey: third! } });
  rig.connect(members());
  await rig.run(1_000);
  rig.skewMs = HOUR_MS;
  for (let slot = 0; slot < 6; slot++) {
    const block = forge.next();
    blocks.push(block);
    rig.gossip(`${slot}`, "a", block);
    await rig.run(100);
    rig.connect(members());
    await rig.run(1_900);
    const { canProduce, unmet } = await rig.production();
    assert.equal(canProduce, false, `slot ${slot}`);
    assert.ok(unmet.some(({ condition }) => condition === ProductionCondition.AGE));
  }
  await rig.run(15_000);
  rig.connect(members());
  await rig.run(100);
  assert.equal((await rig.production()).canProduce, true, "no head for long: a halt");
  await rig.stop();
});

test("reports of a head are as old as they are, whatever the wall clock does", async () => {
  const { forge, blocks } = forgeBlocks(20);
  const [first, second, third] = forge.authorities.keys;
  const rig = new SyncRig(forge, { ownMemberKey: first! });
  rig.connect({ a: { blocks, memberKey: second! }, b: { blocks, memberKey: third! } });
  await rig.run(60_000);
  rig.skewMs = -40_000;
  const unmet = (await rig.production()).unmet.map(({ condition }) => condition);
  assert.deepEqual(unmet, [], "by this clock the head is fresh");
  rig.skewMs = 0;
  const { waived } = await rig.production();
  assert.deepEqual(waived, [], "a report of a minute ago waives nothing");
  await rig.stop();
});
