/**
 * Runs the example clients against a real alysd: `npm run test:interop [-- --blocks 20000 --only python,go]`. Each attaches as a
 * ChainActor, imports a forged chain to its own store, is killed with SIGKILL twice on the way, and must end with the node's
 * head and no block twice: first on loopback, then by TLS with a token, then with a certificate. Then it attaches as an
 * EngineActor and a BridgeActor and judges transactions. A client whose toolchain is absent says what it misses and is skipped.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { blockHash } from "../clients/typescript/block-store.ts";
import { NetworkService } from "../gen/alys/network/v1/network_pb.ts";
import { type ChildStatus, SupervisorService } from "../gen/alys/supervisor/v1/supervisor_pb.ts";
import { SyncService } from "../gen/alys/sync/v1/sync_pb.ts";
import { HEADER_LENGTH } from "../src/chain/header.ts";
import { connect } from "../src/cli/client.ts";
import { Failure } from "../src/kernel/errors.ts";

const ROOT = resolve(import.meta.dirname, "..");
/** Building from nothing, with downloads, on a busy machine. */
const BUILD_MS_MAX = 600_000;
const RUN_MS_MAX = 180_000;
/** Each batch of 64 blocks is held up so long, so that there is a middle to be killed in. */
const DELAY_MS = 25;

interface Client {
  readonly name: string;
  /** Gives the commands of both examples, or what is missing. Throws when the build fails. */
  prepare(folder: string): Commands | { readonly missing: string };
}

interface Commands {
  readonly importer: readonly string[];
  readonly echo: readonly string[];
}

const has = (command: string): boolean => spawnSync(command, ["--version"]).status === 0;

function run(command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): void {
  const result = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: "utf8",
    timeout: BUILD_MS_MAX,
  });
  if (result.status !== 0) {
    const text = `${result.error?.message ?? ""}${result.stderr ?? ""}`.slice(-2_000);
    throw new Error(`${command} ${args.join(" ")}: ${text}`);
  }
}

const CLIENTS: readonly Client[] = [
  {
    name: "typescript",
    prepare: () => ({
      importer: [process.execPath, join(ROOT, "clients/typescript/import-blocks.ts")],
      echo: [process.execPath, join(ROOT, "clients/typescript/echo-actors.ts")],
    }),
  },
  {
    name: "python",
    prepare(folder) {
      const python = ["python3.13", "python3.12", "python3.11", "python3"].find(has);
      if (python === undefined) return { missing: "python3" };
      const given = process.env["ALYS_INTEROP_PYTHON"];
      const interpreter = given ?? join(folder, "venv/bin/python");
      if (given === undefined) {
        run(python, ["-m", "venv", join(folder, "venv")], ROOT);
        // A build leaves its scratch files beside what it builds.
        cpSync(join(ROOT, "clients/python"), join(folder, "source"), { recursive: true });
        run(interpreter, ["-m", "pip", "-q", "install", join(folder, "source")], ROOT);
      }
      const file = (name: string): string => join(ROOT, "clients/python", name);
      return {
        importer: [interpreter, file("import_blocks.py")],
        echo: [interpreter, file("echo_actors.py")],
      };
    },
  },
  {
    name: "go",
    prepare(folder) {
      if (spawnSync("go", ["version"]).error !== undefined) return { missing: "go" };
      cpSync(join(ROOT, "clients/go"), folder, { recursive: true });
      mkdirSync(join(folder, "built"));
      run("go", ["build", "-mod=readonly", "-o", join(folder, "built"), "./cmd/..."], folder);
      return {
        importer: [join(folder, "built/import-blocks")],
        echo: [join(folder, "built/echo-actors")],
      };
    },
  },
  {
    name: "rust",
    prepare(folder) {
      if (!has("cargo")) return { missing: "cargo" };
      const target = process.env["CARGO_TARGET_DIR"] ?? join(folder, "target");
      run("cargo", ["build", "--locked", "--release", "--examples"], join(ROOT, "clients/rust"), {
        CARGO_TARGET_DIR: target,
      });
      return {
        importer: [join(target, "release/examples/import_blocks")],
        echo: [join(target, "release/examples/echo_actors")],
      };
    },
  },
];

interface Node {
  /** Of the node's owner. */
  readonly socket: string;
  /** What a client of this machine is told. */
  readonly local: readonly string[];
  /** How the importer reaches it, one way after the other: arguments of its command line. */
  readonly ways: readonly (readonly string[])[];
  readonly child: ChildProcess;
}

