/** The ProducerActor on a fake clock: rounds among members, and what each one refuses. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { PeerService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { ProducerInternalService, ProducerService } from "../../../../gen/alys/producer/v1/producer_pb.ts";
import { SyncInternalService, SyncService } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { producerActor } from "../../../../src/actors/producer/actor.ts";
import { approvedBlock, buildBlock } from "../../../../src/actors/producer/block-builder.ts";
import { decodeFederation, encodeProposal } from "../../../../src/actors/producer/messages.ts";
import { decodeBody, splitBlock } from "../../../../src/chain/block.ts";
import { InlineValidator } from "../../../../src/chain/pool/inline.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../../../src/chain/signing.ts";
import { actorCell } from "../../../../src/kernel/actor/cell.ts";
import { environment } from "../../../../src/kernel/actor/environment.ts";
import type { Failure } from "../../../../src/kernel/errors.ts";
import { LiveSettings } from "../../../../src/kernel/settings.ts";
import { CONFIG, FederationRig } from "./federation-rig.ts";
import { stubRef } from "./stub-ref.ts";

/** A proposal on a member's head for a slot, signed by that slot's author or by whom the test says. */
function propose(rig: FederationRig, slot: number, options: { signer?: number; transaction?: number } = {}) {
  const { forge, members } = rig;
  const size = members.length;
  const template = members[0]!.chain.childTemplate();
  const transactions = [new Uint8Array(8).fill(options.transaction ?? 1)];
  const block = buildBlock(template, slot, slot * 2000 + 10, transactions);
  const author = slot % size;
  const root = signingRoot(block.hash, domain(DOMAIN_BLOCK_APPROVAL, forge.genesis.hash));
  const signature = forge.secretKeys[options.signer ?? author]!.sign(root);
  return { block, payload: encodeProposal(approvedBlock(block, size, new Map([[author, signature]]))!) };
}

/** A rig whose members have no authors at work, standing in the middle of a slot that a test proposes for. */
async function quiet(size: number): Promise<{ rig: FederationRig; slot: number }> {
  const rig = new FederationRig(size);
  for (const member of rig.members) member.refusal = "told not to";
  await rig.start();
  await rig.slots(2);
  return { rig, slot: Math.floor(rig.simulation.clock.nowMs() / 2000) };
}

/** What a member says to a proposal. */
async function judge(rig: FederationRig, index: number, payload: Uint8Array) {
  const answer = rig.members[index]!.ask(payload);
  await rig.simulation.settle();
  return answer;
}

test("ProducerActor: three members make a block a slot and agree", async () => {
  const rig = new FederationRig(3);
  await rig.start();
  await rig.slots(12);
  const heads = rig.members.map(({ chain }) => chain.snapshot().head);
  assert.equal(heads[0]!.height, 12);
  for (const head of heads) assert.deepEqual(head.hash, heads[0]!.hash);
  rig.assertNobodySignedTwice();
  const status = await rig.members[1]!.status();
  assert.equal(status.isEnabled, true);
  assert.equal(status.authorityIndex, 1);
  assert.equal(status.blocksProposed, 4n);
  assert.equal(status.blocksCertified, 4n);
  assert.equal(status.proposalsApproved, 8n);
  assert.equal(status.lastRefusal, "");
  assert.equal(status.lastVotedSlot, BigInt(heads[0]!.slot));
});

test("ProducerActor: a federation of one certifies its own blocks", async () => {
  const rig = new FederationRig(1, 1, { fillerBytes: 100 });
  await rig.start();
  await rig.slots(5);
  const { chain } = rig.members[0]!;
  assert.equal(chain.snapshot().head.height, 5);
  const { transactions } = decodeBody(splitBlock(chain.readBlock(3)!).body);
  assert.deepEqual(
    transactions.map(({ length }) => length),
    [100],
  );
});

test("ProducerActor: with one of three members gone the others go on, its slots stay empty", async () => {
  const rig = new FederationRig(3);
  await rig.start();
  await rig.slots(3);
  rig.members[2]!.isOnline = false;
  await rig.slots(9);
  const { head } = rig.members[0]!.chain.snapshot();
  assert.equal(head.height, 9);
  assert.deepEqual(rig.members[1]!.chain.snapshot().head.hash, head.hash);
  assert.equal(rig.members[2]!.chain.snapshot().head.height, 3);
  assert.equal((await rig.members[2]!.status()).lastRefusal, "1 of 2 approvals came in time");
  rig.assertNobodySignedTwice();
});

test("ProducerActor: without a quorum nothing is certified", async () => {
  const rig = new FederationRig(4);
  await rig.start();
  rig.members[2]!.isOnline = false;
  rig.members[3]!.isOnline = false;
  await rig.slots(9);
  for (const { chain } of rig.members) assert.equal(chain.snapshot().head.height, 0);
  assert.equal((await rig.members[0]!.status()).lastRefusal, "2 of 3 approvals came in time");
  rig.assertNobodySignedTwice();
});

