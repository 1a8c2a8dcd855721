/**
 * What a service manager or log collector may do to a node: read its standard error no more, whatever standard error is, and send
 * signals that end a process or open a debugger by default.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { NodeService } from "../../gen/alys/node/v1/node_pb.ts";
import type { NodePlan } from "../../src/cli/localnet/plan.ts";
import { RUNTIME_FLAGS } from "../../src/cli/localnet/processes.ts";
import { connectTo, eventually, prepareNetwork } from "./local-network.ts";

const DEADLINE_MS = 120_000;
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** Every call leaves a line: together several times what a pipe or a socket holds. */
const CALLS = 8_000;
const CALLS_AT_ONCE = 64;

async function follow(t: TestContext): Promise<NodePlan> {
  const network = await prepareNetwork(t, 1, 2);
  const [member] = network.members;
  assert.ok(member);
  return member;
}

function start(t: TestContext, command: readonly string[], stderr: "pipe" | "ignore"): ChildProcess {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", stderr],
    // Without an audit log each call that changes something is a line of the log.
    env: { ...process.env, ALYS__CONTROL__AUDIT_FILE: "", ALYS__TELEMETRY__LOG_FILE: "" },
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

const alysd = (member: NodePlan): string[] => [
  process.execPath,
  ...RUNTIME_FLAGS,
  MAIN,
  "--config",
  member.configFile,
];

async function pidOf(t: TestContext, member: NodePlan): Promise<number> {
  await eventually("the node serves", DEADLINE_MS, async () => existsSync(join(member.folder, "node.json")));
  const { processId } = await connectTo(t, member)
    .client(NodeService)
    .getInfo({}, { deadlineMs: DEADLINE_MS });
  return processId;
}

/** More lines than its standard error takes. */
async function fill(t: TestContext, member: NodePlan): Promise<void> {
  const node = connectTo(t, member).client(NodeService);
  const set = (_: unknown) => node.setLogLevel({ actor: "sync", level: "info" }, { deadlineMs: DEADLINE_MS });
  for (let sent = 0; sent < CALLS; sent += CALLS_AT_ONCE)
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, set));
}

test("a standard error that nobody reads, a socket, costs lines and no call", async (t) => {
  const member = await follow(t);
  // Node.js gives its children sockets for pipes; nothing is read before `resume`.
  const child = start(t, alysd(member), "pipe");
  await pidOf(t, member);
  await fill(t, member);
  const { stderr } = child;
  assert.ok(stderr);
  const lost = new Promise<void>((resolve) => {
    let tail = "";
    stderr.setEncoding("utf8").on("data", (text: string) => {
      tail = tail.slice(-200) + text;
      if (tail.includes("lines of this log were lost")) resolve();
    });
  });
  await fill(t, member);
  await lost;
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("a standard error that nobody reads, a pipe, costs lines and no call, and the node still ends in order", async (t) => {
  const member = await follow(t);
  const shell = [
    "sh",
    "-c",
    '{ "$@"; echo "$?" > "$0.status"; } 2>&1 >/dev/null | sleep 600',
    member.configFile,
  ];
  start(t, [...shell, ...alysd(member)], "ignore");
  const pid = await pidOf(t, member);
  await fill(t, member);
  process.kill(pid, "SIGTERM");
  await eventually("it ended", DEADLINE_MS, async () => existsSync(`${member.configFile}.status`));
});

test("SIGHUP, SIGUSR1, SIGUSR2 and SIGPIPE end no node and open no debugger, even without the launcher's flags", async (t) => {
  const member = await follow(t);
  const child = start(t, [process.execPath, MAIN, "--config", member.configFile], "pipe");
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await pidOf(t, member);
  for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGPIPE"] as const) {
    child.kill(signal);
    await pidOf(t, member);
  }
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.doesNotMatch(said, /Debugger/);
});
