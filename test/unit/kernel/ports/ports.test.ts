/** The ports' twins and small parts: clock, scheduler, random, simulation, log, failures, calls, dead letters. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeadLetters } from "../../../../src/kernel/actor/dead-letters.ts";
import {
  CorrelationIds,
  childTraceparent,
  newTraceparent,
  parseTraceparent,
} from "../../../../src/kernel/correlation.ts";
import { asError, assertNever, Failure, failure, assert as hold } from "../../../../src/kernel/errors.ts";
import { policyOf } from "../../../../src/kernel/policy.ts";
import { FakeClock, realClock } from "../../../../src/kernel/ports/clock.ts";
import { MemoryLog, silentLog } from "../../../../src/kernel/ports/log.ts";
import { realRandom, seededRandom } from "../../../../src/kernel/ports/random.ts";
import { realScheduler, SimulatedScheduler } from "../../../../src/kernel/ports/scheduler.ts";
import { Simulation } from "../../../../src/kernel/ports/simulation.ts";
import { requestBytes } from "../../../../src/kernel/protocol.ts";
import { BareService, ProbeService } from "../probe.ts";

test("FakeClock fires what is due in order of due time, then of setting", () => {
  const clock = new FakeClock(1_000);
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name}@${clock.monotonicMs()}`);
  clock.setTimer(30, note("c"));
  clock.setTimer(10, note("a"));
  clock.setTimer(10, note("b"));
  clock.setTimer(20, note("never")).cancel();
  clock.setTimer(10, () => clock.setTimer(5, note("nested")));
  clock.setTimer(31, note("late"));
  assert.equal(clock.nextTimerMs(), 10);
  clock.advance(30);
  assert.deepEqual(fired, ["a@10", "b@10", "nested@15", "c@30"]);
  assert.equal(clock.nowMs(), 1_030);
  assert.equal(clock.pendingTimers, 1);
});

test("FakeClock keeps its order with many timers set and cancelled at random", () => {
  const clock = new FakeClock();
  const random = seededRandom(3);
  const fired: number[] = [];
  const handles = Array.from({ length: 500 }, () => {
    const delayMs = random.integer(1_000);
    return { delayMs, timer: clock.setTimer(delayMs, () => fired.push(delayMs)) };
  });
  const kept = handles.filter(({ timer }) => {
    const isKept = random.next() < 0.5;
    if (!isKept) timer.cancel();
    return isKept;
  });
  clock.advance(1_000);
  assert.deepEqual(
    fired,
    kept.map(({ delayMs }) => delayMs).sort((one, other) => one - other),
  );
});

test("realClock fires once, and not when cancelled", async () => {
  const before = realClock.monotonicMs();
  await new Promise<void>((resolve) => {
    realClock.setTimer(1, () => assert.fail("cancelled")).cancel();
    realClock.setTimer(2, resolve);
  });
  assert(realClock.monotonicMs() - before >= 1);
  assert(realClock.nowMs() > 1_700_000_000_000);
});

test("realScheduler runs a turn after microtasks", async () => {
  const order: string[] = [];
  const turn = new Promise<void>((resolve) =>
    realScheduler.defer(() => {
      order.push("turn");
      resolve();
    }),
  );
  await Promise.resolve().then(() => order.push("microtask"));
  await turn;
  assert.deepEqual(order, ["microtask", "turn"]);
});

test("SimulatedScheduler runs microtasks between turns, and shuffles by seed", async () => {
  const orderOf = async (seed: number | undefined): Promise<string> => {
    const scheduler = new SimulatedScheduler(seed === undefined ? undefined : seededRandom(seed));
    const order: string[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      scheduler.defer(() => {
        order.push(name);
        Promise.resolve().then(
          () => order.push(name.toUpperCase()),
          () => {},
        );
      });
    }
    await scheduler.runUntilIdle();
    return order.join("");
  };
  assert.equal(await orderOf(undefined), "aAbBcCdD");
  assert.notEqual(await orderOf(5), "aAbBcCdD");
  assert.equal(await orderOf(5), await orderOf(5));
});

test("Simulation.run() settles between timers", async () => {
  const simulation = new Simulation(1);
  const seen: number[] = [];
  const tick = (): void => {
    simulation.scheduler.defer(() => {
      seen.push(simulation.clock.monotonicMs());
      simulation.clock.setTimer(10, tick);
    });
  };
  tick();
  await simulation.run(35);
  assert.deepEqual(seen, [0, 10, 20, 30]);
  assert.equal(simulation.clock.monotonicMs(), 35);
});

test("seededRandom() repeats, is uniform enough, and differs by seed", () => {
  const [one, same, other] = [seededRandom(1), seededRandom(1), seededRandom(2)];
  const draws = Array.from({ length: 10_000 }, () => one.next());
  assert.deepEqual(
    draws.slice(0, 5),
    Array.from({ length: 5 }, () => same.next()),
  );
  assert.notEqual(draws[0], other.next());
  assert(draws.every((draw) => draw >= 0 && draw < 1));
  assert(Math.abs(draws.reduce((sum, draw) => sum + draw, 0) / draws.length - 0.5) < 0.02);
  assert.equal(one.bytes(32).length, 32);
  for (let count = 0; count < 100; count++) assert(one.integer(3) < 3);
  assert.throws(() => one.integer(0), /positive bound/);
  assert.notDeepEqual(realRandom.bytes(16), realRandom.bytes(16));
  assert(realRandom.integer(10) < 10 && realRandom.next() < 1);
});

test("Failure says by its code whether to retry, and carries no stack", () => {
  const busy = failure("UNAVAILABLE", "ACTOR_DOWN", "down", { retryDelayMs: 10 });
  assert(busy instanceof Failure && busy instanceof Error);
  assert.equal(busy.isRetryable, true);
  assert.equal(busy.detail.retryDelayMs, 10);
  assert.equal(failure("NOT_FOUND", "X", "x").isRetryable, false);
  assert.equal(busy.stack?.includes("\n"), false);
  assert(Error.stackTraceLimit > 0);
});

test("assert() throws AssertionError, asError() wraps what is none", () => {
  assert.throws(() => hold(false, "height is negative"), {
    name: "AssertionError",
    message: "height is negative",
  });
  assert.throws(() => assertNever("x" as never), /unreachable: x/);
  assert.equal(asError("text").message, "text");
});

test("policyOf() reads lane, deadline, overflow and the payload's field, once", () => {
  const { lossy, consensus, watchCount, readChunks } = ProbeService.method;
  assert.deepEqual(policyOf(lossy), {
    lane: "bulk",
    deadlineMs: 5_000,
    scope: "admin",
    overflow: "drop_oldest",
    stream: "topic",
    sizePath: ["payload"],
  });
  assert.equal(policyOf(consensus).sizePath, undefined);
  assert.equal(policyOf(watchCount).lane, undefined);
  assert.equal(policyOf(readChunks).stream, "transfer");
  assert.equal(policyOf(lossy), policyOf(lossy));
  assert.throws(() => policyOf(BareService.method.bare), /has no/);
});

test("requestBytes() counts the payload, singular or repeated, and a constant beside it", () => {
  assert.equal(requestBytes({}, undefined), 256);
  assert.equal(requestBytes({ payload: new Uint8Array(100) }, ["payload"]), 356);
  assert.equal(requestBytes({ blocks: [new Uint8Array(100), new Uint8Array(50)] }, ["blocks"]), 406);
  assert.equal(requestBytes({ block: { data: new Uint8Array(10) } }, ["block", "data"]), 266);
  assert.equal(requestBytes({}, ["payload"]), 256);
  assert.equal(requestBytes({}, ["block", "data"]), 256);
});

test("trace contexts are well-formed, and a child stays in its trace", () => {
  const random = seededRandom(1);
  const parent = newTraceparent(random);
  assert.equal(parseTraceparent(parent), parent);
  const child = childTraceparent(parent, random);
  assert.equal(parseTraceparent(child), child);
  assert.equal(child.slice(0, 36), parent.slice(0, 36));
  assert.notEqual(child, parent);
  for (const bad of ["", "00-0-0-0", `00-${"0".repeat(32)}-b7ad6b7169203331-01`, `ff${parent.slice(2)}`]) {
    assert.equal(parseTraceparent(bad), undefined);
  }
});

test("CorrelationIds never repeat", () => {
  const ids = new CorrelationIds(seededRandom(1));
  assert.equal(new Set(Array.from({ length: 1_000 }, () => ids.next())).size, 1_000);
});

test("DeadLetters count all, keep the last thousand, tell observers and log few", () => {
  const clock = new FakeClock();
  const log = new MemoryLog();
  const letters = new DeadLetters(clock, log);
  const observed: string[] = [];
  const leave = letters.observe((letter) => observed.push(letter.correlationId));
  for (let count = 0; count < 1_500; count++) letters.record("peer", "P.M", "lane_full", `c${count}`);
  leave();
  letters.record("peer", "P.M", "expired", "last");
  assert.equal(letters.total, 1_501);
  assert.equal(letters.recent().length, 1_000);
  assert.equal(letters.recent().at(-1)?.correlationId, "last");
  assert.equal(letters.counts().get("peer P.M lane_full"), 1_500);
  assert.equal(observed.length, 1_500);
  assert.equal(log.records.length, 10);
  clock.advance(60_000);
  letters.record("peer", "P.M", "expired", "later");
  assert.equal(log.records.length, 11);
});

test("MemoryLog remembers lines with the fields of its parents; silentLog says nothing", () => {
  const log = new MemoryLog({ node: 1 });
  log.child({ actor: "peer" }).warn("hello", { x: 1 });
  log.debug("d");
  log.info("i");
  log.error("e");
  assert.deepEqual(log.records[0], {
    level: "warn",
    message: "hello",
    fields: { node: 1, actor: "peer", x: 1 },
  });
  assert.equal(log.records.length, 4);
  silentLog.child({}).error("nothing");
});
