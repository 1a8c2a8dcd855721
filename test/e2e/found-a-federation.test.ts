/** docs/operations/found-a-federation.md, executed: its commands verbatim, but for ports that are free here. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { eventually } from "./local-network.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const DOCUMENT = readFileSync(join(ROOT, "docs/operations/found-a-federation.md"), "utf8");
const COMMANDS = [...DOCUMENT.matchAll(/^\$ (.+)$/gm)].map(([, command]) => command ?? "");
const DEADLINE_MS = 120_000;
/** Ports of one network: four nodes. */
const PORTS = 4;

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const isBound = await new Promise<boolean>((done) => {
    server.once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => done(true));
  });
  if (isBound) await new Promise((done) => server.close(done));
  return isBound;
}

/** The first of so many free ports in a row, below those that the system hands out by itself. */
async function freePorts(count: number, from: number): Promise<number> {
  for (let first = from; first < 32_000; first += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
  throw new Error("no free ports");
}

function place(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "alys-found-"));
  const started: ChildProcess[] = [];
  t.after(async () => {
    for (const child of started) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const env = {
    ...process.env,
    PATH: `${join(ROOT, "bin")}${delimiter}${process.env["PATH"]}`,
    ALYS_ADDRESS: "",
  };
  const run = (command: string): { status: number | null; out: string } => {
    const { status, stdout, stderr } = spawnSync("sh", ["-c", command], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    return { status, out: stdout + stderr };
  };
  const start = (command: string): void => {
    started.push(spawn("sh", ["-c", `exec ${command}`], { cwd: folder, env, stdio: "ignore" }));
  };
  const heightOf = (node: string): number => {
    const { out } = run(`alysctl --node ${node} --output json sync status`);
    return Number(/"height": *"(\d+)"/.exec(out)?.[1] ?? 0);
  };
  return { folder, run, start, heightOf };
}

test("the commands of the page found a federation whose blocks a joining node follows", async (t) => {
  const { folder, run, start, heightOf } = place(t);
  const p2p = await freePorts(PORTS, 20_000 + (process.pid % 1_000) * 8);
  const control = await freePorts(PORTS, p2p + PORTS);
  for (const command of COMMANDS) {
    const isObserver = command.includes("--network");
    const offset = isObserver ? PORTS - 1 : 0;
    const ported = command.replace(
      "alysctl init",
      `alysctl init --port ${p2p + offset} --control-port ${control + offset}`,
    );
    if (command.endsWith("&")) start(ported.replace(/ &$/, ""));
    else if (command.includes("init")) {
      const { status, out } = run(ported);
      assert.equal(status, 0, out);
    } else await eventually(command, DEADLINE_MS, async () => run(ported).status === 0);
  }
  await eventually("blocks", DEADLINE_MS, async () => heightOf("federation/member-1/data") >= 2);
  await eventually("the observer follows", DEADLINE_MS, async () => heightOf("observer/data") >= 2);
  const { status, out } = run("alysctl node id --config observer/alysd.toml");
  assert.equal(status, 0, out);
  assert.ok(readFileSync(join(folder, "observer/data/node.json"), "utf8").includes(out.trim()));
});

test("init refuses what would not start, writes nothing over, and its folders can be moved", async (t) => {
  const { folder, run } = place(t);
  assert.equal(run("alysctl init --new --members 1 --dir one").status, 0);
  assert.equal(statSync(join(folder, "one/member-1/authority.key")).mode & 0o777, 0o600);
  assert.match(run("alysctl init --new --members 1 --dir one").out, /FOLDER_NOT_EMPTY/);
  assert.match(run("alysctl init --dir two").out, /either --network FOLDER, to join a network, or --new/);
  assert.match(run("alysctl init --new --network one/network --dir two").out, /either --network FOLDER/);
  assert.match(run("alysctl init --new --members 16 --dir two").out, /at most 15/);
  assert.match(run("alysctl init --network nowhere --dir two").out, /nowhere\/chain\.json cannot be read/);
  assert.match(
    run("alysctl init --new --members 2 --host a --dir two").out,
    /--host names 1 members, --members 2/,
  );
  assert.match(
    run("alysctl init --network one/network --bootstrap /ip4/1.2.3.4/tcp/1 --dir two").out,
    /does not end in/,
  );
  cpSync(join(folder, "one/network"), join(folder, "other"), { recursive: true });
  rmSync(join(folder, "other/proofs.json"));
  assert.match(run("alysctl init --network other --dir two").out, /proofs\.json cannot be read/);
  const joined = run("alysctl init --network one/network --authority --output json --dir two");
  assert.equal(joined.status, 0, joined.out);
  const { peerId } = JSON.parse(joined.out) as { peerId: string };
  renameSync(join(folder, "two"), join(folder, "moved"));
  assert.equal(run("alysctl node id --config moved/alysd.toml").out.trim(), peerId);
});