/** A port that nobody listened on a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  const address = server.address();
  await new Promise<void>((settle) => server.close(() => settle()));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

/** A node by itself on a chain of `blocks` forged blocks. */
async function startNode(folder: string, blocks: number): Promise<Node> {
  const forged = join(folder, "forged");
  run(join(ROOT, "bin/alysctl"), ["chain", "forge", "--blocks", String(blocks), "--out", forged], ROOT);
  const data = join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  cpSync(join(forged, "chain"), join(data, "chain"), { recursive: true });
  const keys = join(folder, "keys");
  const clients = ["--client", "actor/chain", "--client", "operator/interop"];
  run(join(ROOT, "bin/alysctl"), ["keys", "init", "--dir", keys, ...clients], ROOT);
  const [tls, mutual] = [`localhost:${await freePort()}`, `localhost:${await freePort()}`];
  const config = `
    storage.data_directory = ${JSON.stringify(data)}
    chain.specification_file = ${JSON.stringify(join(forged, "chain.json"))}
    chain.proofs_file = ${JSON.stringify(join(forged, "proofs.json"))}
    network.listen_addresses = ["/ip4/127.0.0.1/tcp/0"]
    network.private_network = true
    control.listen_address = "127.0.0.1:0"
    control.tls.listen_address = "${tls.replace("localhost", "127.0.0.1")}"
    control.tls.mutual_listen_address = "${mutual.replace("localhost", "127.0.0.1")}"
    control.tls.certificate_file = ${JSON.stringify(join(keys, "server.crt"))}
    control.tls.key_file = ${JSON.stringify(join(keys, "server.key"))}
    control.tls.client_ca_file = ${JSON.stringify(join(keys, "ca.crt"))}
    telemetry.log_file = ${JSON.stringify(join(folder, "alysd.log"))}
  `;
  writeFileSync(join(folder, "alysd.toml"), config);
  const child = spawn(
    join(ROOT, "bin/alysd"),
    ["--config", join(folder, "alysd.toml"), "--exit-with-parent"],
    {
      stdio: ["pipe", "ignore", "inherit"],
    },
  );
  const whereabouts = join(data, "node.json");
  for (let waited = 0; !existsSync(whereabouts); waited += 100) {
    if (child.exitCode !== null || waited > 60_000) throw new Error("alysd did not come up");
    await sleep(100);
  }
  const { controlAddress } = JSON.parse(readFileSync(whereabouts, "utf8")) as { controlAddress: string };
  const ca = ["--ca", join(keys, "ca.crt")];
  const token = ["--token-file", join(data, "control/operator.token")];
  const certificate = [
    "--cert",
    join(keys, "client-actor-chain.crt"),
    "--key",
    join(keys, "client-actor-chain.key"),
  ];
  const local = ["--address", controlAddress, "--token-file", join(data, "control/local.token")];
  return {
    socket: `unix:${join(data, "control.sock")}`,
    local,
    child,
    ways: [local, ["--address", tls, ...ca, ...token], ["--address", mutual, ...ca, ...certificate]],
  };
}

interface Stored {
  readonly height: number;
  readonly head: string;
}

/** Reads a client's store: linked from height 1 on, no block twice; a torn end does not count. */
function readStore(folder: string): Stored {
  const path = join(folder, "blocks.dat");
  if (!existsSync(path)) return { height: 0, head: "" };
  const bytes = readFileSync(path);
  let [height, head] = [0, ""];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    const block = bytes.subarray(at + 4, end);
    if (block.length < HEADER_LENGTH) throw new Error(`a record of ${block.length} bytes is no block`);
    const [parent, number] = [block.subarray(0, 32).toString("hex"), Number(block.readBigUInt64LE(32))];
    if (number !== height + 1) throw new Error(`block ${number} comes after ${height}`);
    if (height > 0 && parent !== head) throw new Error(`block ${number} does not stand on block ${height}`);
    [height, head, at] = [number, blockHash(block).toString("hex"), end];
  }
  return { height, head };
}

/** Runs the client until it ends, or until it has stored `killAtBytes`: then it is killed. */
async function runClient(command: readonly string[], store: string, killAtBytes: number): Promise<boolean> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise<number | null>((settle, fail) => {
    child.once("exit", (code) => settle(code));
    child.once("error", fail);
  });
  const file = join(store, "blocks.dat");
  let isKilled = false;
  const watch = setInterval(() => {
    if (isKilled || (statSync(file, { throwIfNoEntry: false })?.size ?? 0) < killAtBytes) return;
    isKilled = true;
    child.kill("SIGKILL");
  }, 5);
  const limit = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
  const code = await ended;
  clearInterval(watch);
  clearTimeout(limit);
  if (!isKilled && code !== 0) throw new Error(`it ended with ${code}`);
  return isKilled;
}

