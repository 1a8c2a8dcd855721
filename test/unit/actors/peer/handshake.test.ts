/** PeerActor: the status handshake, in both directions, and all that can be wrong with it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  ConnectionState,
  Direction,
  Offence,
  PeerInternalService,
  PeerService,
  PeerType,
} from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { StatusSchema } from "../../../../gen/alys/wire/v1/wire_pb.ts";
import { encodeApproval } from "../../../../src/chain/approval.ts";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { encodeHeader } from "../../../../src/chain/header.ts";
import { MemoryHost } from "../../../../src/p2p/memory/host.ts";
import { type Node, World } from "./rig.ts";

const METHODS = PeerService.method;

/** A peer that says what the test wants. */
async function stranger(world: World, like: Node, status: Uint8Array | "silent") {
  const host = new MemoryHost({
    identity: world.identity(),
    gate: { allows: () => true },
    network: world.network,
  });
  await host.open({
    genesisHash: like.chain.facts.genesisHash,
    listenAddresses: ["/memory/0"],
    bootstrapAddresses: [],
    transports: { tcp: false, quic: false },
    encryption: ["tls"],
    mdns: false,
    kadDht: false,
    privateNetwork: true,
    connectionsMax: 10,
    topics: [],
    protocols: ["status", "goodbye"],
  });
  host.subscribe((event) => {
    if (event.type === "request" && event.protocol === "goodbye") host.respond(event.handle, []);
    if (event.type === "request" && event.protocol === "status" && status !== "silent")
      host.respond(event.handle, [status]);
  });
  return host;
}

const dial = (world: World, host: MemoryHost, to: Node) =>
  world.drive(host.dial(to.id, to.host.addresses(), { deadlineMs: 1000 }));

const REQUEST = {
  firstByteDeadlineMs: 1000,
  deadlineMs: 1000,
  responseBytesMax: 8192,
  chunkBytesMax: 8192,
  chunksMax: 1,
};

function statusOf(forge: ChainForge, changes: object = {}): Uint8Array {
  const head = forge.head;
  return toBinary(
    StatusSchema,
    create(StatusSchema, {
      versions: [1],
      genesisHash: forge.genesis.hash,
      headHeader: encodeHeader(head),
      headApproval: head.height === 0 ? new Uint8Array() : encodeApproval(forge.approve(forge.headHash)),
      finalHash: forge.genesis.hash,
      ...changes,
    }),
  );
}

test("both sides of a connection learn the other's head and that it is connected", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  const blocks = [world.forge.next(), world.forge.next()];
  await two.import(...blocks);
  const seen = await world.connect(one, two);
  assert.equal(seen.connectionState, ConnectionState.CONNECTED);
  assert.equal(seen.direction, Direction.OUTBOUND);
  assert.equal(seen.head?.height, 2n);
  assert.deepEqual(seen.head?.hash, world.forge.headHash);
  const back = (await two.connected()).get(one.id);
  assert.equal(back?.direction, Direction.INBOUND);
  assert.equal(back?.head?.height, 0n);
  assert.deepEqual(
    one.events.map(({ case: kind }) => kind),
    ["snapshot", "connected"],
  );
});

test("peers that dial each other at the same moment greet", async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const world = new World(seed, { isShuffled: true });
    const [one, two] = [await world.node(), await world.node()];
    const both = Promise.all([one.connect(two), two.connect(one)]);
    await world.drive(both);
    assert.equal((await one.connected()).size, 1);
    assert.equal((await two.connected()).size, 1);
  }
});

test("a peer of another chain is refused and not asked again for an hour", async () => {
  const world = new World();
  const other = new ChainForge({ members: 3, seed: 99 });
  const [one, two] = [await world.node(), await world.node({ forge: other })];
  const refusal = await world.failure(one.connect(two));
  assert.equal(refusal.code, "FAILED_PRECONDITION");
  assert.equal(refusal.reason, "HANDSHAKE_REFUSED");
  await world.run(1000);
  assert.equal(one.host.connections().length, 0);
  assert.ok(one.book.get(two.id)!.notBeforeMs >= world.monotonicMs + 3_500_000);
  assert.equal(one.book.get(two.id)!.reputation.value, 0);
});

