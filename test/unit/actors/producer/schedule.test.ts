/** Changes of the authorities: scheduled by operators, proposed and approved by members, refused by those who did not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ProducerService } from "../../../../gen/alys/producer/v1/producer_pb.ts";
import { AuthoritySchedule } from "../../../../src/actors/producer/schedule.ts";
import type { SecretKey } from "../../../../src/chain/bls.ts";
import { forgeSecretKeys } from "../../../../src/chain/forge.ts";
import { toHex } from "../../../../src/chain/hex.ts";
import { provePossession } from "../../../../src/chain/possession.ts";
import type { Failure } from "../../../../src/kernel/errors.ts";
import { SimulatedScheduler } from "../../../../src/kernel/ports/scheduler.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";
import { FederationRig, type Member } from "./federation-rig.ts";

/** A fifth one, who is in no federation yet. */
const SECRETS = forgeSecretKeys(5);

function requestOf(rig: FederationRig, secrets: readonly SecretKey[]) {
  return {
    keys: secrets.map((key) => key.publicKey),
    proofs: secrets.map((key) => provePossession(key, rig.forge.genesis.hash)),
  };
}

async function schedule(
  rig: FederationRig,
  member: Member,
  request: { keys: Uint8Array[]; proofs: Uint8Array[] },
): Promise<bigint | string> {
  const answer = member.cell.ref.ask(ProducerService.method.scheduleAuthorities, request).then(
    ({ lowestHeight }) => lowestHeight,
    (failure: Failure) => failure.reason,
  );
  await rig.simulation.settle();
  return answer;
}

const isScheduled = ({ authorities }: AuthoritySchedule): boolean => authorities !== undefined;

function setOf(member: Member): string[] {
  return member.chain.childTemplate().authorities.keys.map(toHex);
}

test("ScheduleAuthorities: a set that a quorum scheduled comes into force, and everybody goes on", async () => {
  const rig = new FederationRig(4);
  await rig.start();
  await rig.slots(2);
  const wanted = requestOf(rig, SECRETS.slice(0, 3));
  for (const member of rig.members.slice(0, 3)) assert.equal(await schedule(rig, member, wanted), 1n);
  const { scheduledAuthorities } = await rig.members[1]!.status();
  assert.deepEqual(scheduledAuthorities.map(toHex), wanted.keys.map(toHex));
  await rig.slots(6);
  for (const member of rig.members) assert.deepEqual(setOf(member), wanted.keys.map(toHex));
  // Done with, and the member that left neither proposes nor votes.
  assert.deepEqual((await rig.members[1]!.status()).scheduledAuthorities, []);
  assert.equal((await rig.members[3]!.status()).isEnabled, false);
  const { height } = rig.members[0]!.chain.snapshot().head;
  await rig.slots(6);
  assert.equal(rig.members[0]!.chain.snapshot().head.height, height + 6);
  rig.assertNobodySignedTwice();
});

test("ScheduleAuthorities: a member alone changes nothing, and those who did not schedule say why", async () => {
  const rig = new FederationRig(4);
  await rig.start();
  await rig.slots(1);
  const before = setOf(rig.members[0]!);
  const [proposer] = rig.members;
  assert.equal(await schedule(rig, proposer!, requestOf(rig, SECRETS)), 1n);
  const { height } = proposer!.chain.snapshot().head;
  await rig.slots(8);
  for (const member of rig.members) assert.deepEqual(setOf(member), before);
  // Every other slot of its own stays empty, nobody else's does.
  assert.equal(proposer!.chain.snapshot().head.height, height + 7);
  const refusals = rig.members[1]!.log.records.filter(({ message }) => message === "proposal refused");
  assert.deepEqual(
    new Set(refusals.map(({ fields }) => fields?.["reason"])),
    new Set(["AUTHORITY_CHANGE_NOT_SCHEDULED"]),
  );
  // Withdrawn, it produces again.
  await schedule(rig, proposer!, { keys: [], proofs: [] });
  const later = proposer!.chain.snapshot().head.height;
  await rig.slots(4);
  assert.equal(proposer!.chain.snapshot().head.height, later + 4);
});

test("ScheduleAuthorities: refuses sets that break a rule and proofs that do not verify", async () => {
  const rig = new FederationRig(4);
  await rig.start();
  const [member] = rig.members;
  const honest = requestOf(rig, SECRETS);
  const bad = [
    requestOf(rig, SECRETS.slice(0, 4)),
    requestOf(rig, SECRETS.slice(0, 2)),
    { ...honest, proofs: honest.proofs.toReversed() },
    { ...honest, proofs: honest.proofs.slice(1) },
    { ...honest, keys: honest.keys.map((key) => key.slice(1)) },
    { ...honest, proofs: honest.proofs.map((proof) => proof.slice(1)) },
  ];
  for (const request of bad) assert.equal(await schedule(rig, member!, request), "AUTHORITY_CHANGE_INVALID");
  assert.deepEqual((await member!.status()).scheduledAuthorities, []);
});

test("AuthoritySchedule: is kept in its table, and a record that is none schedules nothing", async () => {
  const disk = new MemoryDisk();
  const scheduler = new SimulatedScheduler();
  const store = openMemoryStore({ disk, genesisHash: new Uint8Array(32), scheduler });
  const table = store.table("producer");
  const keys = SECRETS.slice(0, 3).map((key) => key.publicKey);
  const change = { keys, proofs: keys.map(() => new Uint8Array(96).fill(1)) };
  const first = new AuthoritySchedule(table);
  const stored = first.store(change);
  await scheduler.runUntilIdle();
  await stored;
  assert.equal(isScheduled(first), false);
  first.apply(change);
  assert.deepEqual(first.authorities?.keys, keys);
  const second = new AuthoritySchedule(table);
  assert.deepEqual(second.authorities?.root, first.authorities?.root);
  assert.equal(second.isDone(first.authorities!), true);
  const damaged = table.put(new Map([["scheduled-authorities", new Uint8Array(5)]]));
  await scheduler.runUntilIdle();
  await damaged;
  assert.equal(isScheduled(new AuthoritySchedule(table)), false);
});
