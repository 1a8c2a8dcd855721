/**
 * A hub with two processes that attach by streams or by pulling, in any order of hellos, calls, answers right and wrong,
 * notices, losses and time: every call is settled exactly once, one process at most is attached, its window is kept, and
 * epochs only grow.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EngineServiceAttachRequestSchema } from "../../gen/alys/integration/v1/integration_pb.ts";
import { AttachHub } from "../../src/integrations/attach/hub.ts";
import { failure } from "../../src/kernel/errors.ts";
import { FakeClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { settleMicrotasks } from "../../src/kernel/ports/scheduler.ts";
import { PullClient, StreamClient, type TestClient } from "../unit/integrations/attach/clients.ts";

const WINDOW = 3;

type Step =
  | { readonly kind: "attach"; readonly who: number; readonly isPulled: boolean; readonly takeOver: boolean }
  | { readonly kind: "call"; readonly forMs: number; readonly bytes: number }
  | { readonly kind: "listen" | "vanish"; readonly who: number }
  | { readonly kind: "answer"; readonly who: number; readonly which: number; readonly how: Answer }
  | { readonly kind: "notice" }
  | { readonly kind: "time"; readonly ms: number };
type Answer = "right" | "error" | "wrong kind" | "no call";

const who = fc.nat(1);
const record = <T>(kind: string, rest: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record({ kind: fc.constant(kind), ...rest }) as unknown as fc.Arbitrary<Step>;
const steps = fc.oneof(
  { weight: 3, arbitrary: record("attach", { who, isPulled: fc.boolean(), takeOver: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: record("call", { forMs: fc.integer({ min: 1, max: 9_000 }), bytes: fc.nat(2_000) }),
  },
  { weight: 4, arbitrary: record("listen", { who }) },
  { weight: 1, arbitrary: record("vanish", { who }) },
  {
    weight: 6,
    arbitrary: record("answer", {
      who,
      which: fc.nat(9),
      how: fc.oneof(
        { weight: 12, arbitrary: fc.constant<Answer>("right") },
        { weight: 3, arbitrary: fc.constant<Answer>("error") },
        { weight: 1, arbitrary: fc.constant<Answer>("wrong kind") },
        { weight: 3, arbitrary: fc.constant<Answer>("no call") },
      ),
    }),
  },
  { weight: 2, arbitrary: record("notice", {}) },
  { weight: 4, arbitrary: record("time", { ms: fc.nat(4_000) }) },
);

class Course {
  readonly clock = new FakeClock();
  readonly hub: AttachHub;
  readonly clients: TestClient[] = [];
  readonly settled: number[] = [];
  #epoch = 0;

  constructor() {
    const point = { height: 0, hash: new Uint8Array(32) };
    const parts = { name: "engine", genesisHash: point.hash, clock: this.clock, log: silentLog };
    this.hub = new AttachHub({ ...parts, progress: () => ({ head: point, final: point }) });
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "attach": {
        const make = step.isPulled ? PullClient : StreamClient;
        const client = new make(this.hub, EngineServiceAttachRequestSchema);
        this.clients[step.who] = client;
        const hello = { instanceId: `${step.who}`, takeOver: step.takeOver, creditCalls: WINDOW };
        return await client.attach({ ...hello, creditBytes: 3_000n });
      }
      case "call": {
        const index = this.settled.push(0) - 1;
        const count = (): void => {
          this.settled[index] = (this.settled[index] ?? 0) + 1;
        };
        const transaction = new Uint8Array(step.bytes);
        this.hub.call("validateTransaction", { transaction }, step.bytes, step.forMs).then(count, count);
        return await settleMicrotasks();
      }
      case "listen":
        return await this.clients[step.who]?.listen();
      case "vanish":
        return await this.clients[step.who]?.vanish();
      case "answer":
        return await this.#answer(step.who, step.which, step.how);
      case "notice":
        return this.hub.notify("head", {});
      case "time":
        this.clock.advance(step.ms);
        return await settleMicrotasks();
    }
  }

  async #answer(index: number, which: number, how: Answer): Promise<void> {
    const client = this.clients[index];
    const calls = client?.frames.filter(({ callId }) => callId > 0n) ?? [];
    const callId = how === "no call" ? 10_000n : calls[which % Math.max(1, calls.length)]?.callId;
    if (client === undefined || callId === undefined) return;
    const error = { case: "error", value: { code: 14 } };
    const right = { case: "validateTransaction", value: { verdict: 1 } };
    const wrong = { case: "receivePayload", value: {} };
    await client.say({ callId, message: how === "error" ? error : how === "wrong kind" ? wrong : right });
  }

  check(): void {
    const { attachment, epoch } = this.hub;
    assert.ok(epoch >= this.#epoch);
    this.#epoch = epoch;
    assert.ok(this.settled.every((times) => times <= 1));
    if (attachment === undefined) return;
    assert.ok(attachment.callsInFlight <= WINDOW);
    assert.ok(attachment.callsInFlight <= 1 || attachment.bytesInFlight <= 3_000);
    assert.ok(attachment.callsWaiting === 0 || attachment.callsInFlight > 0);
  }
}

test("AttachHub settles every call once, whoever attaches how and does what", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 60 }), async (course) => {
      const run = new Course();
      for (const step of course) {
        await run.take(step);
        run.check();
      }
      run.hub.end(failure("UNAVAILABLE", "DRAINING", "over"));
      for (const client of run.clients) await client?.vanish();
      await settleMicrotasks();
      assert.deepEqual(
        run.settled.filter((times) => times !== 1),
        [],
      );
    }),
    { numRuns: 150 },
  );
});
