/**
 * A topic and a reader that pauses, leaves and resumes, against a counter: it never misses a change without being told, never
 * sees one twice, and knows the present whenever it has read everything.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Failure } from "../../src/kernel/errors.ts";
import type { Subscription } from "../../src/kernel/stream/reader.ts";
import { Topic } from "../../src/kernel/stream/topic.ts";
import { ProbeService, type WatchCountResponse } from "../unit/kernel/probe.ts";
import { type ProbeTopic, startProbe } from "../unit/kernel/probe-actor.ts";

const { watchCount } = ProbeService.method;
/** What a reader gets that was too slow. */
const MODES = ["snapshot", "changes", "latest"] as const;
const RETAINED = 6;
const BUFFERED = 4;

/** `sip` takes one message and pauses. */
const QUIET = ["pause", "resume", "sip", "leave", "settle"] as const;
type Step = { readonly kind: "publish"; readonly times: number } | { readonly kind: (typeof QUIET)[number] };

const STEPS: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("publish" as const), times: fc.integer({ min: 1, max: 9 }) }),
    fc.record({
      kind: fc.constantFrom(...QUIET),
    }),
  ),
  { maxLength: 40 },
);

/** Knows the count from what it is told alone. */
class Counter {
  /** Undefined until it is told. */
  value: number | undefined;
  token = "";
  isOpen = false;
  expired = 0;
  /** Called after each message. */
  taken: () => void = () => {};
  #mayJump = false;

  onMessage({ event, position }: WatchCountResponse): void {
    this.token = position?.resumeToken ?? "";
    this.taken();
    switch (event.case) {
      case "snapshot":
        this.value = event.value.value;
        break;
      case "changed":
        if (!this.#mayJump) assert.equal(event.value.value, (this.value ?? Number.NaN) + 1);
        this.value = event.value.value;
        break;
      case "skipped":
        assert.ok(event.value.count > 0n);
        this.#mayJump = true;
        return;
      default:
        break;
    }
    this.#mayJump = false;
  }

  onEnd(reason: Failure | undefined): void {
    this.isOpen = false;
    assert.equal(reason?.reason, "RESUME_TOKEN_EXPIRED");
    this.expired += 1;
    // The oldest that is left leaves a gap, of which we know.
    this.token = reason?.detail.metadata?.["oldest_token"] ?? "";
    this.#mayJump = true;
  }
}

test("a reader that comes and goes misses nothing untold, sees nothing twice, and ends in the present", async () => {
  let expired = 0;
  await fc.assert(
    fc.asyncProperty(STEPS, fc.constantFrom(...MODES), async (steps, mode) => {
      let topic: ProbeTopic | undefined;
      let value = 0;
      const { cell, simulation } = startProbe({
        topic: () => {
          topic = new Topic(watchCount, {
            snapshot: () => ({ event: { case: "snapshot", value: { value } } }),
            messagesMax: BUFFERED,
            retainedMax: RETAINED,
            ...(mode === "latest" ? { mode } : { afterSkip: mode }),
          });
          return topic;
        },
      });
      const counter = mode === "latest" ? new Latest() : new Counter();
      let subscription: Subscription | undefined;
      const open = (): void => {
        counter.isOpen = true;
        subscription = cell.ref.watch(watchCount, { resumeToken: counter.token }, counter);
      };
      const settle = async (): Promise<void> => {
        await simulation.settle();
        while (!counter.isOpen) {
          open();
          await simulation.settle();
        }
      };
      await settle();
      for (const step of steps) {
        if (step.kind === "publish") {
          for (let time = 0; time < step.times; time++) {
            value += 1;
            topic?.publish({ event: { case: "changed", value: { value } } });
          }
        } else if (step.kind === "settle") await settle();
        else if (step.kind === "leave") {
          subscription?.close();
          counter.isOpen = false;
        } else if (step.kind === "pause") subscription?.pause();
        else {
          counter.taken = step.kind === "sip" ? () => subscription?.pause() : () => {};
          subscription?.resume();
          if (step.kind === "sip") await simulation.settle();
        }
      }
      counter.taken = () => {};
      subscription?.resume();
      await settle();
      assert.equal(counter.value, value);
      expired += counter.expired;
      if (mode === "latest") assert.equal(counter.expired, 0);
    }),
    { numRuns: 300 },
  );
  assert.ok(expired > 0, "no token ever was too old");
});

/** In `latest` mode each change says all: any later one will do. */
class Latest extends Counter {
  override onMessage(message: WatchCountResponse): void {
    const { event } = message;
    if (event.case !== "changed") return super.onMessage(message);
    this.taken();
    assert.ok(event.value.value > (this.value ?? -1));
    this.value = event.value.value;
    this.token = message.position?.resumeToken ?? "";
  }
}
