/**
 * One alysd under measurement: its configuration, its process, and the most anonymous memory it was seen to have.
 * Anonymous, because the database maps its file: plain RSS would count the page cache.
 */

import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { type NodeFacts, NodeProcess } from "../../src/cli/localnet/processes.ts";

import { type Misbehaviour, ROGUE_VARIABLE } from "./misbehaviour.ts";

export type Transport = "tcp" | "quic";

export interface BenchNodeOptions {
  /** Its data directory. */
  readonly folder: string;
  readonly name: string;
  readonly specificationFile: string;
  readonly proofsFile: string;
  /** Those it listens on, and so those it dials with. */
  readonly transports: readonly Transport[];
  /** It misbehaves so (adversary.ts). */
  readonly misbehaviour?: Misbehaviour;
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
  const files = { name, folder, configFile, logFile: join(folder, "alysd.log") };
  const node =
    options.misbehaviour === undefined
      ? NodeProcess.start(files)
      : startAdversary(files, options.misbehaviour);
  return { process: node, facts: await node.ready(READY_DEADLINE_MS) };
}

/** The process is given its environment when it is started; ours has it for that long only. */
function startAdversary(
  files: Parameters<typeof NodeProcess.start>[0],
  misbehaviour: Misbehaviour,
): NodeProcess {
  const { NODE_OPTIONS: before } = process.env;
  process.env["NODE_OPTIONS"] = `--import ${new URL("./adversary.ts", import.meta.url).href}`;
  process.env[ROGUE_VARIABLE] = misbehaviour;
  try {
    return NodeProcess.start(files);
  } finally {
    delete process.env[ROGUE_VARIABLE];
    if (before === undefined) delete process.env["NODE_OPTIONS"];
    else process.env["NODE_OPTIONS"] = before;
  }
}

const LISTEN: Readonly<Record<Transport, string>> = {
  tcp: "/ip4/127.0.0.1/tcp/0",
  quic: "/ip4/127.0.0.1/udp/0/quic-v1",
};

function configuration(options: BenchNodeOptions): string {
  const { folder, specificationFile, proofsFile, transports, bootstrap } = options;
  return stringify({
    storage: { data_directory: folder },
    chain: { specification_file: specificationFile, proofs_file: proofsFile },
    network: {
      listen_addresses: transports.map((transport) => LISTEN[transport]),
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

/** Processor time that processes took so far, all threads, milliseconds; those that are gone count nothing. */
export function processorMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + processorMsOf(pid), 0);
}

/** The kernel counts in hundredths of a second. */
const TICK_MS = 10;

function processorMsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold blanks; user and system time are the 12th and 13th field behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return TICK_MS * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return 0;
  }
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
