/**
 * How fast blocks that are there already are validated and made durable: segments offered in memory, worker threads,
 * ordered import, LMDB flushed. EVERY_BLOCK is compared with what the BLS library alone can do on this machine.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LARGE_BLOCK } from "../src/chain/forge.ts";
import type { Policy } from "../src/chain/validator.ts";
import type { Benchmark, BenchmarkCase, Metric } from "./harness.ts";
import { type ChainOptions, writeBlockFile } from "./validate/block-file.ts";
import type { CeilingAnswer, CeilingTask } from "./validate/ceiling.ts";
import type { Stretch, Task } from "./validate/child.ts";
import { measureScript } from "./validate/measure.ts";

interface ValidateCase {
  readonly name: string;
  readonly policy: Policy;
  readonly chain: Omit<ChainOptions, "blocks">;
  readonly blocks: number;
  readonly quickBlocks: number;
  readonly warmUpBlocks: number;
  /** Left out of a quick run. */
  readonly isLong?: boolean;
  readonly metrics: Readonly<Record<string, Metric>>;
}

const THREE = { members: 3 } as const;
const FIFTEEN = { members: 15, signersCount: 10 } as const;
/** Only ends of segments are looked at under SEGMENT. */
const SIGN_ENDS = { signEvery: 64 } as const;

const RSS_ANON_MB_MAX = 300;
const LATENCY_MS_MAX = 50;
/** Of the ceiling, under EVERY_BLOCK. */
const CEILING_RATIO_MIN = 0.9;
/** Cost at a million blocks over cost at ten thousand. */
const GROWTH_MAX = 1.1;

const MEMORY: Metric = { unit: "MB", target: { atMost: RSS_ANON_MB_MAX } };

function segmentMetrics(blocksPerSecond: number): Record<string, Metric> {
  return {
    blocks_per_second: { unit: "blocks/s", target: { atLeast: blocksPerSecond } },
    latency_mean_ms: { unit: "ms", target: { atMost: LATENCY_MS_MAX } },
    latency_p99_ms: { unit: "ms", target: { atMost: LATENCY_MS_MAX } },
    cpu_us_per_block: { unit: "us" },
    rss_anon_peak_mb: MEMORY,
  };
}

const EVERY_BLOCK_METRICS: Readonly<Record<string, Metric>> = {
  blocks_per_second: { unit: "blocks/s" },
  latency_mean_ms: { unit: "ms" },
  latency_p99_ms: { unit: "ms" },
  cpu_us_per_block: { unit: "us" },
  rss_anon_peak_mb: MEMORY,
};

const CASES: readonly ValidateCase[] = [
  {
    name: "435B/segment",
    policy: "SEGMENT",
    chain: { ...THREE, ...SIGN_ENDS },
    blocks: 96_000,
    quickBlocks: 19_200,
    warmUpBlocks: 38_400,
    metrics: segmentMetrics(25_000),
  },
  {
    name: "435B/segment/10-of-15",
    policy: "SEGMENT",
    chain: { ...FIFTEEN, ...SIGN_ENDS },
    blocks: 96_000,
    quickBlocks: 0,
    warmUpBlocks: 38_400,
    isLong: true,
    metrics: segmentMetrics(25_000),
  },
  {
    name: "10KB/segment",
    policy: "SEGMENT",
    chain: { ...THREE, ...SIGN_ENDS, ...LARGE_BLOCK },
    blocks: 48_000,
    quickBlocks: 5_120,
    warmUpBlocks: 24_000,
    metrics: segmentMetrics(12_000),
  },
  {
    name: "435B/every_block",
    policy: "EVERY_BLOCK",
    chain: THREE,
    blocks: 25_600,
    quickBlocks: 1_280,
    warmUpBlocks: 6_400,
    metrics: EVERY_BLOCK_METRICS,
  },
  {
    name: "435B/every_block/10-of-15",
    policy: "EVERY_BLOCK",
    chain: FIFTEEN,
    blocks: 25_600,
    quickBlocks: 0,
    warmUpBlocks: 6_400,
    isLong: true,
    metrics: EVERY_BLOCK_METRICS,
  },
  {
    name: "10KB/every_block",
    policy: "EVERY_BLOCK",
    chain: { ...THREE, ...LARGE_BLOCK },
    blocks: 25_600,
    quickBlocks: 1_280,
    warmUpBlocks: 6_400,
    metrics: EVERY_BLOCK_METRICS,
  },
];

/** Whole periods of the hash index, so that each stretch pays for one run of it. */
const GROWTH_STRETCH = 65_536;
/** Whole segments, since only their ends are signed. */
const GROWTH_FROM = 10_048;
const GROWTH_TO = 1_000_000;

