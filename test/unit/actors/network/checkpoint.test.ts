/** `checkpoint/1`: asked for, served with its evidence, refused before the handshake, and garbage that costs its sender. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { encodeCheckpointRequest } from "../../../../src/actors/network/checkpoints.ts";
import { decodeEvidence } from "../../../../src/chain/checkpoint/codec.ts";
import { verifyEvidence } from "../../../../src/chain/checkpoint/evidence.ts";
import { cutSegments } from "../../../../src/chain/segment.ts";
import type { Protocol } from "../../../../src/p2p/port.ts";
import { type Node, World } from "../peer/rig.ts";
import { RawPeer } from "./raw-peer.ts";

const protocols: readonly Protocol[] = ["status", "blocks-by-range", "checkpoint", "goodbye", "federation"];

const ask = (node: Node, peerId: string, heightMax: bigint) =>
  node.network.internalRef.ask(NetworkInternalService.method.requestCheckpoint, {
    peerId,
    heightMax,
    knownChangeHeight: 0n,
  });

async function withHistory(world: World): Promise<Node> {
  const node = await world.node({ protocols });
  const blocks = Array.from({ length: 160 }, () => world.forge.next());
  for (const segment of cutSegments(blocks)) await node.import(...segment);
  for (const height of [40, 80]) await world.drive(node.checkpoints.create(height));
  return node;
}

test("a checkpoint is asked for, served and holds under genesis's authorities", async () => {
  const world = new World();
  const [one, two] = [await world.node({ protocols }), await withHistory(world)];
  await world.connect(one, two);
  for (const [heightMax, expected] of [
    [0n, 80],
    [79n, 40],
  ] as const) {
    const { evidence } = await world.drive(ask(one, two.id, heightMax));
    const decoded = decodeEvidence(evidence);
    assert(decoded !== undefined);
    const known = { firstHeight: 1, authorities: world.forge.genesis.authorities };
    const verdict = verifyEvidence(decoded, known, one.chain.facts);
    assert(verdict.ok);
    assert.equal(verdict.proven.header.height, expected);
    assert.deepEqual(verdict.proven.hash, two.chain.hashAt(expected));
  }
  await world.failure(ask(one, two.id, 39n));
  await world.failure(ask(two, one.id, 0n));
});

test("no checkpoint is served before the handshake, or to a request that is none", async () => {
  const world = new World();
  const one = await withHistory(world);
  const raw = await new RawPeer(world).join(one, false);
  const request = encodeCheckpointRequest({ heightMax: 0n, knownChangeHeight: 0n });
  const refused = await world.failure(raw.ask(one, "checkpoint", request));
  assert.equal(refused.reason, "PEER_INVALID_REQUEST");
  await raw.ask(one, "status", raw.status());
  assert.equal((await raw.ask(one, "checkpoint", request)).length, 1);
  const wrong = await world.failure(raw.ask(one, "checkpoint", Uint8Array.of(0xff)));
  assert.equal(wrong.reason, "PEER_INVALID_REQUEST");
  assert((one.book.get(raw.id)?.reputation.value ?? 0) < 0);
});

test("an answer that is no evidence is refused and costs its sender", async () => {
  const world = new World();
  const one = await world.node({ protocols });
  const raw = await new RawPeer(world).join(one);
  raw.answers.set("checkpoint", () => [Uint8Array.of(1, 2, 3)]);
  assert.equal((await world.failure(ask(one, raw.id, 0n))).reason, "RESPONSE_MALFORMED");
  await world.run(50);
  assert((one.book.get(raw.id)?.reputation.value ?? 0) < 0);
});
