/** Downloads, by themselves: who is asked for what, what an answer does to its batch, and who is told of. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Offence } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import {
  ANSWER_BYTES_MAX,
  type Mode,
  SLOW_ANSWERS_MAX,
  SLOW_PEER_MS,
  syncConfig,
  THROUGHPUT_SAMPLE_BYTES,
} from "../../../../../src/actors/sync/config.ts";
import { Batches } from "../../../../../src/actors/sync/range/batches.ts";
import { Downloads } from "../../../../../src/actors/sync/range/downloads.ts";
import { concatBytes } from "../../../../../src/chain/bytes.ts";
import { sha256 } from "../../../../../src/chain/hash.ts";
import { failure } from "../../../../../src/kernel/errors.ts";
import { Asking, TIMING } from "../asking.ts";
import { forgeBlocks } from "../sync-rig.ts";

const LENGTH = 256;
const BATCH = 64;
const { blocks } = forgeBlocks(LENGTH);
const run = (first: number, count: number): Uint8Array[] => blocks.slice(first - 1, first - 1 + count);

class World extends Asking {
  readonly ranges = new Batches();
  readonly downloads: Downloads;

  constructor(settings: { maxParallelDownloads?: number; bufferBytesMax?: number } = {}) {
    super();
    const config = { ...syncConfig(undefined, 2), batchBlocks: BATCH, ...settings };
    this.downloads = new Downloads({ ...this.parts(), config: { current: config }, ranges: this.ranges });
    this.ranges.restart(1);
    this.ranges.plan(LENGTH, BATCH);
  }

  parts() {
    const { peers, requests, metrics, effect } = this;
    return { peers, requests, metrics, effect };
  }

  send(mode: Mode = "FAST"): void {
    this.downloads.send(this.nowMs, undefined, mode);
  }

  /** `a 1..64` for each request, oldest first. */
  get sent(): string[] {
    return this.of("request").map(({ peerId, first, count }) => `${peerId} ${first}..${first + count - 1}`);
  }

  states(): string[] {
    return this.ranges.batches.map(({ state }) => state);
  }
}

test("batches are asked of the peer with most to give, two at a time of each, up to the limit of downloads", () => {
  const world = new World({ maxParallelDownloads: 3 });
  world.join("a", blocks.at(-1)!, { score: 90 });
  world.join("b", blocks.at(-1)!, { score: 10 });
  world.send();
  assert.deepEqual(world.sent, ["a 1..64", "a 65..128", "b 129..192"]);
  assert.deepEqual(world.states(), ["downloading", "downloading", "downloading", "awaiting"]);
  assert.equal(world.downloads.inFlight, 3);
  assert.equal(world.downloads.lowestHeight, 1);
});

test("in a recovery one request is on its way, whoever else could serve", () => {
  const world = new World();
  world.join("a", blocks.at(-1)!);
  world.join("b", blocks.at(-1)!);
  world.send("RECOVERY");
  world.send("RECOVERY");
  assert.deepEqual(world.sent, ["a 1..64"]);
});

test("only the batch that import waits for is asked for while the buffer is full", () => {
  const world = new World({ bufferBytesMax: ANSWER_BYTES_MAX });
  world.join("a", blocks.at(-1)!);
  world.send();
  assert.deepEqual(world.sent, ["a 1..64"]);
});

test("an answer moves its batch on and counts for the peer; its outcome again is stale", () => {
  const world = new World();
  world.join("a", blocks.at(-1)!);
  world.send();
  const { requestId } = world.of("request")[0]!;
  world.downloads.answered(requestId, run(1, BATCH), TIMING, world.nowMs);
  assert.equal(world.states()[0], "awaitingValidation");
  const [batch] = world.ranges.batches;
  assert(batch?.state === "awaitingValidation");
  assert.equal(batch.answer.attribution.peerId, "a");
  assert.deepEqual(world.of("performance"), [
    { type: "performance", peerId: "a", succeeded: true, ...TIMING, blocks: BATCH },
  ]);
  assert.equal(world.metrics.get("bytesDownloaded"), concatBytes(run(1, BATCH)).length);
  world.downloads.answered(requestId, run(1, BATCH), TIMING, world.nowMs);
  assert.equal(world.metrics.get("staleOutcomes"), 1);
});

test("an empty answer is the peer's failure and no offence, and the range goes elsewhere", () => {
  const world = new World({ maxParallelDownloads: 1 });
  world.join("a", blocks.at(-1)!, { score: 90 });
  world.join("b", blocks.at(-1)!, { score: 10 });
  world.send();
  world.downloads.answered(1, [], TIMING, world.nowMs);
  assert.equal(world.metrics.get("emptyAnswers"), 1);
  assert.equal(world.last("performance").succeeded, false);
  assert.deepEqual(world.of("offence"), []);
  assert.ok(world.peers.get("a")!.coolUntilMs > world.nowMs);
  world.send();
  assert.deepEqual(world.sent, ["a 1..64", "b 1..64"]);
});

for (const [what, answer, detail] of [
  ["other heights", run(2, BATCH), "the answer begins at height 2 instead of 1"],
  ["more than was asked for", run(1, BATCH + 1), "65 blocks instead of 64"],
  ["a gap", [...run(1, 3), ...run(5, 3)], "the answer ends at height 7 instead of 6"],
] as const) {
  test(`an answer with ${what} is proof: its sender is told of, with a digest of what it sent`, () => {
    const world = new World();
    world.join("a", blocks.at(-1)!);
    world.send();
    world.downloads.answered(1, answer, TIMING, world.nowMs);
    const evidence = sha256(concatBytes(answer));
    assert.deepEqual(world.of("offence"), [
      { type: "offence", peerId: "a", offence: Offence.WRONG_ANSWER, detail, evidence },
    ]);
    assert.equal(world.states()[0], "awaiting");
  });
}

