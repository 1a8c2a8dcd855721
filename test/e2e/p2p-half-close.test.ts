/**
 * A peer that closes its half once its request is sent, as rust-libp2p's request_response and many others do, gets its whole
 * answer, over TCP and QUIC; one that resets its stream frees its place at once.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stream } from "@libp2p/interface";
import { encodeChunk, encodeEnd, encodeRequest } from "../../src/p2p/framing.ts";
import { protocolId } from "../../src/p2p/protocols.ts";
import { Doubled, plainPeer, type TransportName, until } from "./doubles-world.ts";

const STATUS = protocolId(new Uint8Array(32).fill(0x5a), "status");
const ANSWER = [new Uint8Array(200_000).fill(1), new Uint8Array(100_000).fill(2)];

for (const transport of ["tcp", "quic"] satisfies TransportName[]) {
  test(`a request whose sender closes its half is answered in full over ${transport}`, async () => {
    const ours = new Doubled(1, transport, () => ANSWER);
    await ours.open();
    const plain = await plainPeer(transport);
    try {
      const connection = await plain.node.dial(ours.node.getMultiaddrs());
      for (let round = 0; round < 8; round++) {
        const stream = await connection.newStream(STATUS);
        const whole = readAll(stream);
        stream.send(encodeRequest(Uint8Array.of(round)));
        await stream.close();
        assert.deepEqual(await whole, Buffer.concat([...ANSWER.map(encodeChunk), encodeEnd()]));
      }
      assert.deepEqual([ours.violations, ours.host.stats().requestsServing], [0, 0]);
    } finally {
      await Promise.all([ours.host.close(), plain.node.stop()]);
    }
  });

  test(`a request whose stream is reset frees its place before it is answered over ${transport}`, async () => {
    const ours = new Doubled(1, transport, () => undefined);
    await ours.open();
    const plain = await plainPeer(transport);
    try {
      const connection = await plain.node.dial(ours.node.getMultiaddrs());
      const stream = await connection.newStream(STATUS);
      stream.send(encodeRequest(Uint8Array.of(1)));
      await until(() => ours.host.stats().requestsWaiting === 1, "the request waits");
      stream.abort(new Error("no longer wanted"));
      await until(() => ours.host.stats().requestsServing === 0, "its place is free", 5000);
      assert.equal(ours.violations, 0);
    } finally {
      await Promise.all([ours.host.close(), plain.node.stop()]);
    }
  });
}

async function readAll(stream: Stream): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece.subarray());
  return Buffer.concat(pieces);
}
