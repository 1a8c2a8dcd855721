/**
 * Rules of the kernel's contract that no other file tests: the cause of a turn, suspension, pings, the bound of a turn in
 * time, an operator's stop, one order at a time, and the lag of the event loop.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { correlatedLog, currentCause, onBehalfOf } from "../../../src/kernel/cause.ts";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { MemoryLog } from "../../../src/kernel/ports/log.ts";
import { HealthMonitor, LoopLag } from "../../../src/kernel/supervision/health.ts";
import { Supervisor } from "../../../src/kernel/supervision/supervisor.ts";
import { ProbeInternalService, ProbeService } from "./probe.ts";
import { assertFailed, see, startProbe, world } from "./probe-actor.ts";
import { FakeChild } from "./supervision/fake-child.ts";

const { normal, bulk, control } = ProbeService.method;
const { poke } = ProbeInternalService.method;

test("what a handler logs, tells and starts carries the id and trace of its call, and so does what that starts", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const { cell, simulation, log } = startProbe({
    handlers: (context) => ({
      normal: () => {
        context.log.info("in the handler");
        context.self.tell(poke, {});
        context.effect(Promise.resolve(), () => context.log.info("in the outcome"));
        context.effect(Promise.reject(new DOMException("gone", "AbortError")), () => {
          context.log.info("in the failed outcome");
        });
        return { value: 1 };
      },
    }),
    internal: (context) => ({
      poke: () => {
        context.log.info("in the next message", { correlationId2: context.cause()?.correlationId });
        return {};
      },
    }),
  });
  cell.ref.tell(normal, {}, { correlationId: "c-1", traceparent });
  await simulation.settle();
  assert.equal(log.records.length, 4);
  for (const { fields, message } of log.records) {
    assert.equal(fields["correlationId"], "c-1", message);
    assert.equal(fields["traceparent"], traceparent, message);
  }
  assert.equal(currentCause(), undefined);
});

test("a message that nobody caused begins a chain of its own; a message keeps its chain alive, not its sender", async () => {
  const ids: string[] = [];
  const { cell, simulation } = startProbe({
    handlers: (context) => ({
      normal: ({ value }, call) => {
        ids.push(call.correlationId);
        if (value > 0) context.selfPublic.tell(normal, { value: value - 1 });
        return { value };
      },
    }),
  });
  cell.ref.tell(normal, { value: 2 });
  cell.ref.tell(normal, { value: 0 });
  await simulation.settle();
  assert.equal(ids.length, 4);
  assert.equal(new Set(ids).size, 2);
});

test("a call whose handler threw leaves no cause behind", async () => {
  const { cell, simulation, log } = startProbe({
    handlers: () => ({
      normal: () => {
        throw new Error("broken");
      },
    }),
  });
  const seen = see(cell.ref.ask(normal, {}, { correlationId: "c-2" }));
  await simulation.settle();
  assertFailed(seen, "UNAVAILABLE", "ACTOR_CRASHED");
  assert.equal(
    log.records.find(({ message }) => message === "actor crashed")?.fields["correlationId"],
    "c-2",
  );
  assert.equal(currentCause(), undefined);
});

test("onBehalfOf() goes on for a remembered cause and restores the one before, even when it throws", () => {
  const memory = new MemoryLog();
  const log = correlatedLog(memory).child({ part: "test" });
  const cause = { correlationId: "c-3", traceparent: undefined };
  onBehalfOf(cause, () => {
    assert.throws(() =>
      onBehalfOf({ ...cause, correlationId: "c-4" }, () => {
        throw new Error("x");
      }),
    );
    log.debug("one");
  });
  log.debug("two");
  assert.deepEqual(
    memory.records.map(({ fields }) => fields["correlationId"]),
    ["c-3", undefined],
  );
});

test("a suspended actor runs nothing; messages wait within bounds, deadlines go on, and resume() goes on", async () => {
  const order: string[] = [];
  const { cell, simulation, running } = startProbe(
    {
      handlers: () => ({
        control: ({ order: name }) => {
          order.push(name);
          return {};
        },
      }),
    },
    { lanes: { control: { messagesMax: 3, bytesMax: 10_000 } } },
  );
  cell.suspend();
  assert.equal(running.describe?.().isSuspended, true);
  const late = see(cell.ref.ask(control, { order: "late" }, { deadlineMs: 100 }));
  const kept = see(cell.ref.ask(control, { order: "kept" }, { deadlineMs: 10_000 }));
  cell.ref.tell(control, { order: "told late" }, { deadlineMs: 100 });
  const refused = see(cell.ref.ask(control, { order: "refused" }));
  await simulation.run(99);
  assert.equal(late.isSettled, false);
  assertFailed(refused, "RESOURCE_EXHAUSTED", "MAILBOX_FULL");
  await simulation.run(60);
  assertFailed(late, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED");
  assert.equal(kept.isSettled, false);
  assert.equal(cell.counts.expired, 2);
  cell.resume();
  await simulation.settle();
  assert.equal(kept.failure, undefined);
  assert.deepEqual(order, ["kept"]);
  assert.equal(cell.counts.expired, 2, "nobody expires twice");
  assert.equal(simulation.clock.pendingTimers, 0);
});

test("a suspended actor can be stopped, and crashes; the next life is not suspended", async () => {
  const { cell, simulation, running } = startProbe();
  cell.suspend();
  const waiting = see(cell.ref.ask(normal, {}));
  const stopped = running.stop();
  await simulation.settle();
  await stopped;
  assert.equal(waiting.isSettled, true);
  cell.child.start();
  assert.deepEqual(see(cell.ref.ask(normal, { value: 1 })).isSettled, false);
  cell.suspend();
  cell.crash(new Error("broken"));
  cell.child.start();
  const asked = see(cell.ref.ask(normal, { value: 1 }));
  await simulation.settle();
  assert.equal(asked.value?.value, 2);
  assert.equal(simulation.clock.pendingTimers, 0);
});

test("a ping goes through the mailbox: late while suspended, in time after, void after a restart", async () => {
  const { cell, simulation } = startProbe();
  const heard: string[] = [];
  const monitor = new HealthMonitor({
    clock: simulation.clock,
    cells: [cell],
    onChange: (actor, isResponsive) => heard.push(`${actor} ${isResponsive}`),
  });
  monitor.start();
  await simulation.run(5_000);
  assert.deepEqual(heard, []);
  assert.equal(cell.describe().pingMs, 0);
  cell.suspend();
  await simulation.run(4_000);
  assert.deepEqual(heard, ["probe false"]);
  assert.equal(cell.describe().isResponsive, false);
  cell.resume();
  await simulation.run(0);
  assert.deepEqual(heard, ["probe false", "probe true"]);
  cell.suspend();
  await simulation.run(4_000);
  cell.crash(new Error("broken"));
  cell.child.start();
  assert.equal(cell.describe().isResponsive, true);
  monitor.stop();
  await simulation.run(10_000);
  assert.equal(simulation.clock.pendingTimers, 0);
});

test("a turn ends after a millisecond, whatever waits", async () => {
  let handled = 0;
  const clock = new FakeClock();
  const { cell, simulation } = startProbe(
    {
      handlers: () => ({
        bulk: () => {
          handled += 1;
          clock.advance(0.4);
          return {};
        },
      }),
    },
    { clock },
  );
  for (let sent = 0; sent < 9; sent++) cell.ref.tell(bulk, {});
  simulation.scheduler.step();
  assert.equal(handled, 3);
  await simulation.settle();
  assert.equal(handled, 9);
});

test("LoopLag tells how late timers ran", () => {
  const clock = new FakeClock();
  const lag = new LoopLag(clock);
  assert.deepEqual(lag.summary(), { p50Ms: 0, p99Ms: 0, maxMs: 0 });
  lag.start();
  clock.advance(2_000);
  assert.deepEqual(lag.summary(), { p50Ms: 0, p99Ms: 0, maxMs: 0 });
  lag.stop();
  assert.equal(clock.pendingTimers, 0);
});

function supervised(strategy: "one_for_one" | "one_for_all" | "rest_for_one", options = {}) {
  const { simulation, log } = world();
  const journal: string[] = [];
  const children = ["a", "b", "c"].map((id) => new FakeChild(id, journal, options));
  const parts = { name: "test", clock: simulation.clock, random: simulation.random, log };
  const supervisor = new Supervisor(
    strategy,
    children.map((child) => child.spec),
    parts,
  );
  const states = (): string =>
    supervisor
      .tree()
      .children.map(({ state }) => state)
      .join(" ");
  return { simulation, supervisor, children, journal, states };
}

test("stopChild() stops a child and those that stand on it, until restartChild()", async () => {
  const { simulation, supervisor, journal, children, states } = supervised("rest_for_one");
  await supervisor.start();
  assert.equal(await supervisor.stopChild("b"), undefined);
  assert.deepEqual(journal.splice(0), ["+a", "+b", "+c", "-c", "-b"]);
  assert.equal(states(), "running stopped waiting");
  await simulation.run(60_000);
  assert.deepEqual(journal, []);
  assert.equal((await supervisor.restartChild("c"))?.reason, "STANDS_ON_STOPPED");
  // Who stands below comes back by itself, and takes nobody up with it that is held.
  children[0]?.crash();
  await simulation.run(0);
  assert.deepEqual(journal.splice(0), ["+a"]);
  assert.equal(await supervisor.restartChild("b"), undefined);
  assert.deepEqual(journal.splice(0), ["+b", "+c"]);
  assert.equal((await supervisor.stopChild("z"))?.reason, "NO_SUCH_CHILD");
  await supervisor.stop();
  assert.equal(states(), "stopped stopped stopped");
});

test("stopChild() follows its strategy: nobody else, or everybody", async () => {
  const one = supervised("one_for_one");
  await one.supervisor.start();
  await one.supervisor.stopChild("a");
  assert.equal(one.states(), "stopped running running");
  assert.equal(await one.supervisor.restartChild("b"), undefined);
  const all = supervised("one_for_all");
  await all.supervisor.start();
  await all.supervisor.stopChild("b");
  assert.equal(all.states(), "waiting stopped waiting");
  assert.equal((await all.supervisor.restartChild("a"))?.reason, "STANDS_ON_STOPPED");
  assert.equal(await all.supervisor.restartChild("b"), undefined);
  assert.equal(all.states(), "running running running");
});

test("an order during an order, or while the child stops, is ABORTED", async () => {
  const { simulation, supervisor } = supervised("one_for_one", { stopping: "never" });
  await supervisor.start();
  const first = supervisor.restartChild("a");
  const second = await supervisor.restartChild("b");
  assert.equal(`${second?.code} ${second?.reason}`, "ABORTED RESTART_UNDER_WAY");
  await simulation.run(1_000);
  assert.equal(await first, undefined);
  const third = supervisor.stopChild("b");
  await simulation.run(1_000);
  assert.equal(await third, undefined);
});

test("suspendChild() is refused for what has no mailbox or is down", async () => {
  const { supervisor } = supervised("one_for_one");
  await supervisor.start();
  assert.equal(supervisor.suspendChild("a")?.reason, "CANNOT_SUSPEND");
  assert.equal(supervisor.resumeChild("z")?.reason, "CANNOT_SUSPEND");
});