test("ProducerActor: says why it did not produce when sync says no", async () => {
  const rig = new FederationRig(1);
  rig.members[0]!.refusal = "ratio 0.5 is below 0.995";
  await rig.start();
  await rig.slots(2);
  const status = await rig.members[0]!.status();
  assert.equal(status.blocksProposed, 0n);
  assert.equal(status.lastRefusal, "ratio 0.5 is below 0.995");
});

test("ProducerActor: a submitted transaction goes into our next block, once", async () => {
  const rig = new FederationRig(1);
  await rig.start();
  const transaction = new Uint8Array([1, 2, 3]);
  const { internalRef } = rig.members[0]!.cell;
  const answer = internalRef.ask(ProducerInternalService.method.submitTransaction, { transaction });
  await rig.slots(3);
  await answer;
  const { chain } = rig.members[0]!;
  const bodies = [1, 2, 3].map(
    (height) => decodeBody(splitBlock(chain.readBlock(height)!).body).transactions,
  );
  assert.deepEqual(
    bodies.map((list) => list.map((bytes) => [...bytes])),
    [[[1, 2, 3]], [], []],
  );
  const refused = internalRef.ask(ProducerInternalService.method.submitTransaction, {});
  const settled = refused.catch((error: unknown) => error);
  await rig.simulation.settle();
  assert.equal(((await settled) as Failure).reason, "TRANSACTION_SIZE");
});

test("ProducerActor: approves a good proposal, and the identical one again", async () => {
  const { rig, slot } = await quiet(3);
  const { block, payload } = propose(rig, slot);
  for (let time = 0; time < 2; time++) {
    const voter = (slot + 1) % 3;
    const answer = await judge(rig, voter, payload);
    const decoded = decodeFederation(answer.payload);
    assert(decoded.kind === "approval");
    assert.deepEqual(decoded.approval.blockHash, block.hash);
    assert.equal(decoded.approval.authorityIndex, voter);
    const validator = new InlineValidator(rig.forge.facts());
    const root = signingRoot(block.hash, domain(DOMAIN_BLOCK_APPROVAL, rig.forge.genesis.hash));
    const publicKeys = [rig.forge.secretKeys[voter]!.publicKey];
    const { signature } = decoded.approval;
    assert.deepEqual(await validator.verifySignatures([{ publicKeys, signingRoot: root, signature }]), [
      true,
    ]);
  }
});

test("ProducerActor: refuses a second block of a slot, and tells of its author", async () => {
  const { rig, slot } = await quiet(3);
  const voter = (slot + 1) % 3;
  assert.equal((await judge(rig, voter, propose(rig, slot).payload)).refusal, "");
  const second = await judge(rig, voter, propose(rig, slot, { transaction: 2 }).payload);
  assert.equal(second.refusal, "SLOT_NOT_ABOVE_LAST_VOTE");
  const warning = rig.members[voter]!.log.records.find(({ level }) => level === "warn");
  assert.equal(warning?.message, "a member signed two blocks of one slot");
  assert.equal(warning?.fields["authorityIndex"], slot % 3);
});

test("ProducerActor: refuses a proposal that the slot's author did not sign", async () => {
  const { rig, slot } = await quiet(3);
  const { payload } = propose(rig, slot, { signer: (slot + 1) % 3 });
  assert.equal((await judge(rig, (slot + 1) % 3, payload)).refusal, "NOT_APPROVED_BY_AUTHOR");
});

test("ProducerActor: refuses proposals of other slots and what is no proposal", async () => {
  const { rig, slot } = await quiet(3);
  // The author of none of the slots.
  const voter = slot % 3;
  for (const other of [slot - 1, slot + 1, slot + 100]) {
    assert.equal((await judge(rig, voter, propose(rig, other).payload)).refusal, "NOT_CURRENT_SLOT");
  }
  assert.equal((await judge(rig, voter, new Uint8Array([255, 255]))).refusal, "MALFORMED");
  assert.equal((await judge(rig, voter, encodeProposal(new Uint8Array(50)))).refusal, "MALFORMED");
  assert.equal((await rig.members[voter]!.status()).proposalsRefused, 5n);
});

test("ProducerActor: refuses an invalid block with its fault", async () => {
  const { rig, slot } = await quiet(3);
  const template = { ...rig.members[0]!.chain.childTemplate(), stateRoot: new Uint8Array(32) };
  const block = buildBlock(template, slot, slot * 2000, []);
  const root = signingRoot(block.hash, domain(DOMAIN_BLOCK_APPROVAL, rig.forge.genesis.hash));
  const signature = rig.forge.secretKeys[slot % 3]!.sign(root);
  const payload = encodeProposal(approvedBlock(block, 3, new Map([[slot % 3, signature]]))!);
  assert.equal((await judge(rig, (slot + 1) % 3, payload)).refusal, "WRONG_STATE_ROOT");
});

