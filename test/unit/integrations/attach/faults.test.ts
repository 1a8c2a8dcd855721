/**
 * What attached processes can do wrong, by a stream and by pulling: each ends with the status that docs/attach.md names,
 * and no call is ever settled twice or left over.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  AttachHelloSchema,
  EngineServiceAttachRequestSchema,
  WorkOutcome,
} from "../../../../gen/alys/integration/v1/integration_pb.ts";
import { AttachHub } from "../../../../src/integrations/attach/hub.ts";
import { NOTICES_MAX } from "../../../../src/integrations/attach/notices.ts";
import { type Failure, failure } from "../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../../src/kernel/ports/log.ts";
import { settleMicrotasks } from "../../../../src/kernel/ports/scheduler.ts";
import { PullClient, StreamClient, type TestClient } from "./clients.ts";

const SCHEMA = EngineServiceAttachRequestSchema;
const GENESIS = new Uint8Array(32).fill(9);

class Place {
  readonly clock = new FakeClock();
  readonly hub: AttachHub;
  /** What became of each call: the answer's case of verdict, or the failure's reason. */
  readonly settled: string[] = [];

  constructor() {
    const point = { height: 0, hash: GENESIS };
    const parts = { name: "engine", genesisHash: GENESIS, clock: this.clock, log: silentLog };
    this.hub = new AttachHub({ ...parts, progress: () => ({ head: point, final: point }) });
  }

  async call(deadlineMs = 1_000, bytes = 10): Promise<void> {
    this.hub.call("validateTransaction", { transaction: new Uint8Array(bytes) }, bytes, deadlineMs).then(
      () => this.settled.push("answered"),
      ({ code, reason }: Failure) => this.settled.push(`${code}/${reason}`),
    );
    await settleMicrotasks();
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settleMicrotasks();
  }
}

const verdict = (callId: bigint, value: object = { verdict: 1 }) => ({
  callId,
  message: { case: "validateTransaction", value },
});

const WAYS: readonly (readonly [string, (hub: AttachHub) => TestClient])[] = [
  ["by a stream", (hub) => new StreamClient(hub, SCHEMA)],
  ["by pulling", (hub) => new PullClient(hub, SCHEMA)],
];

