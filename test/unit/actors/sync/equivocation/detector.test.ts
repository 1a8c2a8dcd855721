/** EquivocationDetector: who is in two approvals of one slot is named once, with the evidence, to everybody who must know. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { Offence, PeerInternalService } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import {
  type Equivocation,
  EquivocationSchema,
  SyncInternalService,
  SyncService,
} from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import { EquivocationDetector } from "../../../../../src/actors/sync/equivocation/detector.ts";
import type { Evidence } from "../../../../../src/actors/sync/equivocation/evidence.ts";
import { EVIDENCE_MAX, EvidenceStore } from "../../../../../src/actors/sync/equivocation/evidence-store.ts";
import { SyncMetrics } from "../../../../../src/actors/sync/metrics.ts";
import { encodeApproval } from "../../../../../src/chain/approval.ts";
import { authoritySet } from "../../../../../src/chain/authorities.ts";
import { splitBlock } from "../../../../../src/chain/block.ts";
import { ChainForge } from "../../../../../src/chain/forge.ts";
import { decodeHeader, headerHash } from "../../../../../src/chain/header.ts";
import { toHex } from "../../../../../src/chain/hex.ts";
import type { ApprovalCheck } from "../../../../../src/chain/validator.ts";
import { SimulatedScheduler } from "../../../../../src/kernel/ports/scheduler.ts";
import { MemoryDisk, openMemoryStore } from "../../../../../src/storage/memory.ts";
import { forgeBlocks, SyncRig } from "../sync-rig.ts";

const forge = new ChainForge({ members: 4 });
const authorities = authoritySet(forge.secretKeys.map((key) => key.publicKey));
const keyOf = (member: number) => toHex(forge.secretKeys[member]!.publicKey);

/** Three blocks of one slot, and approvals of them. */
const rivals = [1, 2, 3].map((mark) => forge.fork().next({ transactions: [Uint8Array.of(mark)] }));
function approved(which: 0 | 1 | 2, bits: number): ApprovalCheck {
  const approval = encodeApproval({ bits, length: 4, signature: new Uint8Array(96) });
  return { header: splitBlock(rivals[which]!).header, approval, authorities };
}

function machine() {
  const found: Evidence[] = [];
  const equivocations = new EquivocationDetector({
    metrics: new SyncMetrics(),
    effect: (effect) => {
      if (effect.type === "equivocation") found.push(effect.evidence);
    },
  });
  const guilty = () => found.map(({ guiltyKeys }) => guiltyKeys.map(toHex));
  return { equivocations, found, guilty };
}

test("Equivocations tells every approval that bears our own bit, and whether we are its author", () => {
  const told: unknown[] = [];
  const equivocations = new EquivocationDetector({
    metrics: new SyncMetrics(),
    ownKey: forge.secretKeys[1]!.publicKey,
    effect: (effect) => {
      if (effect.type === "ownApproval") told.push([effect.slot, toHex(effect.hash), effect.isAuthor]);
    },
  });
  for (const bits of [0b0101, 0b0111, 0b0010]) equivocations.saw(approved(0, bits));
  equivocations.saw(approved(1, 0b1000));
  const { header } = approved(0, 0);
  const { slot } = decodeHeader(header);
  const expected = [slot, toHex(headerHash(header)), slot % 4 === 1];
  assert.deepEqual(told, [expected, expected]);
});

test("Equivocations names the members in both approvals, each once", () => {
  const { equivocations, guilty } = machine();
  equivocations.saw(approved(0, 0b0111));
  equivocations.saw(approved(0, 0b0011));
  assert.deepEqual(guilty(), []);
  equivocations.saw(approved(1, 0b1110));
  equivocations.saw(approved(1, 0b1110));
  assert.deepEqual(guilty(), [[keyOf(1), keyOf(2)]]);
  // Another approval of the first block shows one more.
  equivocations.saw(approved(0, 0b1111));
  assert.deepEqual(guilty().slice(1), [[keyOf(3)]]);
});

