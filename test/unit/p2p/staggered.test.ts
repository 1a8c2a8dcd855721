/** Attempts with head starts: order, bound, cancelling, and what is told of each. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { staggered } from "../../../src/p2p/staggered.ts";

interface Seen {
  readonly started: string[];
  readonly cancelled: string[];
  readonly settled: [string, string | undefined][];
}

/** "dead…" swallows what is sent to it, "bad…" refuses at once, "good…" answers after 20 ms. */
function race(items: readonly string[], attemptMs = 10_000, deadlineMs = 10_000) {
  const clock = new FakeClock();
  const seen: Seen = { started: [], cancelled: [], settled: [] };
  const controller = new AbortController();
  clock.setTimer(deadlineMs, () => controller.abort(new Error("too late")));
  let running = 0;
  let runningMax = 0;
  const attempt = (item: string, signal: AbortSignal): Promise<string> => {
    seen.started.push(`${item}@${clock.monotonicMs()}`);
    running++;
    runningMax = Math.max(runningMax, running);
    return new Promise<string>((resolve, reject) => {
      signal.addEventListener("abort", () => {
        seen.cancelled.push(item);
        running--;
        reject(signal.reason);
      });
      if (item.startsWith("good")) clock.setTimer(20, () => resolve(item));
      if (item.startsWith("bad")) reject(new Error(`${item} refuses`));
    });
  };
  const options = { clock, staggerMs: 250, parallelMax: 4, attemptMs, signal: controller.signal };
  const result = staggered(
    items,
    attempt,
    options,
    (item, cause) => void seen.settled.push([item, cause?.message]),
  );
  const outcome = result.then(
    (value) => value,
    (error: Error) => `failed: ${error.message}`,
  );
  const drive = async (): Promise<string> => {
    let end: string | undefined;
    void outcome.then((value) => {
      end = value;
    });
    for (let ms = 0; end === undefined && ms <= deadlineMs + 10; ms += 10) {
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      clock.advance(10);
    }
    await new Promise((resolve) => setImmediate(resolve));
    return outcome;
  };
  return { seen, drive, clock, runningMax: () => runningMax };
}

test("staggered reaches the good one behind two that swallow everything, and cancels those", async () => {
  const { seen, drive, clock } = race(["dead-1", "dead-2", "good"]);
  assert.equal(await drive(), "good");
  assert.ok(clock.monotonicMs() < 700, `${clock.monotonicMs()} ms`);
  assert.deepEqual(seen.started, ["dead-1@0", "dead-2@250", "good@500"]);
  assert.deepEqual(seen.cancelled, ["dead-1", "dead-2"]);
  assert.deepEqual(seen.settled, [["good", undefined]], "what another was faster than is no failure");
});

test("staggered goes on at once when one refuses, and says why the first one failed when all did", async () => {
  const { seen, drive, clock } = race(["bad-1", "bad-2", "bad-3"]);
  assert.equal(await drive(), "failed: bad-1 refuses");
  assert.ok(clock.monotonicMs() <= 50);
  assert.equal(seen.settled.length, 3);
});

test("staggered tries four at a time, and the sixteenth in time though all before it swallow everything", async () => {
  const dead = Array.from({ length: 15 }, (_, at) => `dead-${at}`);
  const { seen, drive, clock, runningMax } = race([...dead, "good"], 2_000);
  assert.equal(await drive(), "good");
  assert.equal(runningMax(), 4);
  assert.ok(clock.monotonicMs() < 8_000, `${clock.monotonicMs()} ms`);
  assert.ok(
    seen.settled.filter(([, cause]) => cause !== undefined).length >= 11,
    "those whose time is up failed",
  );
});

test("staggered ends at its signal with the reason, and tells of what was still running", async () => {
  const { seen, drive } = race(["dead-1", "dead-2"], 60_000, 1_000);
  assert.equal(await drive(), "failed: too late");
  assert.deepEqual(seen.cancelled, ["dead-1", "dead-2"]);
  assert.deepEqual(
    seen.settled.map(([item]) => item),
    ["dead-1", "dead-2"],
  );
  assert.equal(await race([]).drive(), "failed: there is nothing to try");
});
