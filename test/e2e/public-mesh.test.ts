/**
 * Five nodes on public addresses, each in a network namespace of its own, four of which know only the first: they find each
 * other, because each tells its address. Needs root and `ip`.
 */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execPath, pid } from "node:process";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse, stringify, type TomlTable } from "smol-toml";
import { NetworkService, Reachability } from "../../gen/alys/network/v1/network_pb.ts";
import { type Connection, connect } from "../../src/cli/client.ts";
import type { NodePlan } from "../../src/cli/localnet/plan.ts";
import { RUNTIME_FLAGS } from "../../src/cli/localnet/processes.ts";
import { asError } from "../../src/kernel/errors.ts";
import { eventually, prepareNetwork } from "./local-network.ts";

const MAIN_FILE = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const NODES = 5;
const PORT = 55_444;
const READY_MS = 120_000;
const MESH_MS = 120_000;

/** Each in a /16 of its own, all on one wire. */
const addressOf = (index: number): string => `51.${15 + index}.7.7`;

interface PublicNode {
  readonly connection: Connection;
  readonly peerId: string;
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** A bridge in one namespace, and one namespace for each node at the end of a cable. Gone when the test ends. */
function layWires(t: TestContext): readonly string[] {
  const names = Array.from({ length: NODES }, (_, index) => `alys-${pid}-${index}`);
  const bridge = `alys-${pid}-b`;
  t.after(() => {
    for (const name of [...names, bridge]) {
      try {
        ip("netns", "del", name);
      } catch {
        // It was never made.
      }
    }
  });
  ip("netns", "add", bridge);
  ip("-n", bridge, "link", "add", "br0", "type", "bridge");
  ip("-n", bridge, "link", "set", "br0", "up");
  for (const [index, name] of names.entries()) {
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "link", "add", "wire", "type", "veth", "peer", "name", `end${index}`, "netns", bridge);
    ip("-n", bridge, "link", "set", `end${index}`, "master", "br0", "up");
    ip("-n", name, "addr", "add", `${addressOf(index)}/8`, "dev", "wire");
    ip("-n", name, "link", "set", "wire", "up");
  }
  return names;
}

async function startNode(
  t: TestContext,
  stops: (() => Promise<void>)[],
  model: NodePlan,
  namespace: string,
  network: TomlTable,
): Promise<PublicNode> {
  const folder = join(dirname(model.folder), namespace);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const settings: TomlTable = parse(readFileSync(model.configFile, "utf8"));
  const section = (name: string): TomlTable => (settings[name] ?? {}) as TomlTable;
  settings["storage"] = { data_directory: folder };
  settings["network"] = {
    ...section("network"),
    private_network: false,
    federation: {},
    discovery: { mdns: false, kademlia: true, interval_ms: 1000 },
    ...network,
  };
  settings["peer"] = { status_interval_ms: 1000 };
  settings["telemetry"] = { ...section("telemetry"), log_file: join(folder, "alysd.log") };
  const configFile = join(folder, "alysd.toml");
  writeFileSync(configFile, stringify(settings), { mode: 0o600 });
  const args = ["netns", "exec", namespace, execPath, ...RUNTIME_FLAGS, MAIN_FILE, "--config", configFile];
  const child = spawn("ip", [...args, "--exit-with-parent"], { stdio: ["pipe", "ignore", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  stops.push(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const factsFile = join(folder, "node.json");
  await eventually(`${namespace} serves`, READY_MS, async () => existsSync(factsFile));
  const { peerId, unixSocket } = JSON.parse(readFileSync(factsFile, "utf8"));
  const connection = connect(`unix:${unixSocket}`);
  t.after(() => connection.close());
  return { connection, peerId };
}

async function statusOf({ connection }: PublicNode) {
  const { status } = await connection.client(NetworkService).getNetworkStatus({}, { deadlineMs: 20_000 });
  assert.ok(status !== undefined);
  return status;
}

test("five nodes on public addresses find each other", { timeout: 400_000 }, async (t) => {
  let namespaces: readonly string[];
  try {
    namespaces = layWires(t);
  } catch (thrown) {
    return t.skip(`network namespaces cannot be made here: ${asError(thrown).message.trim()}`);
  }
  // Before the network's folders are removed: hooks run in the order in which they are given.
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    await Promise.all(stops.map((stop) => stop()));
  });
  const { observer } = await prepareNetwork(t, 3, 4);
  const listening = (address: string) => [
    `/ip4/${address}/tcp/${PORT}`,
    `/ip4/${address}/udp/${PORT}/quic-v1`,
  ];
  const nodes: PublicNode[] = [];
  for (const [index, namespace] of namespaces.entries()) {
    const [first] = nodes;
    const bootstrap = first === undefined ? [] : [`/ip4/${addressOf(0)}/tcp/${PORT}/p2p/${first.peerId}`];
    const isLast = index === NODES - 1;
    nodes.push(
      await startNode(t, stops, observer, namespace, {
        listen_addresses: listening(index < 2 ? addressOf(index) : "0.0.0.0"),
        bootstrap_peers: bootstrap,
        ...(isLast ? { announce_addresses: [`/ip4/${addressOf(index)}/tcp/${PORT}`] } : {}),
      }),
    );
  }
  let counts: number[] = [];
  await eventually("each is connected to the four others", MESH_MS, async () => {
    const statuses = await Promise.all(nodes.map(statusOf));
    counts = statuses.map(({ connectedPeers }) => connectedPeers);
    return counts.every((count) => count === NODES - 1);
  }).catch((thrown) => assert.fail(`${asError(thrown).message}; peers: ${counts.join(", ")}`));
  for (const [index, node] of nodes.entries()) {
    const { listenAddresses } = await statusOf(node);
    const own = `/ip4/${addressOf(index)}/tcp/${PORT}/p2p/${node.peerId}`;
    assert.ok(listenAddresses.includes(own), `node ${index} tells ${listenAddresses.join(" ")}`);
    if (index === NODES - 1) assert.deepEqual(listenAddresses, [own], "only what is configured");
  }
  const { reachability } = await statusOf(nodes[0]!);
  assert.equal(reachability, Reachability.REACHABLE, "the others dialled it");
});
