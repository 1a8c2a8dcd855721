/** What a member does with a clock that leaps, and with a vote record from a time to come. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ProducerService } from "../../../../gen/alys/producer/v1/producer_pb.ts";
import { ProductionCondition } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { approvedBlock, buildBlock } from "../../../../src/actors/producer/block-builder.ts";
import { encodeProposal } from "../../../../src/actors/producer/messages.ts";
import { SigningWatch } from "../../../../src/actors/producer/signing-watch.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../../../src/chain/signing.ts";
import { decodeVoteRecord, encodeVoteRecord } from "../../../../src/chain/vote.ts";
import { Failure } from "../../../../src/kernel/errors.ts";
import { openMemoryVotes } from "../../../../src/storage/memory.ts";
import { ProcessClock } from "../../../sim/process-ports.ts";
import { FederationRig, type Member } from "./federation-rig.ts";

const HOUR_MS = 3_600_000;
const HOUR_SLOTS = HOUR_MS / 2_000;

/** A proposal of the slot's author on the common head. */
function propose(rig: FederationRig, slot: number): Uint8Array {
  const { forge, members } = rig;
  const size = members.length;
  const block = buildBlock(members[0]!.chain.childTemplate(), slot, slot * 2000 + 10, [new Uint8Array(8)]);
  const root = signingRoot(block.hash, domain(DOMAIN_BLOCK_APPROVAL, forge.genesis.hash));
  const author = slot % size;
  const signature = forge.secretKeys[author]!.sign(root);
  return encodeProposal(approvedBlock(block, size, new Map([[author, signature]]))!);
}

async function judge(rig: FederationRig, member: Member, payload: Uint8Array): Promise<string> {
  const answer = member.ask(payload);
  await rig.simulation.settle();
  return (await answer).refusal;
}

async function release(rig: FederationRig, member: Member) {
  const answer = member.cell.ref.ask(ProducerService.method.releaseVotes, { reason: "drill" });
  const settled = answer.catch((error: unknown) => error as Failure);
  await rig.simulation.settle();
  return settled;
}

/** Members that propose nothing by themselves, in the middle of a slot. */
async function quiet(): Promise<{ rig: FederationRig; slot: number; voter: Member }> {
  const rig = new FederationRig(3);
  for (const member of rig.members) member.refusal = "told not to";
  await rig.start();
  await rig.slots(2);
  const slot = Math.floor(rig.simulation.clock.nowMs() / 2000);
  return { rig, slot, voter: rig.members[(slot + 1) % 3]! };
}

test("ProducerActor: its slots begin again after the wall clock leapt hours ahead and back", async () => {
  const rig = new FederationRig(3);
  await rig.start();
  await rig.slots(3);
  const [member] = rig.members;
  member!.clockFault = { kind: "leapt", byMs: 8 * HOUR_MS };
  member!.skewMs = 8 * HOUR_MS;
  await rig.slots(6);
  member!.clockFault = undefined;
  member!.skewMs = 0;
  const before = await member!.status();
  await rig.slots(6);
  const after = await member!.status();
  assert.ok(after.blocksProposed >= before.blocksProposed + 2n, "it proposes in its slots");
  rig.assertNobodySignedTwice();
});

test("ProducerActor: signs nothing by a clock that is not believed, says so, and tells it once each way", async () => {
  const { rig, slot, voter } = await quiet();
  voter.clockFault = { kind: "differs", byMs: -HOUR_MS };
  assert.equal(await judge(rig, voter, propose(rig, slot)), "CLOCK_NOT_BELIEVED");
  await rig.slots(4);
  const { clockFault, clockAheadMs } = await voter.status();
  assert.match(clockFault, /3600000 ms behind/);
  assert.equal(clockAheadMs, BigInt(-HOUR_MS));
  voter.clockFault = undefined;
  await rig.slots(4);
  assert.equal((await voter.status()).clockFault, "");
  const told = voter.log.records.map(({ message }) => message).filter((message) => message.includes("clock"));
  assert.deepEqual(told, ["nothing is signed by this clock", "the clock is believed again"]);
  const now = Math.floor(rig.simulation.clock.nowMs() / 2000);
  assert.equal(await judge(rig, rig.members[(now + 1) % 3]!, propose(rig, now)), "");
});