test("Equivocations finds an author's two proposals, and nobody in approvals of different slots", () => {
  const { equivocations, guilty } = machine();
  equivocations.saw(approved(0, 0b0001));
  const later = forge.fork().next({ skippedSlots: 1 });
  equivocations.saw({ ...approved(0, 0b1111), header: splitBlock(later).header });
  assert.deepEqual(guilty(), []);
  equivocations.saw(approved(1, 0b0001));
  assert.deepEqual(guilty(), [[keyOf(0)]]);
});

test("Equivocations tells once of a third block, whichever of the others it meets", () => {
  const { equivocations, guilty } = machine();
  for (const which of [0, 1, 2] as const) equivocations.saw(approved(which, 0b0011));
  assert.deepEqual(guilty(), [
    [keyOf(0), keyOf(1)],
    [keyOf(0), keyOf(1)],
  ]);
  for (const which of [2, 1, 0] as const) equivocations.saw(approved(which, 0b0011));
  assert.equal(guilty().length, 2);
});

test("Equivocations forgets the lowest slots and remembers at least the newest 256", () => {
  const { equivocations, found } = machine();
  const chain = new ChainForge({ members: 4 });
  const pairs = Array.from({ length: 400 }, () => {
    const other = chain.fork().next({ transactions: [Uint8Array.of(1)] });
    return [chain.next(), other] as const;
  });
  equivocations.sawBlocks(
    pairs.map(([block]) => block),
    authorities,
  );
  equivocations.sawBlocks([pairs[0]![1], pairs[400 - 256]![1], pairs[399]![1]], authorities);
  const slotOf = (at: number) => decodeHeader(splitBlock(pairs[at]![0]).header).slot;
  assert.deepEqual(
    found.map(({ slot }) => slot),
    [slotOf(400 - 256), slotOf(399)],
  );
});

test("EvidenceStore keeps a case once, whichever block came first, and each further member of it", async () => {
  const scheduler = new SimulatedScheduler();
  const genesisHash = forge.genesis.hash;
  const table = openMemoryStore({ disk: new MemoryDisk(), genesisHash, scheduler }).table("equivocations");
  const book = new EvidenceStore(table);
  const keep = async (evidence: Evidence): Promise<void> => {
    const kept = book.keep(evidence);
    await scheduler.runUntilIdle();
    await kept;
  };
  const [first, second, third] = [approved(0, 15), approved(1, 15), approved(2, 15)];
  const [one, two] = authorities.keys as [Uint8Array, Uint8Array];
  await keep({ slot: 1, guiltyKeys: [one], first, second });
  await keep({ slot: 1, guiltyKeys: [one], first: second, second: first });
  assert.equal([...table.entries()].length, 1);
  await keep({ slot: 1, guiltyKeys: [two], first, second });
  await keep({ slot: 1, guiltyKeys: [one], first, second: third });
  assert.equal([...table.entries()].length, 3);
});

test("EvidenceStore gives up nobody's last case for the many of another", async () => {
  const scheduler = new SimulatedScheduler();
  const genesisHash = forge.genesis.hash;
  const table = openMemoryStore({ disk: new MemoryDisk(), genesisHash, scheduler }).table("equivocations");
  const book = new EvidenceStore(table);
  const [first, second] = [approved(0, 15), approved(1, 15)];
  const [one, two] = authorities.keys as [Uint8Array, Uint8Array];
  for (let slot = 1; slot <= EVIDENCE_MAX + 5; slot++) {
    const kept = book.keep({ slot, guiltyKeys: [slot === 1 ? one : two], first, second });
    await scheduler.runUntilIdle();
    await kept;
  }
  const records = [...table.entries()].map(([, bytes]) => fromBinary(EquivocationSchema, bytes.slice()));
  assert.equal(records.length, EVIDENCE_MAX);
  assert.deepEqual([records[0]?.slot, records[1]?.slot], [1n, 7n]);
});

