/** The session machine: by example, and against any order of calls, answers, credit, time and loss. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { AttachHelloSchema } from "../../../../gen/alys/integration/v1/integration_pb.ts";
import {
  AttachSession,
  HEARTBEAT_MS,
  HELLO_MS_MAX,
  type SessionEffect,
} from "../../../../src/integrations/attach/session.ts";

const heartbeat = () => ({});

function helloOf(creditCalls: number, creditBytes: number) {
  return create(AttachHelloSchema, {
    protocolVersion: 1,
    instanceId: "one",
    creditCalls,
    creditBytes: BigInt(creditBytes),
  });
}

function attached(creditCalls = 2, creditBytes = 100): AttachSession {
  const session = new AttachSession(0);
  const hello = helloOf(creditCalls, creditBytes);
  session.receive({ callId: 0n, message: { case: "hello", value: hello } }, 0);
  assert.deepEqual(
    session.take().map(({ type }) => type),
    ["greeted"],
  );
  session.welcome({}, hello, 0);
  session.take();
  return session;
}

const callOf = (id: bigint, bytes = 10, deadlineMs = 1_000) => ({
  id,
  kind: "work",
  value: {},
  bytes,
  deadlineMs,
});

const sent = (effects: readonly SessionEffect[]): bigint[] =>
  effects.flatMap((effect) =>
    effect.type === "send" && effect.frame.callId > 0n ? [effect.frame.callId] : [],
  );

const reasons = (effects: readonly SessionEffect[]): string[] =>
  effects.flatMap((effect) =>
    effect.type === "failed" || effect.type === "ended" ? [effect.failure.reason] : [],
  );

test("AttachSession ends a stream without a hello after 5 s, and one that begins with something else", () => {
  const silent = new AttachSession(0);
  assert.equal(silent.nextTickMs(), HELLO_MS_MAX);
  silent.tick(HELLO_MS_MAX - 1, heartbeat);
  assert.deepEqual(silent.take(), []);
  silent.tick(HELLO_MS_MAX, heartbeat);
  assert.deepEqual(reasons(silent.take()), ["ATTACH_NO_HELLO"]);
  const rude = new AttachSession(0);
  rude.receive({ callId: 0n, message: { case: "heartbeat", value: {} } }, 0);
  assert.deepEqual(reasons(rude.take()), ["ATTACH_PROTOCOL"]);
});

test("AttachSession refuses another version", () => {
  const session = new AttachSession(0);
  const value = create(AttachHelloSchema, { protocolVersion: 2 });
  session.receive({ callId: 0n, message: { case: "hello", value } }, 0);
  assert.deepEqual(reasons(session.take()), ["ATTACH_VERSION"]);
});

test("AttachSession keeps to the window in calls and bytes; an answer makes room; a large call goes alone", () => {
  const session = attached(2, 100);
  for (const [id, bytes] of [
    [1n, 60],
    [2n, 60],
    [3n, 500],
    [4n, 1],
  ] as const) {
    session.call(callOf(id, bytes), 0);
  }
  assert.deepEqual(sent(session.take()), [1n]);
  session.receive({ callId: 1n, message: { case: "work", value: "done" } }, 1);
  const effects = session.take();
  assert.deepEqual(effects[0], { type: "answered", id: 1n, value: "done" });
  assert.deepEqual(sent(effects), [2n]);
  session.receive({ callId: 2n, message: { case: "work" } }, 2);
  assert.deepEqual(sent(session.take()), [3n]);
  session.receive({ callId: 3n, message: { case: "work" } }, 3);
  assert.deepEqual(sent(session.take()), [4n]);
});

test("AttachSession widens the window by credit", () => {
  const session = attached(1, 100);
  session.call(callOf(1n), 0);
  session.call(callOf(2n), 0);
  assert.deepEqual(sent(session.take()), [1n]);
  session.receive({ callId: 0n, message: { case: "credit", value: { calls: 1, bytes: 0n } } }, 1);
  assert.deepEqual(sent(session.take()), [2n]);
});

test("AttachSession fails a call at its deadline and drops the late answer, counted", () => {
  const session = attached();
  session.call(callOf(1n, 10, 50), 0);
  session.take();
  assert.equal(session.nextTickMs(), 50);
  session.tick(50, heartbeat);
  assert.deepEqual(reasons(session.take()), ["ATTACHED_LATE"]);
  session.receive({ callId: 1n, message: { case: "work" } }, 60);
  assert.deepEqual(session.take(), []);
  assert.equal(session.staleAnswers, 1);
});

test("AttachSession says heartbeats and takes two missed ones for the end, failing what runs", () => {
  const session = attached();
  session.tick(HEARTBEAT_MS, heartbeat);
  assert.equal(session.take().length, 1);
  session.call(callOf(1n, 10, 60_000), HEARTBEAT_MS);
  session.take();
  session.tick(2 * HEARTBEAT_MS + 1_000, heartbeat);
  assert.deepEqual(reasons(session.take()), ["ATTACHED_LOST", "ATTACH_SILENT"]);
});

test("AttachSession passes the client's error on and refuses an answer of another kind", () => {
  const session = attached();
  session.call(callOf(1n), 0);
  session.call(callOf(2n), 0);
  session.take();
  session.receive({ callId: 1n, message: { case: "error", value: { code: 8, message: "full" } } }, 1);
  const [failed] = session.take();
  assert.equal(failed?.type === "failed" && failed.failure.code, "RESOURCE_EXHAUSTED");
  session.receive({ callId: 2n, message: { case: "play" } }, 1);
  assert.deepEqual(reasons(session.take()), ["ATTACHED_LOST", "ATTACH_PROTOCOL"]);
});

type Input =
  | { readonly kind: "call"; readonly bytes: number; readonly forMs: number }
  | { readonly kind: "answer"; readonly which: number; readonly isError: boolean }
  | { readonly kind: "stray" }
  | { readonly kind: "credit"; readonly calls: number; readonly bytes: number }
  | { readonly kind: "heartbeat" }
  | { readonly kind: "time"; readonly ms: number };

const inputs: fc.Arbitrary<Input> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("call" as const),
      bytes: fc.nat(200),
      forMs: fc.integer({ min: 1, max: 9_000 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("answer" as const), which: fc.nat(20), isError: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stray" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("credit" as const), calls: fc.nat(3), bytes: fc.nat(100) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("heartbeat" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.nat(4_000) }) },
);

test("AttachSession settles every call exactly once, in any course, and never exceeds its window", () => {
  fc.assert(
    fc.property(
      fc.array(inputs, { maxLength: 120 }),
      fc.integer({ min: 0, max: 5 }),
      fc.nat(300),
      (course, creditCalls, creditBytes) => {
        const session = attached(creditCalls, creditBytes);
        let [nowMs, lastId, callsMax, bytesMax] = [0, 0n, Math.max(1, creditCalls), creditBytes];
        const flying: bigint[] = [];
        const settled = new Map<bigint, number>();
        const look = (): void => {
          for (const effect of session.take()) {
            if (effect.type === "send" && effect.frame.callId > 0n) flying.push(effect.frame.callId);
            if (effect.type !== "answered" && effect.type !== "failed") continue;
            settled.set(effect.id, (settled.get(effect.id) ?? 0) + 1);
            if (flying.includes(effect.id)) flying.splice(flying.indexOf(effect.id), 1);
          }
          assert(session.callsInFlight <= callsMax);
          assert(session.callsInFlight <= 1 || session.bytesInFlight <= bytesMax);
          // Nothing waits beside an empty window.
          assert(session.callsWaiting === 0 || session.callsInFlight > 0);
        };
        for (const input of course) {
          if (!session.isAttached) break;
          if (input.kind === "call") {
            session.call(callOf(++lastId, input.bytes, nowMs + input.forMs), nowMs);
          } else if (input.kind === "answer") {
            const callId = flying[input.which % Math.max(1, flying.length)];
            const message = input.isError
              ? { case: "error", value: { code: 14, message: "" } }
              : { case: "work" };
            if (callId !== undefined) session.receive({ callId, message }, nowMs);
          } else if (input.kind === "stray") {
            session.receive({ callId: 1_000_000n, message: { case: "work" } }, nowMs);
          } else if (input.kind === "credit") {
            callsMax += input.calls;
            bytesMax += input.bytes;
            const value = { calls: input.calls, bytes: BigInt(input.bytes) };
            session.receive({ callId: 0n, message: { case: "credit", value } }, nowMs);
          } else if (input.kind === "heartbeat") {
            session.receive({ callId: 0n, message: { case: "heartbeat", value: {} } }, nowMs);
          } else {
            nowMs += input.ms;
            session.tick(nowMs, heartbeat);
          }
          look();
        }
        session.end({ reason: "OVER" } as never);
        look();
        assert.equal(settled.size, Number(lastId));
        assert([...settled.values()].every((times) => times === 1));
      },
    ),
  );
});
