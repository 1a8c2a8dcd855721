/**
 * A cell under random messages, answers, aborts, deadlines, crashes, stops and restarts: every ask is settled exactly once
 * by a known outcome, every tell is handled or a dead letter, and nothing is left behind.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { actorCell } from "../../src/kernel/actor/cell.ts";
import type { Deferred } from "../../src/kernel/actor/deferred.ts";
import { Failure } from "../../src/kernel/errors.ts";
import type { RunningChild } from "../../src/kernel/supervision/child.ts";
import { type BulkResponseSchema, ProbeService } from "../unit/kernel/probe.ts";
import { probeDefinition, world } from "../unit/kernel/probe-actor.ts";

const { normal, bulk, lossy, control } = ProbeService.method;

const OUTCOMES = new Set([
  "OK",
  "ACTOR_DOWN",
  "ACTOR_CRASHED",
  "ACTOR_STOPPED",
  "MAILBOX_FULL",
  "DROPPED_OLDEST",
  "REPLY_TABLE_FULL",
  "CALLER_ABORTED",
  "DEADLINE_EXCEEDED",
]);

type Step =
  | {
      readonly kind: "ask" | "defer" | "lossy" | "crash";
      readonly times: number;
      readonly deadlineMs: number;
    }
  | { readonly kind: "tell" | "resolve" | "abort"; readonly times: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "turn" | "settle" | "stop" | "start" | "suspend" | "resume" | "ping" };

const times = fc.integer({ min: 1, max: 5 });
const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom("ask" as const, "defer" as const, "lossy" as const, "crash" as const),
      times,
      deadlineMs: fc.constantFrom(5, 50, 5_000),
    }),
    fc.record({ kind: fc.constantFrom("tell" as const, "resolve" as const, "abort" as const), times }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(100) }),
    fc.record({
      kind: fc.constantFrom(...(["turn", "settle", "stop", "start", "suspend", "resume", "ping"] as const)),
    }),
  ),
  { maxLength: 60 },
);

class Driver {
  readonly made = world(1, {
    repliesMax: 6,
    lanes: { normal: { messagesMax: 8, bytesMax: 10_000 }, bulk: { messagesMax: 6, bytesMax: 10_000 } },
  });
  readonly deferreds: Deferred<typeof BulkResponseSchema>[] = [];
  readonly outcomes: string[] = [];
  readonly controllers: AbortController[] = [];
  readonly epochs: number[] = [];
  asks = 0;
  tells = 0;
  handledTells = 0;
  running: RunningChild | undefined;
  readonly cell = actorCell(
    probeDefinition({
      onStart: (context) => this.epochs.push(context.epoch),
      handlers: (context) => ({
        normal: ({ value }) => {
          if (value === 1) this.handledTells += 1;
          return { value };
        },
        bulk: () => {
          const deferred = context.deferred(bulk);
          this.deferreds.push(deferred);
          return deferred;
        },
        control: () => {
          throw new Error("told to crash");
        },
      }),
    }),
    this.made.environment,
  );

  ask(promise: Promise<unknown>): void {
    this.asks += 1;
    promise.then(
      () => this.outcomes.push("OK"),
      (thrown) => this.outcomes.push(thrown instanceof Failure ? thrown.reason : `threw ${thrown}`),
    );
  }

  async apply(step: Step): Promise<void> {
    const { simulation } = this.made;
    if ("times" in step) for (let count = 0; count < step.times; count++) this.repeat(step);
    else if (step.kind === "wait") await simulation.run(step.ms);
    else if (step.kind === "turn") simulation.scheduler.step();
    else if (step.kind === "settle") await simulation.settle();
    else if (step.kind === "suspend") this.cell.suspend();
    else if (step.kind === "resume") this.cell.resume();
    else if (step.kind === "ping") this.cell.ping(20, () => {});
    else if (step.kind === "stop") this.running?.stop().catch(assert.fail);
    else if (!this.cell.isRunning) this.running = this.cell.child.start();
  }

  repeat(step: Extract<Step, { times: number }>): void {
    const { ref } = this.cell;
    if (step.kind === "tell") {
      this.tells += 1;
      ref.tell(normal, { value: 1 });
    } else if (step.kind === "resolve") this.deferreds.shift()?.resolve({ length: 1 });
    else if (step.kind === "abort") this.controllers.pop()?.abort();
    else if ("deadlineMs" in step) {
      const controller = new AbortController();
      this.controllers.push(controller);
      const options = { deadlineMs: step.deadlineMs, signal: controller.signal };
      if (step.kind === "ask") this.ask(ref.ask(normal, { value: 0 }, options));
      else if (step.kind === "defer") this.ask(ref.ask(bulk, {}, options));
      else if (step.kind === "lossy") this.ask(ref.ask(lossy, {}, options));
      else this.ask(ref.ask(control, {}, options));
    }
  }
}

test("Cell settles every ask exactly once and accounts for every tell", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const driver = new Driver();
      const { simulation, environment } = driver.made;
      for (const step of given) {
        await driver.apply(step);
        assert((driver.cell.describe().repliesOpen ?? 0) <= 6);
        assert((driver.cell.describe().mailboxDepth ?? 0) <= 256 + 8 + 6 + 1);
      }
      // Deadlines are kept even of what waits in a suspended mailbox.
      await simulation.run(6_000);
      assert.equal(driver.outcomes.length, driver.asks, "each ask is settled, and once");
      for (const outcome of driver.outcomes) assert(OUTCOMES.has(outcome), outcome);
      driver.cell.resume();
      await simulation.settle();
      assert.equal(driver.handledTells + environment.deadLetters.total, driver.tells);
      assert.equal(driver.cell.describe().repliesOpen, 0);
      assert.equal(driver.cell.describe().mailboxDepth, 0);
      assert.equal(simulation.clock.pendingTimers, 0);
      assert.deepEqual(
        driver.epochs,
        [...new Set(driver.epochs)].sort((one, other) => one - other),
        "epochs grow",
      );
    }),
    { numRuns: 300 },
  );
});
