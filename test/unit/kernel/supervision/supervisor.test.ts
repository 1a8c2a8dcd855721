/** Supervisors: order, strategies, backoff, intensity, stops that hang, escalation, nesting. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actorCell } from "../../../../src/kernel/actor/cell.ts";
import type { Strategy } from "../../../../src/kernel/supervision/child.ts";
import { BACKOFF_AT_ONCE } from "../../../../src/kernel/supervision/restart.ts";
import {
  type Escalation,
  Supervisor,
  supervisorChild,
} from "../../../../src/kernel/supervision/supervisor.ts";
import { ProbeService } from "../probe.ts";
import { probeDefinition, see, world } from "../probe-actor.ts";
import { FakeChild, type FakeChildOptions } from "./fake-child.ts";

function supervised(strategy: Strategy, options: Readonly<Record<string, FakeChildOptions>>) {
  const { simulation, log, environment } = world();
  const journal: string[] = [];
  const events: string[] = [];
  const children = Object.entries(options).map(([id, given]) => new FakeChild(id, journal, given));
  const supervisor = new Supervisor(
    strategy,
    children.map((child) => child.spec),
    {
      name: "test",
      clock: simulation.clock,
      random: simulation.random,
      log,
      onEvent: (event) => events.push(`${event.kind} ${event.childId}`),
    },
  );
  let escalation: Escalation | undefined;
  supervisor.escalated.then(
    (given) => {
      escalation = given;
    },
    () => {},
  );
  /** What happened since the last call. */
  const since = (): string => journal.splice(0).join(" ");
  const byId = (id: string): FakeChild => children.find((child) => child.id === id) ?? assert.fail();
  const start = async (): Promise<void> => {
    const started = supervisor.start();
    await simulation.settle();
    await started;
    since();
  };
  return {
    simulation,
    log,
    environment,
    supervisor,
    events,
    children,
    since,
    byId,
    start,
    escalation: () => escalation,
  };
}

test("start() starts in order, stop() stops in reverse", async () => {
  const { supervisor, since } = supervised("rest_for_one", { host: {}, peer: {}, network: {} });
  await supervisor.start();
  assert.equal(since(), "+host +peer +network");
  assert.equal(supervisor.state, "running");
  await supervisor.stop();
  assert.equal(since(), "-network -peer -host");
  assert.equal(supervisor.state, "stopped");
  await supervisor.stop();
  assert.equal(since(), "");
});

test("start() that fails stops what was started and throws the child's error", async () => {
  const { supervisor, since, byId } = supervised("one_for_one", { a: {}, b: {}, c: {} });
  byId("b").startErrors.push(new Error("port in use"));
  await assert.rejects(supervisor.start(), /port in use/);
  assert.equal(since(), "+a !b -a");
  assert.equal(supervisor.state, "stopped");
});

const restarted: Record<Strategy, string> = {
  one_for_one: "+b",
  one_for_all: "-d -c -a +a +b +c +d",
  rest_for_one: "-d -c +b +c +d",
};
for (const [strategy, journal] of Object.entries(restarted)) {
  test(`${strategy} restarts the right children at once`, async () => {
    const made = supervised(strategy as Strategy, { a: {}, b: {}, c: {}, d: {} });
    await made.start();
    made.byId("b").crash();
    await made.simulation.settle();
    assert.equal(made.since(), journal);
    assert.equal(made.simulation.clock.pendingTimers, 0);
  });
}

test("only the first restart of a period is at once; the next waits within its ceiling", async () => {
  const { start, byId, since, simulation, supervisor } = supervised("one_for_one", { a: {} });
  await start();
  byId("a").crash();
  await simulation.settle();
  assert.equal(since(), "+a");
  byId("a").crash();
  await simulation.settle();
  assert.equal(since(), "");
  assert.equal(supervisor.tree().children[0]?.state, "waiting");
  await simulation.run(1_000);
  assert.equal(since(), "+a");
});

test("those restarted with a child wait for its delay only, and do not count", async () => {
  const { start, byId, since, simulation, supervisor } = supervised("rest_for_one", {
    peer: { backoff: { firstMs: 5_000, baseMs: 5_000, factor: 1, maxMs: 5_000 } },
    network: { intensity: 1 },
    sync: { intensity: 1 },
  });
  await start();
  for (let round = 0; round < 3; round++) {
    byId("peer").crash();
    await simulation.run(4_999);
    if (round === 0) assert.equal(since(), "-sync -network");
    await simulation.run(1);
  }
  assert.equal(
    since(),
    "+peer +network +sync -sync -network +peer +network +sync -sync -network +peer +network +sync",
  );
  assert.equal(supervisor.state, "running");
  assert.equal(supervisor.tree().children[2]?.restarts, 3);
});

