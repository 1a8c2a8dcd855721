/** The cell: asks and tells, every way a message can end, crashes, stops, and refs that survive restarts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actorCell } from "../../../../src/kernel/actor/cell.ts";
import type { Deferred } from "../../../../src/kernel/actor/deferred.ts";
import { TURN_MESSAGES_MAX } from "../../../../src/kernel/actor/turns.ts";
import type { Call } from "../../../../src/kernel/call.ts";
import { failure } from "../../../../src/kernel/errors.ts";
import { later } from "../../../../src/kernel/protocol.ts";
import { BareService, type NormalResponseSchema, ProbeInternalService, ProbeService } from "../probe.ts";
import { assertFailed, probeDefinition, see, startProbe, world } from "../probe-actor.ts";

const { control, normal, bulk, lossy, consensus } = ProbeService.method;
type NormalDeferred = Deferred<typeof NormalResponseSchema>;

test("ask() resolves with the handler's answer", async () => {
  const { cell, simulation } = startProbe();
  const seen = see(cell.ref.ask(normal, { value: 1 }));
  assert.equal(seen.isSettled, false);
  await simulation.settle();
  assert.equal(seen.value?.value, 2);
});

test("ask() hands over the very message it was given, without a copy", async () => {
  const payload = new Uint8Array(8);
  let received: Uint8Array | undefined;
  const { cell, simulation } = startProbe({
    handlers: () => ({
      bulk: (request) => {
        received = request.payload;
        return { length: 8 };
      },
    }),
  });
  see(cell.ref.ask(bulk, { payload }));
  await simulation.settle();
  assert.equal(received, payload);
});

test("ask() of a method of another service is a programmer error", () => {
  const { cell } = startProbe();
  assert.throws(
    () => cell.ref.ask(BareService.method.bare as never, {} as never),
    /no unary method of probe/,
  );
});

test("internalRef reaches the internal handlers of the same mailbox", async () => {
  const order: string[] = [];
  const { cell, simulation } = startProbe({
    handlers: () => ({ normal: () => ({ value: order.push("normal") }) }),
    internal: () => ({
      poke: () => {
        order.push("poke");
        return {};
      },
    }),
  });
  cell.ref.tell(normal, {});
  cell.internalRef.tell(ProbeInternalService.method.poke, {});
  await simulation.settle();
  assert.deepEqual(order, ["normal", "poke"]);
});

test("a handler that returns a Failure rejects the ask with that very value", async () => {
  const refusal = failure("NOT_FOUND", "NO_SUCH_PEER", "nobody is named that");
  const { cell, simulation } = startProbe({ handlers: () => ({ control: () => refusal }) });
  const seen = see(cell.ref.ask(control, {}));
  await simulation.settle();
  assert.equal(seen.failure, refusal);
  assert.equal(cell.isRunning, true);
});

test("later() answers UNIMPLEMENTED with its reason", async () => {
  const planned = later("needs the checkpoint store");
  const { cell, simulation } = startProbe({ handlers: () => ({ control: planned }) });
  const seen = see(cell.ref.ask(control, {}));
  await simulation.settle();
  assertFailed(seen, "UNIMPLEMENTED", "NOT_YET_IMPLEMENTED");
  assert.equal(seen.failure?.message, "needs the checkpoint store");
  assert.equal(planned.laterReason, "needs the checkpoint store");
});

test("a message for a stopped actor: ask is UNAVAILABLE at once, tell is a dead letter", async () => {
  const { simulation, environment } = world();
  const cell = actorCell(probeDefinition(), environment);
  const seen = see(cell.ref.ask(normal, {}));
  cell.ref.tell(normal, {}, { correlationId: "lost" });
  await null;
  await null;
  assertFailed(seen, "UNAVAILABLE", "ACTOR_DOWN");
  assert.equal(seen.failure?.isRetryable, true);
  const [letter] = environment.deadLetters.recent();
  assert.equal(letter?.cause, "actor_down");
  assert.equal(letter?.correlationId, "lost");
  assert.equal(letter?.method, "probe.v1.ProbeService.Normal");
  await simulation.settle();
});

test("a handler that throws crashes the actor; all that waits is answered UNAVAILABLE", async () => {
  let held: NormalDeferred | undefined;
  const { cell, simulation, running, log, environment } = startProbe({
    handlers: (context) => ({
      normal: () => {
        held = context.deferred(normal);
        return held;
      },
      consensus: () => {
        throw new Error("impossible height");
      },
    }),
  });
  const deferred = see(cell.ref.ask(normal, {}));
  await simulation.settle();
  const thrower = see(cell.ref.ask(consensus, { height: 7n }, { correlationId: "c-7" }));
  const queued = see(cell.ref.ask(normal, {}));
  cell.ref.tell(bulk, {});
  await simulation.settle();
  for (const seen of [deferred, thrower, queued]) assertFailed(seen, "UNAVAILABLE", "ACTOR_CRASHED");
  assert.equal(environment.deadLetters.recent().at(-1)?.cause, "crashed");
  assert.equal(((await running.crashed) as Error).message, "impossible height");
  assert.equal(cell.isRunning, false);
  assert.equal(held?.isSettled, true);
  assert.equal(held?.resolve({ value: 1 }), false, "an answer after the crash goes nowhere");
  const line = log.records.find((record) => record.message === "actor crashed");
  assert.equal(line?.fields["method"], "probe.v1.ProbeService.Consensus");
  assert.equal(line?.fields["correlationId"], "c-7");
  assert.deepEqual(line?.fields["lastEvents"], [
    "probe.v1.ProbeService.Normal -0 ms",
    "probe.v1.ProbeService.Consensus c-7 -0 ms",
  ]);
});

test("a handler that throws even a Failure crashes the actor", async () => {
  const { cell, simulation } = startProbe({
    handlers: () => ({
      normal: () => {
        throw failure("NOT_FOUND", "X", "x");
      },
    }),
  });
  const seen = see(cell.ref.ask(normal, {}));
  await simulation.settle();
  assertFailed(seen, "UNAVAILABLE", "ACTOR_CRASHED");
});

for (const [what, garbage] of [
  ["undefined", undefined],
  ["a string", "yes"],
  ["a promise", Promise.resolve({ value: 1 })],
  ["an array", [1]],
  ["unknown fields", { worth: 1 }],
] as const) {
  test(`a handler that returns ${what} crashes the actor`, async () => {
    const { cell, simulation } = startProbe({ handlers: () => ({ normal: () => garbage as never }) });
    const seen = see(cell.ref.ask(normal, {}));
    await simulation.settle();
    assertFailed(seen, "UNAVAILABLE", "ACTOR_CRASHED");
    assert.equal(cell.isRunning, false);
  });
}

test("a Deferred settled with garbage, or of another method, crashes the actor", async () => {
  for (const wrong of [true, false]) {
    const { cell, simulation } = startProbe({
      handlers: (context) => ({
        normal: () => {
          if (wrong) return context.deferred(control) as never;
          const deferred = context.deferred(normal);
          context.timers.after(10, () => deferred.resolve({ worth: 1 } as never));
          return deferred;
        },
      }),
    });
    const seen = see(cell.ref.ask(normal, {}));
    await simulation.run(10);
    assertFailed(seen, "UNAVAILABLE", "ACTOR_CRASHED");
  }
});

test("a Deferred is answered by its result, once", async () => {
  let held: NormalDeferred | undefined;
  const { cell, simulation } = startProbe({
    handlers: (context) => ({
      normal: () => {
        held = context.deferred(normal);
        return held;
      },
    }),
  });
  const seen = see(cell.ref.ask(normal, {}));
  await simulation.settle();
  assert.equal(seen.isSettled, false);
  assert.equal(cell.describe().repliesOpen, 1);
  assert.equal(held?.resolve({ value: 5 }), true);
  assert.equal(held?.resolve({ value: 6 }), false);
  assert.equal(held?.reject(failure("ABORTED", "X", "x")), false);
  await simulation.settle();
  assert.equal(seen.value?.value, 5);
  assert.equal(cell.describe().repliesOpen, 0);
  assert.equal(simulation.clock.pendingTimers, 0, "its deadline timer is gone");
});

test("a Deferred that was settled before it is returned answers at once", async () => {
  const { cell, simulation } = startProbe({
    handlers: (context) => ({
      normal: () => {
        const deferred = context.deferred(normal);
        deferred.resolve({ value: 9 });
        return deferred;
      },
    }),
  });
  const seen = see(cell.ref.ask(normal, {}));
  await simulation.settle();
  assert.equal(seen.value?.value, 9);
  assert.equal(simulation.clock.pendingTimers, 0);
});

test("a Deferred that is never answered is DEADLINE_EXCEEDED, and its call's signal aborts", async () => {
  let call: Call | undefined;
  const { cell, simulation } = startProbe({
    handlers: (context) => ({
      normal: (_, given) => {
        call = given;
        return context.deferred(normal);
      },
    }),
  });
  const byPolicy = see(cell.ref.ask(normal, {}));
  const byCaller = see(cell.ref.ask(normal, {}, { deadlineMs: 50 }));
  await simulation.run(50);
  assertFailed(byCaller, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED");
  assert.equal(call?.signal.aborted, true, "a signal asked for afterwards is aborted too");
  assert.equal(byPolicy.isSettled, false);
  await simulation.run(1950);
  assertFailed(byPolicy, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED");
});

test("a caller's abort answers CANCELLED: before, in the queue, and deferred", async () => {
  let signal: AbortSignal | undefined;
  let runs = 0;
  const { cell, simulation } = startProbe({
    handlers: (context) => ({
      normal: (_, call) => {
        runs += 1;
        signal = call.signal;
        return context.deferred(normal);
      },
    }),
  });
  const before = see(cell.ref.ask(normal, {}, { signal: AbortSignal.abort() }));
  const controllers = [new AbortController(), new AbortController()] as const;
  const queued = see(cell.ref.ask(normal, {}, { signal: controllers[0].signal }));
  controllers[0].abort();
  const deferred = see(cell.ref.ask(normal, {}, { signal: controllers[1].signal }));
  await simulation.settle();
  assertFailed(before, "CANCELLED", "CALLER_ABORTED");
  assertFailed(queued, "CANCELLED", "CALLER_ABORTED");
  assert.equal(runs, 1, "what was cancelled did not run");
  assert.equal(signal?.aborted, false);
  controllers[1].abort();
  await simulation.settle();
  assertFailed(deferred, "CANCELLED", "CALLER_ABORTED");
  assert.equal(signal?.aborted, true);
  assert.equal(cell.describe().repliesOpen, 0);
});

test("an expired message is answered without running; an expired tell is a dead letter", async () => {
  let runs = 0;
  const { cell, simulation, environment } = startProbe({
    handlers: () => ({ normal: () => ({ value: ++runs }) }),
  });
  const seen = see(cell.ref.ask(normal, {}, { deadlineMs: 10 }));
  cell.ref.tell(normal, {}, { deadlineMs: 10 });
  simulation.clock.advance(10);
  await simulation.settle();
  assertFailed(seen, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED");
  assert.equal(runs, 0);
  assert.equal(cell.counts.expired, 2);
  assert.equal(environment.deadLetters.recent().at(-1)?.cause, "expired");
});

test("a lane at its bound refuses with RESOURCE_EXHAUSTED, in messages and in bytes", async () => {
  const { cell, simulation, environment } = startProbe(
    {},
    {
      lanes: {
        normal: { messagesMax: 2, bytesMax: 1_000_000 },
        bulk: { messagesMax: 10, bytesMax: 2_000 },
      },
    },
  );
  const asks = [1, 2, 3].map((value) => see(cell.ref.ask(normal, { value })));
  cell.ref.tell(normal, {});
  const payload = new Uint8Array(1_000);
  const heavy = [1, 2].map(() => see(cell.ref.ask(bulk, { payload })));
  const tooLarge = see(cell.ref.ask(bulk, { payload: new Uint8Array(2_000) }));
  await simulation.settle();
  assert.equal(asks[1]?.value?.value, 3);
  assertFailed(asks[2], "RESOURCE_EXHAUSTED", "MAILBOX_FULL");
  assert.equal(environment.deadLetters.recent()[0]?.cause, "lane_full");
  assert.equal(heavy[0]?.value?.length, 1_000);
  assertFailed(heavy[1], "RESOURCE_EXHAUSTED", "MAILBOX_FULL");
  assertFailed(tooLarge, "INVALID_ARGUMENT", "MESSAGE_TOO_LARGE");
  assert.equal(cell.counts.refused, 4);
});

test("a method that drops the oldest makes room in its lane and counts", async () => {
  const { cell, simulation } = startProbe({}, { lanes: { bulk: { messagesMax: 2, bytesMax: 1_000_000 } } });
  const asks = [1, 2, 3].map((number) => see(cell.ref.ask(lossy, { number })));
  await simulation.settle();
  assertFailed(asks[0], "RESOURCE_EXHAUSTED", "DROPPED_OLDEST");
  assert.equal(asks[2]?.failure, undefined);
  assert.equal(cell.counts.dropped, 1);
});

test("the reply table at its bound answers RESOURCE_EXHAUSTED", async () => {
  const { cell, simulation } = startProbe(
    { handlers: (context) => ({ normal: () => context.deferred(normal) }) },
    { repliesMax: 1 },
  );
  const asks = [1, 2].map(() => see(cell.ref.ask(normal, {})));
  await simulation.settle();
  assert.equal(asks[0]?.isSettled, false);
  assertFailed(asks[1], "RESOURCE_EXHAUSTED", "REPLY_TABLE_FULL");
});

test("a turn handles at most 64 messages, then others run", async () => {
  let runs = 0;
  const { cell, simulation } = startProbe({
    handlers: () => ({ normal: () => ({ value: ++runs }) }),
  });
  for (let count = 0; count < 100; count++) cell.ref.tell(normal, {});
  simulation.scheduler.step();
  assert.equal(runs, TURN_MESSAGES_MAX);
  assert.equal(simulation.scheduler.step(), true);
  assert.equal(runs, 100);
  await simulation.settle();
});

test("stop() runs onStop in a turn of its own and answers what waits", async () => {
  const order: string[] = [];
  const { cell, simulation, running } = startProbe({
    handlers: (context) => ({ normal: () => context.deferred(normal) }),
    onStop: (context) => order.push(`stop, aborted ${context.signal.aborted}`),
  });
  const deferred = see(cell.ref.ask(normal, {}));
  await simulation.settle();
  const queued = see(cell.ref.ask(control, {}));
  const stopped = running.stop();
  const refused = see(cell.ref.ask(control, {}));
  await simulation.settle();
  await stopped;
  assert.deepEqual(order, ["stop, aborted false"]);
  assertFailed(deferred, "UNAVAILABLE", "ACTOR_STOPPED");
  assertFailed(queued, "UNAVAILABLE", "ACTOR_STOPPED");
  assertFailed(refused, "UNAVAILABLE", "ACTOR_DOWN");
  await running.stop();
});

test("a ref survives a restart: the new incarnation is empty and has a higher epoch", async () => {
  const epochs: number[] = [];
  const { cell, simulation } = startProbe({
    onStart: (context) => epochs.push(context.epoch),
    handlers: () => ({
      control: () => {
        throw new Error("boom");
      },
    }),
  });
  cell.ref.tell(control, {});
  cell.ref.tell(normal, {});
  await simulation.settle();
  cell.child.start();
  assert.equal(cell.describe().mailboxDepth, 0);
  const seen = see(cell.ref.ask(normal, { value: 1 }));
  await simulation.settle();
  assert.equal(seen.value?.value, 2);
  assert.equal(epochs.length, 2);
  assert(epochs[1]! > epochs[0]!);
});

test("a start that throws leaves the cell down, with nothing of it alive", async () => {
  const { simulation, environment } = world();
  let signal: AbortSignal | undefined;
  const cell = actorCell(
    probeDefinition({
      onStart: (context) => {
        signal = context.signal;
        context.timers.every(10, () => {});
        throw new Error("no disk");
      },
    }),
    environment,
  );
  assert.throws(() => cell.child.start(), /no disk/);
  assert.equal(cell.isRunning, false);
  assert.equal(signal?.aborted, true);
  assert.equal(simulation.clock.pendingTimers, 0);
});

test("a service with a method without a policy is refused", () => {
  const { environment } = world();
  const definition = { ...probeDefinition(), service: BareService };
  assert.throws(() => actorCell(definition as never, environment), /Bare has no \(alys.actor.v1.policy\)/);
});

test("a call inherits correlation id and trace context of its cause", async () => {
  const calls: Call[] = [];
  const { cell, simulation } = startProbe({
    handlers: (context) => ({
      control: (_, call) => {
        calls.push(call);
        context.selfPublic.tell(normal, {}, { cause: call });
        return {};
      },
      normal: (_, call) => {
        calls.push(call);
        return {};
      },
    }),
  });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  cell.ref.tell(control, {}, { traceparent });
  await simulation.settle();
  assert.equal(calls.length, 2);
  assert.equal(calls[0]?.correlationId, calls[1]?.correlationId);
  assert.equal(calls[1]?.traceparent, traceparent);
});

test("messages are frozen under test, and a change of bytes is found", async () => {
  let thrown: unknown;
  const { cell, simulation, environment } = startProbe({
    handlers: () => ({
      normal: (request) => {
        try {
          request.value = 3;
        } catch (error) {
          thrown = error;
        }
        return {};
      },
      bulk: ({ payload }) => {
        payload[0] = 1;
        return {};
      },
    }),
  });
  cell.ref.tell(normal, {});
  await simulation.settle();
  assert(thrown instanceof TypeError);
  environment.seals?.verify();
  cell.ref.tell(bulk, { payload: new Uint8Array(4) });
  await simulation.settle();
  assert.throws(() => environment.seals?.verify(), /bytes of probe.v1.ProbeService.Bulk request changed/);
});

test("a slow handler is reported afterwards, and the observer is told of every message", async () => {
  const seen: string[] = [];
  const { cell, simulation, log } = startProbe(
    {
      handlers: () => ({
        normal: () => {
          simulation.clock.advance(150);
          return {};
        },
      }),
    },
    { observer: { handled: (_, method, runMs, code) => seen.push(`${method} ${runMs} ${code}`) } },
  );
  cell.ref.tell(normal, {});
  await simulation.settle();
  assert.deepEqual(seen, ["probe.v1.ProbeService.Normal 150 OK"]);
  assert.equal(log.records.at(-1)?.message, "slow handler");
});