test("an overdue request is asked of a second peer; whoever answers first counts, the other is cancelled", () => {
  const world = new World({ maxParallelDownloads: 1 });
  world.join("slow", blocks.at(-1)!, { score: 90 });
  world.join("fast", blocks.at(-1)!, { score: 10 });
  world.send();
  world.nowMs += 4_000;
  world.send();
  assert.deepEqual(
    world.sent,
    ["slow 1..64", "fast 65..128", "fast 1..64"],
    "the next batch goes on as well",
  );
  assert.equal(world.metrics.get("requestsHedged"), 1);
  const hedge = world.of("request").find(({ peerId, first }) => peerId === "fast" && first === 1)!;
  world.downloads.answered(hedge.requestId, run(1, BATCH), TIMING, world.nowMs);
  assert.deepEqual(world.of("cancel"), [{ type: "cancel", requestId: 1 }]);
  const failed = world.of("performance").filter(({ succeeded }) => !succeeded);
  assert.deepEqual(
    failed.map(({ peerId }) => peerId),
    ["slow"],
  );
  assert.ok(world.peers.get("slow")!.coolUntilMs > world.nowMs);
});

test("a peer that goes gives its requests back at once, and is asked last for them", () => {
  const world = new World({ maxParallelDownloads: 1 });
  world.join("a", blocks.at(-1)!, { score: 90 });
  world.send();
  world.join("b", blocks.at(-1)!, { score: 10 });
  world.downloads.peerGone("a");
  const [front] = world.ranges.batches;
  assert.equal(front?.state, "awaiting");
  assert.deepEqual(front?.failedPeers, ["a"]);
  assert.deepEqual(world.of("cancel"), [{ type: "cancel", requestId: 1 }]);
  world.send();
  assert.deepEqual(world.sent, ["a 1..64", "b 1..64"], "although a has the better score");
});

test("giving everything up blames nobody", () => {
  const world = new World();
  world.join("a", blocks.at(-1)!);
  world.send();
  world.downloads.cancelAll();
  assert.equal(world.downloads.inFlight, 0);
  assert.deepEqual(new Set(world.states()), new Set(["awaiting"]));
  assert.equal(world.of("cancel").length, 2);
  assert.deepEqual([...world.of("offence"), ...world.of("performance")], []);
  assert.equal(world.peers.get("a")!.requestsInFlight, 0);
});

test("a limit of the peer is waited for as long as it says, and held against nobody", () => {
  const world = new World({ maxParallelDownloads: 1 });
  world.join("a", blocks.at(-1)!);
  world.send();
  const reason = failure("RESOURCE_EXHAUSTED", "PEER_RATE_LIMITED", "later", { retryDelayMs: 300 });
  world.downloads.failed(1, reason, world.nowMs);
  assert.deepEqual(world.of("performance"), []);
  assert.equal(world.peers.get("a")!.coolUntilMs, world.nowMs + 300);
  world.nowMs += 299;
  world.send();
  assert.equal(world.sent.length, 1);
  world.nowMs += 1;
  world.send();
  assert.equal(world.sent.length, 2);
});

test("a peer too slow again and again is left alone for a minute; one good answer clears it", () => {
  const world = new World({ maxParallelDownloads: 1 });
  world.join("a", blocks.at(-1)!);
  const large = run(1, BATCH).map((block) =>
    concatBytes([block, new Uint8Array(THROUGHPUT_SAMPLE_BYTES / 8)]),
  );
  const answer = (durationMs: number): void => {
    world.ranges.restart(1);
    world.ranges.plan(LENGTH, BATCH);
    world.nowMs += 1_000;
    world.send();
    const { requestId } = world.last("request");
    world.downloads.answered(requestId, large, { ...TIMING, durationMs }, world.nowMs);
  };
  for (let count = 1; count < SLOW_ANSWERS_MAX; count++) answer(600_000);
  answer(100);
  for (let count = 1; count < SLOW_ANSWERS_MAX; count++) answer(600_000);
  assert.deepEqual(world.of("slowPeer"), [], "never so often in a row");
  answer(600_000);
  assert.deepEqual(world.of("slowPeer"), [{ type: "slowPeer", peerId: "a", leftAloneMs: SLOW_PEER_MS }]);
  assert.equal(world.peers.get("a")!.coolUntilMs, world.nowMs + SLOW_PEER_MS);
});

test("an idle peer takes over the second request of a busy one when nothing else is left", () => {
  const world = new World();
  world.ranges.restart(1);
  world.ranges.plan(2 * BATCH, BATCH);
  world.join("a", blocks.at(-1)!);
  world.send();
  assert.deepEqual(world.sent, ["a 1..64", "a 65..128"]);
  world.nowMs += 1_500;
  world.join("b", blocks.at(-1)!);
  world.send();
  assert.deepEqual(world.sent.slice(2), ["b 65..128"]);
  assert.deepEqual(world.of("cancel"), [{ type: "cancel", requestId: 2 }]);
  assert.equal(world.metrics.get("requestsStolen"), 1);
  assert.deepEqual(world.of("performance"), [], "nobody's failure");
});
