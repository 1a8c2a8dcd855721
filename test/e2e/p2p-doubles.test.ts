/** Two connections of one pair over real libp2p: whichever closes, gossip goes on over the other, and one is kept. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { enveloped } from "../contract/host-harness.ts";
import {
  assertFlows,
  Doubled,
  freezingProxy,
  HEARTBEAT_MS,
  part,
  plainPeer,
  type TransportName,
  until,
} from "./doubles-world.ts";

const SEED = 20_261_130;

for (const transport of ["tcp", "quic"] satisfies TransportName[]) {
  describe(`doubled connections over ${transport}`, () => {
    const one = new Doubled(SEED, transport);
    const two = new Doubled(SEED + 1, transport);

    before(async () => {
      await one.open();
      await two.open();
    });
    after(async () => {
      await Promise.all([one.host.close(), two.host.close()]);
    });

    for (const [closed, ends] of [
      ["the first is closed", "first"],
      ["the second is closed", "second"],
      ["the first is reset", "first"],
      ["the second is reset", "second"],
    ] as const) {
      test(`gossip goes on when ${closed} of two`, async () => {
        for (const closer of [one, two]) {
          await part(one, two);
          await one.dial(two);
          await assertFlows(one, two, "over one connection");
          const identified = [one.identified, two.identified] as const;
          await two.dial(one);
          await until(
            () => one.identified > identified[0] && two.identified > identified[1],
            "the second connection is identified",
          );
          await until(() => one.to(two).length === 2 && two.to(one).length === 2, "two connections");
          const other = closer === one ? two : one;
          const connection = closer.to(other)[ends === "first" ? 0 : 1];
          assert.ok(connection !== undefined);
          if (closed.endsWith("reset")) connection.abort(new Error("reset by the test"));
          else await connection.close();
          await assertFlows(one, two, closed);
        }
      });
    }

    test("both dial at once: gossip flows, and both keep the same one connection", async () => {
      for (let round = 0; round < 4; round++) {
        await part(one, two);
        await Promise.all([one.dial(two), two.dial(one)]);
        await assertFlows(one, two, "both dialled");
        await until(() => one.to(two).length === 1 && two.to(one).length === 1, "one connection is kept");
        await assertFlows(one, two, "one is kept");
        const smaller = one.host.peerId < two.host.peerId ? one : two;
        const larger = smaller === one ? two : one;
        assert.equal(smaller.to(larger)[0]?.direction, "outbound", "the smaller id's own is kept");
      }
    });

    test("a request that runs on a surplus connection ends before it is closed", async () => {
      await part(one, two);
      await two.dial(one);
      await one.dial(two);
      const answer = await one.host.request(two.host.peerId, "status", Uint8Array.of(1), {
        firstByteDeadlineMs: 5000,
        deadlineMs: 8000,
        responseBytesMax: 64,
        chunkBytesMax: 64,
        chunksMax: 1,
      });
      assert.deepEqual(answer, [Uint8Array.of(1)]);
      await until(() => one.to(two).length === 1 && two.to(one).length === 1, "one connection is kept");
    });

    test("a peer on plain gossipsub whose streams are lost is heard again", async () => {
      await part(one, two);
      const plain = await plainPeer(transport);
      const id = plain.node.peerId.toString();
      const hears = async (what: string): Promise<void> => {
        const startMs = performance.now();
        await until(() => one.host.stats().deafPeers.length === 0, `${what}: nobody is deaf`);
        for (;;) {
          const there = await one.say();
          const word = Buffer.from(enveloped(Buffer.from(`plain ${performance.now()}`)));
          await plain.say(new Uint8Array(word));
          const both = (): boolean => plain.heard.has(there.said) && one.heard.has(word.toString("hex"));
          if ((await until(both, "heard", 200).catch(() => undefined)) !== undefined) return;
          assert.ok(performance.now() - startMs < 4 * HEARTBEAT_MS, `${what}: gossip flows`);
        }
      };
      try {
        await one.node.dial(plain.node.getMultiaddrs());
        await hears("one connection");
        const [first] = plain.node.getConnections();
        await plain.node.dial(one.node.getMultiaddrs(), { force: true });
        await until(() => one.host.connections().length === 2, "two connections");
        await first?.close();
        await hears("the first of two is closed");
        for (const stream of plain.node.getConnections().flatMap(({ streams }) => streams)) {
          if (stream.protocol.startsWith("/meshsub/")) stream.abort(new Error("reset by the test"));
        }
        await hears("its streams are reset");
        assert.deepEqual(
          one.host.connections().map(({ peerId }) => peerId),
          [id],
        );
      } finally {
        await plain.node.stop();
      }
    });
  });
}

test("a peer that comes back at another address hears and is heard before the old connection is cut", async () => {
  const [one, two, again] = [new Doubled(1, "tcp"), new Doubled(2, "tcp"), new Doubled(2, "tcp")];
  assert.equal(two.host.peerId, again.host.peerId);
  await Promise.all([one.open(), two.open(), again.open()]);
  const port = Number(/tcp\/(\d+)/.exec(two.host.addresses()[0] ?? "")?.[1]);
  const proxy = await freezingProxy(port);
  try {
    await one.host.dial(two.host.peerId, [`/ip4/127.0.0.1/tcp/${proxy.port}`], { deadlineMs: 10_000 });
    await assertFlows(one, two, "before");
    proxy.freeze();
    await again.host.dial(one.host.peerId, one.host.addresses(), { deadlineMs: 10_000 });
    await assertFlows(one, again, "back");
    await until(() => one.to(again).length === 1, "the old connection is cut");
    await assertFlows(one, again, "the old connection is cut");
  } finally {
    proxy.close();
    await Promise.all([one, two, again].map(({ host }) => host.close()));
  }
});
