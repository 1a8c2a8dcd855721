/** PeerActor: offences, penalties and bans, and where they are enforced. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  ConnectionState,
  Offence,
  PeerInternalService,
  PeerService,
} from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { evidenceOf } from "../../../../src/p2p/evidence.ts";
import { MemoryHost } from "../../../../src/p2p/memory/host.ts";
import { type Node, World } from "./rig.ts";

const METHODS = PeerService.method;

let cases = 0;
/** Longer than the time in which one offence counts once. */
const ANOTHER_CASE_MS = 10_100;

async function report(
  one: Node,
  peerId: string,
  offence: Offence,
  evidence = Uint8Array.of(++cases, cases >> 8),
) {
  const request = { peerId, offence, detail: "test", evidence };
  await one.world.drive(one.peer.internalRef.ask(PeerInternalService.method.reportOffence, request));
}

const reputationOf = async (one: Node, two: Node) => (await one.info(two)).score?.reputation ?? 0;

async function pair(seed = 1) {
  const world = new World(seed);
  const [one, two] = [await world.node(), await world.node()];
  await world.connect(one, two);
  return { world, one, two };
}

test("one offence counts once in ten seconds whatever the bytes, and the same bytes count once", async () => {
  const { world, one, two } = await pair();
  for (let bytes = 0; bytes < 5; bytes++) await report(one, two.id, Offence.FLOOD, Uint8Array.of(bytes));
  assert.ok(Math.abs((await reputationOf(one, two)) + 5) < 0.1);
  await report(one, two.id, Offence.WRONG_ANSWER, Uint8Array.of(0));
  assert.ok(Math.abs((await reputationOf(one, two)) + 15) < 0.1, "another offence is another case");
  await world.run(ANOTHER_CASE_MS);
  await report(one, two.id, Offence.FLOOD, Uint8Array.of(0));
  assert.ok(Math.abs((await reputationOf(one, two)) + 15) < 0.3, "the same bytes");
  await report(one, two.id, Offence.FLOOD, Uint8Array.of(9));
  assert.ok(Math.abs((await reputationOf(one, two)) + 20) < 0.3);
});

test("at −20 a peer is sent away and not let in for a minute; at −50 it is banned", async () => {
  const { world, one, two } = await pair();
  await report(one, two.id, Offence.MALFORMED_MESSAGE);
  assert.equal((await one.info(two)).connectionState, ConnectionState.CONNECTED);
  for (let times = 0; times < 2; times++) {
    await world.run(ANOTHER_CASE_MS);
    await report(one, two.id, Offence.MALFORMED_MESSAGE);
  }
  await world.run(100);
  assert.equal(one.events.at(-1)?.case, "disconnected");
  assert.equal(one.host.connections().length, 0);
  assert.equal(one.bans.find(two.id), undefined);
  two.book.get(one.id)!.notBeforeMs = 0;
  await world.failure(two.connect(one));
  assert.equal(one.host.connections().length, 0);
  for (let times = 0; times < 3; times++) {
    await world.run(ANOTHER_CASE_MS);
    await report(one, two.id, Offence.MALFORMED_MESSAGE);
  }
  assert.ok(one.bans.find(two.id) !== undefined);
});

test("many penalties at once send one goodbye, so that the offender is not made our victim", async () => {
  const { world, one, two } = await pair();
  let goodbyes = 0;
  two.host.subscribe((event) => {
    if (event.type === "request" && event.protocol === "goodbye") goodbyes++;
    assert.notEqual(event.type, "violation");
  });
  await report(one, two.id, Offence.WRONG_ANSWER);
  for (const penalty of [5, 6, 7, 8, 9]) {
    const scoreUpdate = { penalty, reason: "test" };
    await world.drive(one.peer.ref.ask(METHODS.updatePeerScore, { peerId: two.id, scoreUpdate }));
  }
  await world.run(2_000);
  assert.equal(goodbyes, 1);
});

