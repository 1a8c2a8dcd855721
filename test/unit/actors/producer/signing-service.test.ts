/** The ProducerActor and its own key: what it listens to before it signs, what stops it, and how it goes on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionState, PeerService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import {
  ProducerService,
  SightingKind,
  SigningRefusal,
  type SigningStatus,
} from "../../../../gen/alys/producer/v1/producer_pb.ts";
import { ProductionCondition, SyncInternalService } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { approvedBlock, buildBlock } from "../../../../src/actors/producer/block-builder.ts";
import { encodeProposal } from "../../../../src/actors/producer/messages.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../../../src/chain/signing.ts";
import { decodeVoteRecord, encodeVoteRecord } from "../../../../src/chain/vote.ts";
import type { failure } from "../../../../src/kernel/errors.ts";
import { openMemoryStop, openMemoryVotes } from "../../../../src/storage/memory.ts";
import { FederationRig, type Member } from "./federation-rig.ts";

/** Members, and two: what each of three listens in. */
const WANTED = 5;
/** The rig starts in this slot or a later one. */
const FIRST_SLOT = 855_000_000;

/** A federation whose chain has three blocks of the slots before its start, everybody's bit in each. */
async function begun(options: { records?: boolean; size?: number } = {}): Promise<FederationRig> {
  const rig = new FederationRig(options.size ?? 3);
  const slot = slotOf(rig);
  for (const back of [4, 3, 2]) {
    const block = rig.forge.next(back === 4 ? { skippedSlots: slot - 5 } : {});
    for (const member of rig.members) await Promise.all([member.import(block), rig.simulation.settle()]);
    if (options.records === false) continue;
    for (const [index, member] of rig.members.entries()) writeRecord(rig, member, index);
  }
  return rig;
}

function writeRecord(rig: FederationRig, member: Member, index: number): void {
  const { slot, height, hash } = member.chain.snapshot().head;
  const { publicKey } = rig.forge.secretKeys[index]!;
  const owner = { publicKey, genesisHash: rig.forge.genesis.hash };
  openMemoryVotes(member.disk).record(encodeVoteRecord({ slot, height, hash }, owner));
}

const slotOf = ({ simulation }: FederationRig): number => Math.floor(simulation.clock.nowMs() / 2000);

const signingOf = async (member: Member): Promise<SigningStatus> => (await member.status()).signing!;

/** Tells a member of connected peers and what they show. */
function tellPeers(
  member: Member,
  peers: { peerId: string; memberKey: Uint8Array; memberRole?: number }[],
): void {
  const value = {
    peers: peers.map((peer) => ({
      memberRole: 1,
      ...peer,
      connectionState: ConnectionState.CONNECTED,
      head: { height: 3n },
    })),
  };
  member.peers.emit(PeerService.method.watchPeers, { event: { case: "snapshot", value } });
}

/** A proposal for this slot by its author, with a transaction that tells it apart. */
function proposal(
  rig: FederationRig,
  slot: number,
  mark: number,
  signer = slot % rig.members.length,
): Uint8Array {
  const block = buildBlock(rig.members[0]!.chain.childTemplate(), slot, slot * 2000 + 10, [
    Uint8Array.of(mark),
  ]);
  const root = signingRoot(block.hash, domain(DOMAIN_BLOCK_APPROVAL, rig.forge.genesis.hash));
  const signatures = new Map([[slot % rig.members.length, rig.forge.secretKeys[signer]!.sign(root)]]);
  return encodeProposal(approvedBlock(block, rig.members.length, signatures)!);
}

async function confirm(rig: FederationRig, member: Member) {
  const answer = member.cell.ref.ask(ProducerService.method.confirmKey, { reason: "the other one is off" });
  const outcome = answer.then(
    (value) => value,
    (error: unknown) => error as ReturnType<typeof failure>,
  );
  await rig.simulation.settle();
  return outcome;
}

test("ProducerActor: signs nothing before it has listened, tells why, and then makes blocks", async () => {
  const rig = await begun();
  const told: unknown[] = [];
  const [member] = rig.members as [Member, ...Member[]];
  member.syncInternal.on(SyncInternalService.method.reportSigning, ({ unmet }) => {
    told.push(...(unmet ?? []).map(({ condition }) => condition), unmet?.length ?? 0);
    return {};
  });
  await rig.start();
  const first = await signingOf(member);
  assert.equal(first.refusal, SigningRefusal.LISTENING);
  assert.equal(first.slotsWanted, WANTED);
  await rig.slots(WANTED - 1);
  assert.equal(rig.members.flatMap(({ votes }) => votes).length, 0, "nobody signs");
  assert.equal((await signingOf(member)).slotsListened, WANTED - 1);
  await rig.slots(4);
  assert.equal((await signingOf(member)).refusal, SigningRefusal.UNSPECIFIED);
  assert.ok(member.chain.snapshot().head.height >= 5);
  assert.equal(told[0], ProductionCondition.LISTENING);
  assert.equal(told.at(-1), 0, "sync hears that it signs");
  rig.assertNobodySignedTwice();
});

