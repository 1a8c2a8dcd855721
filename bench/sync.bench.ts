/**
 * How fast a fresh node syncs from one peer, and in how much memory: two real alysd processes on this machine, a chain
 * forged beforehand, every block validated under SEGMENT, and counted when it is durable.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Benchmark, BenchmarkCase, Metric } from "./harness.ts";
import type { Transport } from "./sync/bench-node.ts";
import { type ChainOptions, type ServedChain, serveChain } from "./sync/served-chain.ts";
import { syncRound } from "./sync/sync-round.ts";

interface SyncCase {
  readonly name: string;
  readonly transport: Transport;
  readonly chain: ChainOptions;
  readonly quickBlocks: number;
  readonly blocksPerSecondMin: number;
}

/** Only ends of segments are looked at under SEGMENT, so that long chains may be signed at every 64th block alone. */
const SIGN_EVERY_LONG = 64;

/** Of both processes, whatever the case. */
const RSS_ANON_MB_MAX = 400;

const STOP_DEADLINE_MS = 5_000;

const CASES: readonly SyncCase[] = [
  {
    name: "435B/tcp",
    transport: "tcp",
    chain: { blocks: 60_000, signEvery: SIGN_EVERY_LONG },
    quickBlocks: 20_000,
    blocksPerSecondMin: 3_000,
  },
];

export const benchmark: Benchmark = {
  name: "sync",
  claim: "a fresh node syncs 3,000 blocks a second from one peer, request to durable, in 400 MB",
  prepare: async ({ isQuick }) => {
    const folder = await mkdtemp(join(tmpdir(), "alys-bench-sync-"));
    const served: ServedChain[] = [];
    const close = async (): Promise<void> => {
      await Promise.all(served.map(({ server }) => server.process.stop(STOP_DEADLINE_MS)));
      await rm(folder, { recursive: true, force: true });
    };
    try {
      const cases: BenchmarkCase[] = [];
      for (const each of CASES) {
        const own = join(folder, each.name.replaceAll("/", "-"));
        // The short chain is signed throughout.
        const options = isQuick ? { ...each.chain, blocks: each.quickBlocks, signEvery: 1 } : each.chain;
        const chain = await serveChain(own, each.transport, options);
        served.push(chain);
        cases.push(caseOf(each, chain, own));
      }
      return { cases, close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

function caseOf(each: SyncCase, chain: ServedChain, folder: string): BenchmarkCase {
  const metrics: Record<string, Metric> = {
    blocks_per_second: { unit: "blocks/s", target: { atLeast: each.blocksPerSecondMin } },
    rss_anon_peak_mb: { unit: "MB", target: { atMost: RSS_ANON_MB_MAX } },
  };
  let rounds = 0;
  return {
    name: each.name,
    metrics,
    round: async () => ({ ...(await syncRound(chain, join(folder, `fresh-${++rounds}`), each.transport)) }),
  };
}
