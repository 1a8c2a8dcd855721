/**
 * One alysd under measurement: its configuration, its process, and the most anonymous memory it was seen to have.
 * Anonymous, because the database maps its file: plain RSS would count the page cache.
 */

import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { type NodeFacts, NodeProcess } from "../../src/cli/localnet/processes.ts";

export type Transport = "tcp" | "quic";

export interface BenchNodeOptions {
  /** Its data directory. */
  readonly folder: string;
  readonly name: string;
  readonly specificationFile: string;
  readonly proofsFile: string;
  readonly transport: Transport;
  /** Multiaddrs of whom it dials. */
  readonly bootstrap: readonly string[];
}

export interface BenchNode {
  readonly process: NodeProcess;
  readonly facts: NodeFacts;
}

const READY_DEADLINE_MS = 30_000;

/** Peaks between two looks are missed: a look costs 50 µs, so it can be often. */
const SAMPLE_PERIOD_MS = 50;

/** Starts a node that synchronises only when told to; resolves when it serves. */
export async function startBenchNode(options: BenchNodeOptions): Promise<BenchNode> {
  const { folder, name } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const configFile = join(folder, "alysd.toml");
  await writeFile(configFile, configuration(options));
  const node = NodeProcess.start({ name, folder, configFile, logFile: join(folder, "alysd.log") });
  return { process: node, facts: await node.ready(READY_DEADLINE_MS) };
}

function configuration(options: BenchNodeOptions): string {
  const { folder, specificationFile, proofsFile, transport, bootstrap } = options;
  const listen = transport === "tcp" ? "/ip4/127.0.0.1/tcp/0" : "/ip4/127.0.0.1/udp/0/quic-v1";
  return stringify({
    storage: { data_directory: folder },
    chain: { specification_file: specificationFile, proofs_file: proofsFile },
    network: {
      listen_addresses: [listen],
      bootstrap_peers: [...bootstrap],
      private_network: true,
      discovery: { kademlia: false },
    },
    sync: { auto_start: false, mode: "fast" },
    control: { listen_address: "127.0.0.1:0" },
    telemetry: { log_file: join(folder, "alysd.log") },
  });
}

/** Watches anonymous memory of processes; `stop` answers the most that one had, in megabytes (10^6 bytes). Idempotent. */
export function watchMemory(pids: readonly number[]): { stop(): number } {
  let peakBytes = 0;
  const look = (): void => {
    for (const pid of pids) peakBytes = Math.max(peakBytes, anonymousBytes(pid));
  };
  look();
  const timer = setInterval(look, SAMPLE_PERIOD_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return peakBytes / 1e6;
    },
  };
}

/** 0 for a process that is gone: that a node died is noticed elsewhere. */
function anonymousBytes(pid: number): number {
  try {
    const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}