test("an invalid block bans a connected peer at once: gate, list, stream and host agree", async () => {
  const { world, one, two } = await pair();
  await report(one, two.id, Offence.INVALID_BLOCK);
  // Before any time passed:
  assert.equal(one.bans.allows(two.id), false);
  assert.equal((await one.connected()).size, 0);
  await world.run(50);
  assert.equal(one.host.connections().length, 0);
  assert.deepEqual(
    one.events.slice(-2).map(({ case: kind }) => kind),
    ["banned", "disconnected"],
  );
  const { bans } = await world.drive(one.peer.ref.ask(METHODS.listBans, {}));
  assert.equal(bans.length, 1);
  assert.equal(bans[0]!.offence, Offence.INVALID_BLOCK);
  assert.equal(timestampMs(bans[0]!.until!) - timestampMs(bans[0]!.created!), 3_600_000);
  // Neither direction.
  assert.equal((await world.failure(one.connect(two))).reason, "PEER_BANNED");
  assert.equal((await world.failure(two.connect(one))).reason, "DIAL_FAILED");
  assert.equal((await one.info(two)).connectionState, ConnectionState.BANNED);
});

test("a peer that is banned while it is dialled is not kept", async () => {
  const world = new World(1, { latencyMs: 200 });
  const [one, two] = [await world.node(), await world.node()];
  const dialled = one.connect(two);
  await world.run(250);
  const banned = one.peer.ref.ask(METHODS.banPeer, { peerId: two.id, reason: "test" });
  assert.equal((await world.failure(dialled)).reason, "PEER_BANNED");
  await world.drive(banned);
  await world.run(2_000);
  assert.equal(one.host.connections().length, 0);
});

test("a ban outlives actor and process, and ends at its time", async () => {
  const { world, one, two } = await pair();
  const request = { peerId: two.id, durationMs: 60_000n, reason: "by hand" };
  const { ban } = await world.drive(one.peer.ref.ask(METHODS.banPeer, request));
  assert.equal(ban?.reason, "by hand");
  await one.restartPeerActor();
  assert.equal((await world.failure(one.connect(two))).reason, "PEER_BANNED");
  const disk = await one.kill();
  const again = await world.node({ identity: one.identity, disk });
  assert.equal(again.bans.allows(two.id), false);
  assert.equal((await world.failure(two.connect(again))).reason, "DIAL_FAILED");
  await world.run(75_000);
  assert.equal(again.bans.allows(two.id), true);
  assert.ok(again.events.some((event) => event.case === "unbanned" && event.value === two.id));
  assert.equal(again.disk.chain !== undefined, true);
  await world.connect(again, two);
});

test("unban lets a peer back with a clean reputation; there must have been a ban", async () => {
  const { world, one, two } = await pair();
  await report(one, two.id, Offence.FALSE_HEAD);
  await world.drive(one.peer.ref.ask(METHODS.unbanPeer, { peerId: two.id }));
  await world.connect(one, two);
  await report(one, two.id, Offence.UNSPECIFIED);
  assert.equal((await one.info(two)).connectionState, ConnectionState.CONNECTED);
  assert.equal(
    (await world.failure(one.peer.ref.ask(METHODS.unbanPeer, { peerId: two.id }))).reason,
    "BAN_UNKNOWN",
  );
});

test("members are neither dismissed nor banned by score, but by command", async () => {
  const world = new World();
  const identity = world.identity();
  const one = await world.node();
  const member = await world.node({ identity, delegation: world.delegation(0, identity) });
  await world.connect(one, member);
  for (let times = 0; times < 5; times++) {
    await report(one, member.id, Offence.INVALID_BLOCK);
    await world.run(ANOTHER_CASE_MS);
  }
  assert.equal((await one.info(member)).connectionState, ConnectionState.CONNECTED);
  assert.ok((await reputationOf(one, member)) < -90);
  assert.equal(one.bans.applicationScore(member.id), 0);
  await world.drive(one.peer.ref.ask(METHODS.banPeer, { peerId: member.id, reason: "by hand" }));
  await world.run(50);
  assert.equal(one.host.connections().length, 0);
});

test("gossip takes the reputation of others into its score", async () => {
  const { one, two } = await pair();
  await report(one, two.id, Offence.MALFORMED_MESSAGE);
  assert.ok(one.bans.applicationScore(two.id) < -9);
});

