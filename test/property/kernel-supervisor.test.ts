/**
 * Supervisors under random crashes, failed starts, hanging stops and passing time. After every event: the strategy's
 * order holds, intensity is kept, and once the faults end everything that should run does.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { Simulation } from "../../src/kernel/ports/simulation.ts";
import type { Strategy } from "../../src/kernel/supervision/child.ts";
import { Supervisor, type SupervisorEvent } from "../../src/kernel/supervision/supervisor.ts";
import { FakeChild } from "../unit/kernel/supervision/fake-child.ts";

const IDS = ["a", "b", "c", "d"] as const;
const INTENSITY = 3;
const PERIOD_MS = 10_000;

interface Model {
  readonly strategy: Strategy;
  /** When each child failed, in monotonic milliseconds. */
  readonly faultsMs: Map<string, number[]>;
  isStopped: boolean;
}
interface Real {
  readonly simulation: Simulation;
  readonly supervisor: Supervisor;
  readonly children: readonly FakeChild[];
}
type Command = fc.AsyncCommand<Model, Real>;

const running = (real: Real): boolean[] => real.children.map((child) => child.isUp);

/** What must hold whenever nothing moves. */
function checkQuiet(model: Model, real: Real): void {
  const up = running(real);
  const { state } = real.supervisor;
  if (state === "escalated" || state === "stopped") {
    assert.deepEqual(up, [false, false, false, false], `${state}, but something runs`);
    return;
  }
  assert.equal(state, "running");
  const firstDown = up.indexOf(false);
  if (firstDown < 0) return;
  if (model.strategy === "rest_for_one") {
    assert(
      up.slice(firstDown).every((isUp) => !isUp),
      `runs without the one below: ${up}`,
    );
  }
  if (model.strategy === "one_for_all")
    assert(
      up.every((isUp) => !isUp),
      `runs without the others: ${up}`,
    );
}

/** Escalation only after more faults of one child within its period than allowed. */
function checkEscalation(model: Model, real: Real): void {
  const mayEscalate = [...model.faultsMs.values()].some((faults) =>
    faults.some((atMs, index) => {
      const last = faults[index + INTENSITY];
      return last !== undefined && last - atMs < PERIOD_MS;
    }),
  );
  if (!mayEscalate) assert.notEqual(real.supervisor.state, "escalated", "gave up too early");
}

abstract class Step implements Command {
  readonly at: number;

  constructor(at: number) {
    this.at = at;
  }

  check = (model: Readonly<Model>): boolean => !model.isStopped;

  async run(model: Model, real: Real): Promise<void> {
    const child = real.children[this.at % IDS.length] ?? assert.fail();
    await this.act(model, real, child);
    // Not only settle(): a stop that hangs is killed after 0 ms, which is a timer.
    await real.simulation.run(0);
    checkQuiet(model, real);
    checkEscalation(model, real);
  }

  abstract act(model: Model, real: Real, child: FakeChild): Promise<void> | void;
  abstract toString(): string;
}

class Crash extends Step {
  override act(_model: Model, _real: Real, child: FakeChild): void {
    if (!child.isUp) return;
    child.crash();
  }
  override toString = (): string => `crash ${IDS[this.at]}`;
}

class CrashAndFailStart extends Step {
  override act(_model: Model, _real: Real, child: FakeChild): void {
    if (!child.isUp) return;
    child.startErrors.push(new Error("no disk"));
    child.crash();
  }
  override toString = (): string => `crash ${IDS[this.at]}, and its next start fails`;
}

class Wait extends Step {
  override async act(_model: Model, real: Real): Promise<void> {
    await real.simulation.run(this.at * 700);
  }
  override toString = (): string => `wait ${this.at * 700} ms`;
}

class OperatorRestart extends Step {
  override async act(_model: Model, real: Real, child: FakeChild): Promise<void> {
    const restarted = real.supervisor.restartChild(child.id);
    await real.simulation.run(1_000);
    await restarted;
  }
  override toString = (): string => `restartChild ${IDS[this.at]}`;
}

class OperatorStop extends Step {
  override async act(_model: Model, real: Real, child: FakeChild): Promise<void> {
    if (real.supervisor.state !== "running") return;
    const stopped = real.supervisor.stopChild(child.id);
    await real.simulation.run(1_000);
    const refusal = await stopped;
    if (refusal === undefined) assert.equal(child.isUp, false, "stopped, but runs");
  }
  override toString = (): string => `stopChild ${IDS[this.at]}`;
}

class Stop extends Step {
  override async act(model: Model, real: Real): Promise<void> {
    model.isStopped = true;
    const stopped = real.supervisor.stop();
    await real.simulation.run(IDS.length * 1_000);
    await stopped;
    assert.equal(real.simulation.clock.pendingTimers, 0);
  }
  override toString = (): string => "stop";
}

const stops = fc.array(fc.constantFrom("at_once", "never", "fails"), { minLength: 4, maxLength: 4 });
const strategies = fc.constantFrom<Strategy>("one_for_one", "one_for_all", "rest_for_one");
const commands = fc.commands(
  [
    fc.nat(3).map((at) => new Crash(at)),
    fc.nat(3).map((at) => new CrashAndFailStart(at)),
    fc.nat(12).map((at) => new Wait(at)),
    fc.nat(3).map((at) => new OperatorRestart(at)),
    fc.nat(3).map((at) => new OperatorStop(at)),
    fc.nat(0).map((at) => new Stop(at)),
  ],
  { maxCommands: 40 },
);

test("Supervisor keeps its strategy's promises under any sequence of faults", async () => {
  await fc.assert(
    fc.asyncProperty(strategies, stops, fc.nat(), commands, async (strategy, stopping, seed, given) => {
      let kept: { model: Model; real: Real } | undefined;
      const setup = async (): Promise<{ model: Model; real: Real }> => {
        const simulation = new Simulation(seed, { isShuffled: true });
        const children = IDS.map(
          (id, at) =>
            new FakeChild(id, [], {
              intensity: INTENSITY,
              periodMs: PERIOD_MS,
              stopping: stopping[at] as "at_once",
              stopDeadlineMs: 0,
            }),
        );
        const { clock, random } = simulation;
        const faultsMs = new Map(IDS.map((id): [string, number[]] => [id, []]));
        const onEvent = ({ kind, childId }: SupervisorEvent): void => {
          if (kind === "crashed" || kind === "start_failed") {
            faultsMs.get(childId)?.push(clock.monotonicMs());
          }
        };
        const parts = { name: "test", clock, random, log: silentLog, onEvent };
        const supervisor = new Supervisor(
          strategy,
          children.map((child) => child.spec),
          parts,
        );
        await supervisor.start();
        kept = {
          model: { strategy, faultsMs, isStopped: false },
          real: { simulation, supervisor, children },
        };
        return kept;
      };
      await fc.asyncModelRun(setup, given);
      if (kept === undefined || kept.real.supervisor.state !== "running") return;
      for (const child of kept.real.children) child.startErrors.length = 0;
      // Who was stopped on purpose stays down until told otherwise.
      for (const id of IDS) {
        const state = kept.real.supervisor.tree().children.find((child) => child.id === id)?.state;
        if (state !== "stopped") continue;
        const restarted = kept.real.supervisor.restartChild(id);
        await kept.real.simulation.run(4_000);
        await restarted;
      }
      await kept.real.simulation.run(60_000);
      assert.deepEqual(running(kept.real), [true, true, true, true], "something did not come back");
    }),
    { numRuns: 150 },
  );
});
