/** Distrust: it follows from the kept evidence, an administrator lifts it, and only what is new brings it back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Offence, PeerInternalService, PeerService, PeerType } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { EquivocationSchema } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { DistrustStore } from "../../../../src/actors/peer/distrust-store.ts";
import type { Evidence } from "../../../../src/actors/sync/equivocation/evidence.ts";
import {
  equivocationMessage,
  keptCases,
  digestOf as reportedDigest,
} from "../../../../src/actors/sync/equivocation/evidence-store.ts";
import { authoritySet } from "../../../../src/chain/authorities.ts";
import { splitBlock } from "../../../../src/chain/block.ts";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { toHex } from "../../../../src/chain/hex.ts";
import { SimulatedScheduler } from "../../../../src/kernel/ports/scheduler.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";
import { type Node, World } from "./rig.ts";

const forge = new ChainForge({ members: 3 });
const [one, two] = forge.secretKeys.map(({ publicKey }) => publicKey) as [Uint8Array, Uint8Array];

const authorities = authoritySet(forge.secretKeys.map(({ publicKey }) => publicKey));

/** Headers of the first slot, and one of a later slot. */
const [first, second, third] = [1, 2, 3].map((mark) => headerOf(mark)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const later = [headerOf(4, 1), headerOf(5, 1)] as const;

function headerOf(mark: number, skippedSlots = 0): Uint8Array {
  return splitBlock(forge.fork().next({ transactions: [Uint8Array.of(mark)], skippedSlots })).header.slice();
}

const caseOf = (
  slot: number,
  guiltyKeys: Uint8Array[],
  ...[left, right]: readonly Uint8Array[]
): Evidence => {
  const approval = new Uint8Array();
  const [first, second] = [left!, right!].map((header) => ({ header, approval, authorities }));
  return { slot, guiltyKeys, first: first!, second: second! };
};

/** As the SyncActor reports it. */
const digestOf = (...headers: readonly Uint8Array[]): Uint8Array => reportedDigest(caseOf(0, [], ...headers));

/** As the SyncActor keeps it. */
function recordOf(slot: bigint, memberKeys: Uint8Array[], ...headers: readonly Uint8Array[]): Uint8Array {
  const message = equivocationMessage(caseOf(Number(slot), memberKeys, ...headers));
  return toBinary(EquivocationSchema, create(EquivocationSchema, message));
}

/** Two tables on one disk, and what happens to it. */
class Disk {
  readonly #disk = new MemoryDisk();
  #scheduler = new SimulatedScheduler();
  #store = this.#open();

  get evidence() {
    return this.#store.table("equivocations");
  }

  book(): DistrustStore {
    return new DistrustStore(() => keptCases(this.evidence), this.#store.table("distrust"));
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    await this.#scheduler.runUntilIdle();
    return promise;
  }

  keep(key: string, record: Uint8Array): Promise<void> {
    return this.settle(this.evidence.put(new Map([[key, record]])));
  }

  /** The process ends; what was durable is read again. */
  crash(): void {
    this.#disk.crash();
    this.#scheduler = new SimulatedScheduler();
    this.#store = this.#open();
  }

  #open() {
    return openMemoryStore({
      disk: this.#disk,
      genesisHash: forge.genesis.hash,
      scheduler: this.#scheduler,
    });
  }
}

test("DistrustStore finds whom the kept evidence is against, and survives what it cannot read", async () => {
  const disk = new Disk();
  await disk.keep("0", Uint8Array.of(0xff, 0xff));
  await disk.keep("1", recordOf(1n, [one], first, Uint8Array.of(1)));
  await disk.keep("2", recordOf(2n, [one, two], first, second));
  await disk.keep("3", recordOf(9n, [two], ...later));
  const book = disk.book();
  assert.deepEqual(new Set(book.keys.map(toHex)), new Set([toHex(one), toHex(two)]));
  const members = book.list(true).sort((left, right) => left.slots.length - right.slots.length);
  assert.deepEqual(
    members.map(({ memberKey, slots, isCutOff }) => [memberKey, slots, isCutOff]),
    [
      [one, [2n], true],
      [two, [2n, 9n], true],
    ],
  );
  assert.deepEqual(new DistrustStore().keys, []);
});

test("DistrustStore lifts distrust of one member, for good, and other blocks bring it back", async () => {
  const disk = new Disk();
  await disk.keep("2", recordOf(2n, [one, two], first, second));
  let book = disk.book();
  // Heard, and not on disk yet.
  assert.equal(book.hear(one, digestOf(first, third)), "known");
  const lifting = book.lift(one, "the key was moved", 1_000);
  assert.equal(book.isDistrusted(one), true, "before it is durable");
  await disk.settle(lifting!.stored);
  for (let start = 0; start < 2; start++) {
    assert.deepEqual(book.keys, [two]);
    assert.equal(book.restored(one)?.reason, "the key was moved");
    for (const [left, right] of [
      [first, second],
      [second, first],
      // What follows from the two that were answered.
      [second, third],
    ] as const)
      assert.equal(book.hear(one, digestOf(left, right)), "answered");
    assert.equal(book.lift(one, "again", 2_000), undefined);
    disk.crash();
    book = disk.book();
  }
  // The same blocks are no answer for another member.
  assert.equal(book.hear(two, digestOf(first, second)), "known");
  const fourth = headerOf(7);
  assert.equal(book.hear(one, digestOf(first, fourth)), "distrusted");
  await disk.settle(book.lift(one, "once more", 3_000)!.stored);
  assert.equal(book.hear(one, digestOf(...later)), "distrusted");
  await disk.keep("9", recordOf(9n, [one], ...later));
  disk.crash();
  book = disk.book();
  assert.equal(book.isDistrusted(one), true);
  assert.deepEqual(book.list(false).find(({ memberKey }) => toHex(memberKey) === toHex(one))?.slots, [9n]);
  assert.deepEqual(
    book.allRestored().map(({ reason }) => reason),
    ["once more"],
  );
});

test("DistrustStore keeps distrusting when evidence comes while its answer is being written", async () => {
  const disk = new Disk();
  await disk.keep("2", recordOf(2n, [one], first, second));
  const book = disk.book();
  const lifting = book.lift(one, "why not", 1);
  assert.equal(book.hear(one, digestOf(...later)), "known");
  await disk.settle(lifting!.stored);
  assert.equal(book.isDistrusted(one), true);
  assert.equal(book.hear(one, digestOf(first, second)), "answered");
});

const METHODS = PeerService.method;
const memberKeyOf = (world: World, member: number) => world.forge.secretKeys[member]!.publicKey;

async function memberNode(world: World, member: number, disk?: MemoryDisk): Promise<Node> {
  const identity = world.identity();
  const delegation = world.delegation(member, identity);
  return await world.node({ identity, delegation, ...(disk && { disk }) });
}

function tell(node: Node, memberKey: Uint8Array, evidence: Uint8Array): Promise<void> {
  const report = { offence: Offence.EQUIVOCATION, memberKey, evidence };
  node.peer.internalRef.tell(PeerInternalService.method.reportOffence, report);
  return node.world.run(50);
}

const typeOf = async (node: Node, of: Node) => (await node.info(of)).peerType;

test("LiftDistrust gives a member its role back, over restarts, until new evidence", async () => {
  const world = new World();
  let node = await memberNode(world, 0);
  const guilty = await memberNode(world, 1);
  const memberKey = memberKeyOf(world, 1);
  const lift = (reason: string) => node.peer.ref.ask(METHODS.liftDistrust, { memberKey, reason });
  const listed = () => world.drive(node.peer.ref.ask(METHODS.listDistrustedMembers, {}));
  await world.connect(node, guilty);
  assert.equal((await world.failure(lift("for nothing"))).reason, "MEMBER_NOT_DISTRUSTED");

  await world.drive(node.evidence.put(new Map([["2", recordOf(2n, [memberKey], first, second)]])));
  await tell(node, memberKey, digestOf(first, second));
  assert.equal(await typeOf(node, guilty), PeerType.REGULAR);
  assert.deepEqual((await listed()).members, [
    { ...(await listed()).members[0], memberKey, slots: [2n], isCutOff: true },
  ]);

  // A restart of the actor, and one of the process.
  await node.restartPeerActor();
  await world.run(500);
  assert.equal(await typeOf(node, guilty), PeerType.REGULAR);
  node = await memberNode(world, 0, await node.kill());
  await world.connect(node, guilty);
  assert.equal(await typeOf(node, guilty), PeerType.REGULAR);
  // Without its role it is a member of the federation still, whom no score bans.
  assert.equal(node.book.get(guilty.id)?.isReserved, true);

  const { trust } = await world.drive(lift("its operator explained"));
  await world.run(50);
  assert.equal(trust?.reason, "its operator explained");
  assert.equal(await typeOf(node, guilty), PeerType.FEDERATION);
  const gone = await world.failure(lift("twice"));
  assert.deepEqual([gone.code, gone.reason], ["NOT_FOUND", "MEMBER_NOT_DISTRUSTED"]);
  assert.match(gone.message, /not distrusted any more/);

  node = await memberNode(world, 0, await node.kill());
  await world.connect(node, guilty);
  await tell(node, memberKey, digestOf(first, second));
  assert.equal(await typeOf(node, guilty), PeerType.FEDERATION);
  const { members, restored } = await listed();
  assert.deepEqual([members, restored.map(({ reason }) => reason)], [[], ["its operator explained"]]);
  await tell(node, memberKey, digestOf(...later));
  assert.equal(await typeOf(node, guilty), PeerType.REGULAR);
});

test("ListDistrustedMembers says when too many are distrusted to be cut off", async () => {
  const world = new World();
  const node = await memberNode(world, 0);
  for (const member of [1, 2]) await tell(node, memberKeyOf(world, member), digestOf(first, second));
  const { members } = await world.drive(node.peer.ref.ask(METHODS.listDistrustedMembers, {}));
  assert.deepEqual(
    members.map(({ isCutOff, slots }) => [isCutOff, slots]),
    [
      [false, []],
      [false, []],
    ],
  );
  const memberKey = memberKeyOf(world, 2);
  await world.drive(node.peer.ref.ask(METHODS.liftDistrust, { memberKey, reason: "it is mine" }));
  const after = await world.drive(node.peer.ref.ask(METHODS.listDistrustedMembers, {}));
  assert.deepEqual(
    after.members.map(({ isCutOff }) => isCutOff),
    [true],
  );
});