test("commands refuse what makes no sense and change nothing then", async () => {
  const { world, one, two } = await pair();
  const ban = (peerId: string, durationMs = 0n) => one.peer.ref.ask(METHODS.banPeer, { peerId, durationMs });
  assert.equal((await world.failure(ban("nonsense"))).reason, "PEER_ID_INVALID");
  assert.equal((await world.failure(ban(one.id))).reason, "PEER_IS_SELF");
  assert.equal((await world.failure(ban(two.id, 2n ** 63n))).reason, "DURATION_RANGE");
  const update = (scoreUpdate: object) =>
    one.peer.ref.ask(METHODS.updatePeerScore, { peerId: two.id, scoreUpdate });
  const before = (await one.info(two)).score;
  assert.equal((await world.failure(update({ penalty: 101, success: true }))).reason, "PENALTY_RANGE");
  assert.equal((await world.failure(update({ penalty: Number.NaN }))).reason, "PENALTY_RANGE");
  assert.equal((await world.failure(update({ latencyMs: -1 }))).reason, "OBSERVATION_RANGE");
  assert.deepEqual((await one.info(two)).score, before);
  await world.drive(update({ penalty: 100, reason: "by hand" }));
  assert.equal(one.bans.find(two.id)?.reason, "by hand");
});

test("a flood of inbound ids leaves the book at its bound and known peers in it", async () => {
  const world = new World();
  const one = await world.node({ config: { knownPeersMax: 20 } });
  const two = await world.node();
  await world.connect(one, two);
  await world.drive(one.peer.ref.ask(METHODS.disconnectFromPeer, { peerId: two.id }));
  for (let count = 0; count < 60; count++) {
    const parts = { identity: world.identity(), gate: { allows: () => true }, network: world.network };
    const host = new MemoryHost(parts);
    const { genesisHash } = one.chain.facts;
    await host.open({
      ...{ genesisHash, listenAddresses: [], bootstrapAddresses: [], encryption: ["tls"] as const },
      ...{ transports: { tcp: false, quic: false }, mdns: false, kadDht: false, privateNetwork: true },
      ...{ connectionsMax: 5, topics: [], protocols: [] },
    });
    await world.drive(host.dial(one.id, one.host.addresses(), { deadlineMs: 500 }));
    await world.run(20);
    await host.close();
    await world.run(20);
  }
  assert.equal(one.book.size, 20);
  assert.ok(one.book.get(two.id) !== undefined);
});

test("listBans() answers pages by peer id, and refuses a token that is none", async () => {
  const world = new World(1);
  const one = await world.node();
  const ids: string[] = [];
  for (let made = 0; made < 5; made++) ids.push((await world.node()).id);
  for (const peerId of ids) await world.drive(one.peer.ref.ask(METHODS.banPeer, { peerId, reason: "test" }));
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await world.drive(one.peer.ref.ask(METHODS.listBans, { pageSize: 2, pageToken }));
    assert.ok(page.bans.length <= 2);
    assert.equal(page.totalSize, 5);
    seen.push(...page.bans.map(({ peerId }) => peerId));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(seen, [...ids].sort());
  for (const bad of ["../x", "0", " "]) {
    const refused = await world.failure(one.peer.ref.ask(METHODS.listBans, { pageToken: bad }));
    assert.equal(refused.reason, "BAD_PAGE_TOKEN");
    assert.equal(refused.detail.field, "page_token");
  }
});

/** Evidence as it is made of offending bytes. */
const evidenceFor = (text: string) => evidenceOf(new TextEncoder().encode(text));

