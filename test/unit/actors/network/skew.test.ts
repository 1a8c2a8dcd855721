/** Peers of another version and with another clock: what they send that we do not know, or too early, is blamed on nobody. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { BlocksByRangeRequestSchema, StatusSchema } from "../../../../gen/alys/wire/v1/wire_pb.ts";
import { type Node, World } from "../peer/rig.ts";
import { RawPeer } from "./raw-peer.ts";

const reputation = (node: Node, peerId: string): number => node.book.get(peerId)?.reputation.value ?? 0;

/** The same message with a field that this version does not know: number 100, a varint. */
const newer = (message: Uint8Array): Uint8Array => Uint8Array.of(...message, 0xa0, 0x06, 0x01);

test("a newer version's messages, with fields that we do not know, are taken", async () => {
  const world = new World();
  const one = await world.node();
  await one.import(world.forge.next());
  const raw = await new RawPeer(world).join(one, false);
  await raw.ask(one, "status", newer(raw.status()));
  const range = create(BlocksByRangeRequestSchema, { startHeight: 1n, count: 1 });
  const chunks = await raw.ask(one, "blocks-by-range", newer(toBinary(BlocksByRangeRequestSchema, range)));
  assert.equal(chunks.length, 1);
  await raw.ask(one, "goodbye", Uint8Array.of(0x08, 99));
  await world.run(100);
  assert.equal(reputation(one, raw.id), 0);
});

test("a peer that speaks no version of ours, or a reason that we do not know, is refused and not accused", async () => {
  const world = new World();
  const one = await world.node();
  const raw = await new RawPeer(world).join(one, false);
  const { genesis } = world.forge;
  const status = create(StatusSchema, {
    versions: [7, 8],
    genesisHash: genesis.hash,
    headHeader: genesis.header,
    finalHash: genesis.hash,
  });
  await raw.ask(one, "status", toBinary(StatusSchema, status));
  await world.run(100);
  assert.equal((await one.connected()).size, 0);
  assert.equal(reputation(one, raw.id), 0);
});

test("a peer without the status protocol is refused for that, and not as one of another chain", async () => {
  const world = new World();
  const one = await world.node();
  const two = await world.node({ protocols: ["blocks-by-range", "goodbye"] });
  const refused = await world.failure(one.connect(two));
  assert.equal(refused.reason, "HANDSHAKE_REFUSED");
  assert.match(refused.message, /does not answer the status protocol/);
  assert.doesNotMatch(refused.message, /another chain/);
  await world.run(100);
  assert.equal(reputation(one, two.id), 0);
});
