/** The mailbox and its ring. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LANES, Mailbox } from "../../../../src/kernel/actor/mailbox.ts";
import { Ring } from "../../../../src/kernel/ring.ts";

const [CONTROL, CONSENSUS, NORMAL, BULK] = LANES.map((_, index) => index) as [number, number, number, number];

test("take() keeps the order within a lane and prefers the higher lane", () => {
  const mailbox = new Mailbox<string>();
  mailbox.offer(BULK, "bulk 1", 1, "refuse");
  mailbox.offer(NORMAL, "normal 1", 1, "refuse");
  mailbox.offer(CONSENSUS, "consensus 1", 1, "refuse");
  mailbox.offer(CONSENSUS, "consensus 2", 1, "refuse");
  mailbox.offer(CONTROL, "control 1", 1, "refuse");
  mailbox.pushOwn("own");
  const taken = Array.from({ length: 6 }, () => mailbox.take());
  assert.deepEqual(taken, ["own", "control 1", "consensus 1", "consensus 2", "normal 1", "bulk 1"]);
  assert.equal(mailbox.take(), undefined);
  assert.equal(mailbox.length, 0);
});

test("take() serves every lane in a round of 96, and at most 4 of bulk between two of consensus", () => {
  const mailbox = new Mailbox<number>();
  for (let count = 0; count < 200; count++) {
    for (let lane = 0; lane < LANES.length; lane++) mailbox.offer(lane, lane, 1, "refuse");
    mailbox.pushOwn(-1);
  }
  const round = Array.from({ length: 96 }, () => mailbox.take());
  const shares = [-1, CONTROL, CONSENSUS, NORMAL, BULK].map(
    (lane) => round.filter((taken) => taken === lane).length,
  );
  assert.deepEqual(shares, [32, 32, 16, 12, 4]);
});

test("offer() says what it dropped, and refuses what can never fit", () => {
  const mailbox = new Mailbox<string>({ bulk: { messagesMax: 10, bytesMax: 100 } });
  mailbox.offer(BULK, "a", 40, "refuse");
  mailbox.offer(BULK, "b", 40, "refuse");
  assert.deepEqual(mailbox.offer(BULK, "c", 40, "refuse"), { isAccepted: false, cause: "full" });
  assert.deepEqual(mailbox.offer(BULK, "d", 90, "drop_oldest"), { isAccepted: true, dropped: ["a", "b"] });
  assert.deepEqual(mailbox.offer(BULK, "e", 101, "drop_oldest"), { isAccepted: false, cause: "too_large" });
  assert.deepEqual(mailbox.depthOf(BULK), { messages: 1, bytes: 90 });
});

test("drainAll() empties every lane", () => {
  const mailbox = new Mailbox<string>();
  mailbox.offer(BULK, "bulk", 1, "refuse");
  mailbox.pushOwn("own");
  mailbox.offer(CONTROL, "control", 1, "refuse");
  assert.deepEqual(mailbox.drainAll(), ["own", "control", "bulk"]);
  assert.equal(mailbox.length, 0);
  assert.deepEqual(mailbox.depthOf(BULK), { messages: 0, bytes: 0 });
});

test("Ring keeps order over growth and wrapping", () => {
  const ring = new Ring<number>();
  for (let round = 0; round < 10; round++) {
    for (let count = 0; count < 10; count++) ring.push(round * 10 + count);
    for (let count = 0; count < 5; count++) ring.shift();
  }
  assert.equal(ring.length, 50);
  assert.deepEqual(
    ring.toArray(),
    Array.from({ length: 50 }, (_, index) => 50 + index),
  );
  assert.equal(ring.at(0), 50);
  assert.equal(ring.at(49), 99);
  assert.equal(ring.at(50), undefined);
  ring.clear();
  assert.equal(ring.shift(), undefined);
});
