/** NetworkActor: its life, serving and asking for ranges, gossip, broadcasting and the federation channel. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type GossipMessage,
  type InboundFederation,
  NetworkInternalService,
  NetworkService,
  NetworkState,
  Verdict,
  type WatchNetworkEventsResponse,
} from "../../../../gen/alys/network/v1/network_pb.ts";
import { PeerService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import {
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
  FederationMessageSchema,
  GossipBlockSchema,
  GossipTransactionSchema,
} from "../../../../gen/alys/wire/v1/wire_pb.ts";
import { FederationEndpoint } from "../../../../src/actors/network/federation.ts";
import { answerRange } from "../../../../src/actors/network/ranges.ts";
import { sha256 } from "../../../../src/chain/hash.ts";
import { readHeader } from "../../../../src/chain/header.ts";
import { headerOf } from "../../../../src/integrations/chain/block-view.ts";
import type { TransactionVerdict } from "../../../../src/integrations/engine/port.ts";
import { failure } from "../../../../src/kernel/errors.ts";
import { identityFromSeed, verifyPeerSignature } from "../../../../src/p2p/identity.ts";
import { type Node, World } from "../peer/rig.ts";
import { RawPeer } from "./raw-peer.ts";

const METHODS = NetworkService.method;
const INTERNAL = NetworkInternalService.method;

const rangeRequest = (startHeight: number, count: number): Uint8Array =>
  toBinary(
    BlocksByRangeRequestSchema,
    create(BlocksByRangeRequestSchema, { startHeight: BigInt(startHeight), count }),
  );

const message = (payload: MessageInitShape<typeof FederationMessageSchema>["payload"]): Uint8Array =>
  toBinary(
    FederationMessageSchema,
    create(FederationMessageSchema, payload === undefined ? {} : { payload }),
  );

/** A message for the actors above; what it carries is theirs to judge. */
const saying = (text: string): Uint8Array =>
  message({ case: "proposal", value: { block: new TextEncoder().encode(text) } });

const gossipOf = (block: Uint8Array): Uint8Array =>
  toBinary(GossipBlockSchema, create(GossipBlockSchema, { block }));

function watchGossip(node: Node): GossipMessage[] {
  const messages: GossipMessage[] = [];
  const onMessage = ({ event }: { event: { case?: string | undefined; value?: unknown } }): void => {
    if (event.case === "message") messages.push(event.value as GossipMessage);
  };
  node.network.internalRef.watch(INTERNAL.watchGossip, {}, { onMessage, onEnd: () => undefined });
  return messages;
}

function watchEvents(node: Node): WatchNetworkEventsResponse["event"][] {
  const events: WatchNetworkEventsResponse["event"][] = [];
  const onMessage = ({ event }: WatchNetworkEventsResponse): void => void events.push(event);
  node.network.ref.watch(METHODS.watchNetworkEvents, {}, { onMessage, onEnd: () => undefined });
  return events;
}

const reputation = (node: Node, peerId: string): number => node.book.get(peerId)?.reputation.value ?? 0;

const requestBlocks = (node: Node, peerId: string, startHeight: bigint, count: number) =>
  node.network.internalRef.ask(INTERNAL.requestBlocks, { peerId, startHeight, count });