for (const [way, clientOf] of WAYS) {
  test(`${way}: two clients with an empty instance_id do not replace each other`, async () => {
    const place = new Place();
    const [first, second] = [clientOf(place.hub), clientOf(place.hub)];
    await first.attach({ instanceId: "" });
    await second.attach({ instanceId: "" });
    assert.equal(second.end, "ALREADY_EXISTS/ATTACH_TAKEN");
    assert.equal(first.end, undefined);
    assert.equal(place.hub.attachment?.instanceId, "unnamed-1");
    await place.call();
    await first.listen();
    const [{ callId } = assert.fail()] = first.frames;
    await first.say(verdict(callId));
    assert.deepEqual(place.settled, ["answered"], "it goes on by its epoch");
    const third = clientOf(place.hub);
    await third.attach({ instanceId: "unnamed-1" });
    assert.equal(third.end, "ALREADY_EXISTS/ATTACH_TAKEN", "the name that the node made is no client's");
    const fourth = clientOf(place.hub);
    await fourth.attach({ instanceId: "", takeOver: true });
    assert.equal(fourth.end, undefined);
    assert.equal(place.hub.attachment?.instanceId, "unnamed-2");
    await first.listen();
    assert.equal(first.end, "ABORTED/ATTACH_TAKEN_OVER");
    assert.equal(place.hub.attachment?.instanceId, "unnamed-2");
  });

  test(`${way}: a client that answers twice, or a call that never was, is told so and goes on`, async () => {
    const place = new Place();
    const client = clientOf(place.hub);
    await client.attach();
    await place.call();
    await client.listen();
    const [{ callId } = assert.fail()] = client.frames;
    await client.say(verdict(callId));
    await client.say(verdict(callId));
    await client.say(verdict(9_999n));
    assert.deepEqual(place.settled, ["answered"]);
    assert.equal(client.end, undefined);
    assert.equal(place.hub.isAttached, true);
    assert.equal(place.hub.staleAnswers, 2);
    if (client instanceof PullClient) {
      assert.deepEqual(
        client.receipts.map(({ outcome }) => outcome),
        [WorkOutcome.ACCEPTED, WorkOutcome.NOT_RUNNING, WorkOutcome.NOT_RUNNING],
      );
    }
  });

  test(`${way}: an answer of another kind ends the attachment INVALID_ARGUMENT, and what ran fails`, async () => {
    const place = new Place();
    const client = clientOf(place.hub);
    await client.attach();
    await place.call();
    await place.call();
    await client.listen();
    const [{ callId } = assert.fail()] = client.frames;
    await client.say({ callId, message: { case: "receivePayload", value: {} } });
    assert.equal(client.end, "INVALID_ARGUMENT/ATTACH_PROTOCOL");
    assert.deepEqual(place.settled, ["UNAVAILABLE/ATTACHED_LOST", "UNAVAILABLE/ATTACHED_LOST"]);
    assert.equal(place.hub.isAttached, false);
  });

  test(`${way}: a second hello ends the attachment INVALID_ARGUMENT`, async () => {
    const place = new Place();
    const client = clientOf(place.hub);
    await client.attach();
    const value = create(AttachHelloSchema, { protocolVersion: 1, instanceId: "one" });
    await client.say({ message: { case: "hello", value } });
    assert.equal(client.end, "INVALID_ARGUMENT/ATTACH_PROTOCOL");
    assert.equal(place.hub.isAttached, false);
  });

  test(`${way}: a client that never answers costs each call its deadline, and nothing else`, async () => {
    const place = new Place();
    const client = clientOf(place.hub);
    await client.attach();
    await place.call(500);
    await client.listen();
    await place.advance(500);
    assert.deepEqual(place.settled, ["DEADLINE_EXCEEDED/ATTACHED_LATE"]);
    assert.equal(place.hub.isAttached, true);
    await client.say(verdict(client.frames[0]?.callId ?? 0n));
    assert.equal(place.hub.staleAnswers, 1);
    assert.equal(client.end, undefined);
  });

  test(`${way}: a client that vanishes fails what ran UNAVAILABLE, and the next one has another epoch`, async () => {
    const place = new Place();
    const client = clientOf(place.hub);
    await client.attach();
    await place.call(60_000);
    await client.listen();
    await client.vanish();
    for (let second = 0; second < 12; second++) await place.advance(1_000);
    assert.deepEqual(place.settled, ["UNAVAILABLE/ATTACHED_LOST"]);
    assert.equal(place.hub.isAttached, false);
    const next = clientOf(place.hub);
    await next.attach({ instanceId: "two" });
    assert.equal(next.epoch, 2n);
  });

  test(`${way}: answers of an older epoch are dropped`, async () => {
    const place = new Place();
    const [one, two] = [clientOf(place.hub), clientOf(place.hub)];
    await one.attach();
    await place.call(60_000);
    await one.listen();
    await two.attach({ instanceId: "two", takeOver: true });
    assert.deepEqual(place.settled, ["UNAVAILABLE/ATTACHED_LOST"]);
    await place.call(60_000);
    await one.say(verdict(one.frames[0]?.callId ?? 0n));
    await two.listen();
    // Even one that guesses the id of the new call.
    await one.say(verdict(two.frames[0]?.callId ?? 0n));
    assert.equal(place.settled.length, 1);
    await one.listen();
    assert.equal(one.end, "ABORTED/ATTACH_TAKEN_OVER");
    await two.say(verdict(two.frames[0]?.callId ?? 0n));
    assert.equal(place.settled[1], "answered");
    if (one instanceof PullClient) {
      assert.deepEqual(
        one.receipts.map(({ outcome }) => outcome),
        [WorkOutcome.OTHER_EPOCH, WorkOutcome.OTHER_EPOCH],
      );
    }
  });

  test(`${way}: a second process needs a take-over; the same instance replaces itself`, async () => {
    const place = new Place();
    const [one, two, again] = [clientOf(place.hub), clientOf(place.hub), clientOf(place.hub)];
    await one.attach();
    await two.attach({ instanceId: "two" });
    assert.equal(two.end, "ALREADY_EXISTS/ATTACH_TAKEN");
    assert.equal(place.hub.isAttached, true);
    await again.attach();
    assert.equal(again.end, undefined);
    assert.equal(place.hub.attachment?.instanceId, "one");
  });

  test(`${way}: a hello of another version or chain is refused FAILED_PRECONDITION`, async () => {
    const place = new Place();
    const [version, chain] = [clientOf(place.hub), clientOf(place.hub)];
    await version.attach({ protocolVersion: 2 });
    assert.equal(version.end, "FAILED_PRECONDITION/ATTACH_VERSION");
    await chain.attach({ genesisHash: new Uint8Array(32) });
    assert.equal(chain.end, "FAILED_PRECONDITION/ATTACH_OTHER_CHAIN");
    assert.equal(place.hub.isAttached, false);
  });

  test(`${way}: no credit means one call at a time, far too much means our own bound`, async () => {
    for (const [credit, inFlight] of [
      [{ creditCalls: 0, creditBytes: 0n }, 1],
      [{ creditCalls: 2 ** 32 - 1, creditBytes: 2n ** 64n - 1n }, 256],
    ] as const) {
      const place = new Place();
      const client = clientOf(place.hub);
      await client.attach(credit);
      const value = { calls: 2 ** 32 - 1, bytes: 2n ** 64n - 1n };
      if (inFlight > 1) await client.say({ message: { case: "credit", value } });
      for (let count = 0; count < 300; count++) await place.call(60_000);
      await client.listen();
      assert.equal(client.frames.length, inFlight);
      assert.equal(place.hub.attachment?.callsInFlight, inFlight);
      assert.equal(place.hub.attachment?.callsWaiting, 300 - inFlight);
    }
  });

  test(`${way}: more calls than may wait are refused RESOURCE_EXHAUSTED at once`, async () => {
    const place = new Place();
    const client = clientOf(place.hub);
    await client.attach({ creditCalls: 1 });
    for (let count = 0; count < 1_026; count++) await place.call(60_000);
    assert.deepEqual(place.settled, ["RESOURCE_EXHAUSTED/ATTACHED_BUSY"]);
  });

  test(`${way}: a client too slow for notices misses the oldest and is told how many`, async () => {
    const place = new Place();
    const client = clientOf(place.hub);
    await client.attach();
    if (client instanceof StreamClient) client.isSlow = true;
    for (let count = 0; count < NOTICES_MAX + 50; count++) place.hub.notify("head", { count });
    await settleMicrotasks();
    await client.listen();
    const kinds = client.frames.map(({ message }) => message.case);
    const skipped = client.frames.flatMap(({ message }) =>
      message.case === "skipped" ? [(message.value as { count: bigint }).count] : [],
    );
    assert.equal(skipped.length, 1);
    assert.equal(Number(skipped[0]) + kinds.filter((kind) => kind === "head").length, NOTICES_MAX + 50);
    assert.equal(place.hub.attachment?.noticesSkipped, Number(skipped[0]));
    // The newest is there, and last.
    assert.deepEqual(client.frames.at(-1)?.message.value, { count: NOTICES_MAX + 49 });
  });
}

