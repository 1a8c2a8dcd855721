/**
 * The process that the validate benchmark measures: a validator, a chain and its database, and blocks from a file.
 * Takes a Task as JSON in its arguments, writes its Figures as JSON to standard output.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { availableParallelism } from "node:os";
import { syncConfig } from "../../src/actors/sync/config.ts";
import { ChainForge } from "../../src/chain/forge.ts";
import { ThreadValidator } from "../../src/chain/pool/threads.ts";
import type { Policy } from "../../src/chain/validator.ts";
import { openEmbeddedChain } from "../../src/integrations/chain/embedded/embedded.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { openLmdbStore } from "../../src/storage/lmdb-store.ts";
import { BlockFile, type ChainOptions } from "./block-file.ts";
import { type Passed, Pump } from "./pump.ts";

export interface Task {
  readonly file: string;
  readonly folder: string;
  readonly chain: ChainOptions;
  readonly policy: Policy;
  /** Blocks before the measured ones: compilers and caches warm up on them. */
  readonly warmUpBlocks: number;
  /** Each stretch is measured by itself; `before` blocks before it are not. */
  readonly stretches: readonly { readonly before: number; readonly blocks: number }[];
}

export interface Stretch {
  readonly blocks_per_second: number;
  /** Processor time of the process, all threads, a block. */
  readonly cpu_us_per_block: number;
  readonly latency_mean_ms: number;
  readonly latency_p99_ms: number;
}

/** Read at a time when the file is read through. */
const READ_BYTES = 1024 * 1024;

const task = JSON.parse(process.argv[2] ?? "") as Task;
const { genesis, authorities, facts } = chainOf(task.chain);
const store = await openLmdbStore({ folder: task.folder, genesisHash: facts.genesisHash });
const chain = openEmbeddedChain({ store, facts, genesis, clock: realClock, log: silentLog });
if (chain instanceof Failure) throw chain;
const workers = availableParallelism();
const validator = new ThreadValidator({ facts, workers });
const { validationsMax } = syncConfig(undefined, workers);
const pump = new Pump({ validator, chain, authorities, policy: task.policy, validationsMax });
readThrough(task.file);
const file = await BlockFile.open(task.file);
await pump.run(file, task.warmUpBlocks);
const figures: Stretch[] = [];
for (const { before, blocks } of task.stretches) {
  if (before > 0) await pump.run(file, before);
  figures.push(await measured(() => pump.run(file, blocks)));
}
process.stdout.write(JSON.stringify(figures));
await file.close();
await validator.close();
await chain.close();
await store.close();

/** So that its blocks come out of the page cache: the disk is the database's. */
function readThrough(path: string): void {
  const descriptor = openSync(path, "r");
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  while (readSync(descriptor, buffer) > 0);
  closeSync(descriptor);
}

function chainOf(options: ChainOptions) {
  const forge = new ChainForge(options);
  return { genesis: forge.genesis, authorities: forge.authorities, facts: forge.facts() };
}

async function measured(run: () => Promise<Passed[]>): Promise<Stretch> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  const passed = await run();
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  const blocks = passed.reduce((sum, each) => sum + each.blocks, 0);
  const latencies = passed
    .map(({ offeredMs, flushedMs, blocks: count }) => ({ ms: flushedMs - offeredMs, count }))
    .sort((left, right) => left.ms - right.ms);
  return {
    blocks_per_second: (1000 * blocks) / elapsedMs,
    cpu_us_per_block: (user + system) / blocks,
    latency_mean_ms: latencies.reduce((sum, { ms, count }) => sum + ms * count, 0) / blocks,
    latency_p99_ms: percentile(latencies, blocks * 0.99),
  };
}

function percentile(ascending: readonly { ms: number; count: number }[], wanted: number): number {
  let seen = 0;
  for (const { ms, count } of ascending) {
    seen += count;
    if (seen >= wanted) return ms;
  }
  return 0;
}