test("a child that crashes while a later one waits is restarted first", async () => {
  const slow = { backoff: { firstMs: 5_000, baseMs: 5_000, factor: 1, maxMs: 5_000 } };
  const { start, byId, since, simulation } = supervised("rest_for_one", { a: {}, b: slow, c: {} });
  await start();
  byId("b").crash();
  await simulation.run(1_000);
  byId("a").crash();
  await simulation.settle();
  assert.equal(since(), "-c +a");
  await simulation.run(4_000);
  assert.equal(since(), "+b +c");
});

test("one_for_all waits with everybody for the child that failed", async () => {
  const slow = { backoff: { firstMs: 5_000, baseMs: 5_000, factor: 1, maxMs: 5_000 } };
  const { start, byId, since, simulation } = supervised("one_for_all", { a: {}, b: slow });
  await start();
  byId("b").crash();
  await simulation.run(4_999);
  assert.equal(since(), "-a");
  await simulation.run(1);
  assert.equal(since(), "+a +b");
});

test("transient and temporary children are restarted as OTP says", async () => {
  const { start, byId, since, simulation, supervisor } = supervised("one_for_one", {
    permanent: {},
    transient: { restart: "transient" },
    temporary: { restart: "temporary" },
  });
  await start();
  for (const id of ["permanent", "transient", "temporary"]) byId(id).finish();
  await simulation.settle();
  assert.equal(since(), "+permanent");
  assert.deepEqual(
    supervisor.tree().children.map((child) => child.state),
    ["running", "finished", "finished"],
  );
  const again = supervised("one_for_one", {
    transient: { restart: "transient" },
    temporary: { restart: "temporary" },
  });
  await again.start();
  again.byId("transient").crash();
  again.byId("temporary").crash();
  await again.simulation.settle();
  assert.equal(again.since(), "+transient");
});

test("a restart storm escalates: everything stops in reverse, and the reason is told", async () => {
  const { start, byId, since, simulation, supervisor, escalation } = supervised("rest_for_one", {
    a: {},
    b: { intensity: 2, backoff: { firstMs: 0, baseMs: 0, factor: 1, maxMs: 0 } },
    c: {},
  });
  await start();
  for (let crashes = 0; crashes < 3; crashes++) {
    byId("b").crash(`crash ${crashes}`);
    await simulation.settle();
  }
  assert.equal(since(), "-c +b +c -c +b +c -c -a");
  assert.equal(supervisor.state, "escalated");
  assert.equal(escalation()?.childId, "b");
  assert.equal(escalation()?.restarts, 2);
  assert.match(escalation()?.failure.message ?? "", /b failed more than 2 times in 60000 ms: crash 2/);
  await simulation.run(100_000);
  assert.equal(since(), "", "nothing comes back");
});

test("crashes farther apart than the period never escalate", async () => {
  const { start, byId, simulation, supervisor } = supervised("one_for_one", {
    a: { intensity: 1, periodMs: 10_000 },
  });
  await start();
  for (let crashes = 0; crashes < 5; crashes++) {
    byId("a").crash();
    await simulation.run(10_000);
  }
  assert.equal(supervisor.state, "running");
  assert.equal(byId("a").starts, 6);
});

test("a restart whose start fails counts as a crash of that child", async () => {
  const { start, byId, since, simulation, escalation } = supervised("rest_for_one", { a: {}, b: {} });
  await start();
  byId("a").startErrors.push(...[1, 2, 3, 4, 5].map((at) => new Error(`no disk ${at}`)));
  byId("a").crash();
  await simulation.run(60_000);
  assert.equal(since(), "-b !a !a !a");
  assert.equal(escalation()?.childId, "a");
});

test("a child that does not stop in time, or fails to, is killed and the stop goes on", async () => {
  const { start, since, simulation, supervisor, log } = supervised("one_for_one", {
    a: {},
    b: { stopping: "never" },
    c: { stopping: "fails" },
  });
  await start();
  let isStopped = false;
  supervisor.stop().then(
    () => {
      isStopped = true;
    },
    () => {},
  );
  await simulation.run(999);
  assert.equal(since(), "-c xc -b");
  await simulation.run(1);
  assert.equal(since(), "xb -a");
  assert.equal(isStopped, true);
  assert(log.records.some((record) => record.message === "child did not stop in time and is killed"));
  assert.equal(simulation.clock.pendingTimers, 0);
});