test("by a stream: a late hello ends it DEADLINE_EXCEEDED, a first frame that is none INVALID_ARGUMENT", async () => {
  const place = new Place();
  const [silent, rude] = [new StreamClient(place.hub, SCHEMA), new StreamClient(place.hub, SCHEMA)];
  await silent.open();
  await rude.open();
  await rude.say({ message: { case: "heartbeat", value: {} } });
  assert.equal(rude.end, "INVALID_ARGUMENT/ATTACH_PROTOCOL");
  await place.advance(5_000);
  assert.equal(silent.end, "DEADLINE_EXCEEDED/ATTACH_NO_HELLO");
});

for (const [way, clientOf] of WAYS) {
  test(`${way}: who lives but does not take its calls gets no more of them than its window allows`, async () => {
    const place = new Place();
    const client = clientOf(place.hub);
    await client.attach({ creditCalls: 2 });
    if (client instanceof StreamClient) client.isSlow = true;
    for (let round = 0; round < 40; round++) {
      await place.call(400);
      await client.say({ message: { case: "heartbeat", value: {} } });
      await place.advance(500);
    }
    await place.call(400);
    await client.listen();
    assert.equal(place.settled.length, 40);
    const calls = client.frames.filter(({ callId }) => callId > 0n);
    // By a stream the first was on its way when the client stopped reading.
    assert.deepEqual(
      calls.map(({ callId }) => callId),
      client instanceof StreamClient ? [1n, 41n] : [41n],
    );
  });
}