test("EvidenceStore keeps the newest cases over a restart", async () => {
  const disk = new MemoryDisk();
  const genesisHash = forge.genesis.hash;
  let scheduler = new SimulatedScheduler();
  const open = () => openMemoryStore({ disk, genesisHash, scheduler }).table("equivocations");
  const book = new EvidenceStore(open());
  const [first, second] = [approved(0, 0b0111), approved(1, 0b1110)];
  const guiltyKeys = authorities.keys.slice(1, 3);
  for (let slot = 1; slot <= EVIDENCE_MAX + 5; slot++) {
    const kept = book.keep({ slot, guiltyKeys, first, second });
    await scheduler.runUntilIdle();
    await kept;
  }
  disk.crash();
  scheduler = new SimulatedScheduler();
  const records = [...open().entries()].map(([, bytes]) => fromBinary(EquivocationSchema, bytes.slice()));
  assert.deepEqual(
    [records.length, records[0]?.slot, records.at(-1)?.slot],
    [EVIDENCE_MAX, 6n, BigInt(EVIDENCE_MAX + 5)],
  );
  assert.deepEqual(records[0]?.memberKeys, guiltyKeys);
  assert.deepEqual(records[0]?.secondHeader, second.header);
});

test("SyncActor tells of members who approved two live blocks of one slot", async () => {
  const { forge: chain, blocks } = forgeBlocks(20);
  const other = chain.fork();
  const rig = new SyncRig(chain);
  await rig.run(10_000);
  const told: Equivocation[] = [];
  rig.cell.ref.watch(
    SyncService.method.watchBlocks,
    {},
    {
      onMessage: ({ event }) => {
        if (event.case === "equivocation") told.push(event.value);
      },
      onEnd: () => undefined,
    },
  );
  rig.connect({ a: { blocks } });
  await rig.run(3_000);
  const one = chain.next();
  const two = other.next({ transactions: [Uint8Array.of(9)] });
  rig.gossip("1", "a", one);
  rig.gossip("2", "a", two);
  await rig.run(500);
  assert.equal(told.length, 1);
  assert.equal(told[0]?.memberKeys.length, 3);
  assert.deepEqual(told[0]?.firstHeader, splitBlock(one).header.slice());
  const reported = rig.peerInternal.told(PeerInternalService.method.reportOffence);
  assert.deepEqual(
    reported.map(({ peerId, offence, memberKey }) => [peerId, offence, toHex(memberKey)]),
    chain.secretKeys.map((key) => ["", Offence.EQUIVOCATION, toHex(key.publicKey)]),
  );
  // The peer that brought them did nothing wrong.
  assert.deepEqual(rig.verdicts(), { 1: "accept", 2: "accept" });
  await rig.stop();
});

test("SyncActor finds members who approved blocks of a fork that a range sync brings, in the slots of ours", async () => {
  const { forge: chain, blocks } = forgeBlocks(20);
  const [fork, elsewhere] = [chain.fork(), chain.fork()];
  const transactions = [Uint8Array.of(9)];
  const ours = [...blocks, chain.next(), chain.next()];
  const beside = [...blocks, elsewhere.next({ skippedSlots: 5, transactions })];
  const theirs = [...blocks, ...Array.from({ length: 4 }, () => fork.next({ transactions }))];
  const rig = new SyncRig(chain);
  rig.simulation.clock.advance(60_000);
  const equivocations = () => rig.metrics?.get("equivocations");
  rig.connect({ a: { blocks: ours } });
  await rig.run(3_000);
  assert.deepEqual([rig.height, equivocations()], [22, 0]);
  rig.connect({ b: { blocks: beside } });
  await rig.run(3_000);
  assert.equal(equivocations(), 0, "a slot of its own");
  rig.connect({ c: { blocks: theirs }, d: { blocks: theirs } });
  await rig.run(5_000);
  assert.deepEqual([rig.height, rig.metrics?.get("reorganizations")], [24, 1]);
  assert.equal(equivocations(), 2 * chain.secretKeys.length);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor takes the producer's word for approvals of proposals", async () => {
  const { forge: chain, blocks } = forgeBlocks(20);
  const rig = new SyncRig(chain);
  rig.connect({ a: { blocks } });
  await rig.run(3_000);
  const { reportApproval } = SyncInternalService.method;
  for (const mark of [1, 2]) {
    const block = chain.fork().next({ transactions: [Uint8Array.of(mark)] });
    const { header } = splitBlock(block);
    const approval = encodeApproval({ bits: 0b001, length: 3, signature: new Uint8Array(96) });
    rig.cell.internalRef.tell(reportApproval, { header, approval });
  }
  await rig.run(100);
  assert.equal(rig.metrics?.get("equivocations"), 1);
  await rig.stop();
});
