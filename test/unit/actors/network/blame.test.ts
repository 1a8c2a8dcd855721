/** NetworkActor: what a peer is blamed for and what not, and that what clients publish is judged first. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type GossipMessage,
  NetworkInternalService,
  NetworkService,
} from "../../../../gen/alys/network/v1/network_pb.ts";
import {
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
} from "../../../../gen/alys/wire/v1/wire_pb.ts";
import { type Node, World } from "../peer/rig.ts";
import { RawPeer } from "./raw-peer.ts";

const METHODS = NetworkService.method;
const INTERNAL = NetworkInternalService.method;

const rangeRequest = (startHeight: number, count: number): Uint8Array =>
  toBinary(
    BlocksByRangeRequestSchema,
    create(BlocksByRangeRequestSchema, { startHeight: BigInt(startHeight), count }),
  );

function watchGossip(node: Node): GossipMessage[] {
  const messages: GossipMessage[] = [];
  const onMessage = ({ event }: { event: { case?: string | undefined; value?: unknown } }): void => {
    if (event.case === "message") messages.push(event.value as GossipMessage);
  };
  node.network.internalRef.watch(INTERNAL.watchGossip, {}, { onMessage, onEnd: () => undefined });
  return messages;
}

const reputation = (node: Node, peerId: string): number => node.book.get(peerId)?.reputation.value ?? 0;

test("broadcastBlock publishes only what peers would forward, and says why it does not", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  await world.connect(one, two);
  const arrived = watchGossip(two);
  const [first, second] = [world.forge.next(), world.forge.next()];
  await one.import(first);
  const send = (ssz: Uint8Array) => one.network.ref.ask(METHODS.broadcastBlock, { block: { ssz } });
  const publish = (block: Uint8Array) => one.network.internalRef.ask(INTERNAL.publishBlock, { block });
  const altered = (block: Uint8Array, at: number): Uint8Array<ArrayBuffer> => {
    const copy = block.slice();
    copy[at]! ^= 1;
    return copy;
  };
  // A byte of the state root, of the signature at the end, and of the slot, each of a new block and of one that is here.
  for (const block of [first, second]) {
    for (const at of [60, block.length - 3, 44]) {
      const refused = await world.failure(send(altered(block, at)));
      assert.equal(refused.code, "INVALID_ARGUMENT", `byte ${at}`);
      assert.match(refused.reason, /BLOCK_NOT_VALID|BLOCK_MALFORMED/);
      assert.equal(refused.detail.field, "block.ssz");
      assert.equal((await world.failure(publish(altered(block, at)))).code, "INVALID_ARGUMENT");
    }
  }
  world.forge.next();
  const early = await world.failure(send(world.forge.next()));
  assert.deepEqual([early.code, early.reason], ["FAILED_PRECONDITION", "BLOCK_PARENT_UNKNOWN"]);
  assert.equal(arrived.length, 0);
  assert.equal((await world.drive(send(second))).peersReached, 1, "valid, though not imported here");
  await world.run(50);
  assert.deepEqual(arrived.at(-1)?.payload, second);
  assert.equal(reputation(two, one.id), 0);
});

test("a request that overtakes the news of the handshake is served, one of a stranger refused", async () => {
  const world = new World();
  const one = await world.node();
  await one.import(world.forge.next());
  const raw = await new RawPeer(world).join(one, false);
  const [served, greeted] = [
    raw.ask(one, "blocks-by-range", rangeRequest(1, 1)),
    raw.ask(one, "status", raw.status()),
  ];
  const [chunk] = await served;
  await greeted;
  assert.equal(fromBinary(BlocksByRangeResponseSchema, chunk!).blocks.length, 1);
  const stranger = await new RawPeer(world).join(one, false);
  const refused = await world.failure(stranger.ask(one, "blocks-by-range", rangeRequest(1, 1)));
  assert.equal(refused.reason, "PEER_INVALID_REQUEST");
  assert.deepEqual([reputation(one, raw.id), reputation(one, stranger.id)], [0, 0]);
});

test("a flood of requests above its own limit costs the peer, one at its limit does not", async () => {
  const world = new World();
  const one = await world.node();
  await one.import(world.forge.next());
  const [honest, flooder] = [await new RawPeer(world).join(one), await new RawPeer(world).join(one)];
  const ask = async (raw: RawPeer, perSecond: number): Promise<void> => {
    for (let asked = 0; asked < 8 * perSecond; asked++) {
      const options = { firstByteDeadlineMs: 500, deadlineMs: 500, responseBytesMax: 9_999 };
      const bounds = { chunkBytesMax: 9_999, chunksMax: 9 };
      const request = { ...options, ...bounds };
      raw.host.request(one.id, "blocks-by-range", rangeRequest(1, 1), request).catch(() => {});
      await world.run(1000 / perSecond);
    }
  };
  await ask(honest, 50);
  await world.run(2_000);
  assert.equal(reputation(one, honest.id), 0);
  await ask(flooder, 400);
  assert.ok(reputation(one, flooder.id) < -4);
  assert.equal(reputation(one, honest.id), 0);
});