test("the network starts, answers again, refuses other addresses, stops with a goodbye, and starts again", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  await world.connect(one, two);
  const events = watchEvents(one);
  const start = (request: object = {}) => one.network.ref.ask(METHODS.startNetwork, request);
  assert.equal((await world.drive(start())).peerId, one.id);
  const other = await world.failure(start({ listenAddresses: ["/memory/elsewhere"] }));
  assert.equal(other.reason, "NETWORK_RUNNING");
  const many = Array.from({ length: 65 }, () => two.id);
  assert.equal((await world.failure(start({ listenAddresses: many }))).reason, "TOO_MANY");
  assert.equal((await world.failure(start({ bootstrapPeers: many }))).reason, "TOO_MANY");
  const members = await world.failure(start({ federationConfig: { memberPeerIds: many } }));
  assert.equal(members.reason, "TOO_MANY");
  const stopping = one.network.ref.ask(METHODS.stopNetwork, {});
  const busy = world.failure(start());
  await world.drive(stopping);
  assert.equal((await busy).reason, "NETWORK_BUSY");
  await world.drive(one.network.ref.ask(METHODS.stopNetwork, {}));
  // A goodbye of one that shuts down is no reason to stay away for long.
  assert.ok(two.book.get(one.id)!.notBeforeMs <= world.monotonicMs + 2_000);
  assert.equal((await two.connected()).size, 0);
  await world.drive(start({ federationConfig: { memberPeerIds: [two.id] } }));
  assert.equal(one.book.get(two.id)!.isReserved, true);
  const states = events.flatMap((event) => (event.case === "state" ? [event.value] : []));
  const { STOPPING, STOPPED, STARTING, RUNNING } = NetworkState;
  assert.deepEqual(states, [STOPPING, STOPPED, STARTING, RUNNING]);
});

test("a network that was started stays so over a crash of the actor, one that was stopped too", async () => {
  const world = new World();
  const one = await world.node();
  const status = async () =>
    (await world.drive(one.network.ref.ask(METHODS.getNetworkStatus, {}))).status?.state;
  await one.restartPeerActor();
  assert.equal(await status(), NetworkState.RUNNING);
  await one.host.crash("a fault on purpose");
  await world.run(10);
  assert.equal(await status(), NetworkState.STOPPED);
  await one.restartPeerActor();
  await world.run(10);
  assert.equal(await status(), NetworkState.RUNNING);
  await world.drive(one.network.ref.ask(METHODS.stopNetwork, {}));
  await one.restartPeerActor();
  assert.equal(await status(), NetworkState.STOPPED);
});

test("the status tells peers, protocols, topics and traffic", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  await world.connect(one, two);
  const { status } = await world.drive(one.network.ref.ask(METHODS.getNetworkStatus, {}));
  assert.equal(status?.connectedPeers, 1);
  assert.equal(status?.outboundConnections, 1);
  assert.deepEqual(status?.genesisHash, world.forge.genesis.hash);
  assert.equal(status?.protocols.length, 4);
  assert.equal(status?.topics[0]?.subscribedPeers, 1);
  assert.ok(status!.traffic.some(({ protocol, bytesSent }) => protocol === "status" && bytesSent > 200n));
});

test("a range is asked for, served and answered in part", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  const blocks = Array.from({ length: 10 }, () => world.forge.next());
  await two.import(...blocks);
  await world.connect(one, two);
  const answer = await world.drive(requestBlocks(one, two.id, 3n, 100));
  assert.equal(answer.blocks.length, 8);
  assert.deepEqual(answer.blocks.at(-1), blocks.at(-1));
  assert.ok(answer.latencyMs >= 10 && answer.durationMs >= answer.latencyMs && answer.bytes > 3000n);
  assert.deepEqual((await world.drive(requestBlocks(one, two.id, 11n, 4))).blocks, []);
  assert.equal((await world.failure(requestBlocks(one, two.id, 1n, 1025))).reason, "RANGE_SIZE");
  assert.equal((await world.failure(requestBlocks(one, two.id, 0n, 1))).reason, "RANGE_START");
  const nobody = world.identity().peerId;
  assert.equal((await world.failure(requestBlocks(one, nobody, 1n, 1))).reason, "NOT_CONNECTED");
});

