/**
 * Topics and transfers through a real listener: snapshot first, heartbeats, slow readers, transfers, drain
 * and close.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SyncService, type WatchSyncStatusResponse } from "../../gen/alys/sync/v1/sync_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../gen/grpc/health/v1/health_pb.ts";
import { connect } from "../../src/cli/client.ts";
import type { Failure } from "../../src/kernel/errors.ts";
import { until, world } from "./control-world.ts";

type Messages = AsyncIterator<WatchSyncStatusResponse>;

async function next(messages: Messages): Promise<WatchSyncStatusResponse> {
  const { value, done } = await messages.next();
  assert.ok(done !== true);
  return value;
}

test("a topic gives the present, then changes, then heartbeats", async (t) => {
  const { connection, probe } = await world(t, { heartbeatMs: 20 });
  const messages = connection.client(SyncService).watchSyncStatus({})[Symbol.asyncIterator]();
  assert.equal((await next(messages)).event.case, "snapshot");
  probe.publish(11);
  let message = await next(messages);
  while (message.event.case === "heartbeat") message = await next(messages);
  assert.equal(message.event.case, "status");
  assert.equal(message.position?.sequence, 1n);
  assert.equal((await next(messages)).event.case, "heartbeat");
  await messages.return?.();
  await until(() => probe.readers() === 0);
});

test("a slow reader of a topic is bounded, gets the newest state, and is told what it was spared", async (t) => {
  const { connection, probe } = await world(t);
  probe.padding = "x".repeat(8_192);
  const messages = connection.client(SyncService).watchSyncStatus({})[Symbol.asyncIterator]();
  assert.equal((await next(messages)).event.case, "snapshot");
  // Nobody reads now: the window of HTTP/2 and the frames in grpc-js fill up, then the topic keeps the
  // newest only.
  for (let height = 11; height <= 2_000; height++) {
    probe.publish(height);
    if (height % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(probe.skipped() > 1_500, `only ${probe.skipped()} of 1990 were skipped`);
  let skipped = 0n;
  let delivered = 0;
  let height = 0n;
  while (height < 2_000n) {
    const { event } = await next(messages);
    if (event.case === "skipped") skipped += event.value.count;
    if (event.case === "status") {
      delivered += 1;
      height = event.value.head?.height ?? 0n;
    }
  }
  assert.equal(BigInt(delivered) + skipped, 1_990n);
  await messages.return?.();
});

test("a transfer moves at the reader's pace and ends OK", async (t) => {
  const { connection, probe } = await world(t);
  const chunks = connection.client(SyncService).streamBlocks({ startHeight: 1n, count: 200n });
  let bytes = 0;
  for await (const { blocks } of chunks) {
    if (bytes === 0) {
      // Not one chunk more than the buffers between us hold: 16 frames on each side and the window.
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.ok(probe.chunksPulled < 60, `${probe.chunksPulled} chunks were pulled for one that was read`);
    }
    bytes += blocks[0]?.byteLength ?? 0;
  }
  assert.equal(bytes, 200 * 256 * 1024);
  assert.equal(probe.chunksPulled, 200);
});

test("a reader that leaves stops its transfer", async (t) => {
  const { connection, probe, control } = await world(t);
  for await (const _ of connection.client(SyncService).streamBlocks({ startHeight: 1n, count: 1_000_000n }))
    break;
  await until(() => control.liveCalls === 0);
  const pulled = probe.chunksPulled;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(probe.chunksPulled, pulled);
});

test("a deadline ends a stream", async (t) => {
  const { connection, control, probe } = await world(t);
  const watching = async (): Promise<void> => {
    for await (const _ of connection.client(SyncService).watchSyncStatus({}, { deadlineMs: 80 }));
  };
  await assert.rejects(watching(), { code: "DEADLINE_EXCEEDED" });
  await until(() => control.liveCalls === 0 && probe.readers() === 0);
});

test("a bad resume token ends the stream with the field's name", async (t) => {
  const { connection } = await world(t);
  const messages = connection
    .client(SyncService)
    .watchSyncStatus({ resumeToken: "?" })
    [Symbol.asyncIterator]();
  await assert.rejects(messages.next(), (failed: Failure) => {
    assert.equal(failed.code, "INVALID_ARGUMENT");
    assert.equal(failed.detail.field, "resume_token");
    return true;
  });
});

test("a topic ends UNAVAILABLE when its actor stops, and the next watch is refused so", async (t) => {
  const { connection, child } = await world(t);
  const messages = connection.client(SyncService).watchSyncStatus({})[Symbol.asyncIterator]();
  await next(messages);
  await child.stop();
  await assert.rejects(messages.next(), { code: "UNAVAILABLE" });
  const again = connection.client(SyncService).watchSyncStatus({})[Symbol.asyncIterator]();
  await assert.rejects(again.next(), { code: "UNAVAILABLE" });
});

test("drain turns health over, ends streams, refuses new ones, and lets unary calls go on", async (t) => {
  const { connection, control } = await world(t);
  const sync = connection.client(SyncService);
  const messages = sync.watchSyncStatus({})[Symbol.asyncIterator]();
  await next(messages);
  const health = connection.client(Health).watch({ service: "" })[Symbol.asyncIterator]();
  assert.equal((await health.next()).value?.status, Serving.SERVING);
  control.drain();
  assert.equal((await health.next()).value?.status, Serving.NOT_SERVING);
  await assert.rejects(health.next(), { code: "UNAVAILABLE", reason: "DRAINING" });
  await assert.rejects(messages.next(), (failed: Failure) => {
    assert.equal(failed.reason, "DRAINING");
    assert.equal(failed.detail.retryDelayMs, 1_000);
    return true;
  });
  await assert.rejects(sync.watchSyncStatus({})[Symbol.asyncIterator]().next(), { reason: "DRAINING" });
  assert.ok((await sync.getSyncStatus({})).status);
  control.setServing("", true);
  assert.equal((await connection.client(Health).check({})).status, Serving.NOT_SERVING);
});

test("close is quick with open streams and frees the port", async (t) => {
  const { connection, control } = await world(t);
  const messages = connection.client(SyncService).watchSyncStatus({})[Symbol.asyncIterator]();
  await next(messages);
  const beganMs = performance.now();
  const ended = assert.rejects(messages.next(), { code: "UNAVAILABLE" });
  await control.close();
  await ended;
  assert.ok(performance.now() - beganMs < 1_000);
  const late = connect(control.address ?? "");
  t.after(() => late.close());
  await assert.rejects(late.client(SyncService).getSyncStatus({}), {
    code: "UNAVAILABLE",
    reason: "UNREACHABLE",
  });
});

test("close forces what does not end within 2 s", async (t) => {
  const { connection, control, probe } = await world(t);
  const asked = connection.client(SyncService).pauseSync({}, { deadlineMs: 60_000 });
  const failed = assert.rejects(asked);
  await until(() => probe.calls.length === 1);
  const beganMs = performance.now();
  await control.close();
  const tookMs = performance.now() - beganMs;
  assert.ok(tookMs < 2_500, `${tookMs} ms`);
  await failed;
});

test("cancelled streams leave nothing behind", async (t) => {
  const { connection, control, probe } = await world(t);
  for (let round = 0; round < 20; round++) {
    const watching = Array.from({ length: 20 }, async () => {
      for await (const _ of connection.client(SyncService).watchSyncStatus({})) return;
    });
    await Promise.all(watching);
  }
  await until(() => control.liveCalls === 0 && probe.readers() === 0);
});