test("ProducerActor: slots without a quorum in sight are not listened in", async () => {
  const rig = await begun();
  const [member] = rig.members as [Member, ...Member[]];
  member.refusal = "1 members in sight";
  await rig.start();
  await rig.slots(WANTED + 2);
  assert.equal((await signingOf(member)).slotsListened, 0);
  member.refusal = undefined;
  await rig.slots(WANTED + 1);
  assert.equal((await signingOf(member)).refusal, SigningRefusal.UNSPECIFIED);
});

test("ProducerActor: a restart of the actor alone does not listen anew, one of the process does", async () => {
  const rig = await begun();
  await rig.start();
  await rig.slots(WANTED + 1);
  const [member] = rig.members as [Member, ...Member[]];
  member.cell.crash(new Error("injected"));
  member.start();
  await rig.simulation.settle();
  assert.equal((await signingOf(member)).refusal, SigningRefusal.UNSPECIFIED);
  member.cell.crash(new Error("injected"));
  member.guard.state = undefined;
  member.start();
  await rig.simulation.settle();
  assert.equal((await signingOf(member)).refusal, SigningRefusal.LISTENING);
});

test("ProducerActor: a record that is missing, of another key or older than the chain shows is named and waited out", async () => {
  const rig = await begun({ records: false });
  const [missing, foreign, old] = rig.members as [Member, Member, Member];
  const genesisHash = rig.forge.genesis.hash;
  const ownerOf = (index: number) => ({ publicKey: rig.forge.secretKeys[index]!.publicKey, genesisHash });
  const { slot, height, hash } = missing.chain.snapshot().head;
  openMemoryVotes(foreign.disk).record(encodeVoteRecord({ slot, height, hash }, ownerOf(0)));
  openMemoryVotes(old.disk).record(encodeVoteRecord({ slot: slot - 100, height: 1, hash }, ownerOf(2)));
  await rig.start();
  assert.equal((await signingOf(missing)).refusal, SigningRefusal.VOTE_RECORD_MISSING);
  assert.equal((await signingOf(foreign)).refusal, SigningRefusal.VOTE_RECORD_FOREIGN);
  const signing = await signingOf(old);
  assert.equal(signing.refusal, SigningRefusal.VOTE_RECORD_OUTDATED);
  assert.equal(signing.unrecordedSlot, BigInt(slot));
  assert.match(
    signing.detail,
    new RegExp(`of slot ${slot - 100}, .* in slot ${slot}: .* up to slot ${slot + WANTED}`),
  );
  await rig.slots(WANTED + 4);
  for (const member of rig.members)
    assert.equal((await signingOf(member)).refusal, SigningRefusal.UNSPECIFIED);
  assert.ok(missing.chain.snapshot().head.height > 4);
  // The record names its key from now on.
  const kept = decodeVoteRecord(openMemoryVotes(foreign.disk).last()!);
  assert.deepEqual(kept.owner, ownerOf(1));
  assert.ok(kept.slot >= FIRST_SLOT);
});

test("ProducerActor: a peer with a delegation of its own key stops it, over restarts, until an administrator confirms", async () => {
  const rig = await begun();
  await rig.start();
  await rig.slots(WANTED + 1);
  const [member] = rig.members as [Member, ...Member[]];
  const events: SigningRefusal[] = [];
  member.cell.ref.watch(
    ProducerService.method.watchVotes,
    {},
    {
      onMessage: ({ event }) => void (event.case === "signing" && events.push(event.value.refusal)),
      onEnd: () => undefined,
    },
  );
  const memberKey = rig.forge.secretKeys[0]!.publicKey;
  // A sentry holds a delegation too, and signs nothing.
  tellPeers(member, [{ peerId: "sentry", memberKey, memberRole: 2 }]);
  assert.equal((await signingOf(member)).refusal, SigningRefusal.UNSPECIFIED);
  tellPeers(member, [{ peerId: "twin", memberKey }]);
  const signing = await signingOf(member);
  assert.equal(signing.refusal, SigningRefusal.OWN_KEY_ELSEWHERE);
  assert.equal(signing.sighting?.kind, SightingKind.DELEGATION);
  assert.equal(signing.sighting?.peerId, "twin");
  assert.deepEqual(events, [SigningRefusal.OWN_KEY_ELSEWHERE]);
  assert.ok(
    member.log.records.some(({ level, message }) => level === "error" && message.includes("used elsewhere")),
  );
  const { blocksProposed } = await member.status();

  member.cell.crash(new Error("injected"));
  member.guard.state = undefined;
  member.start();
  await rig.simulation.settle();
  tellPeers(member, [{ peerId: "twin", memberKey }]);
  await rig.slots(2 * WANTED);
  assert.equal((await signingOf(member)).refusal, SigningRefusal.OWN_KEY_ELSEWHERE);
  assert.ok(blocksProposed > 0n && (await member.status()).blocksProposed === 0n);

  const refused = (await confirm(rig, member)) as ReturnType<typeof failure>;
  assert.equal(refused.reason, "KEY_STILL_ELSEWHERE");
  member.connect();
  await confirm(rig, member);
  assert.equal((await signingOf(member)).refusal, SigningRefusal.LISTENING);
  assert.equal(openMemoryStop(member.disk).read(), undefined);
  await rig.slots(WANTED + 4);
  assert.equal((await signingOf(member)).refusal, SigningRefusal.UNSPECIFIED);
  assert.equal(((await confirm(rig, member)) as ReturnType<typeof failure>).reason, "NOTHING_TO_CONFIRM");
  rig.assertNobodySignedTwice();
});