test("nothing is served before the handshake; what breaks the protocol is an offence", async () => {
  const world = new World();
  const one = await world.node();
  await one.import(world.forge.next());
  const raw = await new RawPeer(world).join(one, false);
  const refused = await world.failure(raw.ask(one, "blocks-by-range", rangeRequest(1, 1)));
  assert.equal(refused.reason, "PEER_INVALID_REQUEST");
  assert.equal(reputation(one, raw.id), 0);
  await raw.ask(one, "status", raw.status());
  const [chunk] = await raw.ask(one, "blocks-by-range", rangeRequest(1, 1));
  assert.equal(fromBinary(BlocksByRangeResponseSchema, chunk!).blocks.length, 1);
  for (const [index, wrong] of [rangeRequest(0, 1), rangeRequest(1, 1025), Uint8Array.of(0xff)].entries()) {
    await world.failure(raw.ask(one, "blocks-by-range", wrong));
    if (index === 0) assert.ok(reputation(one, raw.id) < -9);
    await world.run(10_000);
  }
  await world.run(100);
  assert.equal((await one.connected()).size, 0, "three of them send it away");
});

test("an answer of garbage or of too much costs the peer, silence and being without it do not", async () => {
  const world = new World();
  const one = await world.node();
  const raw = await new RawPeer(world).join(one);
  const blocks = (count: number): Uint8Array =>
    toBinary(
      BlocksByRangeResponseSchema,
      create(BlocksByRangeResponseSchema, { blocks: Array.from({ length: count }, () => new Uint8Array(9)) }),
    );
  assert.equal((await world.failure(requestBlocks(one, raw.id, 1n, 1))).code, "DEADLINE_EXCEEDED");
  assert.equal(reputation(one, raw.id), 0);
  raw.answers.set("blocks-by-range", () => []);
  assert.deepEqual((await world.drive(requestBlocks(one, raw.id, 1n, 1))).blocks, []);
  assert.equal(reputation(one, raw.id), 0);
  raw.answers.set("blocks-by-range", () => [blocks(3)]);
  assert.equal((await world.failure(requestBlocks(one, raw.id, 1n, 2))).code, "DATA_LOSS");
  await world.run(1);
  assert.ok(Math.abs(reputation(one, raw.id) + 10) < 0.1);
  raw.answers.set("blocks-by-range", () => [Uint8Array.of(0xff, 1)]);
  await world.run(10_000);
  assert.equal((await world.failure(requestBlocks(one, raw.id, 1n, 2))).code, "DATA_LOSS");
  await world.run(1);
  assert.ok(Math.abs(reputation(one, raw.id) + 20) < 0.3);
});

test("a range that is not wanted any more is not fetched on", async () => {
  const world = new World();
  const one = await world.node();
  const raw = await new RawPeer(world).join(one);
  const controller = new AbortController();
  const request = { peerId: raw.id, startHeight: 1n, count: 1 };
  const asked = one.network.internalRef.ask(INTERNAL.requestBlocks, request, { signal: controller.signal });
  const ended: string[] = [];
  raw.host.subscribe((event) => void (event.type === "requestEnded" && ended.push(event.outcome)));
  await world.run(20);
  controller.abort();
  assert.equal((await world.failure(asked)).code, "CANCELLED");
  await world.run(20);
  assert.deepEqual(ended, ["closed"]);
});

test("a reorganization between two chunks ends the answer", () => {
  const block = (parent: number): Uint8Array => new Uint8Array(300_000).fill(parent, 0, 32);
  let hash = 1;
  const chain = {
    readRange: (height: number) => (height > 3 ? [] : [block(height - 1)]),
    hashAt: (height: number) => new Uint8Array(32).fill(height * hash),
  };
  assert.equal([...answerRange(chain, { startHeight: 1, count: 9 })].length, 3);
  hash = 7;
  assert.equal([...answerRange(chain, { startHeight: 1, count: 9 })].length, 1);
});

