/**
 * A node whose store's writer hangs: that is told within seconds, and the process ends when it is told to, in time or at
 * once. The writer hangs for real, in the database library, because another process holds its lock.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { SupervisorService } from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../gen/grpc/health/v1/health_pb.ts";
import type { LocalNetwork } from "../../src/cli/localnet/network.ts";
import { chainFolder, type NodePlan } from "../../src/cli/localnet/plan.ts";
import { pause } from "../../src/cli/localnet/processes.ts";
import { connectTo, eventually, heightOf, linesOf, prepareNetwork, statusOf } from "./local-network.ts";
import { plainNode } from "./namespaces.ts";

const BLOCKS = 40;
const DEADLINE_MS = 120_000;
const EXIT_SOFTWARE = 70;
/** A second signal sooner is taken for an echo of the first. */
const ECHO_MS = 600;
const HOLDER = fileURLToPath(new URL("./hold-writer-child.ts", import.meta.url));
const MORTAL_WRITER = new URL("./mortal-writer.ts", import.meta.url).href;
const FORCED = "the node does not stop, its process is ended";

test("a hung writer is told within seconds, and a node with one ends in time when it is told to", async (t) => {
  const { network, observer } = await follow(t);
  const connection = connectTo(t, observer);
  const holder = await holdWriter(t, observer);
  await eventually("a warning", DEADLINE_MS, async () =>
    isLogged(observer, "the store does not write: no block is imported"),
  );
  const { status } = await connection
    .client(Health)
    .check({ service: SyncService.typeName }, { deadlineMs: 10_000 });
  assert.equal(status, Serving.NOT_SERVING);

  const node = network.process(observer.name);
  process.kill(node.pid, "SIGTERM");
  assert.deepEqual(await node.ended, { status: EXIT_SOFTWARE, signal: null });
  assert.ok(isLogged(observer, FORCED));
  assert.ok(!isLogged(observer, "node is down"));

  await release(holder);
  await network.start(observer.name);
  const again = connectTo(t, observer);
  const from = await heightOf(again);
  const member = connectTo(t, network.members[0] ?? assert.fail());
  await eventually(
    "it goes on where it was",
    DEADLINE_MS,
    async () => (await heightOf(again)) > from,
    async () => `it says "${(await statusOf(again))?.reason}"; the member is at ${await heightOf(member)}`,
  );
});

test("a second signal ends a node that hangs at once", async (t) => {
  const { network, observer } = await follow(t);
  await holdWriter(t, observer);
  await eventually("a warning", DEADLINE_MS, async () =>
    isLogged(observer, "the store does not write: no block is imported"),
  );
  const node = network.process(observer.name);
  process.kill(node.pid, "SIGTERM");
  await pause(ECHO_MS);
  process.kill(node.pid, "SIGTERM");
  assert.deepEqual(await node.ended, { status: EXIT_SOFTWARE, signal: null });
  assert.ok(!isLogged(observer, FORCED), "it did not wait for the deadline");
});

test("a node that hangs while it starts ends when it is told to", async (t) => {
  const network = await prepareNetwork(t, 1, BLOCKS);
  const member = network.members[0];
  assert.ok(member);
  await holdWriter(t, member);
  const node = plainNode(member.configFile);
  t.after(() => node.kill());
  await eventually("a warning", DEADLINE_MS, async () =>
    isLogged(member, "the block store does not open yet"),
  );
  node.child.kill("SIGTERM");
  const { status, signal } = await node.ended;
  assert.deepEqual({ status, signal }, { status: EXIT_SOFTWARE, signal: null });
});

test("a store whose writer died is opened again: the tree says so, import goes on from what is durable, nobody is blamed", async (t) => {
  process.env["NODE_OPTIONS"] = `--import ${MORTAL_WRITER}`;
  t.after(() => delete process.env["NODE_OPTIONS"]);
  const { network, observer } = await follow(t);
  delete process.env["NODE_OPTIONS"];
  const node = network.process(observer.name);
  const connection = connectTo(t, observer);
  const storeOf = async () => {
    const { root } = await connection.client(SupervisorService).getTree({});
    const integrations = root?.children.find(({ id }) => id === "integrations");
    return integrations?.children.find(({ id }) => id === "store");
  };
  process.kill(node.pid, "SIGUSR2");
  await eventually("the tree tells of it", DEADLINE_MS, async () => (await storeOf())?.restarts === 1n);
  assert.match((await storeOf())?.lastFailure ?? "", /the store.s writer thread ended/);
  const [reopened] = linesOf(observer, "the block store was opened again");
  const from = Number(reopened?.["height"]);
  assert.ok(from >= BLOCKS);
  await eventually(
    "it goes on where it was",
    DEADLINE_MS,
    async () => (await heightOf(connection)) > from + 1,
  );
  assert.ok(!isLogged(observer, "peer offended"));
  assert.ok(!isLogged(observer, "node stops"));
});

/** A member that proposes, and an observer that follows it. */
async function follow(t: TestContext): Promise<{ network: LocalNetwork; observer: NodePlan }> {
  const network = await prepareNetwork(t, 1, BLOCKS);
  await network.startMembers();
  await network.start("observer");
  const { observer } = network;
  const connection = connectTo(t, observer);
  await eventually("the observer follows", DEADLINE_MS, async () => (await heightOf(connection)) > BLOCKS);
  return { network, observer };
}

async function holdWriter(t: TestContext, node: NodePlan): Promise<ChildProcess> {
  const folder = chainFolder(join(node.folder, ".."), node.name);
  const child = spawn(process.execPath, [HOLDER, folder], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => release(child));
  await once(child.stdout, "data");
  return child;
}

async function release(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

function isLogged(node: NodePlan, message: string): boolean {
  return existsSync(node.logFile) && linesOf(node, message).length > 0;
}