test("a status of another genesis under our protocol name is another chain, and an empty one malformed", async () => {
  const world = new World();
  const one = await world.node();
  const other = new ChainForge({ members: 3, seed: 99 });
  const wrong = await stranger(world, one, statusOf(other));
  const ask = (host: MemoryHost) =>
    one.peer.ref.ask(METHODS.connectToPeer, { peerId: host.peerId, addresses: [...host.addresses()] });
  assert.match((await world.failure(ask(wrong))).message, /another chain/);
  assert.equal(one.book.get(wrong.peerId)!.reputation.value, 0);
  const empty = await stranger(world, one, new Uint8Array());
  assert.match((await world.failure(ask(empty))).message, /malformed/);
  assert.equal(one.book.get(empty.peerId)!.reputation.value, -10);
  const garbage = await stranger(world, one, Uint8Array.of(0xff, 0xff, 0xff));
  assert.match((await world.failure(ask(garbage))).message, /malformed/);
  const version = await stranger(world, one, statusOf(world.forge, { versions: [7] }));
  assert.match((await world.failure(ask(version))).message, /no protocol version/);
});

test("a head whose approval does not verify bans at once", async () => {
  const world = new World();
  const one = await world.node();
  const forge = world.forge.fork();
  forge.next();
  const forged = statusOf(forge, { headApproval: encodeApproval(forge.approve(world.forge.genesis.hash)) });
  const liar = await stranger(world, one, forged);
  const refusal = await world.failure(
    one.peer.ref.ask(METHODS.connectToPeer, { peerId: liar.peerId, addresses: [...liar.addresses()] }),
  );
  assert.equal(refusal.reason, "PEER_BANNED");
  assert.equal(one.bans.find(liar.peerId)?.offence, Offence.FALSE_HEAD);
  await world.run(100);
  assert.equal(one.host.connections().length, 0);
});

test("a head that is not ours is verified once, however often it is told", async () => {
  const world = new World();
  const [one, two, three] = [await world.node(), await world.node(), await world.node()];
  const block = world.forge.next();
  await two.import(block);
  await three.import(block);
  await world.connect(one, two);
  await world.connect(one, three);
  await world.run(60_000);
  assert.equal(one.validator.approvals, 1);
  // Whoever knows the block needs no signature at all.
  assert.equal(two.validator.approvals, 0);
});

test("a refresh tells the new head and the time of the report", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  await world.connect(one, two);
  const before = await one.info(two);
  await two.import(world.forge.next());
  await world.run(6_000);
  const after = await one.info(two);
  assert.equal(after.head?.height, 1n);
  assert.ok(after.head!.receivedMs > before.head!.receivedMs);
  assert.equal(one.events.at(-1)?.case, "updated");
  // The asked side hears of the asker's head by the same exchange.
  assert.ok((await two.info(one)).head!.receivedMs > before.head!.receivedMs);
  await two.import(world.forge.next());
  one.peer.internalRef.tell(PeerInternalService.method.refreshStatus, { peerId: two.id });
  await world.run(4_000);
  assert.equal((await one.info(two)).head?.height, 2n);
});

test("a delegation makes a member, with its role and a reserved slot", async () => {
  const world = new World();
  const identity = world.identity();
  const one = await world.node();
  const member = await world.node({ identity, delegation: world.delegation(1, identity) });
  await world.connect(one, member);
  const info = await one.info(member);
  assert.equal(info.peerType, PeerType.FEDERATION);
  assert.deepEqual(info.memberKey, world.forge.secretKeys[1]!.publicKey);
  assert.equal(info.memberRole, 1);
  assert.equal(info.score?.federationBonus, 20);
  assert.equal(one.book.get(member.id)!.isReserved, true);
  await world.run(60_000);
  assert.equal(one.validator.signatures, 1, "a delegation is verified once");
});