test("by pulling: PullWork waits for work, for its time, or until its caller leaves", async () => {
  const place = new Place();
  const client = new PullClient(place.hub, SCHEMA);
  await client.attach();
  const waiting = client.pull(5_000);
  await settleMicrotasks();
  await place.call();
  await waiting;
  assert.equal(client.frames.length, 1);
  let isOver = false;
  const empty = client.pull(5_000).then(() => {
    isOver = true;
  });
  await place.advance(4_999);
  assert.equal(isOver, false);
  await place.advance(1);
  await empty;
  const controller = new AbortController();
  const left = client.pull(5_000, controller.signal);
  await settleMicrotasks();
  controller.abort();
  await left;
  // The call that came in its absence waits for the next pull.
  await place.call();
  await client.pull(0);
  assert.equal(client.frames.length, 2);
});

test("by pulling: who waits lives; a newer pull of the same client sends the older one home", async () => {
  const place = new Place();
  const client = new PullClient(place.hub, SCHEMA);
  await client.attach();
  let isHome = false;
  const first = client.pull(30_000).then(() => {
    isHome = true;
  });
  for (let second = 0; second < 25; second++) await place.advance(1_000);
  assert.equal(place.hub.isAttached, true);
  const second = client.pull(30_000);
  await first;
  assert.equal(isHome, true);
  await place.call();
  await second;
  assert.equal(client.frames.length, 1);
});

test("by pulling: an epoch that is over is refused with what ended it, epoch 0 begins anew", async () => {
  const place = new Place();
  const client = new PullClient(place.hub, SCHEMA);
  await client.attach();
  for (let second = 0; second < 12; second++) await place.advance(1_000);
  await client.pull(0);
  assert.equal(client.end, "UNAVAILABLE/ATTACH_SILENT");
  client.epoch = 77n;
  await client.pull(0);
  assert.equal(client.end, "FAILED_PRECONDITION/ATTACH_OVER");
  client.epoch = 0n;
  await client.pull(0);
  assert.equal(client.epoch, 2n);
});

test("by pulling: work is answered and pulled further by its own principal alone", async () => {
  const place = new Place();
  const client = new PullClient(place.hub, SCHEMA);
  await client.attach();
  await place.call();
  await client.pull(0);
  const [{ callId = 0n } = {}] = client.frames;
  const thief = new PullClient(place.hub, SCHEMA);
  thief.principal = "thief";
  // Instance and epoch are no secrets: both are as the client's.
  await thief.attach();
  assert.equal(thief.end, "ALREADY_EXISTS/ATTACH_TAKEN");
  thief.epoch = client.epoch;
  await thief.pull(0);
  assert.equal(thief.end, "PERMISSION_DENIED/ATTACH_OTHER_PRINCIPAL");
  thief.end = undefined;
  await thief.say({ callId, message: { case: "heartbeat", value: {} } });
  assert.equal(thief.end, "PERMISSION_DENIED/ATTACH_OTHER_PRINCIPAL");
  assert.equal(place.hub.isAttached, true);
  await client.pull(0);
  assert.equal(client.end, undefined);
});

test("by pulling: an answer brings at most 3 MiB of calls, one at least, and drops what is overdue", async () => {
  const place = new Place();
  const client = new PullClient(place.hub, SCHEMA);
  await client.attach({ creditCalls: 16, creditBytes: 2n ** 30n });
  for (const bytes of [1_000_000, 1_000_000, 1_000_000, 1_000_000, 4_000_000]) await place.call(900, bytes);
  await place.call(100);
  await place.advance(100);
  await client.pull(0);
  assert.equal(client.frames.length, 3);
  assert.equal(client.frames[0]?.deadlineMs, 800);
  await client.pull(0);
  assert.equal(client.frames.length, 4);
  await client.pull(0);
  assert.equal(client.frames.length, 5);
  assert.deepEqual(place.settled, ["DEADLINE_EXCEEDED/ATTACHED_LATE"]);
});

test("AttachHub.close() answers a pull that waits and lets nobody in any more", async () => {
  const place = new Place();
  const client = new PullClient(place.hub, SCHEMA);
  await client.attach();
  const waiting = client.pull(30_000);
  await settleMicrotasks();
  place.hub.close(failure("UNAVAILABLE", "DRAINING", "the node is shutting down"));
  await waiting;
  assert.equal(client.end, "UNAVAILABLE/DRAINING");
  const late = new StreamClient(place.hub, SCHEMA);
  await late.attach();
  assert.equal(late.end, "UNAVAILABLE/DRAINING");
  assert.equal(place.hub.isAttached, false);
});