test("a gossiped block is handed up and its verdict carried out", async () => {
  const world = new World();
  const [one, two, three] = [await world.node(), await world.node(), await world.node()];
  await world.connect(one, two);
  await world.connect(two, three);
  const [atTwo, atThree, events] = [watchGossip(two), watchGossip(three), watchEvents(two)];
  await world.run(50);
  const blocks = [world.forge.next(), world.forge.next(), world.forge.next()];
  for (const block of blocks) await one.import(block);
  for (const [index, verdict] of [Verdict.ACCEPT, Verdict.IGNORE, Verdict.REJECT].entries()) {
    const block = { ssz: blocks[index]! };
    const sent = await world.drive(one.network.ref.ask(METHODS.broadcastBlock, { block }));
    assert.equal(sent.peersReached, 1);
    await world.run(50);
    assert.deepEqual(atTwo.at(-1)?.payload, blocks[index]);
    assert.equal(atTwo.at(-1)?.peerId, one.id);
    const carried = atTwo.at(-1)?.header;
    assert.deepEqual(carried && headerOf(carried), readHeader(blocks[index]!), "its header, as it was read");
    const { handle } = atTwo.at(-1)!;
    two.network.internalRef.tell(INTERNAL.giveVerdict, { handle, verdict });
    await world.run(50);
  }
  assert.deepEqual(
    atThree.map(({ payload }) => payload),
    [blocks[0]],
    "only what was accepted goes on",
  );
  const [gossip] = two.host.stats().gossip;
  assert.deepEqual([gossip?.accepted, gossip?.ignored, gossip?.rejected], [1, 1, 1]);
  const heights = events.flatMap((event) => (event.case === "blockReceived" ? [event.value.height] : []));
  assert.deepEqual(heights, [1n]);
  two.network.internalRef.tell(INTERNAL.giveVerdict, { handle: "nonsense", verdict: Verdict.ACCEPT });
  await world.run(10);
  assert.equal(two.network.isRunning, true);
});

test("gossip that is no message is rejected and an offence; of strangers it is not heard", async () => {
  const world = new World();
  const one = await world.node();
  const messages = watchGossip(one);
  const raw = await new RawPeer(world).join(one);
  for (const data of [Uint8Array.of(0xff), gossipOf(new Uint8Array())]) {
    await raw.host.publish("blocks", data);
    await world.run(10_000);
  }
  assert.equal(one.host.stats().gossip[0]?.rejected, 2);
  assert.ok(reputation(one, raw.id) < -19);
  const stranger = await new RawPeer(world).join(one, false);
  await stranger.host.publish("blocks", gossipOf(world.forge.next()));
  await world.run(50);
  assert.equal(one.host.stats().gossip[0]?.messagesIn, 2);
  assert.equal(messages.length, 0);
  assert.equal(reputation(one, stranger.id), 0);
});

test("transactions go as the engine says", async () => {
  const world = new World();
  let verdict: TransactionVerdict | "away" = "accept";
  const engine = {
    validateTransaction: async (): Promise<TransactionVerdict> => {
      if (verdict === "away") throw failure("UNAVAILABLE", "ENGINE_AWAY", "the engine is away");
      return verdict;
    },
    close: async () => {},
  };
  const [one, two] = [await world.node(), await world.node({ engine })];
  await world.connect(one, two);
  const events = watchEvents(two);
  const send = (transaction: Uint8Array) =>
    one.network.ref.ask(METHODS.broadcastTransaction, { transaction });
  const first = await world.drive(send(Uint8Array.of(1)));
  assert.deepEqual(first.transactionHash, sha256(Uint8Array.of(1)));
  assert.equal(first.peersReached, 1);
  await world.run(50);
  verdict = "away";
  await world.drive(send(Uint8Array.of(2)));
  await world.run(50);
  assert.equal(reputation(two, one.id), 0);
  verdict = "reject";
  await world.drive(send(Uint8Array.of(3)));
  await world.run(50);
  const gossip = two.host.stats().gossip[1];
  assert.deepEqual([gossip?.accepted, gossip?.ignored, gossip?.rejected], [1, 2, 0]);
  assert.equal(reputation(two, one.id), 0, "what an engine thinks the forwarder cannot know");
  const received = events.flatMap((event) => (event.case === "transactionReceived" ? [event.value] : []));
  assert.deepEqual(received, [sha256(Uint8Array.of(1))]);
  assert.equal((await world.failure(send(new Uint8Array()))).reason, "TRANSACTION_SIZE");
  const refused = two.network.ref.ask(METHODS.broadcastTransaction, { transaction: Uint8Array.of(4) });
  assert.equal((await world.failure(refused)).reason, "TRANSACTION_REFUSED");
  const raw = await new RawPeer(world).join(two);
  const empty = toBinary(GossipTransactionSchema, create(GossipTransactionSchema, {}));
  await raw.host.publish("transactions", empty);
  await world.run(50);
  assert.ok(reputation(two, raw.id) < -9);
});

