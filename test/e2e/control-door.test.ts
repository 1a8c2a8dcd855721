/** A real node, its owner, and another user of its machine: what each may do, by which way in. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, existsSync, lstatSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { geteuid } from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";
import type { NodePlan } from "../../src/cli/localnet/plan.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import { type Errands, NOBODY, type Outcomes } from "./as-nobody.ts";
import { prepareNetwork } from "./local-network.ts";

const execute = promisify(execFile);
const UNAUTHENTICATED = 26;
const PERMISSION_DENIED = 17;

async function alysctl(...args: string[]): Promise<{ status: number; text: string; errors: string }> {
  const terminal = new MemoryTerminal();
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  return { status, text: terminal.text, errors: terminal.errors.join("\n") };
}

async function asNobody(errands: Errands): Promise<Outcomes> {
  const script = join(import.meta.dirname, "as-nobody.ts");
  const { stdout } = await execute(process.execPath, [script, JSON.stringify(errands)]);
  return JSON.parse(stdout) as Outcomes;
}

const why = geteuid?.() === 0 ? undefined : "only root can become another user";

test("another user of the machine may read by loopback, and nothing else by any way", async (t) => {
  if (why !== undefined) {
    t.skip(why);
    return;
  }
  const network = await prepareNetwork(t, 1, 0);
  const node: NodePlan = network.planOf("member-1");
  await network.start(node.name);
  const at = ["-a", node.controlAddress];
  const socket = node.socketAddress.slice("unix:".length);
  const snapshot = join(tmpdir(), `alys-door-${process.pid}.heapsnapshot`);
  const refused = [
    [...at, "node", "heap-snapshot", "--out", snapshot],
    [...at, "node", "cpu-profile", "--for", "100ms", "--out", snapshot],
    [...at, "tokens", "create", "mine", "--scope", "admin"],
    [...at, "tokens", "list"],
    [...at, "node", "log-level", "trace"],
    [...at, "sync", "pause"],
    [...at, "node", "drain", "--yes"],
    [...at, "node", "shutdown", "--yes"],
  ];
  const read = [
    [...at, "sync", "status"],
    [...at, "node", "info"],
    [...at, "peers", "list"],
  ];
  const outcomes = await asNobody({
    calls: [
      ...refused,
      ...read,
      ["--node", node.folder, "sync", "status"],
      ["-a", node.socketAddress, "sync", "status"],
    ],
    files: [node.tokenFile, join(node.folder, "control", "root.key"), join(node.folder, "node.json")],
    sockets: [socket],
  });
  assert.equal(outcomes.uid, NOBODY);
  for (const [index, args] of refused.entries()) {
    const { status, errors } = outcomes.calls[index] ?? assert.fail();
    assert.equal(status, UNAUTHENTICATED, `${args.join(" ")}: ${errors}`);
    assert.match(errors, /TOKEN_MISSING: .*control\/local\.token.*unix socket/);
    assert.match(errors, /tokens create NAME .*--token-file FILE/);
  }
  assert.ok(!existsSync(snapshot));
  for (const [index, args] of read.entries()) {
    const { status, errors } = outcomes.calls[refused.length + index] ?? assert.fail();
    assert.equal(status, 0, `${args.join(" ")}: ${errors}`);
  }
  const [byFolder, bySocket] = outcomes.calls.slice(-2);
  assert.equal(byFolder?.status, PERMISSION_DENIED, byFolder?.errors);
  assert.match(byFolder?.errors ?? "", /NODE_NOT_OURS: .*another user's.*tokens create/);
  assert.notEqual(bySocket?.status, 0);
  assert.deepEqual(outcomes.files, ["EACCES", "EACCES", "EACCES"]);
  assert.deepEqual(outcomes.sockets, ["EACCES"]);
  // Were the folder open, the socket's and the token's own rights would still hold.
  chmodSync(node.folder, 0o755);
  chmodSync(join(node.folder, ".."), 0o755);
  const opened = await asNobody({ calls: [], files: [node.tokenFile], sockets: [socket] });
  assert.deepEqual([opened.files, opened.sockets], [["EACCES"], ["EACCES"]]);
});

test("the owner commands by the socket and by the token, which a new start and a rotation take back", async (t) => {
  const network = await prepareNetwork(t, 1, 0);
  const node = network.planOf("member-1");
  await network.start(node.name);
  const socket = node.socketAddress.slice("unix:".length);
  assert.equal(lstatSync(socket).mode & 0o777, 0o600);
  assert.equal(statSync(node.tokenFile).mode & 0o777, 0o600);
  const level = ["node", "log-level", "info"];
  const works = async (...way: string[]): Promise<void> => {
    const { status, errors } = await alysctl(...way, ...level);
    assert.equal(status, 0, `${way.join(" ")}: ${errors}`);
  };
  await works("--node", node.folder);
  await works("-a", node.socketAddress);
  await works("-a", node.controlAddress, "--token-file", node.tokenFile);
  // By the address alone: its data directory is found, and the token in it.
  await works("-a", node.controlAddress);
  const first = readFileSync(node.tokenFile, "utf8");
  const rotated = await alysctl("--node", node.folder, "tokens", "rotate-local");
  assert.equal(rotated.status, 0, rotated.errors);
  const second = readFileSync(node.tokenFile, "utf8");
  assert.notEqual(second, first);
  await works("-a", node.controlAddress, "--token-file", node.tokenFile);
  await network.process(node.name).stop(5_000);
  assert.ok(!existsSync(socket));
  rmSync(node.tokenFile);
  await network.start(node.name);
  assert.notEqual(readFileSync(node.tokenFile, "utf8"), second);
  await works("-a", node.controlAddress);
  // A killed process leaves its socket; the next one takes it over.
  await network.process(node.name).kill();
  assert.ok(existsSync(socket));
  await network.start(node.name);
  await works("--node", node.folder);
});
