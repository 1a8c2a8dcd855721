/**
 * What a crash and restart leaves behind: each actor is crashed thousands of times under its supervisor, then heap after
 * collection, handles, timers and listeners are compared with what they were after a few hundred.
 */

import type { Benchmark, BenchmarkCase } from "./harness.ts";
import { CHILDREN, type LeakNode, startLeakNode } from "./restart-leak/leak-node.ts";

const MEMORY_CYCLES = 10_000;
const LIBP2P_CYCLES = 200;

/** Crashes before the first look: code is compiled, rings and tables have their size. */
const WARM_UP_SHARE = 0.2;

/** What crashes set off has ended by then. */
const SETTLE_MS = 1_500;

const HEAP_GROWTH_MB_MAX = 1;

interface Footprint {
  readonly heap_mb: number;
  readonly handles: number;
  readonly timers: number;
  readonly listeners: number;
}

export const benchmark: Benchmark = {
  name: "restart-leak",
  claim: "10,000 crashes and restarts of each actor leave nothing behind",
  prepare: async ({ isQuick }) => ({
    cases: [
      leakCase("memory", isQuick ? MEMORY_CYCLES / 10 : MEMORY_CYCLES),
      leakCase("libp2p", isQuick ? LIBP2P_CYCLES / 4 : LIBP2P_CYCLES),
    ],
    close: async () => {},
  }),
};

function leakCase(name: "memory" | "libp2p", cycles: number): BenchmarkCase {
  const none = { unit: "1", target: { atMost: 0 } };
  return {
    name: `${name}/${cycles}`,
    metrics: {
      heap_growth_mb: { unit: "MB", target: { atMost: HEAP_GROWTH_MB_MAX } },
      handles_growth: none,
      timers_growth: none,
      listeners_growth: none,
      restarts_per_second: { unit: "1/s" },
    },
    round: async () => {
      const node = await startLeakNode(name);
      await crashEach(node, Math.ceil(cycles * WARM_UP_SHARE));
      const before = await footprintOf(node);
      const startedMs = performance.now();
      await crashEach(node, cycles);
      const elapsedMs = performance.now() - startedMs;
      const after = await footprintOf(node);
      await node.stop();
      return {
        heap_growth_mb: after.heap_mb - before.heap_mb,
        handles_growth: after.handles - before.handles,
        timers_growth: after.timers - before.timers,
        listeners_growth: after.listeners - before.listeners,
        restarts_per_second: (cycles * CHILDREN.length * 1_000) / elapsedMs,
      };
    },
  };
}

async function crashEach(node: LeakNode, cycles: number): Promise<void> {
  for (const child of CHILDREN) {
    for (let cycle = 0; cycle < cycles; cycle++) await node.crash(child);
  }
}

async function footprintOf(node: LeakNode): Promise<Footprint> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error("run with --expose-gc");
  for (let times = 0; times < 4; times++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const resources = process.getActiveResourcesInfo();
  const timers = resources.filter((kind) => kind === "Timeout").length;
  const listeners = process.eventNames().reduce((sum, event) => sum + process.listenerCount(event), 0);
  return {
    heap_mb: process.memoryUsage().heapUsed / 1e6,
    handles: resources.filter((kind) => kind !== "Timeout" && kind !== "Immediate").length,
    timers,
    listeners: listeners + node.subscriptions(),
  };
}