test("a block that is malformed is not broadcast, nor any while the network is stopped", async () => {
  const world = new World();
  const one = await world.node();
  const send = (ssz: Uint8Array) => one.network.ref.ask(METHODS.broadcastBlock, { block: { ssz } });
  const block = world.forge.next();
  for (const wrong of [new Uint8Array(), new Uint8Array(50), block.subarray(0, -1)]) {
    const refused = await world.failure(send(wrong));
    assert.equal(refused.code, "INVALID_ARGUMENT");
    assert.equal(refused.detail.field, "block.ssz");
  }
  await world.drive(one.network.ref.ask(METHODS.stopNetwork, {}));
  assert.equal((await world.failure(send(block))).code, "UNAVAILABLE");
});

async function members(world: World) {
  const [first, second] = [world.identity(), world.identity()];
  const one = await world.node({ identity: first, delegation: world.delegation(0, first) });
  const two = await world.node({ identity: second, delegation: world.delegation(1, second) });
  await world.connect(one, two);
  const inbox: InboundFederation[] = [];
  two.network.internalRef.watch(
    INTERNAL.watchFederation,
    {},
    {
      onMessage: ({ event }) => {
        if (event.case === "message") inbox.push(event.value);
      },
      onEnd: () => undefined,
    },
  );
  await world.run(10);
  return { one, two, inbox };
}

test("members exchange sealed messages; refusals and silence are told", async () => {
  const world = new World();
  const { one, two, inbox } = await members(world);
  const send = (payload: Uint8Array, lifetimeMs = 500, peerId = two.id) =>
    one.network.internalRef.ask(INTERNAL.sendFederation, { peerId, payload, lifetimeMs });
  const answered = send(saying("hello"));
  await world.run(50);
  assert.equal(inbox.length, 1);
  assert.deepEqual(inbox[0]!.memberKey, world.forge.secretKeys[0]!.publicKey);
  assert.equal(fromBinary(FederationMessageSchema, inbox[0]!.payload).payload.case, "proposal");
  const { handle } = inbox[0]!;
  two.network.internalRef.tell(INTERNAL.respondFederation, { handle, payload: saying("well met") });
  const { payload } = await world.drive(answered);
  const content = fromBinary(FederationMessageSchema, payload).payload;
  assert.deepEqual(
    content.case === "proposal" ? content.value.block : "",
    new TextEncoder().encode("well met"),
  );
  const refused = send(saying("no?"));
  await world.run(50);
  const refusal = { handle: inbox[1]!.handle, refusal: "no" };
  two.network.internalRef.tell(INTERNAL.respondFederation, refusal);
  assert.equal((await world.failure(refused)).reason, "PEER_RESOURCE_UNAVAILABLE");
  assert.equal((await world.failure(send(saying("anybody?")))).code, "DEADLINE_EXCEEDED");
  assert.equal((await world.failure(send(Uint8Array.of(0xff)))).reason, "PAYLOAD_MALFORMED");
  assert.equal((await world.failure(send(saying("x"), 0))).reason, "LIFETIME_RANGE");
  const malformed = { handle: "1", payload: Uint8Array.of(0xff) };
  const reply = two.network.internalRef.ask(INTERNAL.respondFederation, malformed);
  assert.equal((await world.failure(reply)).reason, "PAYLOAD_MALFORMED");
  assert.equal(reputation(one, two.id) + reputation(two, one.id), 0);
});

