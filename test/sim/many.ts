/** Many seeds in several processes, and what they come to together. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { BYZANTINE_COUNTS } from "./adversaries/kinds.ts";
import { ORDEAL_KINDS } from "./long-scenarios/kinds.ts";
import { FAULT_KINDS } from "./scenario.ts";
import type { RunResult } from "./simulate.ts";

export interface SeedRange {
  readonly first: number;
  readonly count: number;
  readonly processes: number;
  /** Folder of the tree whose simulation runs; this one without it. */
  readonly root?: string;
}

/** Seeds that a process is given at a time: short enough to end together, long enough to pay for its start. */
const CHUNK = 5;

/** Runs a range; `told` hears of each result and ends the whole by answering true. A process that dies is a violation. */
export async function runSeeds(range: SeedRange, told: (result: RunResult) => unknown): Promise<RunResult[]> {
  const seeds = Array.from({ length: range.count }, (_, index) => range.first + index);
  const results: RunResult[] = [];
  let isOver = false;
  const work = async (): Promise<void> => {
    while (seeds.length > 0 && !isOver) {
      const chunk = seeds.splice(0, CHUNK);
      await runChunk(chunk, range.root, (result) => {
        results.push(result);
        if (told(result) === true) isOver = true;
        return isOver;
      });
    }
  };
  await Promise.all(Array.from({ length: range.processes }, work));
  return results.sort((left, right) => left.seed - right.seed);
}

async function runChunk(
  seeds: readonly number[],
  root: string | undefined,
  told: (result: RunResult) => boolean,
): Promise<void> {
  const script =
    root === undefined ? fileURLToPath(new URL("run.ts", import.meta.url)) : `${root}/test/sim/run.ts`;
  const child = spawn(process.execPath, [script, "--child", seeds.join(",")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let complaint = "";
  child.stderr.on("data", (bytes) => {
    complaint = `${complaint}${String(bytes)}`.slice(-4_000);
  });
  const waiting = [...seeds];
  let isEnough = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const result = JSON.parse(line) as RunResult;
    waiting.splice(waiting.indexOf(result.seed), 1);
    isEnough = told(result);
    if (isEnough) child.kill();
  }
  const code = await exited;
  const [unfinished] = waiting;
  if (unfinished !== undefined && !isEnough) told(died(unfinished, `exit code ${code}: ${complaint}`));
}

function died(seed: number, message: string): RunResult {
  return {
    seed,
    traceHash: "",
    stateHash: "",
    traceLines: 0,
    violations: [{ checker: "process", atMs: 0, message }],
    counts: {},
    occasions: {},
    headHeight: 0,
    recoveryMs: 0,
    simulatedMs: 0,
    tail: [],
  };
}

export function failureReport({ seed, violations, tail }: RunResult): string {
  const lines = violations.map(({ checker, atMs, message }) => `  ${atMs} ms ${checker}: ${message}`);
  const trace = tail.slice(-12).map((line) => `  | ${line.slice(0, 200)}`);
  return [`seed ${seed} failed (replay: npm run test:sim -- --seed ${seed})`, ...lines, ...trace].join("\n");
}

/** What a run of seeds came to. A fault that never struck, or a checker without occasion, fails it too. */
export function summary(
  results: readonly RunResult[],
  seeds: number,
  tookMs: number,
): { readonly text: string; readonly isGood: boolean } {
  const faults = sums(results.map(({ counts }) => counts));
  const occasions = sums(results.map(({ occasions: each }) => each));
  const failed = results.filter(({ violations }) => violations.length > 0);
  const idle = [...occasions].filter(([, count]) => count === 0).map(([name]) => name);
  const unseen = [
    ...[...FAULT_KINDS, ...BYZANTINE_COUNTS].filter((kind) => (faults.get(kind) ?? 0) === 0),
    ...ORDEAL_KINDS.filter((kind) => (occasions.get(kind) ?? 0) === 0),
  ];
  const recoveries = results.map(({ recoveryMs }) => recoveryMs).sort((left, right) => left - right);
  const text = [
    `seeds ${results.length}, seeds_per_minute ${(results.length / (tookMs / 60_000)).toFixed(1)}, ` +
      `simulated_hours ${(results.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / 3_600_000).toFixed(2)}, ` +
      `recovery_p50_ms ${recoveries[Math.floor(recoveries.length / 2)] ?? 0}, recovery_max_ms ${recoveries.at(-1) ?? 0}`,
    `faults: ${listed(faults)}`,
    `occasions: ${listed(occasions)}`,
    ...idle.map((name) => `checker ${name} had nothing to check`),
    ...unseen.map((kind) => `fault ${kind} never struck`),
    failed.length === 0 ? "all seeds passed" : `failed seeds: ${failed.map(({ seed }) => seed).join(", ")}`,
  ].join("\n");
  // A handful of seeds cannot show everything.
  const mustShowAll = seeds >= 50;
  const isWhole = !mustShowAll || (idle.length === 0 && unseen.length === 0);
  return { text, isGood: failed.length === 0 && results.length === seeds && isWhole };
}

function sums(each: readonly Readonly<Record<string, number>>[]): Map<string, number> {
  const sum = new Map<string, number>();
  for (const counts of each) {
    for (const [name, count] of Object.entries(counts)) sum.set(name, (sum.get(name) ?? 0) + count);
  }
  return sum;
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
