/**
 * What the control plane costs: unary calls and streamed messages through it and a real actor, against a server of nothing
 * but grpc-js and protobuf-es that gives the same answers. Each server is a process of its own; rounds alternate. With
 * `auth` each call brings a token, changes state and leaves a line in the audit log. `watchers` are a thousand readers of
 * one topic of which a hundred never read; `attach` is a ChainActor that takes a chain in batches.
 */
import { SyncService } from "../gen/alys/sync/v1/sync_pb.ts";
import { attachRound } from "./control/attach-load.ts";
import { type ControlServer, startServer } from "./control/server.ts";
import { WatchLoad } from "./control/watch-load.ts";
import type { Benchmark, BenchmarkCase, Derived } from "./harness.ts";

const ROUNDS = 9;
/** Calls of a round: enough for a second or so. */
const CALLS = { 1: 1_500, 100: 6_000 } as const;
const MESSAGES = 30_000;
const ROUNDS_QUICK = 3;
const QUICK_SHARE = 0.25;

/** Readers of the topic, and how many of them never read. */
const WATCHERS = 1_000;
const SILENT = 100;
/** Changes of a round, as often as the SyncActor publishes its status. */
const CHANGES = 32;
const CHANGES_QUICK = 12;
const CHANGE_EVERY_MS = 250;
/** The last change is read by then, or it is late whatever comes. */
const SETTLE_MS = 500;
const RATIO_MIN = 0.85;
const RATIO_AUTH_MIN = 0.7;

const UNARY_METRICS = {
  calls_per_second: { unit: "calls/s" },
  p50_ms: { unit: "ms" },
  p99_ms: { unit: "ms" },
} as const;

function unaryCase(
  name: string,
  { load }: ControlServer,
  inFlight: 1 | 100,
  isAuthenticated: boolean,
  share: number,
): BenchmarkCase {
  const { getSyncStatus, pauseSync } = SyncService.method;
  const method = isAuthenticated ? pauseSync : getSyncStatus;
  const request = isAuthenticated ? { reason: "a benchmark" } : {};
  return {
    name,
    metrics: UNARY_METRICS,
    round: () => load.unary(method, request, inFlight, CALLS[inFlight] * share, isAuthenticated),
  };
}

function streamCase(name: string, { load }: ControlServer, share: number): BenchmarkCase {
  return {
    name,
    metrics: { messages_per_second: { unit: "messages/s" } },
    round: async () => ({ messages_per_second: await load.stream(MESSAGES * share) }),
  };
}

/** A server of its own each round, so that its memory begins anew. */
function watchersCase(changes: number): BenchmarkCase {
  return {
    name: "watchers",
    metrics: {
      rss_anon_growth_mb: { unit: "MB", target: { atMost: 100 } },
      p99_ms: { unit: "ms", target: { atMost: 250 } },
      p50_ms: { unit: "ms" },
      delivered_share: { unit: "" },
    },
    round: async () => {
      const server = await startServer("ours");
      const load = new WatchLoad(server.address, server.readerTokens);
      try {
        const { rssAnonBytes: before = 0 } = await server.command("memory");
        await load.neverRead(SILENT);
        await load.read(WATCHERS - SILENT);
        await server.command(`publish ${changes} ${CHANGE_EVERY_MS}`);
        await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
        const { rssAnonBytes: after = 0 } = await server.command("memory");
        const sorted = [...load.latenciesMs].sort((left, right) => left - right);
        const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
        return {
          rss_anon_growth_mb: (after - before) / 1e6,
          p99_ms: at(0.99),
          p50_ms: at(0.5),
          delivered_share: sorted.length / (changes * (WATCHERS - SILENT)),
        };
      } finally {
        load.close();
        server.close();
      }
    },
  };
}

function attachCase({ address, token }: ControlServer): BenchmarkCase {
  return {
    name: "attach",
    metrics: { blocks_per_second: { unit: "blocks/s", target: { atLeast: 10_000 } } },
    round: async () => ({ blocks_per_second: await attachRound(address, token) }),
  };
}

const CASES: readonly (readonly [name: string, metric: string, atLeast: number])[] = [
  ["unary/1", "calls_per_second", RATIO_MIN],
  ["unary/100", "calls_per_second", RATIO_MIN],
  ["unary/100/auth", "calls_per_second", RATIO_AUTH_MIN],
  ["stream", "messages_per_second", RATIO_MIN],
];

export const benchmark: Benchmark = {
  name: "control",
  claim:
    "a call through the control plane and an actor runs at 0.85 of a bare grpc-js server's rate, 0.7 with auth and audit; " +
    "readers that never read cost nobody anything",
  async prepare({ isQuick }) {
    const share = isQuick ? QUICK_SHARE : 1;
    const [bare, ours] = await Promise.all([startServer("bare"), startServer("ours")]);
    const both = (
      name: string,
      make: (name: string, server: ControlServer) => BenchmarkCase,
    ): BenchmarkCase[] => [make(`${name}/ceiling`, bare), make(name, ours)];
    const cases = [
      ...both("unary/1", (name, server) => unaryCase(name, server, 1, false, share)),
      ...both("unary/100", (name, server) => unaryCase(name, server, 100, false, share)),
      ...both("unary/100/auth", (name, server) => unaryCase(name, server, 100, true, share)),
      ...both("stream", (name, server) => streamCase(name, server, share)),
    ];
    // The compiler's work is done before anything counts.
    for (const each of cases) for (let run = 0; run < 2; run++) await each.round();
    cases.push(attachCase(ours), watchersCase(isQuick ? CHANGES_QUICK : CHANGES));
    return {
      cases,
      rounds: isQuick ? ROUNDS_QUICK : ROUNDS,
      derive: (median): Derived[] =>
        CASES.map(([caseName, metric, atLeast]) => ({
          caseName,
          metric: "ratio",
          unit: "",
          value: median(caseName, metric) / median(`${caseName}/ceiling`, metric),
          target: { atLeast },
        })),
      async close() {
        for (const server of [bare, ours]) server.close();
      },
    };
  },
};