export const benchmark: Benchmark = {
  name: "validate",
  claim: "25,000 small blocks a second under SEGMENT and what BLS allows under EVERY_BLOCK, in 300 MB",
  prepare: async ({ isQuick }) => {
    const folder = await mkdtemp(join(tmpdir(), "alys-bench-validate-"));
    const close = () => rm(folder, { recursive: true, force: true });
    try {
      const cases: BenchmarkCase[] = [];
      for (const each of CASES) {
        if (isQuick && each.isLong === true) continue;
        const blocks = isQuick ? each.quickBlocks : each.blocks;
        // A quick run shows that the benchmark works; its figures are not quoted.
        const warmUpBlocks = isQuick ? Math.min(each.warmUpBlocks, blocks) : each.warmUpBlocks;
        const chain = { ...each.chain, blocks: warmUpBlocks + blocks };
        const file = join(folder, `${each.name.replaceAll("/", "-")}.blocks`);
        await writeBlockFile(file, chain);
        cases.push(validateCase(each, { file, folder, chain, warmUpBlocks, blocks }));
        if (each.policy === "EVERY_BLOCK") cases.push(ceilingCase(each.name, { file, chain }, isQuick));
      }
      if (!isQuick) cases.push(await growthCase(folder));
      return { cases, derive: (median) => ratios(cases, median), close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

interface CaseFiles {
  readonly file: string;
  readonly folder: string;
  readonly chain: ChainOptions;
  readonly warmUpBlocks: number;
  readonly blocks: number;
}

function validateCase(
  each: ValidateCase,
  { file, folder, chain, warmUpBlocks, blocks }: CaseFiles,
): BenchmarkCase {
  return {
    name: each.name,
    metrics: each.metrics,
    round: async () => {
      const { policy } = each;
      const task = { file, chain, policy, warmUpBlocks, stretches: [{ before: 0, blocks }] };
      const { answer, rssAnonPeakMb } = await runChild(folder, task);
      return { ...answer[0], rss_anon_peak_mb: rssAnonPeakMb };
    },
  };
}

function ceilingCase(
  name: string,
  files: Pick<CeilingTask, "file" | "chain">,
  isQuick: boolean,
): BenchmarkCase {
  return {
    name: `${name}/ceiling`,
    metrics: { blocks_per_second: { unit: "blocks/s" }, cpu_us_per_block: { unit: "us" } },
    round: async () => {
      const task: CeilingTask = { ...files, blocks: 1024, durationMs: isQuick ? 600 : 5_000 };
      const { answer } = await measureScript<CeilingAnswer>("./ceiling.ts", task);
      return { ...answer };
    },
  };
}

async function growthCase(folder: string): Promise<BenchmarkCase> {
  const chain = { ...THREE, ...SIGN_ENDS, blocks: GROWTH_TO };
  const file = join(folder, "growth.blocks");
  await writeBlockFile(file, chain);
  const stretches = [
    { before: 0, blocks: GROWTH_STRETCH },
    { before: GROWTH_TO - GROWTH_FROM - 2 * GROWTH_STRETCH, blocks: GROWTH_STRETCH },
  ];
  return {
    name: "growth",
    metrics: {
      cpu_us_per_block_at_10k: { unit: "us" },
      cpu_us_per_block_at_1m: { unit: "us" },
      blocks_per_second_at_10k: { unit: "blocks/s" },
      blocks_per_second_at_1m: { unit: "blocks/s" },
      cost_ratio: { unit: "ratio", target: { atMost: GROWTH_MAX } },
      rss_anon_peak_mb: MEMORY,
    },
    round: async () => {
      const task: Omit<Task, "folder"> = {
        file,
        chain,
        policy: "SEGMENT",
        warmUpBlocks: GROWTH_FROM,
        stretches,
      };
      const { answer, rssAnonPeakMb } = await runChild(folder, task);
      const [early, late] = answer as [Stretch, Stretch];
      return {
        cpu_us_per_block_at_10k: early.cpu_us_per_block,
        cpu_us_per_block_at_1m: late.cpu_us_per_block,
        blocks_per_second_at_10k: early.blocks_per_second,
        blocks_per_second_at_1m: late.blocks_per_second,
        cost_ratio: late.cpu_us_per_block / early.cpu_us_per_block,
        rss_anon_peak_mb: rssAnonPeakMb,
      };
    },
  };
}

/** In a database of its own, which is removed afterwards. */
async function runChild(folder: string, task: Omit<Task, "folder">) {
  const own = await mkdtemp(join(folder, "chain-"));
  try {
    return await measureScript<Stretch[]>("./child.ts", { ...task, folder: own } satisfies Task);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function ratios(run: readonly BenchmarkCase[], median: (caseName: string, metric: string) => number) {
  const isRun = (name: string): boolean => run.some((each) => each.name === `${name}/ceiling`);
  return CASES.filter(({ name }) => isRun(name)).map(({ name }) => ({
    caseName: name,
    metric: "ratio_to_ceiling",
    value: median(name, "blocks_per_second") / median(`${name}/ceiling`, "blocks_per_second"),
    unit: "ratio",
    target: { atLeast: CEILING_RATIO_MIN },
  }));
}
