/** The watchdog, on a process of its own that gets stuck. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { noWatchdog, ThreadWatchdog } from "../../../../src/kernel/ports/watchdog.ts";

const file = new URL("../../../../src/kernel/ports/watchdog.ts", import.meta.url).href;

function run(script: string): Promise<{ signal: string | null; code: number | null; errors: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "pipe" });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ signal, code, errors }));
  });
}

test("a thread that stands still is killed, and the actor named", async () => {
  const { signal, errors } = await run(`
    const { ThreadWatchdog } = await import("${file}");
    const watchdog = new ThreadWatchdog(500);
    await new Promise((resolve) => setTimeout(resolve, 200));
    watchdog.enter("peer");
    watchdog.leave();
    watchdog.enter("sync");
    for (;;);
  `);
  assert.equal(signal, "SIGKILL");
  assert.deepEqual(JSON.parse(errors.trim().split("\n").at(-1) ?? ""), {
    level: "fatal",
    message: "the thread stands still",
    actor: "sync",
    limitMs: 500,
  });
});

test("a thread that lives is left alone, and the watch ends when told", async () => {
  const { code, errors } = await run(`
    const { ThreadWatchdog } = await import("${file}");
    const watchdog = new ThreadWatchdog(600);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await watchdog.stop();
  `);
  assert.equal(errors, "");
  assert.equal(code, 0);
});

test("a thread that said it would stand still is left alone for so long, and no longer", async () => {
  const standing = (excusedMs: number, standsMs: number) =>
    run(`
      const { ThreadWatchdog } = await import("${file}");
      const watchdog = new ThreadWatchdog(400);
      await new Promise((resolve) => setTimeout(resolve, 200));
      watchdog.excuse(${excusedMs});
      const endMs = Date.now() + ${standsMs};
      while (Date.now() < endMs);
      watchdog.excuse(0);
      await watchdog.stop();
    `);
  const [excused, tooLong] = await Promise.all([standing(10_000, 1_500), standing(800, 10_000)]);
  assert.deepEqual([excused.code, excused.errors], [0, ""]);
  assert.equal(tooLong.signal, "SIGKILL");
});

test("stop() leaves no timer", async () => {
  const clock = new FakeClock();
  const watchdog = new ThreadWatchdog(60_000, clock);
  watchdog.enter("peer");
  watchdog.leave();
  await watchdog.stop();
  assert.equal(clock.pendingTimers, 0);
  noWatchdog.enter("peer");
  noWatchdog.leave();
});

test("a process that is ending is killed at its deadline, though its thread stands still and the watch was stopped", async () => {
  const { signal, errors } = await run(`
    const { ThreadWatchdog } = await import("${file}");
    const watchdog = new ThreadWatchdog(60_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    watchdog.endWithin(300);
    await watchdog.stop();
    for (;;);
  `);
  assert.equal(signal, "SIGKILL");
  assert.deepEqual(JSON.parse(errors), {
    level: "fatal",
    message: "the process did not end in time",
    deadlineMs: 300,
  });
});

test("a process that is ending ends with its own status before the deadline", async () => {
  const { code, errors } = await run(`
    const { ThreadWatchdog } = await import("${file}");
    const watchdog = new ThreadWatchdog(60_000);
    watchdog.endWithin(60_000);
    await watchdog.stop();
    process.exit(3);
  `);
  assert.deepEqual([code, errors], [3, ""]);
});
