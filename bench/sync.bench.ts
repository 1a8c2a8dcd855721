/**
 * How fast a fresh node syncs, and in how much memory: real alysd processes on this machine, a chain forged beforehand,
 * every block validated under SEGMENT, counted from the request to being durable. Large blocks are compared with the bare
 * stream and the local validation of the same chain; eight peers of which three misbehave against eight good ones.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { syncConfig } from "../src/actors/sync/config.ts";
import { LARGE_BLOCK } from "../src/chain/forge.ts";
import type { Benchmark, BenchmarkCase, Derived, Metric } from "./harness.ts";
import type { BenchNode, Transport } from "./sync/bench-node.ts";
import { ceilingRound } from "./sync/ceiling.ts";
import type { Misbehaviour } from "./sync/misbehaviour.ts";
import { type ChainOptions, forgeServed, type ServedChain } from "./sync/served-chain.ts";
import { syncRound } from "./sync/sync-round.ts";

/** Only ends of segments are looked at under SEGMENT, so that long chains may be signed at every 64th block alone. */
const SIGN_EVERY_LONG = 64;

const SMALL: ChainOptions = { blocks: 60_000, signEvery: SIGN_EVERY_LONG };
const LARGE: ChainOptions = { blocks: 24_576, signEvery: SIGN_EVERY_LONG, ...LARGE_BLOCK };
/** The short chain is signed throughout. */
const QUICK: ChainOptions = { blocks: 20_000, signEvery: 1 };

const BLOCKS_PER_SECOND_MIN = 10_000;
/** Of a quick run, whose chain ends before a node has warmed up. */
const QUICK_BLOCKS_PER_SECOND_MIN = 3_000;
/** Of each process, whatever the case. */
const RSS_ANON_MB_MAX = 400;
/** Of the composite ceiling, with large blocks. */
const CEILING_RATIO_MIN = 0.85;
/** Of eight good peers, with three of eight that misbehave. */
const ROGUES_RATIO_MIN = 0.8;
/** Blocks of two and a half years of slots, and the time in which they are to be synced. */
const FULL_BLOCKS = 6_000_000;
const FULL_MINUTES_MAX = 10;

const STOP_DEADLINE_MS = 5_000;
const GOOD_PEERS = 8;
const ROGUES: readonly Misbehaviour[] = ["slow", "silent", "lying"];

