/** What an actor does through its context: timers, effects, and other actors' streams. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actorCell } from "../../../../src/kernel/actor/cell.ts";
import { failure } from "../../../../src/kernel/errors.ts";
import { Topic } from "../../../../src/kernel/stream/topic.ts";
import { ProbeService } from "../probe.ts";
import { type ProbeContext, type ProbeTopic, probeDefinition, startProbe, world } from "../probe-actor.ts";

const { control, normal, watchCount } = ProbeService.method;

function withContext() {
  let context: ProbeContext | undefined;
  const probe = startProbe({
    onStart: (given) => {
      context = given;
    },
    handlers: () => ({
      control: () => {
        throw new Error("told to crash");
      },
    }),
  });
  assert(context !== undefined);
  return { ...probe, context };
}

test("timers.after() runs once, in a turn", async () => {
  const { context, simulation } = withContext();
  const ranAtMs: number[] = [];
  context.timers.after(100, () => ranAtMs.push(simulation.clock.monotonicMs()));
  simulation.clock.advance(100);
  assert.deepEqual(ranAtMs, [], "not inside the platform's timer");
  await simulation.run(1_000);
  assert.deepEqual(ranAtMs, [100]);
});

test("timers.every() runs every period until it is cancelled", async () => {
  const { context, simulation } = withContext();
  const ranAtMs: number[] = [];
  const handle = context.timers.every(100, () => ranAtMs.push(simulation.clock.monotonicMs()));
  await simulation.run(350);
  handle.cancel();
  await simulation.run(1_000);
  assert.deepEqual(ranAtMs, [100, 200, 300]);
  assert.equal(simulation.clock.pendingTimers, 0);
});

test("timers.every() does not pile up while the actor is busy", async () => {
  const { context, simulation } = withContext();
  let runs = 0;
  context.timers.every(10, () => {
    runs += 1;
  });
  simulation.clock.advance(100);
  await simulation.settle();
  assert.equal(runs, 1);
});

test("a timer cancelled between its firing and its turn does not run", async () => {
  const { context, simulation } = withContext();
  let runs = 0;
  const handle = context.timers.after(10, () => {
    runs += 1;
  });
  simulation.clock.advance(10);
  handle.cancel();
  await simulation.settle();
  assert.equal(runs, 0);
});

test("timers and effects die with the incarnation; a dropped effect's value is released", async () => {
  const { context, simulation, cell } = withContext();
  const seen: string[] = [];
  const work = Promise.withResolvers<string>();
  context.timers.after(10, () => seen.push("timer"));
  context.effect(
    work.promise,
    () => seen.push("done"),
    (lease) => seen.push(`released ${lease}`),
  );
  cell.ref.tell(control, {});
  await simulation.settle();
  assert.equal(context.signal.aborted, true);
  work.resolve("lease 7");
  await simulation.run(100);
  assert.deepEqual(seen, ["released lease 7"]);
  assert.equal(simulation.clock.pendingTimers, 0);
});

test("an effect that finished but waits behind the stop is released too", async () => {
  const { context, simulation, running } = withContext();
  const seen: string[] = [];
  const work = Promise.withResolvers<string>();
  context.effect(
    work.promise,
    () => seen.push("done"),
    (lease) => seen.push(`released ${lease}`),
  );
  const stopped = running.stop();
  work.resolve("lease 8");
  await simulation.settle();
  await stopped;
  assert.deepEqual(seen, ["released lease 8"]);
});

test("a timer that throws crashes the actor", async () => {
  const { context, simulation, running } = withContext();
  context.timers.after(10, () => {
    throw new Error("in a timer");
  });
  await simulation.run(10);
  assert.equal(((await running.crashed) as Error).message, "in a timer");
});

test("effect() hands value, Failure and abort to done, inside a turn", async () => {
  const { context, simulation } = withContext();
  const outcomes: unknown[] = [];
  const refusal = failure("ABORTED", "X", "x");
  context.effect(Promise.resolve(1), (outcome) => outcomes.push(outcome));
  context.effect(Promise.reject(refusal), (outcome) => outcomes.push(outcome));
  context.effect(Promise.reject(AbortSignal.abort().reason), (outcome) =>
    outcomes.push(outcome.ok ? "?" : outcome.failure.code),
  );
  await null;
  assert.deepEqual(outcomes, [], "not in the promise's own microtask");
  await simulation.settle();
  assert.deepEqual(outcomes, [{ ok: true, value: 1 }, { ok: false, failure: refusal }, "CANCELLED"]);
});

test("effect() whose work rejects with anything else crashes the actor", async () => {
  const { context, simulation, running } = withContext();
  context.effect(Promise.reject(new TypeError("undefined is not a block")), () => {});
  await simulation.settle();
  assert.equal(((await running.crashed) as Error).message, "undefined is not a block");
});

test("watch() delivers in the reader's own turns, and a reader that throws crashes its own actor", async () => {
  const { simulation, environment } = world();
  let topic: ProbeTopic | undefined;
  const below = actorCell(
    probeDefinition({
      topic: () => {
        topic = new Topic(watchCount, { snapshot: () => ({ event: { case: "snapshot", value: {} } }) });
        return topic;
      },
    }),
    environment,
  );
  below.child.start();
  const seen: unknown[] = [];
  const above = actorCell(
    probeDefinition({
      onStart: (context) => {
        context.watch(
          below.ref,
          watchCount,
          {},
          {
            onMessage: (message) => {
              seen.push(message.event.case);
              assert.notEqual(message.event.case, "changed");
            },
          },
        );
      },
    }),
    environment,
  );
  above.child.start();
  await simulation.settle();
  assert.deepEqual(seen, ["snapshot"]);
  topic?.publish({ event: { case: "changed", value: { value: 1 } } });
  await simulation.settle();
  assert.equal(above.isRunning, false);
  assert.equal(below.isRunning, true);
  assert.equal(topic?.readers, 0, "the subscription ended with its reader");
});

test("watch() passes on the back-pressure of a busy reader and loses nothing", async () => {
  const { simulation, environment } = world();
  let topic: ProbeTopic | undefined;
  const below = actorCell(
    probeDefinition({
      topic: () => {
        topic = new Topic(watchCount, {
          snapshot: () => ({ event: { case: "snapshot", value: {} } }),
          messagesMax: 1_000,
        });
        return topic;
      },
    }),
    environment,
  );
  below.child.start();
  const seen: number[] = [];
  const above = actorCell(
    probeDefinition({
      onStart: (context) => {
        context.watch(
          below.ref,
          watchCount,
          {},
          {
            onMessage: (message) => {
              if (message.event.case === "changed") seen.push(message.event.value.value);
            },
          },
        );
      },
    }),
    environment,
  );
  above.child.start();
  await simulation.settle();
  for (let value = 1; value <= 500; value++) topic?.publish({ event: { case: "changed", value: { value } } });
  let depthMax = 0;
  while (simulation.scheduler.step()) depthMax = Math.max(depthMax, above.describe().mailboxDepth ?? 0);
  assert.deepEqual(
    seen,
    Array.from({ length: 500 }, (_, index) => index + 1),
  );
  assert(depthMax <= 64, `mailbox held ${depthMax}`);
});

test("watch() reads again by itself when the actor below is started anew, and says that it missed something", async () => {
  const { simulation, environment } = world();
  const topic = (): ProbeTopic =>
    new Topic(watchCount, { snapshot: () => ({ event: { case: "snapshot", value: {} } }) });
  const below = actorCell(probeDefinition({ topic }), environment);
  let child = below.child.start();
  const seen: unknown[] = [];
  const above = actorCell(
    probeDefinition({
      onStart: (context) => {
        const onMessage = ({ event }: { event: { case: unknown } }): void => void seen.push(event.case);
        context.watch(below.ref, watchCount, {}, { onMessage, onGap: () => seen.push("gap") });
      },
    }),
    environment,
  );
  const running = above.child.start();
  await simulation.settle();
  assert.deepEqual(seen, ["snapshot"]);
  child.kill?.();
  await simulation.run(100);
  assert.deepEqual(seen, ["snapshot", "gap"]);
  child = below.child.start();
  await simulation.run(60_000);
  assert.deepEqual(seen, ["snapshot", "gap", "snapshot"]);
  running.kill?.();
  child.kill?.();
  await simulation.run(60_000);
  assert.equal(seen.length, 3, "it ended with its reader");
});

test("self is the internal ref and selfPublic the public one", async () => {
  const { context, simulation } = withContext();
  let value: number | undefined;
  context.effect(context.selfPublic.ask(normal, { value: 1 }), (outcome) => {
    value = outcome.ok ? outcome.value.value : undefined;
  });
  await simulation.settle();
  assert.equal(value, 2);
  assert.equal(context.self.service.typeName, "probe.v1.ProbeInternalService");
});