test("ReleaseVotes: frees a member that signed hours ahead, and never lets those slots be signed again", async () => {
  const { rig, slot, voter } = await quiet();
  const ahead = slot + 8 * HOUR_SLOTS;
  assert.equal(await judge(rig, voter, propose(rig, slot)), "");
  voter.skewMs = 8 * HOUR_MS;
  assert.equal(await judge(rig, voter, propose(rig, ahead)), "", "nothing holds it back in this test");
  voter.skewMs = 0;
  // A slot of another author: a proposal in its own name would stop it.
  await rig.slots(2);
  const now = Math.floor(rig.simulation.clock.nowMs() / 2000);
  assert.equal(await judge(rig, voter, propose(rig, now)), "SLOT_NOT_ABOVE_LAST_VOTE");
  voter.clockFault = { kind: "leapt", byMs: 1 };
  assert.equal(((await release(rig, voter)) as Failure).reason, "CLOCK_NOT_BELIEVED");
  voter.clockFault = undefined;
  const released = await release(rig, voter);
  assert.ok(!(released instanceof Failure), String(released));
  assert.equal(released.votedToSlot, BigInt(now));
  assert.equal(released.givenUpFirstSlot, BigInt(ahead));
  assert.equal(released.givenUpLastSlot, BigInt(ahead));
  assert.deepEqual(
    voter.log.records.filter(({ fields }) => fields["audit"] === true).map(({ fields }) => fields["reason"]),
    ["drill"],
  );
  await rig.slots(1);
  assert.equal(await judge(rig, voter, propose(rig, now + 1)), "");
  voter.skewMs = 8 * HOUR_MS - 6_000;
  assert.equal(await judge(rig, voter, propose(rig, ahead)), "SLOT_GIVEN_UP");
  voter.skewMs = 0;
  assert.equal(((await release(rig, voter)) as Failure).reason, "VOTES_NOT_BARRED");
});

test("ReleaseVotes: a record of before there were runs can only be waited for", async () => {
  const rig = new FederationRig(3);
  const [member] = rig.members;
  const slot = Math.floor(rig.simulation.clock.nowMs() / 2000);
  const vote = { slot: slot + HOUR_SLOTS, height: 9, hash: new Uint8Array(32).fill(1) };
  openMemoryVotes(member!.disk).record(encodeVoteRecord(vote));
  await rig.start();
  assert.equal(((await release(rig, member!)) as Failure).reason, "VOTE_RUN_UNKNOWN");
});

test("SigningWatch: names a wrong clock and a record that lies ahead, with slot and time, and their end", async () => {
  const rig = new FederationRig(1);
  const { chain, disk } = rig.members[0]!;
  let skewMs = 0;
  const clock = new ProcessClock(rig.simulation.clock, { isAlive: true }, () => skewMs);
  const votes = openMemoryVotes(disk);
  const ownKey = rig.forge.secretKeys[0]!.publicKey;
  const watch = new SigningWatch({ chain, clock, votes, ownKey, statusIntervalMs: 5_000 });
  assert.deepEqual(watch.bars(), []);
  skewMs = HOUR_MS;
  assert.deepEqual(
    watch.bars().map(({ condition, detail }) => [condition, detail.includes("3600000 ms ahead")]),
    [[ProductionCondition.CLOCK, true]],
  );
  skewMs = 0;
  assert.deepEqual(watch.bars(), []);
  const slot = Math.floor(clock.nowMs() / 2000);
  const record = (at: number) =>
    votes.record(encodeVoteRecord({ slot: at, height: 1, hash: new Uint8Array(32) }));
  record(slot + 1);
  assert.equal(watch.voteBar(), undefined, "a vote is cast up to the drift early");
  record(slot + 8 * HOUR_SLOTS);
  const bar = watch.voteBar();
  assert.deepEqual(bar, { slot: slot + 8 * HOUR_SLOTS, untilMs: (slot + 8 * HOUR_SLOTS + 1) * 2000 });
  const [named] = watch.bars();
  assert.equal(named?.condition, ProductionCondition.VOTE_RECORD);
  assert.ok(
    named.detail.includes(`${slot + 8 * HOUR_SLOTS}`) &&
      named.detail.includes(new Date(bar!.untilMs).toISOString()),
  );
  const spent = { runs: [{ first: slot - 1, last: slot - 1 }], spent: [{ first: slot, last: slot + 4 }] };
  votes.record(encodeVoteRecord({ slot: slot - 1, height: 1, hash: new Uint8Array(32), history: spent }));
  assert.deepEqual(decodeVoteRecord(votes.last()!).history, spent);
  assert.equal(
    watch.voteBar()?.slot,
    slot + 4,
    "slots that were given up are told of when their time has come",
  );
});