test("what members' own processes say goes to the bridge, which gives a receipt or is not there", async () => {
  const world = new World();
  const { one, two, inbox } = await members(world);
  const notes = two.notes;
  const payload = message({ case: "opaque", value: { label: "pegout", content: Uint8Array.of(1, 2) } });
  const ask = () =>
    one.network.internalRef.ask(INTERNAL.sendFederation, { peerId: two.id, payload, lifetimeMs: 500 });
  const receipt = fromBinary(FederationMessageSchema, (await world.drive(ask())).payload).payload;
  assert.equal(receipt.case === "opaque" ? receipt.value.label : "", "pegout");
  assert.deepEqual(
    notes.map(({ memberKey, label, content }) => ({ memberKey, label, content })),
    [{ memberKey: world.forge.secretKeys[0]!.publicKey, label: "pegout", content: Uint8Array.of(1, 2) }],
  );
  assert.equal(inbox.length, 0, "the actors above are not asked");
  two.isBridgeAway = true;
  assert.equal((await world.failure(ask())).reason, "PEER_RESOURCE_UNAVAILABLE");
});

test("the channel is closed to others, to what is repeated or expired, and where nobody listens", async () => {
  const world = new World();
  const { one, two, inbox } = await members(world);
  const plain = await new RawPeer(world).join(two);
  assert.equal(
    (await world.failure(plain.ask(two, "federation", saying("x")))).reason,
    "PEER_INVALID_REQUEST",
  );
  const toPlain = { peerId: plain.id, payload: saying("x"), lifetimeMs: 500 };
  const asked = two.network.internalRef.ask(INTERNAL.sendFederation, toPlain);
  assert.equal((await world.failure(asked)).reason, "NOT_A_MEMBER");
  const identity = identityFromSeed(new Uint8Array(32).fill(3));
  const raw = await new RawPeer(world, identity, world.delegation(2, identity)).join(two);
  const keys = { sign: identity.sign, verifyPeerSignature };
  const checkpoints = new FederationEndpoint(keys, world.forge.genesis.hash, world.nowMs, 500);
  const sealed = checkpoints.seal(saying("once"), world.nowMs, 500)!;
  raw.host
    .request(two.id, "federation", sealed, {
      ...{ firstByteDeadlineMs: 100, deadlineMs: 100, responseBytesMax: 99, chunkBytesMax: 99, chunksMax: 1 },
    })
    .catch(() => undefined);
  await world.run(200);
  assert.equal(inbox.length, 1);
  assert.equal((await world.failure(raw.ask(two, "federation", sealed))).reason, "PEER_INVALID_REQUEST");
  const late = checkpoints.seal(saying("late"), world.nowMs - 5_000, 500)!;
  assert.equal((await world.failure(raw.ask(two, "federation", late))).reason, "PEER_INVALID_REQUEST");
  assert.equal(inbox.length, 1);
  assert.equal(reputation(two, raw.id), 0, "neither proves bad faith");
  await world.failure(raw.ask(two, "federation", Uint8Array.of(0xff)));
  assert.ok(reputation(two, raw.id) < -9);
  const unheard = two.network.internalRef.ask(INTERNAL.sendFederation, {
    ...{ peerId: one.id, payload: saying("x"), lifetimeMs: 500 },
  });
  assert.equal((await world.failure(unheard)).reason, "PEER_RESOURCE_UNAVAILABLE");
});

test("a banned peer is served no more from that moment", async () => {
  const world = new World();
  const one = await world.node();
  await one.import(world.forge.next());
  const raw = await new RawPeer(world).join(one);
  const ask = () => raw.ask(one, "blocks-by-range", rangeRequest(1, 1));
  assert.equal((await ask()).length, 1, "the same request is answered before the ban");
  const banned = one.peer.ref.ask(PeerService.method.banPeer, { peerId: raw.id, reason: "test" });
  assert.equal((await world.failure(ask())).reason, "CONNECTION_LOST");
  await banned;
});
