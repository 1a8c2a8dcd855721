/** The room of gossip: nobody fills it, and new blocks find a place in it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GossipQueue, type QueuedMessage } from "../../../src/p2p/gossip-queue.ts";

const MIB = 1024 * 1024;

function queued(peerId: string, changes: Partial<QueuedMessage> = {}): QueuedMessage {
  return { peerId, topic: "blocks", bytes: 1_000, isReserved: false, isFresh: true, ...changes };
}

function enterMany(room: GossipQueue, number: number, make: (index: number) => QueuedMessage): number {
  return Array.from({ length: number }, (_, index) => room.enter(make(index))).filter(Boolean).length;
}

test("a peer has an eighth of the queue, a reserved one a quarter, in messages and bytes", () => {
  const room = new GossipQueue();
  assert.equal(
    enterMany(room, 100, () => queued("one")),
    8,
  );
  assert.equal(
    enterMany(room, 100, () => queued("member", { isReserved: true })),
    16,
  );
  assert.equal(
    enterMany(room, 100, () => queued("large", { bytes: 2 * MIB })),
    4,
  );
  assert.equal(
    enterMany(room, 3_000, () => queued("one", { topic: "transactions" })),
    256,
  );
  assert.equal(
    enterMany(room, 100, () => queued("large", { topic: "transactions", bytes: MIB })),
    2,
  );
});

test("ordinary peers together leave a quarter to reserved ones", () => {
  const room = new GossipQueue();
  assert.equal(
    enterMany(room, 200, (index) => queued(`peer ${index}`)),
    48,
  );
  assert.equal(
    enterMany(room, 200, (index) => queued(`member ${index}`, { isReserved: true })),
    16,
  );
});

test("blocks that do not look new leave room for those that do", () => {
  const room = new GossipQueue();
  assert.equal(
    enterMany(room, 10, () => queued("one", { isFresh: false })),
    4,
  );
  assert.equal(
    enterMany(room, 100, (index) => queued(`peer ${index}`, { isFresh: false })),
    20,
  );
  assert.equal(room.enter(queued("one")), true);
  assert.equal(room.enter(queued("honest")), true);
});

test("a peer brings one approval of a header at a time, and four peers one each", () => {
  const room = new GossipQueue();
  const first = queued("one", { block: "b" });
  assert.equal(room.enter(first), true);
  assert.equal(room.enter(queued("one", { block: "b" })), false);
  assert.equal(
    enterMany(room, 9, (index) => queued(`peer ${index}`, { block: "b" })),
    3,
  );
  room.leave(first);
  assert.equal(room.enter(queued("another", { block: "b" })), true);
});

const messages = fc.record({
  peerId: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
  topic: fc.constantFrom("blocks" as const, "transactions" as const),
  bytes: fc.integer({ min: 1, max: 2 * MIB }),
  isFresh: fc.boolean(),
  block: fc.option(fc.constantFrom("x", "y", "z"), { nil: undefined }),
});

test("whatever comes and goes, no peer has more than its share and an honest peer finds room", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(messages, fc.boolean()), { maxLength: 400 }), (steps) => {
      const room = new GossipQueue();
      const inside: QueuedMessage[] = [];
      for (const [asked, leaves] of steps) {
        // Five attackers, who never leave, and others who do.
        const made: QueuedMessage = { ...asked, isReserved: false };
        if (room.enter(made)) inside.push(made);
        const own = inside.filter(({ peerId, topic }) => peerId === made.peerId && topic === made.topic);
        assert.ok(own.length <= (made.topic === "blocks" ? 8 : 256));
        assert.ok(own.reduce((sum, { bytes }) => sum + bytes, 0) <= (made.topic === "blocks" ? 8 : 2) * MIB);
        const gone = leaves ? inside.findIndex(({ peerId }) => peerId > "e") : -1;
        if (gone >= 0) room.leave(inside.splice(gone, 1)[0] as QueuedMessage);
      }
      const blocks = inside.filter(({ topic }) => topic === "blocks");
      if (new Set(blocks.map(({ peerId }) => peerId)).size <= 5)
        assert.equal(room.enter(queued("honest", { block: "new", bytes: 2 * MIB })), true);
    }),
    { numRuns: 200 },
  );
});

test("a room that everybody left is as new", () => {
  fc.assert(
    fc.property(fc.array(messages, { maxLength: 200 }), (asked) => {
      const room = new GossipQueue();
      const inside = asked
        .map((one): QueuedMessage => ({ ...one, isReserved: false }))
        .filter((one) => room.enter(one));
      assert.equal(room.messages, inside.length);
      for (const one of inside) room.leave(one);
      assert.equal(room.messages, 0);
      assert.equal(
        enterMany(room, 200, (index) => queued(`peer ${index}`)),
        48,
      );
    }),
    { seed: 28, numRuns: 100 },
  );
});
