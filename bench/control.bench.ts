/**
 * What the control plane costs: unary calls and streamed messages through it and a real actor, against a server of nothing
 * but grpc-js and protobuf-es that gives the same answers. Each server is a process of its own; rounds alternate. With
 * `auth` each call brings a token, changes state and leaves a line in the audit log.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { SyncService } from "../gen/alys/sync/v1/sync_pb.ts";
import { Load } from "./control/load.ts";
import type { Benchmark, BenchmarkCase, Derived } from "./harness.ts";

const ROUNDS = 9;
/** Calls of a round: enough for a second or so. */
const CALLS = { 1: 1_500, 100: 6_000 } as const;
const MESSAGES = 30_000;
const RATIO_MIN = 0.85;
const RATIO_AUTH_MIN = 0.7;

const UNARY_METRICS = {
  calls_per_second: { unit: "calls/s" },
  p50_ms: { unit: "ms" },
  p99_ms: { unit: "ms" },
} as const;

interface Started {
  readonly child: ChildProcess;
  readonly load: Load;
}

async function start(kind: "bare" | "ours"): Promise<Started> {
  const script = join(import.meta.dirname, "control", "server-child.ts");
  const child = spawn(process.execPath, [script, kind], { stdio: ["pipe", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { address, token } = JSON.parse(line) as { address: string; token: string };
    return { child, load: new Load(address, token) };
  }
  throw new Error(`the ${kind} server did not start`);
}

function unaryCase(
  name: string,
  { load }: Started,
  inFlight: 1 | 100,
  isAuthenticated: boolean,
): BenchmarkCase {
  const { getSyncStatus, pauseSync } = SyncService.method;
  const method = isAuthenticated ? pauseSync : getSyncStatus;
  const request = isAuthenticated ? { reason: "a benchmark" } : {};
  return {
    name,
    metrics: UNARY_METRICS,
    round: () => load.unary(method, request, inFlight, CALLS[inFlight], isAuthenticated),
  };
}

function streamCase(name: string, { load }: Started): BenchmarkCase {
  return {
    name,
    metrics: { messages_per_second: { unit: "messages/s" } },
    round: async () => ({ messages_per_second: await load.stream(MESSAGES) }),
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
    "a call through the control plane and an actor runs at 0.85 of a bare grpc-js server's rate, 0.7 with auth and audit",
  async prepare() {
    const [bare, ours] = await Promise.all([start("bare"), start("ours")]);
    const both = (name: string, make: (name: string, server: Started) => BenchmarkCase): BenchmarkCase[] => [
      make(`${name}/ceiling`, bare),
      make(name, ours),
    ];
    const cases = [
      ...both("unary/1", (name, server) => unaryCase(name, server, 1, false)),
      ...both("unary/100", (name, server) => unaryCase(name, server, 100, false)),
      ...both("unary/100/auth", (name, server) => unaryCase(name, server, 100, true)),
      ...both("stream", streamCase),
    ];
    // The compiler's work is done before anything counts.
    for (const each of cases) for (let run = 0; run < 2; run++) await each.round();
    return {
      cases,
      rounds: ROUNDS,
      derive: (median): Derived[] =>
        CASES.map(([caseName, metric, atLeast]) => ({
          caseName,
          metric: "ratio",
          unit: "",
          value: median(caseName, metric) / median(`${caseName}/ceiling`, metric),
          target: { atLeast },
        })),
      async close() {
        for (const { child, load } of [bare, ours]) {
          load.close();
          child.stdin?.end();
        }
      },
    };
  },
};