test("a start that hangs fails at its deadline", async () => {
  const { simulation, supervisor, byId, since } = supervised("one_for_one", {
    a: {},
    b: { startDeadlineMs: 500 },
  });
  byId("b").hangsAtStart = true;
  const seen = see(supervisor.start());
  await simulation.run(500);
  assert.equal(seen.failure?.reason, "START_TIMEOUT");
  assert.equal(since(), "+a -a");
});

test("stop() during a backoff cancels it", async () => {
  const { start, byId, since, simulation, supervisor } = supervised("one_for_one", {
    a: { backoff: { firstMs: 5_000, baseMs: 0, factor: 1, maxMs: 0 } },
  });
  await start();
  byId("a").crash();
  await simulation.settle();
  await supervisor.stop();
  assert.equal(simulation.clock.pendingTimers, 0);
  await simulation.run(10_000);
  assert.equal(since(), "");
});

test("restartChild() is an operator's: by the strategy, at once, and counting against nothing", async () => {
  const { start, since, supervisor } = supervised("rest_for_one", { a: {}, b: { intensity: 0 }, c: {} });
  await start();
  for (let times = 0; times < 3; times++) assert.equal(await supervisor.restartChild("b"), undefined);
  assert.equal(since(), "-c -b +b +c -c -b +b +c -c -b +b +c");
  assert.equal((await supervisor.restartChild("z"))?.reason, "NO_SUCH_CHILD");
  await supervisor.stop();
  assert.equal((await supervisor.restartChild("b"))?.reason, "SUPERVISOR_NOT_RUNNING");
});

test("a supervisor under a supervisor escalates as its child and is made anew", async () => {
  const { simulation, log } = world();
  const journal: string[] = [];
  const parts = { clock: simulation.clock, random: simulation.random, log };
  const leaf = new FakeChild("leaf", journal, { intensity: 0 });
  const start = supervisorChild(
    () => new Supervisor("one_for_one", [leaf.spec], { name: "inner", ...parts }),
  );
  const outer = new Supervisor("one_for_one", [{ ...new FakeChild("inner", journal).spec, start }], {
    name: "outer",
    ...parts,
  });
  await outer.start();
  leaf.crash();
  await simulation.settle();
  assert.deepEqual(journal, ["+leaf", "+leaf"]);
  const [inner] = outer.tree().children;
  assert.equal(inner?.restarts, 1);
  assert.equal(inner?.supervisor?.children[0]?.state, "running");
  await outer.stop();
  assert.deepEqual(journal, ["+leaf", "+leaf", "-leaf"]);
});

test("an actor that crashes under a supervisor comes back behind the same ref", async () => {
  const { simulation, log, environment } = world();
  const cell = actorCell(
    probeDefinition({
      handlers: () => ({
        control: () => {
          throw new Error("boom");
        },
      }),
    }),
    environment,
  );
  const policy = new FakeChild("probe", []).spec;
  const supervisor = new Supervisor("one_for_one", [{ ...policy, ...cell.child, backoff: BACKOFF_AT_ONCE }], {
    name: "test",
    clock: simulation.clock,
    random: simulation.random,
    log,
  });
  await supervisor.start();
  const before = supervisor.tree().children[0];
  cell.ref.tell(ProbeService.method.control, {});
  await simulation.settle();
  const seen = see(cell.ref.ask(ProbeService.method.normal, { value: 1 }));
  await simulation.settle();
  assert.equal(seen.value?.value, 2);
  const after = supervisor.tree().children[0];
  assert.equal(after?.restarts, 1);
  assert.equal(after?.lastError, "boom");
  assert((after?.epoch ?? 0) > (before?.epoch ?? 0));
  assert.equal(after?.mailboxDepth, 0);
  const stopped = supervisor.stop();
  await simulation.settle();
  await stopped;
  assert.equal(cell.isRunning, false);
});

test("two children of one id are a programmer error", () => {
  assert.throws(() => {
    const { simulation, log } = world();
    const { spec } = new FakeChild("a", []);
    const { clock, random } = simulation;
    return new Supervisor("one_for_one", [spec, spec], { name: "test", clock, random, log });
  }, /two children/);
});
