/** BackFill, by itself: from the top down, each run from one peer, blame for what does not lead to ours. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Offence } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import { BackFill } from "../../../../../src/actors/sync/backfill/back-fill.ts";
import { failure } from "../../../../../src/kernel/errors.ts";
import { Asking, TIMING } from "../asking.ts";
import { forgeBlocks } from "../sync-rig.ts";

const LENGTH = 600;
const MISSING = 500;
const { blocks } = forgeBlocks(LENGTH);
const HEAD = blocks.at(-1)!;
const run = (first: number, last: number): Uint8Array[] => blocks.slice(first - 1, last);

class World extends Asking {
  readonly backFill = new BackFill(this);

  move(): void {
    this.backFill.move(this.nowMs);
  }

  get sent(): string[] {
    return this.of("request").map(({ peerId, first, count }) => `${peerId} ${first}..${first + count - 1}`);
  }

  /** The newest request is answered with these blocks. */
  answer(answered: readonly Uint8Array[]): void {
    this.backFill.answered(this.last("request").requestId, answered, TIMING, this.nowMs);
    this.move();
  }

  /** The newest run is written; so many are missing now. */
  written(missing: number): void {
    this.backFill.prepended(this.last("prepend").runId, missing, undefined);
    this.move();
  }
}

function begun(...peers: string[]): World {
  const world = new World();
  for (const peerId of peers) world.join(peerId, HEAD);
  world.backFill.begin(MISSING);
  world.move();
  return world;
}

test("history comes from the top down, run after run, and its end is told once", () => {
  const world = begun("a");
  assert.deepEqual(world.sent, ["a 245..500"]);
  world.answer(run(245, 500));
  assert.deepEqual(world.last("prepend").blocks, run(245, 500));
  world.move();
  assert.equal(world.sent.length, 1, "the next run waits until this one is written");
  world.written(244);
  assert.deepEqual(world.sent.slice(1), ["a 1..244"]);
  world.answer(run(1, 244));
  world.written(0);
  assert.deepEqual(world.of("backFilled"), [{ type: "backFilled", failure: undefined }]);
  assert.equal(world.backFill.isRunning, false);
});

test("where nothing is missing it ends at once", () => {
  const world = new World();
  world.backFill.begin(0);
  assert.deepEqual(world.of("backFilled"), [{ type: "backFilled", failure: undefined }]);
});

test("after a short answer the same peer is asked for the rest, and the run is handed over whole", () => {
  const world = begun("a", "b");
  world.answer(run(245, 300));
  assert.deepEqual(world.sent, ["a 245..500", "a 301..500"]);
  assert.deepEqual(world.of("prepend"), []);
  world.answer(run(301, 500));
  assert.deepEqual(world.last("prepend").blocks, run(245, 500));
});

test("a peer that does not have it, or fails, is asked last; the next one is asked for the whole run", () => {
  const world = begun("a", "b", "c");
  world.answer([]);
  assert.deepEqual(world.sent.at(-1), "b 245..500");
  world.answer(run(245, 260));
  const { requestId } = world.last("request");
  world.backFill.requestFailed(requestId, failure("UNAVAILABLE", "X", "it broke"), world.nowMs);
  world.move();
  assert.deepEqual(world.sent.at(-1), "c 245..500");
  assert.deepEqual(world.of("offence"), []);
  assert.ok(world.peers.get("b")!.coolUntilMs > world.nowMs);
});

test("a peer whose blocks do not lead to ours is told of and asked no more", () => {
  const world = begun("a", "b");
  world.answer(run(245, 500));
  const wrong = failure("DATA_LOSS", "WRONG_HISTORY", "block 500 is not the parent of the one above");
  world.backFill.prepended(world.last("prepend").runId, MISSING, wrong);
  const [offence] = world.of("offence");
  assert.equal(offence?.peerId, "a");
  assert.equal(offence?.offence, Offence.WRONG_ANSWER);
  assert.equal(offence?.detail, wrong.message);
  world.nowMs += 60_000;
  world.move();
  assert.deepEqual(world.sent.at(-1), "b 245..500");
  world.backFill.peerGone("b");
  world.peers.remove("b");
  world.move();
  assert.equal(world.sent.length, 2, "the liar is not asked even when nobody else is there");
});

test("other heights than were asked for are proof at once", () => {
  const world = begun("a");
  world.answer(run(244, 499));
  assert.equal(world.of("offence")[0]?.detail, "the answer begins at height 244 instead of 245");
  world.nowMs += 60_000;
  world.move();
  assert.equal(world.sent.length, 1);
});

test("a failure of our own disk ends it, and nobody is blamed", () => {
  const world = begun("a");
  world.answer(run(245, 500));
  const full = failure("RESOURCE_EXHAUSTED", "DISK_FULL", "no space left");
  world.backFill.prepended(world.last("prepend").runId, MISSING, full);
  assert.deepEqual(world.of("backFilled"), [{ type: "backFilled", failure: full }]);
  assert.deepEqual(world.of("offence"), []);
  world.move();
  assert.equal(world.sent.length, 1);
});

test("a run whose blocks are large is asked for again, half as long", () => {
  const world = begun("a");
  const large = run(245, 380).map((block) => Buffer.concat([block, Buffer.alloc(70_000)]));
  world.answer(large);
  assert.deepEqual(world.sent, ["a 245..500", "a 373..500"]);
});

test("ended, it asks no more: its request is cancelled, and what is written later belongs to nothing", () => {
  const world = begun("a");
  world.backFill.end();
  assert.deepEqual(world.of("cancel"), [{ type: "cancel", requestId: 1 }]);
  world.move();
  assert.equal(world.sent.length, 1);
  const late = begun("a");
  late.answer(run(245, 500));
  const { runId } = late.last("prepend");
  late.backFill.begin(MISSING);
  late.backFill.prepended(runId, 0, undefined);
  assert.ok(late.backFill.isRunning, "it is the new one's turn");
  assert.deepEqual(late.of("backFilled"), []);
});

test("a peer that goes takes its run with it, unless the chain has it already", () => {
  const world = begun("a");
  world.backFill.peerGone("a");
  world.peers.remove("a");
  world.join("b", HEAD);
  world.move();
  assert.deepEqual(world.sent, ["a 245..500", "b 245..500"]);
  world.answer(run(245, 500));
  world.backFill.peerGone("b");
  world.written(244);
  assert.equal(world.backFill.isRunning, true);
  assert.deepEqual(world.of("backFilled"), []);
});

test("a peer is asked for what it has: its history may begin higher", () => {
  const world = new World();
  world.join("young", HEAD, { earliest: 300, score: 100 });
  world.join("old", HEAD, { score: 1 });
  world.backFill.begin(MISSING);
  world.move();
  assert.deepEqual(world.sent, ["old 245..500"]);
});
