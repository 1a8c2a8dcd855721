/** PeerActor: dialling, slots, commands and queries, the stream of peers, and restarts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConnectionState,
  PeerInternalService,
  PeerService,
  PeerType,
} from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { SCORE_NEWS_MS } from "../../../../src/actors/peer/score-news.ts";
import { type Node, World } from "./rig.ts";

const METHODS = PeerService.method;

const connect = (one: Node, peerId: string, addresses: string[] = []) =>
  one.peer.ref.ask(METHODS.connectToPeer, { peerId, addresses });

test("ConnectToPeer answers at once for a connected peer, and says why it cannot", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  const { peer } = await world.drive(connect(one, "", [...two.host.addresses()]));
  assert.equal(peer?.peerId, two.id);
  assert.equal((await world.drive(one.connect(two))).peer?.connectionState, ConnectionState.CONNECTED);
  const nobody = world.identity().peerId;
  assert.equal((await world.failure(connect(one, one.id))).reason, "PEER_IS_SELF");
  assert.equal((await world.failure(connect(one, "x"))).reason, "PEER_ID_INVALID");
  assert.equal((await world.failure(connect(one, nobody))).reason, "NO_ADDRESS");
  assert.equal(one.book.get(nobody), undefined);
  assert.equal((await world.failure(connect(one, nobody, ["/memory/none"]))).reason, "DIAL_FAILED");
  const many = Array.from({ length: 17 }, (_, index) => `/memory/${index}`);
  assert.equal((await world.failure(connect(one, nobody, many))).reason, "TOO_MANY");
  await world.drive(Promise.resolve(one.host.close()));
  await world.run(10);
  assert.equal((await world.failure(one.connect(two))).code, "UNAVAILABLE");
});

test("many may wait for one connection, and too many are refused", async () => {
  const world = new World(1, { latencyMs: 100 });
  const [one, two] = [await world.node(), await world.node()];
  const waiting = Array.from({ length: 64 }, () => one.connect(two));
  assert.equal((await world.failure(one.connect(two))).reason, "TOO_MANY_WAITING");
  const answers = await world.drive(Promise.all(waiting));
  assert.equal(
    answers.every(({ peer }) => peer?.peerId === two.id),
    true,
  );
});

test("a connection that breaks in its handshake answers who waits for it", async () => {
  const world = new World(1, { latencyMs: 100 });
  const [one, two] = [await world.node(), await world.node()];
  const waiting = one.connect(two);
  await world.run(250);
  await two.host.close();
  const { reason } = await world.failure(waiting);
  assert.ok(["CONNECTION_LOST", "NOT_CONNECTED"].includes(reason), reason);
});

test("failed dials back off, at most 30 s, and a success forgets them", async () => {
  const world = new World();
  const one = await world.node();
  const two = await world.node();
  const addresses = [...two.host.addresses()];
  await world.drive(Promise.resolve(two.host.close()));
  await world.failure(connect(one, two.id, addresses));
  await world.run(300_000);
  const { failures, notBeforeMs } = one.book.get(two.id)!;
  assert.ok(failures > 8 && failures < 30, `${failures} failures in 5 minutes`);
  assert.ok(notBeforeMs <= world.monotonicMs + 30_000);
});

test("a node reaches for its target, bootstrap peers first, and is back soon after an outage", async () => {
  const world = new World();
  const others = await Promise.all([world.node(), world.node(), world.node()]);
  const bootstrap = others.map((node) => ({ peerId: node.id, address: node.host.addresses()[0]! }));
  const one = await world.node({ config: { bootstrap, peersTarget: 2 } });
  await world.run(2_000);
  assert.equal((await one.connected()).size, 2);
  world.network.partition([[one.id], others.map(({ id }) => id)]);
  for (const node of [one, ...others]) await node.host.hangUp([...(await one.connected()).keys()][0]!);
  await world.run(300_000);
  world.network.heal();
  for (const id of (await one.connected()).keys()) await one.host.hangUp(id);
  await world.run(31_000);
  assert.equal((await one.connected()).size >= 2, true);
});

test("DisconnectFromPeer says goodbye; nobody is dialled for a minute", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  await world.connect(one, two);
  await world.drive(one.peer.ref.ask(METHODS.disconnectFromPeer, { peerId: two.id, reason: "test" }));
  await world.run(55_000);
  assert.equal(one.host.connections().length, 0);
  assert.equal(
    (await world.failure(one.peer.ref.ask(METHODS.disconnectFromPeer, { peerId: two.id }))).code,
    "NOT_FOUND",
  );
  await world.run(10_000);
  assert.equal(one.host.connections().length, 1);
});

test("ordinary peers above the limit are sent away, members always find room", async () => {
  const world = new World();
  const config = { peersMax: 2, federationPeersMax: 1, peersTarget: 0 };
  const one = await world.node({ config });
  const quiet = { config: { peersTarget: 0 } };
  const others = [await world.node(quiet), await world.node(quiet)];
  for (const node of others) await world.connect(node, one);
  const third = await world.node(quiet);
  await world.drive(third.connect(one).catch(() => undefined));
  await world.run(2_000);
  assert.equal((await one.connected()).size, 2);
  assert.equal((await third.connected()).size, 0);
  const identity = world.identity();
  const member = await world.node({ ...quiet, identity, delegation: world.delegation(0, identity) });
  await world.connect(member, one);
  await world.run(30_000);
  const connected = await one.connected();
  assert.equal(connected.has(member.id), true);
  assert.equal(connected.size, 3, "and pushes nobody out");
});

test("a named member has its slot before it greeted, and is kept over restarts of the process", async () => {
  const world = new World();
  const identity = world.identity();
  const one = await world.node();
  const request = { peerIds: [identity.peerId] };
  await world.drive(one.peer.internalRef.ask(PeerInternalService.method.reservePeers, request));
  assert.equal(one.book.get(identity.peerId)?.isReserved, true);
  const member = await world.node({ identity, delegation: world.delegation(0, identity) });
  await world.connect(one, member);
  await world.run(11_000);
  const again = await world.node({ identity: one.identity, disk: await one.kill() });
  assert.equal(again.book.get(member.id)?.isReserved, true);
  await world.run(2_000);
  assert.equal((await again.connected()).has(member.id), true, "dialled by itself at its remembered address");
});

test("a peer with two connections stays when one closes, and goes with the last", async () => {
  const world = new World(1, { latencyMs: 50 });
  const [one, two] = [await world.node(), await world.node()];
  await world.drive(Promise.all([one.connect(two), two.connect(one)]));
  await world.run(500);
  const connections = one.host.connections();
  assert.equal(connections.length, 2);
  assert.equal((await one.connected()).size, 1);
  await world.run(20_000);
  assert.equal((await one.connected()).size, 1);
  await two.host.hangUp(one.id);
  await world.run(200);
  assert.equal((await one.connected()).size, 0);
  assert.equal(one.events.filter(({ case: kind }) => kind === "disconnected").length, 1);
});

test("a restart of the actor drops no connection, whoever dialled", async () => {
  const world = new World();
  const [one, two, three] = [await world.node(), await world.node(), await world.node()];
  await world.connect(one, two);
  await world.connect(three, one);
  const ids = one.host.connections().map(({ id }) => id);
  one.events.length = 0;
  await one.restartPeerActor();
  await world.run(100);
  assert.equal((await one.connected()).size, 2);
  assert.deepEqual(
    one.events.map(({ case: kind }) => kind),
    ["snapshot", "connected", "connected"],
  );
  await world.run(30_000);
  assert.deepEqual(
    one.host.connections().map(({ id }) => id),
    ids,
  );
});

test("lists are paged by peer id and filtered by class", async () => {
  const world = new World();
  const one = await world.node({ config: { peersTarget: 0 } });
  const others = await Promise.all(
    Array.from({ length: 5 }, () => world.node({ config: { peersTarget: 0 } })),
  );
  for (const node of others) await world.connect(one, node);
  const expected = others.map(({ id }) => id).sort();
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await world.drive(one.peer.ref.ask(METHODS.getConnectedPeers, { pageSize: 2, pageToken }));
    assert.equal(page.totalSize, 5);
    seen.push(...page.peers.map(({ peerId }) => peerId));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(seen, expected);
  const miners = { peerTypeFilter: PeerType.MINER };
  assert.equal((await world.drive(one.peer.ref.ask(METHODS.listKnownPeers, miners))).totalSize, 0);
  const large = one.peer.ref.ask(METHODS.listKnownPeers, { pageSize: 1001 });
  assert.equal((await world.failure(large)).reason, "PAGE_SIZE");
});

test("GetBestPeers ranks by score among those that fit", async () => {
  const world = new World();
  const one = await world.node({ config: { peersTarget: 0 } });
  const [slow, fast, low] = [await world.node(), await world.node(), await world.node()];
  const block = world.forge.next();
  for (const node of [slow, fast]) await node.import(block);
  for (const node of [slow, fast, low]) await world.connect(one, node);
  for (const [node, latencyMs] of [
    [slow, 900],
    [fast, 5],
    [low, 1],
  ] as const) {
    one.peer.internalRef.tell(PeerInternalService.method.recordPerformance, {
      ...{ peerId: node.id, succeeded: true, latencyMs, durationMs: 1000, bytes: 1_000_000n, blocks: 10 },
    });
  }
  const best = async (request: object) =>
    (await world.drive(one.peer.ref.ask(METHODS.getBestPeers, request))).peers.map(({ peerId }) => peerId);
  assert.deepEqual(await best({ heightMin: 1n }), [fast.id, slow.id]);
  assert.deepEqual(await best({ servesHeight: 1n, count: 1 }), [fast.id]);
  assert.deepEqual(await best({ excludedPeerIds: [low.id, fast.id] }), [slow.id]);
  assert.equal((await one.info(fast)).metrics?.blocksServed, 10n);
  const excludedPeerIds = Array.from({ length: 1001 }, String);
  assert.equal(
    (await world.failure(one.peer.ref.ask(METHODS.getBestPeers, { excludedPeerIds }))).reason,
    "TOO_MANY",
  );
});

test("WatchPeers tells the present, then connected, updated, disconnected", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  await world.connect(one, two);
  await world.run(6_000);
  await two.host.close();
  await world.run(50);
  const kinds = one.events.map(({ case: kind }) => kind);
  assert.deepEqual([...new Set(kinds)], ["snapshot", "connected", "updated", "disconnected"]);
  assert.equal(kinds.at(-1), "disconnected");
});

test("WatchPeers tells what was recorded of a peer within 100 ms, once for all of it", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  await world.connect(one, two);
  const updates = () => one.events.flatMap((event) => (event.case === "updated" ? [event.value] : []));
  await world.run(200);
  const before = updates().length;
  for (let answered = 0; answered < 50; answered++) {
    one.peer.internalRef.tell(PeerInternalService.method.recordPerformance, {
      ...{ peerId: two.id, succeeded: true, latencyMs: 9, durationMs: 1000, bytes: 1_000_000n, blocks: 10 },
    });
  }
  await world.run(SCORE_NEWS_MS);
  const told = updates().slice(before);
  assert.equal(told.length, 1);
  assert.equal(told[0]?.metrics?.blocksServed, 500n);
  const update = { peerId: two.id, scoreUpdate: { penalty: 5, reason: "a test" } };
  await world.drive(one.peer.ref.ask(METHODS.updatePeerScore, update));
  await world.run(SCORE_NEWS_MS);
  assert.ok((updates().at(-1)?.score?.reputation ?? 0) < -4);
  assert.equal(updates().length, before + 2);
});
