/** The small organs: ranges, cutting, peers and their choice, targets, progress, outcomes, liveness. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { PeerInfoSchema } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { BATCHES_MAX, syncConfig } from "../../../../src/actors/sync/config.ts";
import { requestFailurePolicy } from "../../../../src/actors/sync/errors.ts";
import { chooseTarget, lagOf } from "../../../../src/actors/sync/head.ts";
import { Seen } from "../../../../src/actors/sync/live/seen.ts";
import { SyncMetrics } from "../../../../src/actors/sync/metrics.ts";
import { Operations } from "../../../../src/actors/sync/operation.ts";
import { wholeSegments } from "../../../../src/actors/sync/range/answer.ts";
import { newBatch, stepBatch } from "../../../../src/actors/sync/range/batch.ts";
import { Batches } from "../../../../src/actors/sync/range/batches.ts";
import { cutSlots } from "../../../../src/actors/sync/range/cut.ts";
import { decideImport } from "../../../../src/actors/sync/range/import-outcome.ts";
import { type Candidate, choosePeer } from "../../../../src/actors/sync/range/peer-choice.ts";
import { findStuck, ticketKey } from "../../../../src/actors/sync/range/stuck.ts";
import { etaMs, progressPpm, RateMeter } from "../../../../src/actors/sync/status/progress.ts";
import { SyncPeers } from "../../../../src/actors/sync/sync-peers.ts";
import { blockFault } from "../../../../src/chain/block-fault.ts";
import { failure } from "../../../../src/kernel/errors.ts";
import { forgeBlocks } from "./sync-rig.ts";

const hash = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

test("Ranges plans contiguous batches up to the target and the bound", () => {
  const ranges = new Batches();
  ranges.restart(10);
  ranges.plan(200, 64);
  const planned = ranges.batches.map(({ range }) => [range.first, range.first + range.count - 1]);
  // The first one ends at a multiple of 64, and so do the others but the last.
  assert.deepEqual(planned, [
    [10, 64],
    [65, 128],
    [129, 192],
    [193, 200],
  ]);
  ranges.plan(1_000_000, 64);
  assert.equal(ranges.batches.length, BATCHES_MAX);
});

test("Ranges keeps the rest of a short answer as a batch of its own, and drops what is below", () => {
  const ranges = new Batches();
  ranges.restart(1);
  ranges.plan(64, 64);
  const batch = ranges.front!;
  const sent = stepBatch(batch, { type: "requested", peerId: "a", requestId: 1, nowMs: 0 })!;
  ranges.replace(sent);
  const answer = {
    attribution: { peerId: "a", requestId: 1, digest: hash(1) },
    blocks: [new Uint8Array(5), new Uint8Array(5)],
    bytes: 10,
  };
  ranges.replace(stepBatch(sent, { type: "delivered", requestId: 1, answer })!);
  assert.deepEqual(
    ranges.batches.map(({ range, state }) => [range.first, range.count, state]),
    [
      [1, 2, "awaitingValidation"],
      [3, 62, "awaiting"],
    ],
  );
  assert.equal(ranges.heldBytes, 10);
  ranges.restart(1);
  ranges.plan(128, 64);
  ranges.dropBelow(64);
  assert.equal(ranges.front?.range.first, 65);
});

test("cutSlots() cuts at 64, at the alignment and where every block is verified", () => {
  const { blocks } = forgeBlocks(150);
  const cut = (first: number, everyBlockFrom: number) =>
    cutSlots(blocks.slice(first - 1), first, everyBlockFrom).map((slot) => [
      first + slot.start,
      slot.count,
      slot.policy,
    ]);
  assert.deepEqual(cut(1, 151), [
    [1, 64, "SEGMENT"],
    [65, 64, "SEGMENT"],
    [129, 22, "SEGMENT"],
  ]);
  assert.deepEqual(cut(60, 87), [
    [60, 5, "SEGMENT"],
    [65, 22, "SEGMENT"],
    [87, 42, "EVERY_BLOCK"],
    [129, 22, "EVERY_BLOCK"],
  ]);
  assert.deepEqual(cut(129, 0), [[129, 22, "EVERY_BLOCK"]]);
});

function candidate(peerId: string, change: Partial<Candidate> = {}): Candidate {
  return {
    peerId,
    score: 50,
    headHeight: 1000,
    earliestHeight: 1,
    requestsInFlight: 0,
    coolUntilMs: 0,
    ...change,
  };
}

test("choosePeer() weighs score by what is in flight, and asks who failed here last", () => {
  const range = { first: 100, count: 64 };
  const choose = (candidates: Candidate[], failed: string[] = []) =>
    choosePeer(candidates, range, failed, 50)?.peerId;
  assert.equal(choose([candidate("a", { score: 10 }), candidate("b", { score: 90 })]), "b");
  assert.equal(
    choose([candidate("a", { score: 60 }), candidate("b", { score: 90, requestsInFlight: 1 })]),
    "a",
  );
  assert.equal(choose([candidate("a", { score: 10 }), candidate("b", { score: 90 })], ["b"]), "a");
  assert.equal(choose([candidate("a"), candidate("b")], ["b", "a"]), "b");
  assert.equal(choose([candidate("a", { headHeight: 120, score: 99 }), candidate("b")]), "b");
  const unfit = [
    candidate("a", { requestsInFlight: 2 }),
    candidate("b", { coolUntilMs: 51 }),
    candidate("c", { headHeight: 99 }),
    candidate("d", { earliestHeight: 101 }),
  ];
  assert.equal(choose(unfit), undefined);
});

test("chooseTarget() follows fork choice among proven heads, and moves for nothing less", () => {
  const own = { height: 10, slot: 20, hash: hash(5) };
  assert.equal(chooseTarget(own, []), undefined);
  assert.equal(chooseTarget(own, [{ height: 9, slot: 1, hash: hash(1) }, own]), undefined);
  const higher = { height: 11, slot: 30, hash: hash(9) };
  assert.equal(chooseTarget(own, [higher, { height: 10, slot: 1, hash: hash(1) }]), higher);
  const earlier = { height: 10, slot: 19, hash: hash(9) };
  assert.equal(chooseTarget(own, [earlier]), earlier);
  assert.equal(lagOf(own, earlier), 0);
  assert.equal(lagOf(own, higher), 1);
});

function info(peerId: string, height: number, fill = height) {
  return create(PeerInfoSchema, {
    peerId,
    score: { overall: 50 },
    head: { height: BigInt(height), hash: hash(fill), slot: BigInt(height) },
  });
}

test("PeerBook keeps what only we know of a peer, and excludes heads for a while", () => {
  const book = new SyncPeers();
  book.put(info("a", 10), 0);
  book.put(info("b", 12), 0);
  book.requestSent("a");
  book.coolDown("a", 1_000);
  book.put(info("a", 11), 0);
  assert.deepEqual([book.get("a")?.requestsInFlight, book.get("a")?.coolUntilMs], [1, 1_500]);
  book.coolDown("a", 1_000);
  assert.equal(book.get("a")?.coolUntilMs, 2_000);
  book.answered("a");
  assert.equal(book.get("a")?.coolUntilMs, 0);
  book.excludeHead(hash(12), 5_000);
  assert.deepEqual(
    [...book.provenHeads(4_999)].map(({ height }) => height),
    [11],
  );
  assert.deepEqual(
    [...book.provenHeads(5_000)].map(({ height }) => height),
    [11, 12],
  );
  book.proveByGossip("a", { height: 20, slot: 20, hash: hash(20) });
  assert.equal(book.countAbove(12), 1);
  assert.deepEqual(
    book.candidates(5_000, { height: 20, slot: 20, hash: hash(20) }).map(({ peerId }) => peerId),
    ["a"],
  );
  assert.equal(book.candidates(5_000).length, 2);
  book.put(info("a", 30), 0);
  assert.equal(book.get("a")?.gossipHead, undefined);
  assert.deepEqual(book.replaceAll([info("b", 12)], 0), ["a"]);
});

test("a peer whose head is not proven is no source", () => {
  const book = new SyncPeers();
  book.put(create(PeerInfoSchema, { peerId: "a" }), 0);
  assert.deepEqual([...book.provenHeads(0)], []);
  assert.deepEqual(book.candidates(5_000), []);
});

test("RateMeter gives blocks a second over the last five seconds", () => {
  const meter = new RateMeter();
  assert.equal(meter.blocksPerSecond(0), 0);
  for (let ms = 0; ms < 10_000; ms += 100) meter.add(10, ms);
  assert.ok(Math.abs(meter.blocksPerSecond(10_000) - 100) < 5);
  assert.equal(meter.blocksPerSecond(20_000), 0);
  meter.add(50, 30_000);
  assert.equal(meter.blocksPerSecond(30_500), 100);
});

test("progressPpm() and etaMs() have no surprises at the edges", () => {
  assert.deepEqual(
    [progressPpm(0, 0), progressPpm(5, 5), progressPpm(7, 5), progressPpm(1, 3)],
    [1_000_000, 1_000_000, 1_000_000, 333_333],
  );
  assert.deepEqual([etaMs(0, 0), etaMs(10, 0), etaMs(100, 50)], [0, undefined, 2_000]);
});

test("decideImport() blames for invalidity only", () => {
  const head = { height: 1 } as never;
  const kinds = [
    decideImport({ kind: "imported", head }),
    decideImport({ kind: "reorganized", head, commonHeight: 1, blocksReverted: 1 }),
    decideImport({ kind: "known" }),
    decideImport({ kind: "side" }),
    decideImport({ kind: "unknownParent", parentHash: hash(1), height: 2 }),
    decideImport({ kind: "belowFinal", height: 2 }),
    decideImport({ kind: "notNow", failure: failure("UNAVAILABLE", "AWAY", "away") }),
    decideImport({ kind: "invalid", index: 3, fault: blockFault("AUXPOW_RANGE_UNKNOWN", { first: 1 }) }),
    decideImport({
      kind: "invalid",
      index: 3,
      fault: blockFault("WRONG_HEIGHT", { expected: 1, actual: 2 }),
    }),
  ].map(({ kind }) => kind);
  const expected = [
    "advance",
    "advance",
    "advance",
    "advance",
    "stepBack",
    "abandon",
    "retry",
    "retry",
    "blame",
  ];
  assert.deepEqual(kinds, expected);
});

test("requestFailurePolicy() holds limits and our own faults against nobody", () => {
  assert.equal(requestFailurePolicy(failure("DEADLINE_EXCEEDED", "X", "x")).isPeersFailure, true);
  assert.equal(requestFailurePolicy(failure("CANCELLED", "X", "x")).isPeersFailure, false);
  const limited = requestFailurePolicy(failure("RESOURCE_EXHAUSTED", "X", "x", { retryDelayMs: 123 }));
  assert.deepEqual(limited, { isPeersFailure: false, coolMs: 123 });
});

test("findStuck() finds what nobody works on, and nothing else", () => {
  const sent = stepBatch(newBatch(1, { first: 1, count: 1 }), {
    type: "requested",
    peerId: "a",
    requestId: 5,
    nowMs: 0,
  })!;
  const none = new Set<never>();
  assert.deepEqual(findStuck({ batches: [sent], requestIds: new Set([5]), tickets: none }), []);
  assert.deepEqual(findStuck({ batches: [sent], requestIds: none, tickets: none }), [
    { batchId: 1, waitsFor: "answer" },
  ]);
  const answer = {
    attribution: { peerId: "a", requestId: 5, digest: hash(0) },
    blocks: [new Uint8Array(1)],
    bytes: 1,
  };
  const set = { keys: [], root: hash(0) };
  const slots = [
    { start: 0, count: 1, policy: "SEGMENT", isBarrier: false, step: { at: "checking" } },
  ] as const;
  const cut = stepBatch(stepBatch(sent, { type: "delivered", requestId: 5, answer })!, {
    type: "cut",
    slots,
    sets: { authorities: set, parentAuthorities: set, basis: "durableParent" },
  })!;
  const ticket = ticketKey({ batchId: 1, revision: cut.revision, index: 0 });
  assert.deepEqual(findStuck({ batches: [cut], requestIds: none, tickets: new Set([ticket]) }), []);
  assert.deepEqual(findStuck({ batches: [cut], requestIds: none, tickets: none }), [
    { batchId: 1, waitsFor: "verdict" },
  ]);
});

test("Operations runs one at a time and remembers the last ones", () => {
  const operations = new Operations(3);
  const first = operations.start("StartSync", "FAST head", 1);
  const second = operations.start("StartSync", "FULL head", 2);
  assert.equal(operations.find(first.id)?.end?.error, "replaced by another one");
  assert.equal(operations.running?.id, second.id);
  for (let index = 0; index < 50; index++) operations.start("StartSync", `${index}`, 3);
  assert.equal(operations.find(first.id), undefined);
});

test("Seen forgets the oldest at its bound", () => {
  const seen = new Seen(2);
  for (const fill of [1, 2, 3]) seen.add(hash(fill));
  assert.deepEqual(
    [1, 2, 3].map((fill) => seen.has(hash(fill))),
    [false, true, true],
  );
});

test("SyncMetrics exports every counter by name, also at zero", () => {
  const metrics = new SyncMetrics();
  metrics.add("blocksSynced", 5);
  const entries = new Map(metrics.entries());
  assert.equal(entries.get("alys_sync_blocks_synced_total"), 5);
  assert.ok([...entries.keys()].every((name) => /^alys_sync_[a-z_]+_total$/.test(name)));
  assert.equal(entries.get("alys_sync_stuck_found_total"), 0);
});

test("syncConfig() fills in what the file leaves open", () => {
  const config = syncConfig(undefined, 2);
  assert.deepEqual(
    [
      config.batchBlocks,
      config.maxParallelDownloads,
      config.bufferBytesMax,
      config.mode,
      config.validationsMax,
    ],
    [512, 8, 67_108_864, "FAST", 3],
  );
});

test("Ranges plans and cuts batches to what an answer has room for, in whole segments", () => {
  const ranges = new Batches();
  ranges.restart(1);
  ranges.plan(512, 512);
  assert.equal(ranges.batches.length, 1);
  // 10 KB a block: 204 of them fit, three segments are 192.
  for (let answers = 0; answers < 20; answers++) ranges.sawBlocks(100, 1_024_000);
  const front = ranges.front!;
  assert.ok(front.state === "awaiting");
  assert.deepEqual(ranges.fit(front).range, { first: 1, count: 192 });
  assert.deepEqual(
    ranges.batches.map(({ range }) => [range.first, range.count]),
    [
      [1, 192],
      [193, 320],
    ],
  );
  ranges.plan(1_000, 512);
  assert.deepEqual(ranges.batches[2]?.range, { first: 513, count: 192 });
});

test("wholeSegments() keeps of a short answer what ends a segment, and a whole answer as it is", () => {
  const blocks = Array.from({ length: 205 }, () => new Uint8Array(1));
  assert.equal(wholeSegments(blocks, { first: 1, count: 512 }).length, 192);
  assert.equal(wholeSegments(blocks, { first: 1, count: 205 }).length, 205);
  assert.equal(wholeSegments(blocks, { first: 65, count: 512 }).length, 192);
  assert.equal(wholeSegments(blocks.slice(0, 10), { first: 1, count: 512 }).length, 10);
});