test("ProducerActor: waits the grace for a parent that is just arriving, and no longer", async () => {
  const { rig, slot } = await quiet(4);
  const { members, simulation } = rig;
  assert.equal(slot % 4, 2, "two who are neither the author nor member 0 are asked");
  // Member 0 has the parent already; the others have not.
  const parent = rig.forge.next({ skippedSlots: slot - 2 });
  await Promise.all([members[0]!.import(parent), simulation.settle()]);
  const { payload } = propose(rig, slot);
  const [late, never] = [1, 3].map((index) => members[index]!.ask(payload));
  await simulation.run(60);
  await Promise.all([members[1]!.import(parent), simulation.settle()]);
  assert.equal((await late!).refusal, "");
  await simulation.run(60);
  assert.equal((await never!).refusal, "NOT_ON_BEST_HEAD");
});

test("ProducerActor: does not sign what it could not record", async () => {
  const { rig, slot } = await quiet(3);
  const voter = (slot + 1) % 3;
  const { payload } = propose(rig, slot);
  rig.members[voter]!.disk.isFull = true;
  assert.equal((await judge(rig, voter, payload)).refusal, "VOTE_NOT_DURABLE");
  assert.equal((await judge(rig, voter, payload)).refusal, "VOTE_NOT_DURABLE");
  rig.members[voter]!.disk.isFull = false;
  assert.equal((await judge(rig, voter, payload)).refusal, "");
});

test("ProducerActor: a member without a record does not vote in the slot that it started in", async () => {
  const rig = new FederationRig(3);
  await rig.start();
  const slot = Math.floor(rig.simulation.clock.nowMs() / 2000);
  assert.equal((await judge(rig, 1, propose(rig, slot).payload)).refusal, "TOO_SOON_WITHOUT_RECORD");
});

test("ProducerActor: reads the streams below again after they ended", async () => {
  const rig = new FederationRig(3);
  await rig.start();
  const [member] = rig.members;
  member!.peers.end(PeerService.method.watchPeers);
  member!.network.end(NetworkInternalService.method.watchFederation);
  await rig.simulation.settle();
  assert.equal(member!.peers.readers(PeerService.method.watchPeers), 0);
  await rig.simulation.run(300);
  assert.equal(member!.peers.readers(PeerService.method.watchPeers), 1);
  assert.equal(member!.network.readers(NetworkInternalService.method.watchFederation), 1);
});

test("ProducerActor: restarted after a crash it never signs against its record", async () => {
  const rig = new FederationRig(3);
  await rig.start();
  for (let round = 0; round < 6; round++) {
    await rig.simulation.run(2000 + 137 * round);
    const member = rig.members[round % 3]!;
    member.cell.crash(new Error("injected"));
    member.start();
    await rig.simulation.settle();
    member.connect();
  }
  await rig.slots(6);
  rig.assertNobodySignedTwice();
  const heights = rig.members.map(({ chain }) => chain.snapshot().head.height);
  assert(Math.min(...heights) >= 6, `heights ${heights.join(", ")}`);
});

for (const seed of [1, 2, 3, 4, 5]) {
  test(`ProducerActor: through outages and crashes nobody signs twice and all agree at the end, seed ${seed}`, async () => {
    const rig = new FederationRig(4, seed);
    await rig.start();
    const { random } = rig.simulation;
    for (let round = 0; round < 12; round++) {
      const member = rig.members[random.integer(4)]!;
      member.isOnline = !member.isOnline;
      await rig.simulation.run(random.integer(2500));
      const victim = rig.members[random.integer(4)]!;
      victim.cell.crash(new Error("injected"));
      victim.start();
      await rig.simulation.settle();
      victim.connect();
      await rig.simulation.run(random.integer(2500));
      await rig.catchUp();
    }
    for (const member of rig.members) member.isOnline = true;
    await rig.slots(4);
    await rig.catchUp();
    rig.assertNobodySignedTwice();
    const heads = rig.members.map(({ chain }) => chain.snapshot().head);
    for (const head of heads) assert.deepEqual(head.hash, heads[0]!.hash);
    assert(heads[0]!.height >= 4, `height ${heads[0]!.height}`);
  });
}

test("ProducerActor: without a key it is not enabled and watches nothing", async () => {
  const rig = new FederationRig(1);
  const parts = {
    chain: rig.members[0]!.chain,
    validator: new InlineValidator(rig.forge.facts()),
    sync: stubRef(SyncService, "sync"),
    syncInternal: stubRef(SyncInternalService, "sync"),
    network: stubRef(NetworkInternalService, "network"),
    peers: stubRef(PeerService, "peer"),
    signer: undefined,
    votes: undefined,
    watch: undefined,
  };
  const { clock, scheduler } = rig.simulation;
  const cell = actorCell(producerActor(parts, new LiveSettings(CONFIG)), environment({ clock, scheduler }));
  cell.child.start();
  const answer = cell.ref.ask(ProducerService.method.getProducerStatus, {});
  await rig.simulation.settle();
  assert.equal((await answer).status?.isEnabled, false);
  assert.equal(parts.peers.readers(PeerService.method.watchPeers), 0);
});
