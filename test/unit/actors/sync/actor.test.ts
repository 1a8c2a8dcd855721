/**
 * The SyncActor among peers of every kind: range synchronisation, its failures, forks, pause and operations.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Offence } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { SyncMode, SyncService, SyncState } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { sha256 } from "../../../../src/chain/hash.ts";
import { type Failure, failure } from "../../../../src/kernel/errors.ts";
import { forgeBlocks, honest, SyncRig, silent } from "./sync-rig.ts";

const { startSync, stopSync, pauseSync, resumeSync, getOperation, cancelOperation, getBlock } =
  SyncService.method;

test("SyncActor syncs from three peers at once, each with at most two requests", async () => {
  const { forge, blocks } = forgeBlocks(400);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks }, b: { blocks }, c: { blocks } });
  await rig.run(2_000);
  const status = await rig.status();
  assert.equal(rig.height, 400);
  assert.equal(status.state, SyncState.SYNCED);
  assert.equal(status.progressPpm, 1_000_000);
  assert.equal(status.blocksSynced, 400n);
  assert.equal(status.lowestRequestedHeight, 1n);
  assert.deepEqual(new Set(rig.requests.map((request) => request.peerId)), new Set(["a", "b", "c"]));
  assert.ok(rig.mostInFlight > 2);
  assert.ok(rig.mostInFlightOfPeer <= 2);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor logs and tells where it resumed after a kill, and requests nothing below", async () => {
  const { forge, blocks } = forgeBlocks(230);
  const first = new SyncRig(forge, { config: { maxParallelDownloads: 1 } });
  first.connect({ a: { blocks } });
  await first.run(50);
  const durable = first.height;
  assert.ok(durable > 0 && durable < 230);
  first.disk.crash();
  const second = new SyncRig(forge, { disk: first.disk });
  second.connect({ a: { blocks } });
  await second.run(3_000);
  assert.equal(second.height, 230);
  const started = second.log.records.find((record) => record.message === "sync starts");
  assert.equal(started?.fields["resumedFromHeight"], durable);
  const status = await second.status();
  assert.equal(status.resumedFromHeight, BigInt(durable));
  assert.equal(status.lowestRequestedHeight, BigInt(durable + 1));
  assert.equal(Math.min(...second.requests.map((request) => request.first)), durable + 1);
  await second.stop();
});

test("SyncActor syncs whatever the order of turns", async () => {
  const { forge, blocks } = forgeBlocks(200);
  for (let seed = 1; seed <= 5; seed++) {
    const rig = new SyncRig(forge, { seed, isShuffled: true });
    rig.connect({ a: { blocks }, b: { blocks, behaviour: () => [] }, c: { blocks } });
    await rig.run(5_000);
    assert.equal(rig.height, 200, `seed ${seed}`);
    assert.deepEqual(rig.offences(), []);
    await rig.stop();
  }
});

test("SyncActor pauses while the ChainActor is away, blames nobody and goes on", async () => {
  const { forge, blocks } = forgeBlocks(200);
  let isAway = true;
  const rig = new SyncRig(forge, {
    chain: (inner) =>
      new Proxy(inner, {
        get(target, name) {
          if (name === "snapshot") return () => ({ ...target.snapshot(), isAvailable: !isAway });
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === "function" ? member.bind(target) : member;
        },
      }),
  });
  rig.connect({ a: { blocks } });
  await rig.run(600_000);
  assert.equal(rig.requests.length, 0);
  assert.equal((await rig.status()).reason, "the ChainActor is away");
  rig.gossip("1", "a", blocks[0]!);
  await rig.run(100);
  assert.deepEqual(rig.verdicts(), { 1: "ignore" });
  isAway = false;
  await rig.run(5_000);
  assert.equal(rig.height, 200);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor goes on when a peer is silent", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge, { config: { requestDeadlineMs: 1_000 } });
  rig.connect({ a: { blocks, behaviour: silent, score: 100 }, b: { blocks }, c: { blocks } });
  await rig.run(10_000);
  assert.equal(rig.height, 300);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor blames exactly who delivered an invalid block and fetches it elsewhere", async () => {
  const { forge, blocks } = forgeBlocks(200);
  const forged = blocks.map((block) => block.slice());
  // State root: the header's hash changes, so that the link above breaks.
  forged[99]!.fill(1, 60, 61);
  const rig = new SyncRig(forge);
  rig.connect({ liar: { blocks: forged, score: 100 }, honest: { blocks, score: 10 } });
  await rig.run(5_000);
  assert.equal(rig.height, 200);
  const offences = rig.offences();
  assert.ok(offences.length >= 1);
  for (const offence of offences) {
    assert.equal(offence.peerId, "liar");
    assert.equal(offence.offence, Offence.INVALID_BLOCK);
  }
  const digests = forged.map((block) => Buffer.from(sha256(block)).toString("hex"));
  assert.ok(digests.includes(Buffer.from(offences[0]!.evidence).toString("hex")));
  await rig.stop();
});

test("SyncActor takes a short answer and asks for the rest", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge);
  const short = {
    blocks,
    behaviour: (first: number, count: number) => honest(first, Math.min(7, count), blocks),
  };
  rig.connect({ a: short, b: short });
  await rig.run(20_000);
  assert.equal(rig.height, 300);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor treats an empty answer for a range that the head covers as a failure", async () => {
  const { forge, blocks } = forgeBlocks(150);
  const rig = new SyncRig(forge);
  rig.connect({ empty: { blocks, behaviour: () => [], score: 100 }, b: { blocks } });
  await rig.run(5_000);
  assert.equal(rig.height, 150);
  assert.ok(rig.metrics!.get("emptyAnswers") > 0);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor says why it stands still when every peer answers empty, and is not synced", async () => {
  const { forge, blocks } = forgeBlocks(150);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks, behaviour: () => [] }, b: { blocks, behaviour: () => [] } });
  await rig.run(10_000);
  const status = await rig.status();
  assert.equal(rig.height, 0);
  assert.equal(status.state, SyncState.BLOCKS);
  assert.match(status.reason, /no peer delivers valid blocks from height 1 on/);
  assert.ok(rig.requests.length < 100, `no storm: ${rig.requests.length} requests`);
  await rig.stop();
});

test("SyncActor reports an answer of another range and fetches it elsewhere", async () => {
  const { forge, blocks } = forgeBlocks(128);
  const rig = new SyncRig(forge);
  const shifted = (first: number, count: number) => blocks.slice(first, first + count);
  rig.connect({ a: { blocks, behaviour: shifted, score: 100 }, b: { blocks } });
  await rig.run(5_000);
  assert.equal(rig.height, 128);
  assert.ok(rig.offences().length > 0);
  for (const offence of rig.offences()) {
    assert.deepEqual([offence.peerId, offence.offence], ["a", Offence.WRONG_ANSWER]);
  }
  await rig.stop();
});

test("SyncActor asks others when a peer is lost in mid-flight", async () => {
  const { forge, blocks } = forgeBlocks(256);
  const rig = new SyncRig(forge);
  rig.connect({ lost: { blocks, behaviour: silent, score: 100 }, b: { blocks } });
  await rig.run(50);
  assert.ok(rig.requests.some((request) => request.peerId === "lost"));
  rig.disconnect("lost");
  await rig.run(2_000);
  assert.equal(rig.height, 256);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor backs off from a peer that limits its rate and still ends", async () => {
  const { forge, blocks } = forgeBlocks(192);
  const rig = new SyncRig(forge);
  let calls = 0;
  const limited = (first: number, count: number) =>
    ++calls % 2 === 1 ? failure("RESOURCE_EXHAUSTED", "LIMITED", "slow down") : honest(first, count, blocks);
  rig.connect({ a: { blocks, behaviour: limited } });
  await rig.run(30_000);
  assert.equal(rig.height, 192);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor steps back from a fork and follows the better chain", async () => {
  const { forge, blocks } = forgeBlocks(60);
  const other = forge.fork();
  const ours = [...blocks, ...Array.from({ length: 10 }, () => forge.next())];
  const theirs = [
    ...blocks,
    ...Array.from({ length: 30 }, () => other.next({ skippedSlots: 0, transactions: [new Uint8Array(3)] })),
  ];
  const rig = new SyncRig(forge, {});
  rig.simulation.clock.advance(120_000);
  rig.connect({ a: { blocks: ours } });
  await rig.run(3_000);
  assert.equal(rig.height, 70);
  rig.disconnect("a");
  rig.connect({ b: { blocks: theirs }, c: { blocks: theirs } });
  await rig.run(5_000);
  assert.equal(rig.height, 90);
  assert.ok(rig.metrics!.get("stepsBack") > 0);
  assert.equal(rig.metrics!.get("reorganizations"), 1);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor leaves a better chain alone that parts from ours below the final block", async () => {
  const { forge, blocks } = forgeBlocks(10);
  const other = forge.fork();
  const ours = [...blocks, ...Array.from({ length: 40 }, () => forge.next())];
  const theirs = [
    ...blocks,
    ...Array.from({ length: 60 }, () => other.next({ transactions: [new Uint8Array(3)] })),
  ];
  const rig = new SyncRig(forge, { finalityDepth: 8 });
  rig.simulation.clock.advance(200_000);
  rig.connect({ a: { blocks: ours } });
  await rig.run(3_000);
  assert.equal(rig.height, 50);
  rig.connect({ b: { blocks: theirs } });
  await rig.run(5_000);
  assert.equal(rig.height, 50);
  assert.equal(rig.metrics!.get("targetsAbandoned"), 1);
  // What its peer puts on top is excluded too.
  const sent = rig.requests.length;
  rig.connect({ b: { blocks: [...theirs, other.next()] } });
  await rig.run(5_000);
  assert.equal(rig.requests.length, sent);
  assert.ok(rig.requests.every((request) => request.first > 42 || request.peerId === "a"));
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("pauseSync() sends no more requests until resumeSync()", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge, { config: { maxParallelDownloads: 1 } });
  rig.connect({ a: { blocks } });
  await rig.run(50);
  await rig.ask(rig.cell.ref.ask(pauseSync, { reason: "maintenance" }));
  const sent = rig.requests.length;
  await rig.run(3_000);
  assert.equal(rig.requests.length, sent);
  const status = await rig.status();
  assert.ok(status.isPaused);
  assert.equal(status.reason, "paused: maintenance");
  assert.ok(rig.height > 0 && rig.height < 300);
  await rig.ask(rig.cell.ref.ask(resumeSync, {}));
  await rig.run(5_000);
  assert.equal(rig.height, 300);
  await assert.rejects(
    rig.ask(rig.cell.ref.ask(resumeSync, {})),
    (thrown: Failure) => thrown.reason === "NOT_PAUSED",
  );
  await rig.stop();
});

test("SyncActor waits while the chain cannot import, blames nobody and resumes", async () => {
  const { forge, blocks } = forgeBlocks(200);
  const rig = new SyncRig(forge);
  rig.disk.isFull = true;
  rig.connect({ a: { blocks }, b: { blocks } });
  await rig.run(60_000);
  assert.equal(rig.height, 0);
  assert.deepEqual(rig.offences(), []);
  assert.equal((await rig.status()).state, SyncState.FAILED);
  assert.ok(rig.requests.length <= 8, `no storm: ${rig.requests.length} requests`);
  rig.disk.isFull = false;
  await rig.run(20_000);
  assert.equal(rig.height, 200);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor blames nobody when the validator dies", async () => {
  const { forge, blocks } = forgeBlocks(130);
  let deaths = 3;
  const rig = new SyncRig(forge, {
    validator: (inner) => ({
      validateSegment: async (input, signal) => {
        if (deaths-- > 0) throw new Error("worker died");
        return inner.validateSegment(input, signal);
      },
      verifyApprovals: (checks) => inner.verifyApprovals(checks),
      verifySignatures: (checks) => inner.verifySignatures(checks),
      close: () => inner.close(),
    }),
  });
  rig.connect({ a: { blocks } });
  await rig.run(20_000);
  assert.equal(rig.height, 130);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("SyncActor falls behind and syncs again without a restart", async () => {
  const { forge, blocks } = forgeBlocks(100);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks } });
  await rig.run(2_000);
  assert.equal(rig.height, 100);
  const more = [...blocks, ...Array.from({ length: 200 }, () => forge.next())];
  await rig.run(400_000);
  rig.connect({ a: { blocks: more } });
  await rig.run(3_000);
  assert.equal(rig.height, 300);
  await rig.stop();
});

test("startSync() is idempotent, ends at its target height, and is refused where it cannot be", async () => {
  const { forge, blocks } = forgeBlocks(200);
  const rig = new SyncRig(forge, { config: { isAutoStart: false } });
  rig.connect({ a: { blocks } });
  await rig.run(500);
  assert.equal(rig.requests.length, 0);
  const start = () => rig.ask(rig.cell.ref.ask(startSync, { targetHeight: 70n, syncMode: SyncMode.FULL }));
  const first = await start();
  const second = await start();
  assert.equal(first.operation?.id, second.operation?.id);
  assert.equal(first.operation?.isDone, false);
  await rig.run(3_000);
  assert.equal(rig.height, 70);
  const id = first.operation!.id;
  const done = await rig.ask(rig.cell.ref.ask(getOperation, { id }));
  assert.deepEqual([done.operation?.isDone, done.operation?.error], [true, ""]);
  for (const [request, reason] of [
    [{ syncMode: SyncMode.CHECKPOINT }, "NO_CHECKPOINTS"],
    [{ checkpointId: "x" }, "BAD_FIELD"],
    [{ checkpointId: "7-0123abcd", syncMode: SyncMode.FULL }, "BAD_FIELD"],
  ] as const) {
    const refused = rig.ask(rig.cell.ref.ask(startSync, request));
    await assert.rejects(refused, (thrown: Failure) => thrown.reason === reason);
  }
  const next = await rig.ask(rig.cell.ref.ask(startSync, {}));
  await rig.run(3_000);
  assert.equal(rig.height, 200);
  const cancelled = await rig.ask(rig.cell.ref.ask(cancelOperation, { id: next.operation!.id }));
  assert.equal(cancelled.operation?.error, "stopped: cancelled");
  await rig.stop();
});

test("stopSync() drops what is under way; what is imported stays", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge, { config: { maxParallelDownloads: 1 } });
  rig.connect({ a: { blocks } });
  await rig.run(60);
  await rig.ask(rig.cell.ref.ask(stopSync, { reason: "test" }));
  const height = rig.height;
  await rig.run(2_000);
  assert.ok(rig.height - height <= 64);
  assert.equal((await rig.status()).reason, "stopped: test");
  await rig.ask(rig.cell.ref.ask(stopSync, {}));
  assert.equal((await rig.status()).reason, "stopped");
  await rig.stop();
});

test("SyncActor sends nothing while its buffer is full, but what import waits for", async () => {
  const { forge, blocks } = forgeBlocks(640);
  const rig = new SyncRig(forge, { config: { bufferBytesMax: 4 * 1024 * 1024 } });
  rig.connect({ a: { blocks }, b: { blocks }, c: { blocks }, d: { blocks } });
  await rig.run(5_000);
  assert.equal(rig.height, 640);
  assert.ok(rig.mostInFlight <= 2, `${rig.mostInFlight} in flight`);
  await rig.stop();
});

test("getBlock() answers bytes and view by height and by hash", async () => {
  const { forge, blocks } = forgeBlocks(70);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks } });
  await rig.run(2_000);
  const byHeight = await rig.ask(rig.cell.ref.ask(getBlock, { by: { case: "height", value: 70n } }));
  assert.equal(byHeight.view?.height, 70n);
  assert.equal(byHeight.view?.isFinal, false);
  assert.deepEqual(byHeight.view?.approvedBy, [0, 1, 2]);
  assert.equal(byHeight.block?.ssz.length, byHeight.view?.serializedBytes);
  const hash = byHeight.view!.hash;
  const byHash = await rig.ask(rig.cell.ref.ask(getBlock, { by: { case: "hash", value: hash } }));
  assert.deepEqual(byHash, byHeight);
  const missing = rig.ask(rig.cell.ref.ask(getBlock, { by: { case: "height", value: 71n } }));
  await assert.rejects(missing, (thrown: Failure) => thrown.code === "NOT_FOUND");
  await rig.stop();
});

test("watchSyncStatus() and watchBlocks() tell the present, then what changes; streamBlocks() all blocks", async () => {
  const { forge, blocks } = forgeBlocks(150);
  const rig = new SyncRig(forge);
  const states: string[] = [];
  const told: string[] = [];
  const streamed: Uint8Array[] = [];
  let isDone = false;
  const onEnd = () => undefined;
  rig.cell.ref.watch(
    SyncService.method.watchSyncStatus,
    {},
    {
      onMessage: ({ event }) => states.push(`${event.case}`),
      onEnd,
    },
  );
  rig.cell.ref.watch(
    SyncService.method.watchBlocks,
    {},
    { onMessage: ({ event }) => told.push(`${event.case}`), onEnd },
  );
  await rig.run(100);
  rig.connect({ a: { blocks } });
  await rig.run(2_000);
  assert.equal(states[0], "snapshot");
  assert.ok(states.length > 1);
  assert.equal(told[0], "snapshot");
  assert.ok(told.includes("imported") && told.includes("finalized"));
  rig.cell.ref.watch(
    SyncService.method.streamBlocks,
    { startHeight: 10n, count: 0n },
    {
      onMessage: (message) => streamed.push(...message.blocks),
      onEnd: (reason) => {
        isDone = reason === undefined;
      },
    },
  );
  await rig.run(100);
  assert.ok(isDone);
  assert.equal(streamed.length, 141);
  await rig.stop();
});
