/** Calls with x-request-id through a real listener: carried out once, answered again, whatever becomes of the caller. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMethod, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { AuditEntry } from "../../src/control/audit.ts";
import { pathOf } from "../../src/control/codec.ts";
import { REPLAYED_KEY, REQUEST_ID_KEY } from "../../src/control/request-ids.ts";
import type { RunningControl } from "../../src/control/server.ts";
import { until, world } from "./control-world.ts";

const { stopSync, pauseSync, getSyncStatus } = SyncService.method;
const through = (bytes: Buffer): Buffer => bytes;

interface Answer {
  readonly error: ServiceError | null;
  readonly isReplayed: boolean;
}

function caller(t: { after(done: () => void): void }, { unixAddress = "" }: RunningControl) {
  const client = new Client(unixAddress, credentials.createInsecure());
  t.after(() => client.close());
  return (method: DescMethod, request: object, id: string) => {
    const frame = Buffer.from(toBinary(method.input, create(method.input, request as never)));
    const metadata = new Metadata();
    metadata.set(REQUEST_ID_KEY, id);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    let headers = new Metadata();
    const call = client.makeUnaryRequest(pathOf(method), through, through, frame, metadata, (error) =>
      resolve({ error, isReplayed: headers.get(REPLAYED_KEY).length > 0 }),
    );
    call.on("metadata", (given: Metadata) => {
      headers = given;
    });
    return { answer: promise, cancel: () => call.cancel() };
  };
}

test("a call that is repeated with its id is carried out once and says so", async (t) => {
  const { control, probe } = await world(t);
  const call = caller(t, control);
  assert.deepEqual(await call(stopSync, {}, "a").answer, { error: null, isReplayed: false });
  assert.deepEqual(await call(stopSync, {}, "a").answer, { error: null, isReplayed: true });
  assert.equal(probe.calls.length, 1);
  await call(stopSync, {}, "b").answer;
  assert.equal(probe.calls.length, 2);
});

test("an id of another request is refused, and a malformed one too", async (t) => {
  const { control, probe } = await world(t);
  const call = caller(t, control);
  await call(stopSync, {}, "a").answer;
  const reused = await call(stopSync, { reason: "another" }, "a").answer;
  assert.match(reused.error?.message ?? "", /ALREADY_EXISTS/);
  const malformed = await call(stopSync, {}, "two words").answer;
  assert.match(malformed.error?.message ?? "", /INVALID_ARGUMENT/);
  assert.equal(probe.calls.length, 1);
});

test("a caller that leaves and asks again gets the answer of its first call", async (t) => {
  const { probe, control } = await world(t);
  const call = caller(t, control);
  const first = call(pauseSync, {}, "a");
  await until(() => probe.calls.length === 1);
  first.cancel();
  assert.match((await first.answer).error?.message ?? "", /CANCELLED/);
  assert.equal(probe.calls[0]?.signal.aborted, false);
  const second = await call(pauseSync, {}, "a").answer;
  // The actor never answers: it is the policy's deadline, not ours, that both wait for.
  assert.match(second.error?.message ?? "", /DEADLINE_EXCEEDED/);
  assert.equal(probe.calls.length, 1);
  await until(() => control.liveCalls === 0);
});

test("a call that only reads is never answered from memory", async (t) => {
  const { control, probe } = await world(t);
  const call = caller(t, control);
  for (let times = 0; times < 2; times++) {
    assert.equal((await call(getSyncStatus, {}, "a").answer).isReplayed, false);
  }
  assert.equal(probe.calls.length, 2);
});

test("the audit log tells an answer that was given again from a call that was carried out", async (t) => {
  const entries: AuditEntry[] = [];
  const audit = { refuse() {}, append: (entry: AuditEntry) => void entries.push(entry), isBehind: false };
  const { control } = await world(t, { audit });
  const call = caller(t, control);
  await call(stopSync, {}, "a").answer;
  await call(stopSync, {}, "a").answer;
  assert.deepEqual(
    entries.map(({ code, isReplayed }) => [code, isReplayed]),
    [
      ["OK", undefined],
      ["OK", true],
    ],
  );
});