async function tryClient(
  client: Client,
  folder: string,
  node: Node,
  head: Stored,
  bytes: number,
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const commands = client.prepare(folder);
  if ("missing" in commands) return `skipped: ${commands.missing} is not installed`;
  const store = join(folder, "store");
  const started = performance.now();
  let kills = 0;
  for (const [turn, way] of node.ways.entries()) {
    const isLast = turn === node.ways.length - 1;
    const args = [
      "--store",
      store,
      "--until",
      String(head.height),
      "--delay-ms",
      isLast ? "0" : String(DELAY_MS),
    ];
    const killAt = isLast ? Number.POSITIVE_INFINITY : bytes * (0.3 + 0.35 * turn);
    if (await runClient([...commands.importer, ...way, ...args], store, killAt)) kills++;
  }
  const stored = readStore(store);
  if (stored.height !== head.height || stored.head !== head.head) {
    throw new Error(
      `it ended at ${stored.height} ${stored.head}, the node is at ${head.height} ${head.head}`,
    );
  }
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  await tryEcho(commands.echo, node);
  return `${stored.height} blocks, killed ${kills} times, ${seconds} s; engine and bridge answer`;
}

/** Its EngineActor takes transactions of even length, its BridgeActor is told who the authorities are. */
async function tryEcho([program = "", ...args]: readonly string[], node: Node): Promise<void> {
  const child = spawn(program, [...args, ...node.local], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((settle, fail) => {
    child.once("exit", (code) => settle(code));
    child.once("error", fail);
  });
  let told = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), RUN_MS_MAX);
  const connection = connect(node.socket);
  try {
    const isReady = async (): Promise<boolean> => {
      const { root } = await connection.client(SupervisorService).getTree({});
      return isAttached(root, "engine") && isAttached(root, "bridge") && /bridge.*authorities/is.test(told);
    };
    for (let waited = 0; !(await isReady()); waited += 100) {
      if (waited > 60_000) throw new Error(`engine and bridge do not attach; told was: ${told}`);
      await sleep(100);
    }
    const network = connection.client(NetworkService);
    await network.broadcastTransaction({ transaction: new Uint8Array(2) });
    const refused = await network
      .broadcastTransaction({ transaction: new Uint8Array(3) })
      .catch((thrown) => thrown);
    if (!(refused instanceof Failure && refused.reason === "TRANSACTION_REFUSED")) {
      throw new Error(`the engine's reject came as ${JSON.stringify(refused)}`);
    }
    child.stdin.end();
    const code = await ended;
    if (code !== 0) throw new Error(`echo-actors ended with ${code}`);
  } finally {
    clearTimeout(limit);
    child.kill("SIGKILL");
    connection.close();
  }
}

function isAttached(status: ChildStatus | undefined, id: string): boolean {
  if (status?.id === id) return status.attachment?.isAttached === true;
  return status?.children.some((child) => isAttached(child, id)) === true;
}

async function headOf(node: Node): Promise<Stored> {
  const connection = connect(node.socket);
  try {
    const { status } = await connection.client(SyncService).getSyncStatus({});
    const head = status?.head;
    return { height: Number(head?.height ?? 0n), head: Buffer.from(head?.hash ?? []).toString("hex") };
  } finally {
    connection.close();
  }
}

const { values } = parseArgs({
  options: { blocks: { type: "string", default: "20000" }, only: { type: "string", default: "" } },
});
const chosen = CLIENTS.filter(({ name }) => values.only === "" || values.only.split(",").includes(name));
const folder = mkdtempSync(join(tmpdir(), "alys-interop-"));
let failures = 0;
let node: Node | undefined;
try {
  node = await startNode(folder, Number(values.blocks));
  const head = await headOf(node);
  /** The typescript client runs first and says how large a store gets; 435 bytes a block until then. */
  let bytes = head.height * 400;
  for (const client of chosen) {
    try {
      console.log(
        `✓ ${client.name}: ${await tryClient(client, join(folder, client.name), node, head, bytes)}`,
      );
      const stored = statSync(join(folder, client.name, "store/blocks.dat"), { throwIfNoEntry: false });
      bytes = stored?.size ?? bytes;
    } catch (problem) {
      failures++;
      console.error(`✗ ${client.name}: ${(problem as Error).message}`);
    }
  }
} finally {
  node?.child.kill("SIGTERM");
  if (node !== undefined && node.child.exitCode === null) {
    await Promise.race([new Promise((settle) => node?.child.once("exit", settle)), sleep(6_000)]);
  }
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failures === 0 ? 0 : 1);
