/**
 * How long a control message waits for its answer while ten thousand bulk messages wait that each work for 50 µs, and
 * what is left for the bulk. The sender sends by a clock of its own, and latency counts from when a message was due, so that a
 * late sender hides nothing.
 */

import { actorCell } from "../src/kernel/actor/cell.ts";
import { environment } from "../src/kernel/actor/environment.ts";
import { LANE_BOUNDS } from "../src/kernel/actor/mailbox.ts";
import { ProbeService } from "../test/unit/kernel/probe.ts";
import { probeDefinition } from "../test/unit/kernel/probe-actor.ts";
import type { Benchmark } from "./harness.ts";

const BULK_WAITING = 10_000;
const WORK_MS = 0.05;
const CONTROL_PERIOD_MS = 5;
const ROUND_MS = 5_000;
const QUICK_ROUND_MS = 2_000;

const LATENCY_P99_MS_MAX = 5;
const BULK_PER_SECOND_MIN = 10_000;

const { bulk, control } = ProbeService.method;
const PAYLOAD = new Uint8Array(0);

export const benchmark: Benchmark = {
  name: "control-under-load",
  claim: "a control message is answered within 5 ms while 10,000 bulk messages of 50 µs wait",
  prepare: async ({ isQuick }) => ({
    cases: [
      {
        name: "bulk-10k",
        metrics: {
          latency_p99_ms: { unit: "ms", target: { atMost: LATENCY_P99_MS_MAX } },
          latency_p50_ms: { unit: "ms" },
          bulk_messages_per_second: { unit: "1/s", target: { atLeast: BULK_PER_SECOND_MIN } },
        },
        round: () => round(isQuick ? QUICK_ROUND_MS : ROUND_MS),
      },
    ],
    close: async () => {},
  }),
};

async function round(durationMs: number): Promise<Readonly<Record<string, number>>> {
  let handled = 0;
  let isOver = false;
  const cell = actorCell(
    probeDefinition({
      handlers: () => ({
        bulk: () => {
          work();
          handled += 1;
          // One in, one out: as many wait as before.
          if (!isOver) cell.ref.tell(bulk, { payload: PAYLOAD }, { deadlineMs: 2 * durationMs });
          return { length: 0 };
        },
      }),
    }),
    environment({ lanes: { bulk: { ...LANE_BOUNDS.bulk, messagesMax: BULK_WAITING } } }),
  );
  const running = cell.child.start();
  for (let sent = 0; sent < BULK_WAITING; sent++) {
    cell.ref.tell(bulk, { payload: PAYLOAD }, { deadlineMs: 2 * durationMs });
  }
  const startedMs = performance.now();
  const latencies = await controlEvery(CONTROL_PERIOD_MS, durationMs, () => cell.ref.ask(control, {}));
  const elapsedMs = performance.now() - startedMs;
  const bulkPerSecond = (handled * 1_000) / elapsedMs;
  isOver = true;
  await running.stop();
  latencies.sort((left, right) => left - right);
  return {
    latency_p99_ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
    latency_p50_ms: latencies[latencies.length >> 1] ?? Number.NaN,
    bulk_messages_per_second: bulkPerSecond,
  };
}

/** Milliseconds from when each message was due until its answer came. */
async function controlEvery(
  periodMs: number,
  durationMs: number,
  ask: () => Promise<unknown>,
): Promise<number[]> {
  const latencies: number[] = [];
  const asked: Promise<void>[] = [];
  const startedMs = performance.now();
  await new Promise<void>((resolve) => {
    let dueMs = startedMs + periodMs;
    const tick = (): void => {
      for (; dueMs <= performance.now(); dueMs += periodMs) {
        const sinceMs = dueMs;
        asked.push(
          ask().then(() => {
            latencies.push(performance.now() - sinceMs);
          }),
        );
      }
      if (dueMs - startedMs > durationMs) resolve();
      else setTimeout(tick, Math.max(0, Math.ceil(dueMs - performance.now())));
    };
    tick();
  });
  await Promise.all(asked);
  return latencies;
}

/** Holds the thread, as validation of a small message would. */
function work(): void {
  const endMs = performance.now() + WORK_MS;
  while (performance.now() < endMs);
}
