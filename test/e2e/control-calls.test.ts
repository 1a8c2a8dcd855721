/**
 * Unary calls through a real listener: answers, errors with details, deadlines, cancellation, correlation,
 * garbage.
 */
import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { test } from "node:test";
import { credentials, Client as GrpcClient, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { EngineService } from "../../gen/alys/integration/v1/integration_pb.ts";
import { SyncInternalService, SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { CORRELATION_KEY } from "../../src/control/errors.ts";
import type { Failure } from "../../src/kernel/errors.ts";
import { until, world } from "./control-world.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const same = (buffer: Buffer): Buffer => buffer;

/** A call with bytes that are ours to choose; answers error and headers. */
function rawCall(port: number, path: string, bytes: Buffer, metadata = new Metadata()) {
  const client = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure());
  return new Promise<{ error: ServiceError | null; answer: Buffer | undefined; headers: Metadata }>(
    (resolve) => {
      let headers = new Metadata();
      const call = client.makeUnaryRequest(path, same, same, bytes, metadata, (error, answer) => {
        client.close();
        resolve({ error, answer, headers });
      });
      call.on("metadata", (received: Metadata) => {
        headers = received;
      });
    },
  );
}

const STATUS_PATH = "/alys.sync.v1.SyncService/GetSyncStatus";

test("a unary method is an ask of the actor", async (t) => {
  const { connection, probe } = await world(t);
  const answer = await connection.client(SyncService).getSyncStatus({}, { traceparent: TRACE });
  assert.equal(answer.status?.head?.height, 10n);
  assert.equal(answer.status?.head?.hash.constructor, Uint8Array);
  assert.equal(probe.calls[0]?.traceparent, TRACE);
});

test("deadlines of weeks, years and centuries are taken", async (t) => {
  const { connection } = await world(t);
  for (const days of [24, 25, 50, 365, 3_650]) {
    const answer = await connection.client(SyncService).getSyncStatus({}, { deadlineMs: days * 86_400_000 });
    assert.equal(answer.status?.head?.height, 10n, `${days} days`);
  }
});

test("a Failure becomes its status with ErrorInfo, BadRequest and RetryInfo", async (t) => {
  const { connection } = await world(t);
  await assert.rejects(
    connection.client(SyncService).getBlock({}, { correlationId: "abc" }),
    (failed: Failure) => {
      assert.equal(failed.code, "INVALID_ARGUMENT");
      assert.equal(failed.reason, "BAD_HASH");
      assert.equal(failed.message, "a hash has 32 bytes");
      assert.deepEqual(failed.detail, {
        field: "hash",
        retryDelayMs: 1500,
        metadata: { correlation_id: "abc" },
      });
      return true;
    },
  );
  await assert.rejects(connection.client(SyncService).startSync({}), {
    code: "ALREADY_EXISTS",
    reason: "SYNC_RUNNING",
  });
});

test("a crash of the actor is UNAVAILABLE and tells nothing of its inside", async (t) => {
  const { connection } = await world(t);
  await assert.rejects(connection.client(SyncService).resumeSync({}), (failed: Failure) => {
    assert.equal(failed.code, "UNAVAILABLE");
    assert.ok(!failed.message.includes("secret"));
    return true;
  });
});

test("the correlation id is the caller's when it is well formed, ours otherwise, and comes back", async (t) => {
  const { port, probe } = await world(t);
  const metadata = new Metadata();
  metadata.set(CORRELATION_KEY, "order-66");
  const mine = await rawCall(port, STATUS_PATH, Buffer.alloc(0), metadata);
  assert.deepEqual(mine.headers.get(CORRELATION_KEY), ["order-66"]);
  assert.equal(probe.calls[0]?.correlationId, "order-66");
  metadata.set(CORRELATION_KEY, "two words");
  const theirs = await rawCall(port, STATUS_PATH, Buffer.alloc(0), metadata);
  assert.match(String(theirs.headers.get(CORRELATION_KEY)[0]), /^[0-9a-f]{8}-1$/);
});

test("the caller's deadline reaches the actor, the policy's where it names none", async (t) => {
  const { port, connection, probe } = await world(t);
  const beganMs = performance.now();
  const given = connection.client(SyncService).pauseSync({}, { deadlineMs: 1_000 });
  await assert.rejects(given, { code: "DEADLINE_EXCEEDED" });
  await until(() => probe.calls[0]?.signal.aborted === true);
  // The policy's is 2 s from when it came.
  assert.ok((probe.calls[0]?.deadlineMs ?? 0) < beganMs + 2_000, "the caller's deadline reaches the actor");
  const askedMs = performance.now();
  await rawCall(port, STATUS_PATH, Buffer.alloc(0));
  const deadlineMs = probe.calls[1]?.deadlineMs ?? 0;
  assert.ok(deadlineMs >= askedMs + 1_000 && deadlineMs <= performance.now() + 1_000, "the policy's 1 s");
});

test("a caller that leaves aborts the call's signal", async (t) => {
  const { connection, probe, control } = await world(t);
  const controller = new AbortController();
  const asked = connection.client(SyncService).pauseSync({}, { signal: controller.signal });
  await until(() => probe.calls.length === 1);
  assert.equal(control.liveCalls, 1);
  const { signal } = probe.calls[0]!;
  controller.abort();
  await assert.rejects(asked, { code: "CANCELLED" });
  await until(() => signal.aborted);
  await until(() => control.liveCalls === 0);
});

test("bytes that are no message are the caller's error", async (t) => {
  const { port } = await world(t);
  const { error } = await rawCall(port, STATUS_PATH, Buffer.from([0x0a, 0xff, 0xff]));
  assert.equal(error?.code, status.INVALID_ARGUMENT);
  assert.match(error?.details ?? "", /alys\.sync\.v1\.GetSyncStatusRequest/);
});

test("unknown fields are ignored", async (t) => {
  const { port } = await world(t);
  // Field 500, varint 1; field 501, 3 bytes.
  const { error } = await rawCall(port, STATUS_PATH, Buffer.from([0xa0, 0x1f, 1, 0xaa, 0x1f, 3, 9, 9, 9]));
  assert.equal(error, null);
});

test("a request larger than 4 MiB is RESOURCE_EXHAUSTED", async (t) => {
  const { port } = await world(t);
  const { error } = await rawCall(port, STATUS_PATH, Buffer.alloc(4 * 1024 * 1024 + 1));
  assert.equal(error?.code, status.RESOURCE_EXHAUSTED);
});

test("unknown and internal methods are UNIMPLEMENTED, planned ones say why", async (t) => {
  const { port, connection } = await world(t);
  for (const path of [
    "/alys.sync.v1.SyncService/Nothing",
    "/no.Such/Method",
    "/alys.sync.v1.SyncInternalService/ImportBlock",
  ]) {
    const { error } = await rawCall(port, path, Buffer.alloc(0));
    assert.equal(error?.code, status.UNIMPLEMENTED, path);
  }
  assert.equal(SyncInternalService.typeName, "alys.sync.v1.SyncInternalService");
  await assert.rejects(connection.client(SyncService).createCheckpoint({}), {
    code: "UNIMPLEMENTED",
    message: "not in this test",
  });
});

test("garbage on the socket ends that connection only", async (t) => {
  const { port, connection } = await world(t);
  const socket = connectSocket(port, "127.0.0.1");
  socket.on("error", () => {}).resume();
  socket.write(Buffer.alloc(4096, "GET / HTTP/1.1\r\n"));
  await new Promise((resolve) => socket.once("close", resolve));
  assert.ok((await connection.client(SyncService).getSyncStatus({})).status);
});

test("calls beyond the bound are refused and audited, the others go on", async (t) => {
  const { connection, probe, log, control } = await world(t, { liveCallsMax: 2 });
  const sync = connection.client(SyncService);
  const controller = new AbortController();
  const waiting = [1, 2].map(() => sync.pauseSync({}, { signal: controller.signal }).catch(() => {}));
  await until(() => probe.calls.length === 2);
  await assert.rejects(sync.getSyncStatus({}), { code: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_CALLS" });
  controller.abort();
  await Promise.all(waiting);
  await until(() => control.liveCalls === 0);
  assert.ok((await sync.getSyncStatus({})).status);
  const refused = log.records.filter(({ message }) => message === "control call refused");
  assert.equal(refused.length, 1);
  assert.equal(refused[0]?.fields["method"], "alys.sync.v1.SyncService/GetSyncStatus");
});

test("a call that changes state leaves a line in the audit log", async (t) => {
  const { connection, log } = await world(t);
  await connection.client(SyncService).stopSync({ reason: "test" }, { correlationId: "stop-1" });
  const line = log.records.find(({ message }) => message === "control call");
  assert.equal(line?.level, "info");
  assert.equal(line?.fields["correlationId"], "stop-1");
  assert.equal(line?.fields["code"], "OK");
});

test("Attach is UNIMPLEMENTED without a handler and goes to it with one", async (t) => {
  const without = await world(t);
  const refused = without.connection.duplex(EngineService.method.attach);
  await assert.rejects(refused.responses[Symbol.asyncIterator]().next(), {
    code: "UNIMPLEMENTED",
    reason: "ATTACH_NOT_OFFERED",
  });
  const { connection, control } = await world(t, {
    attach: async ({ requests, send, service }) => {
      assert.equal(service, EngineService);
      let epoch = 0n;
      for await (const _ of requests) {
        epoch += 1n;
        await send({ callId: epoch, message: { case: "welcome", value: { epoch } } });
      }
    },
  });
  const attached = connection.duplex(EngineService.method.attach);
  for (let hello = 0; hello < 100; hello++) {
    attached.send({ message: { case: "hello", value: { protocolVersion: 1 } } });
  }
  attached.halfClose();
  const epochs: bigint[] = [];
  for await (const { callId } of attached.responses) epochs.push(callId);
  assert.equal(epochs.length, 100);
  assert.equal(epochs.at(-1), 100n);
  await until(() => control.liveCalls === 0);
});
