/** alysctl against a real listener, and its launcher on a machine whose own Node.js is too old. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { loadChain } from "../../src/chain/chain-file.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { folder, until, world } from "./control-world.ts";

const execute = promisify(execFile);
const never = new AbortController().signal;

async function alysctl(args: readonly string[], input = "", signal = never) {
  const terminal = new MemoryTerminal(realClock, input);
  const status = await runAlysctl(args, terminal, signal);
  return { status, text: terminal.text, errors: terminal.errors.join("\n"), terminal };
}

test("sync status shows a table, or protobuf's JSON", async (t) => {
  const { control } = await world(t);
  const at = ["--address", control.unixAddress ?? ""];
  const shown = await alysctl([...at, "sync", "status"]);
  assert.equal(shown.status, 0, shown.errors);
  assert.match(shown.text, /^state +blocks$/m);
  assert.match(shown.text, /^head +10 {2}0xabababab…$/m);
  const { text } = await alysctl(["sync", "status", "--output", "json", ...at]);
  assert.equal(JSON.parse(text).status.head.height, "10");
  assert.equal((await alysctl(["sync", "stop", "--output", "json", ...at])).text, "{}\n");
  assert.equal((await alysctl(["sync", "stop", ...at])).text, "stopped\n");
});

test("sync watch --once prints plain lines when piped and ends 0 when synced", async (t) => {
  const { control, probe } = await world(t);
  const watching = alysctl(["-a", control.unixAddress ?? "", "sync", "watch", "--once"]);
  await until(() => probe.readers() === 1);
  probe.publish(999);
  probe.publish(1_000);
  const { status, text } = await watching;
  assert.equal(status, 0);
  assert.match(text, /^blocks {2}1\.0 % {2}10 \/ 1,000 {2}100 blocks\/s {2}3 peers\n/);
  assert.match(text, /\nsynced {2}100\.0 % .*\n$/);
});

test("sync watch reads the stream again after the actor's restart, and ends 130 at Ctrl-C", async (t) => {
  const { control, probe, child, cell } = await world(t);
  const interrupted = new AbortController();
  const terminal = new MemoryTerminal();
  const args = ["-a", control.unixAddress ?? "", "-o", "json", "sync", "watch"];
  const watching = runAlysctl(args, terminal, interrupted.signal);
  await until(() => terminal.output.length === 1);
  await child.stop();
  cell.child.start();
  await until(() => terminal.output.length === 2);
  assert.match(terminal.errors.join(), /reading it again/);
  probe.publish(11);
  await until(() => terminal.output.length === 3);
  interrupted.abort();
  assert.equal(await watching, 130);
  assert.equal(JSON.parse(terminal.output[2] ?? "").head.height, "11");
});

test("a failed call is one line and 10 plus the status; no node is 24; a wrong call is 64", async (t) => {
  const { control } = await world(t);
  const at = ["-a", control.unixAddress ?? ""];
  const exists = await alysctl([...at, "sync", "start"]);
  assert.equal(exists.status, 16);
  assert.match(
    exists.errors,
    /^alysctl: ALREADY_EXISTS\/SYNC_RUNNING: it runs \(operation: 7; correlation id: \S+\)$/,
  );
  const late = await alysctl([...at, "--timeout", "50ms", "sync", "pause"]);
  assert.equal(late.status, 14);
  assert.match(late.errors, /^alysctl: DEADLINE_EXCEEDED[^,]*$/);
  const missing = await alysctl([...at, "peers", "list"]);
  assert.equal(missing.status, 22);
  await control.close();
  const gone = await alysctl(["-a", control.address ?? "", "sync", "status"]);
  assert.equal(gone.status, 24);
  assert.match(gone.errors, /UNREACHABLE: cannot reach a node at 127\.0\.0\.1/);
  for (const wrong of [
    ["sync", "fly"],
    ["--output", "xml", "status"],
    ["peers", "ban"],
    ["-a", "nowhere", "status"],
  ]) {
    const { status, errors } = await alysctl(wrong);
    assert.equal(status, 64, wrong.join(" "));
    assert.match(errors, /^error: /);
  }
});

test("call reaches any method by name, with JSON from the command line or standard input", async (t) => {
  const { control } = await world(t);
  const at = ["-a", control.unixAddress ?? ""];
  const unary = await alysctl([...at, "call", "SyncService/CanProduceBlocks"]);
  assert.deepEqual(JSON.parse(unary.text), { status: { canProduce: false, unmet: [], waived: [] } });
  const request = '{"startHeight": "1", "count": "2"}';
  const stream = await alysctl([...at, "call", "alys.sync.v1.SyncService/StreamBlocks", "-"], request);
  const heights = stream.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).startHeight);
  assert.deepEqual(heights, ["1", "2"]);
  const health = await alysctl([...at, "call", "Health/Check", '{"service": "alys.sync.v1.SyncService"}']);
  assert.deepEqual(JSON.parse(health.text), { status: "SERVING" });
  const bad = await alysctl([...at, "call", "SyncService/GetBlock", '{"height": "x"}']);
  assert.equal(bad.status, 13);
  assert.match(bad.errors, /BAD_REQUEST/);
  assert.match(
    (await alysctl(["call", "--list"])).text,
    /alys\.peer\.v1\.PeerService\/BanPeer +one answer +operate/,
  );
});

test("call --request-id names a call: it is carried out once, and a failure tells the id", async (t) => {
  const { control, probe } = await world(t);
  const at = ["-a", control.unixAddress ?? "", "call"];
  const first = await alysctl([...at, "--request-id", "deploy-7", "SyncService/StopSync"]);
  assert.equal(first.status, 0, first.errors);
  assert.equal(first.errors, "");
  const again = await alysctl([...at, "SyncService/StopSync", "--request-id", "deploy-7"]);
  assert.equal(again.status, 0, again.errors);
  assert.match(again.errors, /answered before: the call deploy-7 was carried out once/);
  assert.equal(probe.calls.length, 1);
  const other = await alysctl([...at, "SyncService/StopSync", '{"reason": "x"}', "--request-id", "deploy-7"]);
  assert.equal(other.status, 16);
  assert.match(other.errors, /ALREADY_EXISTS\/REQUEST_ID_REUSED: .*request id: deploy-7\)$/);
  const unnamed = await alysctl([...at, "SyncService/StopSync", '{"reason": "x"}']);
  assert.equal(unnamed.status, 0, unnamed.errors);
  const malformed = await alysctl([...at, "SyncService/StopSync", "--request-id", "two words"]);
  assert.equal(malformed.status, 64);
  const reading = await alysctl([...at, "SyncService/CanProduceBlocks", "--request-id", "deploy-8"]);
  assert.equal(reading.status, 0);
  assert.match(reading.errors, /takes no request id for CanProduceBlocks/);
});

test("call goes both ways, a request a line, and names the line that is none", async (t) => {
  const { control } = await world(t, {
    attach: async ({ requests, send }) => {
      let epoch = 0n;
      for await (const _ of requests) {
        epoch += 1n;
        await send({ message: { case: "welcome", value: { epoch } } });
      }
    },
  });
  const args = ["-a", control.unixAddress ?? "", "call", "EngineService/Attach", "-"];
  const hello = JSON.stringify({ hello: { protocolVersion: 1 } });
  const both = await alysctl(args, `${hello}\n\n${hello}\n`);
  assert.equal(both.status, 0, both.errors);
  const epochs = both.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).welcome.epoch);
  assert.deepEqual(epochs, ["1", "2"]);
  const bad = await alysctl(args, `${hello}\nnonsense\n`);
  assert.equal(bad.status, 13);
  assert.match(bad.errors, /NOT_JSON/);
  const refused = await world(t);
  const none = await alysctl([
    "-a",
    refused.control.unixAddress ?? "",
    "call",
    "EngineService/Attach",
    hello,
  ]);
  assert.equal(none.status, 22);
  await until(() => control.liveCalls === 0);
});

test("alysctl reaches a node over its unix socket", async (t) => {
  const unixSocket = join(folder(t), "control.sock");
  await world(t, { unixSocket });
  const { status, errors } = await alysctl(["-a", unixSocket, "sync", "status"]);
  assert.equal(status, 0, errors);
});

test("chain forge writes a chain that loads, and refuses a folder with something in it", async (t) => {
  const out = join(folder(t), "chain");
  const args = ["chain", "forge", "--blocks", "20", "--members", "2", "--seed", "9", "--out", out];
  const { status, text, errors } = await alysctl([...args, "--output", "json"]);
  assert.equal(status, 0, errors);
  const { genesisHash, height } = JSON.parse(text);
  assert.equal(height, 20);
  const chain = loadChain(join(out, "chain.json"), { proofs: join(out, "proofs.json") });
  assert.ok(!(chain instanceof Failure));
  assert.equal(chain.warning, undefined);
  assert.equal(`0x${Buffer.from(chain.genesis.hash).toString("hex")}`, genesisHash);
  assert.equal(statSync(join(out, "keys", "member-2.key")).mode & 0o777, 0o600);
  assert.ok(existsSync(join(out, "chain", "data.mdb")));
  const again = await alysctl(args);
  assert.equal(again.status, 19);
  assert.match(again.errors, /FOLDER_NOT_EMPTY/);
});

test("keys authority makes a key once and shows its public half and a proof of possession", async (t) => {
  const path = folder(t);
  const file = join(path, "authority.key");
  await alysctl(["chain", "forge", "--blocks", "1", "--out", join(path, "chain")]);
  const make = ["-o", "json", "keys", "authority", "--file", file, "--make"];
  const made = await alysctl([...make, "--chain", join(path, "chain", "chain.json")]);
  assert.equal(made.status, 0, made.errors);
  const { publicKey, proofOfPossession } = JSON.parse(made.text);
  assert.match(publicKey, /^0x[0-9a-f]{96}$/);
  assert.match(proofOfPossession, /^0x[0-9a-f]{192}$/);
  assert.equal((await alysctl(make)).status, 16);
  const shown = await alysctl(["keys", "authority", "--file", file]);
  assert.ok(shown.text.includes(publicKey));
  const secret = readFileSync(file, "utf8").match(/^secret.*?([0-9a-f]{64})$/m)?.[1];
  assert.ok(secret !== undefined && !shown.text.includes(secret));
});

test("help and version end 0", async () => {
  const help = await alysctl(["--help"]);
  assert.equal(help.status, 0);
  assert.match(help.text, /Exit status:/);
  const { status, text } = await alysctl(["--version"]);
  assert.equal(status, 0);
  assert.match(text, /^\d+\.\d+\.\d+\n$/);
});

test("the launcher finds a new enough Node.js through links, past an older one on the PATH", async (t) => {
  const path = folder(t);
  const old = join(path, "old");
  mkdirSync(old);
  writeFileSync(join(old, "node"), "#!/bin/sh\necho v20.1.0\n");
  chmodSync(join(old, "node"), 0o755);
  symlinkSync(join(import.meta.dirname, "../../bin/alysctl"), join(path, "real"));
  symlinkSync("real", join(path, "alysctl"));
  const env = { ...process.env, PATH: [old, "/usr/bin", "/bin"].join(delimiter) };
  const { stdout } = await execute(join(path, "alysctl"), ["--version"], { env, cwd: "/" });
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test("the launcher runs the built program below node_modules, with the hoisted Node.js, and says what is missing", async (t) => {
  const root = folder(t);
  const modules = join(root, "node_modules");
  const installed = join(modules, "alys-network");
  mkdirSync(join(installed, "bin"), { recursive: true });
  mkdirSync(join(installed, "src"), { recursive: true });
  const bin = join(import.meta.dirname, "../../bin");
  for (const name of ["alysd", "launch.sh"]) {
    writeFileSync(join(installed, "bin", name), readFileSync(join(bin, name)));
    chmodSync(join(installed, "bin", name), 0o755);
  }
  const env = { PATH: "/usr/bin:/bin" };
  const nodeFree = (error: { code: number; stderr: string }): boolean => {
    assert.equal(error.code, 69);
    assert.match(error.stderr, /alysd: needs Node\.js 22\.18 or newer/);
    return true;
  };
  const old = join(root, "old");
  mkdirSync(old);
  writeFileSync(join(old, "node"), "#!/bin/sh\necho v20.1.0\n");
  chmodSync(join(old, "node"), 0o755);
  const oldEnv = { PATH: [old, "/usr/bin", "/bin"].join(delimiter) };
  await assert.rejects(execute(join(installed, "bin/alysd"), [], { env: oldEnv }), nodeFree);
  const carrier = join(modules, `node-${process.platform}-${process.arch}`, "bin");
  mkdirSync(carrier, { recursive: true });
  symlinkSync(process.execPath, join(carrier, "node"));
  await assert.rejects(execute(join(installed, "bin/alysd"), [], { env }), /main\.js is missing/);
  mkdirSync(join(installed, "dist/src"), { recursive: true });
  const program =
    "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log(process.pid);";
  writeFileSync(join(installed, "dist/src/main.js"), program);
  const child = spawn(join(installed, "bin/alysd"), [], { env, stdio: ["ignore", "pipe", "inherit"] });
  const [pid] = await new Promise<string[]>((resolve) =>
    child.stdout.once("data", (data) => resolve([String(data)])),
  );
  assert.equal(Number(pid), child.pid, "the launcher did not become node");
  child.kill("SIGTERM");
  const code = await new Promise((resolve) => child.once("exit", resolve));
  assert.equal(code, 7);
});
