/**
 * The benchmark harness: runs the cases of a benchmark in interleaved rounds and reports medians. Standard output
 * carries one JSON object a line, so that every ratio can be recomputed from raw lines; standard error a progress line
 * and a table for people. A figure without a target is context, for instance a ceiling (`case` ends in `/ceiling`).
 */

/** What a metric must reach. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

export interface Metric {
  readonly unit: string;
  readonly target?: Target;
}

export interface BenchmarkCase {
  /** For instance `435B/tcp`, or `435B/tcp/ceiling` for what it is compared with. */
  readonly name: string;
  readonly metrics: Readonly<Record<string, Metric>>;
  /** One round: a figure for each metric. */
  round(): Promise<Readonly<Record<string, number>>>;
}

export interface BenchmarkRun {
  readonly cases: readonly BenchmarkCase[];
  /** Metrics derived from medians of others, for instance ratios to a ceiling. */
  /** Rounds of every case; ROUNDS without it. */
  readonly rounds?: number;
  readonly derive?: (median: (caseName: string, metric: string) => number) => readonly Derived[];
  close(): Promise<void>;
}

export interface Derived extends Metric {
  readonly caseName: string;
  readonly metric: string;
  readonly value: number;
}

export interface Benchmark {
  readonly name: string;
  /** The claim that it measures, one sentence. */
  readonly claim: string;
  /** `isQuick` asks for an end within 60 s. */
  prepare(options: { readonly isQuick: boolean }): Promise<BenchmarkRun>;
}

/** Rounds of every case; medians of fewer are not quoted. */
const ROUNDS = 5;

interface Line {
  readonly bench: string;
  readonly case: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number | null;
  readonly met: boolean | null;
}

/** Runs a benchmark; answers whether every target was met. */
export async function runBenchmark(benchmark: Benchmark, isQuick: boolean): Promise<boolean> {
  progress(`${benchmark.name}: preparing`);
  const run = await benchmark.prepare({ isQuick });
  const samples = new Map<string, number[]>();
  try {
    const rounds = run.rounds ?? ROUNDS;
    for (let round = 1; round <= rounds; round++) {
      for (const each of run.cases) {
        progress(`${benchmark.name}: round ${round} of ${rounds}, ${each.name}`);
        const figures = await each.round();
        for (const metric of Object.keys(each.metrics)) {
          const value = figures[metric];
          if (value === undefined || !Number.isFinite(value)) {
            throw new Error(`${benchmark.name} ${each.name}: round ${round} gave no ${metric}`);
          }
          const key = `${each.name} ${metric}`;
          samples.set(key, [...(samples.get(key) ?? []), value]);
        }
      }
    }
  } finally {
    progress("");
    await run.close();
  }
  const lines = linesOf(benchmark.name, run, samples);
  for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`);
  printTable(lines, samples);
  return lines.every((line) => line.met !== false);
}

function linesOf(bench: string, run: BenchmarkRun, samples: ReadonlyMap<string, number[]>): readonly Line[] {
  const median = (caseName: string, metric: string): number =>
    medianOf(samples.get(`${caseName} ${metric}`) ?? []);
  const measured = run.cases.flatMap((each) =>
    Object.entries(each.metrics).map(([metric, description]) =>
      lineOf(bench, each.name, metric, median(each.name, metric), description),
    ),
  );
  const derived = (run.derive?.(median) ?? []).map((each) =>
    lineOf(bench, each.caseName, each.metric, each.value, each),
  );
  return [...measured, ...derived];
}

function lineOf(bench: string, caseName: string, metric: string, value: number, description: Metric): Line {
  const { target } = description;
  const bound = target === undefined ? null : "atLeast" in target ? target.atLeast : target.atMost;
  const met =
    target === undefined ? null : "atLeast" in target ? value >= target.atLeast : value <= target.atMost;
  return { bench, case: caseName, metric, value: rounded(value), unit: description.unit, target: bound, met };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Four significant digits say more than these machines can repeat. */
const rounded = (value: number): number => Number(value.toPrecision(4));

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else if (text !== "") process.stderr.write(`${text}\n`);
}

function printTable(lines: readonly Line[], samples: ReadonlyMap<string, number[]>): void {
  const rows = lines.map((line) => {
    const all = samples.get(`${line.case} ${line.metric}`) ?? [line.value];
    const range = `${rounded(Math.min(...all))} … ${rounded(Math.max(...all))}`;
    const verdict = line.met === null ? "" : `${line.met ? "met" : "MISSED"} (${line.target})`;
    return [line.case, line.metric, String(line.value), line.unit, range, verdict];
  });
  const table = [["case", "metric", "median", "unit", "range", "target"], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of table) {
    process.stderr.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
}