test("ProducerActor: a proposal in its name stops it if its key signed it, and a forged one does not", async () => {
  const rig = await begun();
  for (const member of rig.members) member.refusal = "told not to";
  await rig.start();
  for (const member of rig.members) member.guard.state = { ...member.guard.state!, isReleased: true };
  await rig.slots(1);
  const slot = slotOf(rig);
  const member = rig.members[slot % 3]!;
  const forged = member.ask(proposal(rig, slot, 1, (slot + 1) % 3));
  await rig.simulation.settle();
  assert.equal((await forged).refusal, "NOT_APPROVED_BY_AUTHOR");
  assert.equal((await signingOf(member)).refusal, SigningRefusal.UNSPECIFIED);
  const signed = member.ask(proposal(rig, slot, 2));
  await rig.simulation.settle();
  assert.equal((await signed).refusal, "OWN_KEY_ELSEWHERE");
  const { refusal, sighting } = await signingOf(member);
  assert.equal(refusal, SigningRefusal.OWN_KEY_ELSEWHERE);
  assert.equal(sighting?.kind, SightingKind.PROPOSAL);
  assert.equal(sighting?.slot, BigInt(slot));
  // Nothing passes any more, not even an approval of another's block.
  const next = member.ask(proposal(rig, slot + 1, 3));
  await rig.simulation.settle();
  assert.equal((await next).refusal, "OWN_KEY_ELSEWHERE");
});

test("ProducerActor: an approval of its key that it did not give stops it, one that it gave does not", async () => {
  const rig = await begun();
  await rig.start();
  await rig.slots(WANTED + 2);
  const [member] = rig.members as [Member, ...Member[]];
  const tell = (slot: bigint, hash: Uint8Array) =>
    member.syncInternal.emit(SyncInternalService.method.watchOwnApprovals, {
      event: { case: "approval", value: { slot, hash, isAuthor: false } },
    });
  const { slot, block } = member.votes.findLast(({ authorityIndex }) => authorityIndex === 0)!;
  tell(slot, block!.hash);
  assert.equal((await signingOf(member)).refusal, SigningRefusal.UNSPECIFIED);
  tell(slot, new Uint8Array(32).fill(9));
  assert.equal((await signingOf(member)).refusal, SigningRefusal.OWN_KEY_ELSEWHERE);
});

test("ProducerActor: a note that cannot be written is written later, and nothing is signed meanwhile", async () => {
  const rig = await begun();
  await rig.start();
  const [member] = rig.members as [Member, ...Member[]];
  member.disk.isFull = true;
  tellPeers(member, [{ peerId: "twin", memberKey: rig.forge.secretKeys[0]!.publicKey }]);
  assert.equal((await signingOf(member)).refusal, SigningRefusal.OWN_KEY_ELSEWHERE);
  assert.equal(openMemoryStop(member.disk).read(), undefined);
  member.disk.isFull = false;
  await rig.slots(1);
  assert.ok(openMemoryStop(member.disk).read() !== undefined);
});

test("ProducerActor: a note that cannot be read counts", async () => {
  const rig = await begun();
  const [member] = rig.members as [Member, ...Member[]];
  openMemoryStop(member.disk).write(new TextEncoder().encode("{"));
  await rig.start();
  const { refusal, sighting } = await signingOf(member);
  assert.equal(refusal, SigningRefusal.OWN_KEY_ELSEWHERE);
  assert.equal(sighting?.kind, SightingKind.UNREADABLE);
});
