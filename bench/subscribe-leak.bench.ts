/**
 * What readers leave behind that come and go: thousands subscribe and leave, hundreds are gone without a word; then the heap
 * of the server after collection, its streams, handles, timers and listeners are compared with what they were before.
 */
import { subscribeAndLeave, subscribeAndVanish } from "./control/come-and-go.ts";
import { type ControlServer, startServer } from "./control/server.ts";
import type { Benchmark, BenchmarkCase } from "./harness.ts";

const CYCLES = 10_000;
const CLIENTS = 1_000;
const QUICK_SHARE = 0.1;

/** Before the first look: code is compiled, tables have their size. */
const WARM_UP_SHARE = 0.2;
const ROUNDS = 3;

/** Lost sockets are found out at once, what hangs on them a little later. */
const SETTLE_MS = 1_000;
const HEAP_GROWTH_MB_MAX = 2;

export const benchmark: Benchmark = {
  name: "subscribe-leak",
  claim: "10,000 readers that come and go, and 1,000 clients that vanish, leave nothing behind",
  prepare: async ({ isQuick }) => {
    const share = isQuick ? QUICK_SHARE : 1;
    return {
      cases: [
        leakCase("leave", CYCLES * share, subscribeAndLeave),
        leakCase("vanish", CLIENTS * share, subscribeAndVanish),
      ],
      rounds: isQuick ? 1 : ROUNDS,
      close: async () => {},
    };
  },
};

function leakCase(
  name: string,
  cycles: number,
  comeAndGo: (address: string, count: number) => Promise<void>,
): BenchmarkCase {
  const none = { unit: "1", target: { atMost: 0 } };
  return {
    name: `${name}/${cycles}`,
    metrics: {
      heap_growth_mb: { unit: "MB", target: { atMost: HEAP_GROWTH_MB_MAX } },
      streams_growth: none,
      handles_growth: none,
      timers_growth: none,
      listeners_growth: none,
      cycles_per_second: { unit: "1/s" },
    },
    round: async () => {
      const server = await startServer("ours");
      try {
        await comeAndGo(server.address, Math.ceil(cycles * WARM_UP_SHARE));
        const before = await settled(server);
        const startedMs = performance.now();
        await comeAndGo(server.address, cycles);
        const elapsedMs = performance.now() - startedMs;
        const after = await settled(server);
        const growth = (what: string): number => (after[what] ?? Number.NaN) - (before[what] ?? Number.NaN);
        return {
          heap_growth_mb: growth("heapBytes") / 1e6,
          streams_growth: growth("streams"),
          handles_growth: growth("handles"),
          timers_growth: growth("timers"),
          listeners_growth: growth("listeners"),
          cycles_per_second: (cycles * 1_000) / elapsedMs,
        };
      } finally {
        server.close();
      }
    },
  };
}

async function settled(server: ControlServer): Promise<Readonly<Record<string, number>>> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return server.command("footprint");
}