export const benchmark: Benchmark = {
  name: "sync",
  claim: "a fresh node syncs 10,000 small blocks a second, request to durable, in 400 MB, whoever misbehaves",
  prepare: async ({ isQuick }) => {
    const folder = await mkdtemp(join(tmpdir(), "alys-bench-sync-"));
    const nodes: BenchNode[] = [];
    const close = async (): Promise<void> => {
      await Promise.all(nodes.map(({ process }) => process.stop(STOP_DEADLINE_MS)));
      await rm(folder, { recursive: true, force: true });
    };
    try {
      const start = async (chain: ServedChain, name: string, misbehaviour?: Misbehaviour) => {
        const node = await chain.serve(name, misbehaviour);
        nodes.push(node);
        return node;
      };
      const cases = isQuick ? await quickCases(folder, start) : await allCases(folder, start);
      return { cases, derive: isQuick ? () => [] : derived, close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

type Start = (chain: ServedChain, name: string, misbehaviour?: Misbehaviour) => Promise<BenchNode>;

async function quickCases(folder: string, start: Start): Promise<BenchmarkCase[]> {
  const chain = await forgeServed(join(folder, "quick"), QUICK);
  const servers = [await start(chain, "server")];
  return [syncCase("435B/tcp", folder, { chain, servers, transport: "tcp" }, QUICK_BLOCKS_PER_SECOND_MIN)];
}

async function allCases(folder: string, start: Start): Promise<BenchmarkCase[]> {
  const cases: BenchmarkCase[] = [];
  const small = await forgeServed(join(folder, "small"), SMALL);
  const good: BenchNode[] = [];
  for (let index = 0; index < GOOD_PEERS; index++) good.push(await start(small, `server-${index}`));
  const adversaries: BenchNode[] = [];
  for (const misbehaviour of ROGUES) adversaries.push(await start(small, misbehaviour, misbehaviour));
  const large = await forgeServed(join(folder, "large"), LARGE);
  const largeServers = [await start(large, "server")];
  for (const transport of ["tcp", "quic"] as const) {
    const one = { chain: small, servers: good.slice(0, 1), transport };
    const atLeast = transport === "tcp" ? BLOCKS_PER_SECOND_MIN : undefined;
    cases.push(syncCase(`435B/${transport}`, folder, one, atLeast));
  }
  const file = join(folder, "large.blocks");
  const chain = await large.writeFile(file);
  for (const transport of ["tcp", "quic"] as const) {
    cases.push(syncCase(`10KB/${transport}`, folder, { chain: large, servers: largeServers, transport }));
    cases.push(ceilingCase(`10KB/${transport}`, { file, chain, transport, folder }));
  }
  const mixed = [...good.slice(0, GOOD_PEERS - ROGUES.length), ...adversaries];
  cases.push(syncCase("435B/8-good", folder, { chain: small, servers: good, transport: "tcp" }));
  cases.push(syncCase("435B/8-peers-3-bad", folder, { chain: small, servers: mixed, transport: "tcp" }));
  return cases;
}

interface Setting {
  readonly chain: ServedChain;
  readonly servers: readonly BenchNode[];
  readonly transport: Transport;
}

function syncCase(name: string, folder: string, setting: Setting, atLeast?: number): BenchmarkCase {
  const rate: Metric = { unit: "blocks/s", ...(atLeast === undefined ? {} : { target: { atLeast } }) };
  const own = join(folder, name.replaceAll("/", "-"));
  let rounds = 0;
  return {
    name,
    metrics: {
      blocks_per_second: rate,
      cpu_us_per_block: { unit: "us" },
      rss_anon_peak_mb: { unit: "MB", target: { atMost: RSS_ANON_MB_MAX } },
    },
    round: async () => ({ ...(await syncRound({ ...setting, folder: `${own}-fresh-${++rounds}` })) }),
  };
}

function ceilingCase(
  name: string,
  parts: Omit<Parameters<typeof ceilingRound>[0], "batchBlocks">,
): BenchmarkCase {
  const { batchBlocks } = syncConfig(undefined, 1);
  return {
    name: `${name}/ceiling`,
    metrics: {
      transport_blocks_per_second: { unit: "blocks/s" },
      validate_blocks_per_second: { unit: "blocks/s" },
      blocks_per_second: { unit: "blocks/s" },
    },
    round: async () => ({ ...(await ceilingRound({ ...parts, batchBlocks })) }),
  };
}

function derived(median: (caseName: string, metric: string) => number): readonly Derived[] {
  const rate = (caseName: string): number => median(caseName, "blocks_per_second");
  const ratio = (caseName: string, metric: string, value: number, atLeast: number): Derived => ({
    caseName,
    metric,
    value,
    unit: "ratio",
    target: { atLeast },
  });
  return [
    ...["10KB/tcp", "10KB/quic"].map((name) =>
      ratio(name, "ratio_to_ceiling", rate(name) / rate(`${name}/ceiling`), CEILING_RATIO_MIN),
    ),
    ratio(
      "435B/8-peers-3-bad",
      "ratio_to_good",
      rate("435B/8-peers-3-bad") / rate("435B/8-good"),
      ROGUES_RATIO_MIN,
    ),
    {
      caseName: "435B/tcp",
      metric: "full_sync_minutes_extrapolated",
      value: FULL_BLOCKS / rate("435B/tcp") / 60,
      unit: "min",
      target: { atMost: FULL_MINUTES_MAX },
    },
  ];
}