test("a third peer accused of identical bytes frees all three, and the alarm is raised once", async () => {
  const world = new World(1);
  const one = await world.node();
  const others = [await world.node(), await world.node(), await world.node(), await world.node()];
  for (const other of others) await world.connect(one, other);
  const [first, second, third, fourth] = others as [Node, Node, Node, Node];
  await report(one, first.id, Offence.INVALID_BLOCK, evidenceFor("a block"));
  await report(one, second.id, Offence.INVALID_BLOCK, evidenceFor("a block"));
  assert.ok(one.bans.find(first.id) !== undefined && one.bans.find(second.id) !== undefined);
  await report(one, third.id, Offence.INVALID_BLOCK, evidenceFor("a block"));
  await report(one, fourth.id, Offence.INVALID_BLOCK, evidenceFor("a block"));
  for (const other of others) {
    assert.equal(one.bans.find(other.id), undefined);
    assert.equal(await reputationOf(one, other), 0);
  }
  const alarms = one.log.records.filter(({ fields }) => fields?.["alarm"] === "mass_penalty");
  assert.equal(alarms.length, 1);
  assert.equal(alarms[0]!.level, "error");
  const told = one.events.filter(({ case: kind }) => kind === "massPenalty");
  assert.equal(told.length, 1);
  const { massPenalties } = await world.drive(one.peer.ref.ask(METHODS.listBans, {}));
  assert.deepEqual(massPenalties[0]?.peerIds, [first.id, second.id, third.id]);
  assert.equal(massPenalties[0]?.offence, Offence.INVALID_BLOCK);
  // They come back at once, and other bytes count as ever.
  await world.run(100);
  await world.connect(one, first);
  await report(one, first.id, Offence.INVALID_BLOCK, evidenceFor("another block"));
  assert.ok(one.bans.find(first.id) !== undefined);
});

test("a ban by hand is not lifted by the brake", async () => {
  const world = new World(1);
  const one = await world.node();
  const others = [await world.node(), await world.node(), await world.node()];
  for (const other of others) await world.connect(one, other);
  const peerId = others[0]!.id;
  await world.drive(one.peer.ref.ask(METHODS.banPeer, { peerId, reason: "by hand" }));
  for (const { id } of others) await report(one, id, Offence.WRONG_ANSWER, evidenceFor("an answer"));
  assert.equal(one.bans.find(peerId)?.reason, "by hand");
});

test("with the table of bans full an offender goes all the same, and stays away", async () => {
  const world = new World(1);
  const [one, two] = [await world.node({ bansMax: 20 }), await world.node()];
  await world.connect(one, two);
  for (let made = 0; made < 20; made++) {
    one.bans.put({
      ...{ peerId: `made-up-${made}`, reason: "", offence: Offence.FALSE_HEAD, evidence: new Uint8Array() },
      durationMs: 43_200_000,
    });
  }
  await report(one, two.id, Offence.INVALID_BLOCK);
  await world.run(100);
  assert.equal(one.host.connections().length, 0);
  assert.equal(one.bans.find(two.id), undefined);
  two.book.get(one.id)!.notBeforeMs = 0;
  await world.failure(two.connect(one));
  assert.equal(one.host.connections().length, 0);
  assert.ok(one.bans.find("made-up-0") !== undefined, "none in force made way");
  // What an operator orders has room of its own.
  await world.drive(one.peer.ref.ask(METHODS.banPeer, { peerId: two.id, reason: "by hand" }));
  assert.equal(one.bans.find(two.id)?.reason, "by hand");
});

test("a ban that could not be written is told, and written when there is room again", async () => {
  const { world, one, two } = await pair();
  one.disk.isFull = true;
  await report(one, two.id, Offence.INVALID_BLOCK);
  await world.run(2_000);
  const told = one.log.records.filter(
    ({ level, message }) => level === "error" && /bans are not/.test(message),
  );
  assert.equal(told.length, 1);
  one.disk.isFull = false;
  await world.run(15_000);
  const disk = await one.kill();
  const again = await world.node({ identity: one.identity, disk });
  assert.ok(again.bans.find(two.id) !== undefined);
});

test("a peer that serves nothing towards its claim goes for ten minutes, unpunished; a member stays", async () => {
  const world = new World();
  const identity = world.identity();
  const [one, two] = [await world.node(), await world.node()];
  const member = await world.node({ identity, delegation: world.delegation(0, identity) });
  await world.connect(one, two);
  await world.connect(one, member);
  for (const { id } of [two, member]) {
    await world.drive(one.peer.internalRef.ask(PeerInternalService.method.dropUnserving, { peerId: id }));
  }
  await world.run(100);
  assert.deepEqual([...(await one.connected()).keys()], [member.id]);
  assert.equal(await reputationOf(one, two), 0);
  two.book.get(one.id)!.notBeforeMs = 0;
  await world.run(300_000);
  assert.equal((await one.connected()).has(two.id), false);
});