test("a delegation that is expired, another peer's, or not signed by its member gives no role and no blame", async () => {
  const world = new World();
  const one = await world.node();
  const [mine, others] = [world.identity(), world.identity()];
  const good = world.delegation(0, mine);
  const cases = [
    { identity: world.identity(), delegation: world.delegation(0, others) },
    { identity: mine, delegation: { ...good, signature: new Uint8Array(96) } },
  ];
  const late = world.identity();
  cases.push({ identity: late, delegation: world.delegation(0, late, world.nowMs - 1) });
  for (const { identity, delegation } of cases) {
    const node = await world.node({ identity, delegation });
    await world.connect(one, node);
    const info = await one.info(node);
    assert.equal(info.peerType, PeerType.REGULAR);
    assert.equal(info.memberKey.length, 0);
    assert.equal(info.score?.reputation, 0);
  }
});

test("a role ends with its delegation, also of a peer that says nothing any more", async () => {
  const world = new World();
  const identity = world.identity();
  const one = await world.node();
  const member = await world.node({
    identity,
    delegation: world.delegation(0, identity, world.nowMs + 20_000),
  });
  await world.connect(one, member);
  assert.equal((await one.info(member)).memberKey.length, 48);
  world.network.partition([[one.id], [member.id]]);
  await world.run(25_000);
  assert.equal((await one.info(member)).memberKey.length, 0);
});

test("a member that equivocates loses its role and is not banned", async () => {
  const world = new World();
  const identity = world.identity();
  const one = await world.node();
  const member = await world.node({ identity, delegation: world.delegation(0, identity) });
  await world.connect(one, member);
  const offence = {
    peerId: member.id,
    offence: Offence.EQUIVOCATION,
    detail: "two blocks",
    evidence: Uint8Array.of(1),
  };
  one.peer.internalRef.tell(PeerInternalService.method.reportOffence, offence);
  await world.run(10_000);
  assert.equal((await one.info(member)).memberKey.length, 0);
  assert.equal((await one.info(member)).connectionState, ConnectionState.CONNECTED);
  assert.equal(one.book.get(member.id)!.isReserved, true);
});

test("an inbound peer that never greets is closed after its grace", async () => {
  const world = new World();
  const one = await world.node();
  const mute = await stranger(world, one, "silent");
  await dial(world, mute, one);
  await world.run(100);
  assert.equal(one.host.connections().length, 1);
  assert.equal((await one.connected()).size, 0);
  await world.run(21_000);
  assert.equal(one.host.connections().length, 0);
});

test("a peer that we dial and that does not answer is refused, and its waiter told", async () => {
  const world = new World();
  const one = await world.node();
  const mute = await stranger(world, one, "silent");
  const refusal = await world.failure(
    one.peer.ref.ask(METHODS.connectToPeer, { peerId: mute.peerId, addresses: [...mute.addresses()] }),
  );
  assert.equal(refusal.code, "DEADLINE_EXCEEDED");
  await world.run(500);
  assert.equal(one.host.connections().length, 0);
  assert.equal(one.book.get(mute.peerId)!.reputation.value, 0, "a time-out is nobody's proven fault");
});

test("whoever has our status answer is known by then", async () => {
  const world = new World(3, { latencyMs: 0 });
  const one = await world.node();
  await one.import(world.forge.next());
  const asker = await stranger(world, one, statusOf(world.forge));
  await dial(world, asker, one);
  const [answer] = await world.drive(asker.request(one.id, "status", statusOf(world.forge), REQUEST));
  assert.ok(answer !== undefined && answer.length > 184);
  assert.equal((await one.connected()).has(asker.peerId), true);
});

test("a peer that says goodbye is gone at once and is not dialled before its cool-down", async () => {
  const world = new World();
  const [one, two] = [await world.node({ config: { peersTarget: 4 } }), await world.node()];
  await world.connect(one, two);
  await world.drive(two.peer.ref.ask(METHODS.disconnectFromPeer, { peerId: one.id, reason: "test" }));
  await world.run(50);
  assert.equal((await one.connected()).size, 0);
  assert.equal(one.events.at(-1)?.case, "disconnected");
  await world.run(50_000);
  assert.equal(one.host.connections().length + two.host.connections().length, 0);
  await world.run(20_000);
  assert.equal((await one.connected()).size, 1, "then it is");
});
