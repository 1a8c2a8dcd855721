/**
 * Where attacks are tried: a federation of three members as processes of their own, a full node (the target) that is connected
 * to them, and an honest witness that is connected to the target alone. What the witness hears, and when, is the measure.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { parse, stringify, type TomlTable } from "smol-toml";
import { PeerService } from "../../gen/alys/peer/v1/peer_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { Connection } from "../../src/cli/client.ts";
import type { LocalNetwork } from "../../src/cli/localnet/network.ts";
import type { NodePlan } from "../../src/cli/localnet/plan.ts";
import { choosePorts } from "../../src/cli/localnet/ports.ts";
import { NodeProcess } from "../../src/cli/localnet/processes.ts";
import { connectTo, eventually, heightOf, prepareNetwork } from "../e2e/local-network.ts";

const MEMBERS = 3;
/** A range of 1,024 blocks is then more than a stream takes unread. */
const BLOCKS = 3_000;
const READY_MS = 60_000;

export interface ArenaNode {
  readonly plan: NodePlan;
  readonly process: NodeProcess;
  readonly connection: Connection;
}

export interface Arena {
  readonly network: LocalNetwork;
  readonly target: ArenaNode;
  readonly witness: ArenaNode;
  readonly members: readonly ArenaNode[];
}

export async function openArena(t: TestContext): Promise<Arena> {
  const network = await prepareNetwork(t, MEMBERS, BLOCKS);
  await network.startMembers();
  const members = network.members.map((plan) => nodeOf(t, plan, network.process(plan.name)));
  const targetProcess = await network.start("observer");
  const target = nodeOf(t, network.observer, targetProcess);
  const witness = await startWitness(t, network);
  await eventually("target and witness are level with the members", READY_MS, async () => {
    const heights = await Promise.all(
      [members[0]!, target, witness].map((node) => heightOf(node.connection)),
    );
    return heights.every((height) => height > BLOCKS && height >= heights[0]! - 1);
  });
  return { network, target, witness, members };
}

/** A node like the target, whose only bootstrap peer is the target and who looks for no others. */
async function startWitness(t: TestContext, network: LocalNetwork): Promise<ArenaNode> {
  const { observer } = network;
  const folder = join(dirname(observer.folder), "witness");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [ports] = await choosePorts(1, "any");
  const { control, p2p } = ports!;
  const plan: NodePlan = {
    ...observer,
    ...{ name: "witness", folder, ports: { control, p2p } },
    ...{ configFile: join(folder, "alysd.toml"), logFile: join(folder, "alysd.log") },
    controlAddress: `127.0.0.1:${control}`,
  };
  const settings: TomlTable = parse(readFileSync(observer.configFile, "utf8"));
  const section = (name: string): TomlTable => (settings[name] ?? {}) as TomlTable;
  settings["storage"] = { data_directory: folder };
  settings["network"] = {
    ...section("network"),
    listen_addresses: [`/ip4/127.0.0.1/tcp/${p2p}`],
    bootstrap_peers: [observer.address],
    discovery: { mdns: false, kademlia: false },
  };
  settings["control"] = { ...section("control"), listen_address: plan.controlAddress };
  settings["telemetry"] = { ...section("telemetry"), log_file: plan.logFile };
  writeFileSync(plan.configFile, stringify(settings), { mode: 0o600 });
  const process = NodeProcess.start(plan);
  t.after(() => process.stop(4_000));
  const { peerId } = await process.ready(READY_MS);
  return nodeOf(t, { ...plan, peerId }, process);
}

function nodeOf(t: TestContext, plan: NodePlan, process: NodeProcess): ArenaNode {
  return { plan, process, connection: connectTo(t, plan) };
}

/** Anonymous memory of a process in megabytes. */
export function anonymousMb({ process }: ArenaNode): number {
  const status = readFileSync(`/proc/${process.pid}/status`, "utf8");
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Reputations that a node gives to its connected peers, by peer id. */
export async function reputationsOf(node: ArenaNode): Promise<Map<string, number>> {
  const { peers } = await node.connection.client(PeerService).getConnectedPeers({});
  return new Map(peers.map(({ peerId, score }) => [peerId, score?.reputation ?? 0]));
}

/** Number of bans in force. */
export async function bansOf(node: ArenaNode): Promise<number> {
  return (await node.connection.client(PeerService).listBans({})).totalSize;
}

/** Calls back with each block that a node imports live, until the signal aborts. */
export async function followBlocks(
  node: ArenaNode,
  signal: AbortSignal,
  onBlock: (height: number, timestampMs: number) => void,
): Promise<void> {
  try {
    for await (const { event } of node.connection.client(SyncService).watchBlocks({}, { signal })) {
      if (event.case !== "imported") continue;
      onBlock(Number(event.value.height), Number(event.value.timestampMs));
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
