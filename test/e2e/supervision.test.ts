/**
 * Supervision from outside: a real alysd whose actors are stopped, suspended, restarted and broken by rpc until it gives
 * up with the reason; one whose thread is made to hang; and one call followed through two nodes' logs by its id.
 */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { stringify } from "smol-toml";
import { PeerService } from "../../gen/alys/peer/v1/peer_pb.ts";
import {
  ChildState,
  type ChildStatus,
  Fault,
  SupervisorService,
} from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import { type Connection, connect } from "../../src/cli/client.ts";
import { type NodeFacts, NodeProcess } from "../../src/cli/localnet/processes.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { linesOf } from "./local-network.ts";

const PATIENCE_MS = 120_000;
const SPECIFICATION = resolve(import.meta.dirname, "../fixtures/chain/alys-chain.json");

interface Started {
  readonly process: NodeProcess;
  readonly facts: NodeFacts;
  readonly connection: Connection;
  readonly logFile: string;
}

async function start(t: TestContext, name = "node"): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), "alys-supervision-"));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const configFile = join(folder, "alysd.toml");
  const logFile = join(folder, "alysd.log");
  const settings = {
    storage: { data_directory: folder },
    // The example has no proofs of possession.
    chain: { specification_file: SPECIFICATION, development: true },
    network: {
      listen_addresses: ["/ip4/127.0.0.1/tcp/0"],
      private_network: true,
      discovery: { kademlia: false },
    },
    control: { listen_address: "127.0.0.1:0" },
    supervision: { allow_fault_injection: true },
    telemetry: { log_file: logFile, log_level: "debug" },
  };
  await writeFile(configFile, stringify(settings));
  const process = NodeProcess.start({ name, folder, configFile, logFile });
  t.after(async () => {
    await process.stop(5_000);
    await rm(folder, { recursive: true, force: true });
  });
  const facts = await process.ready(PATIENCE_MS);
  const connection = connect(`unix:${facts.unixSocket}`);
  t.after(() => connection.close());
  return { process, facts, connection, logFile };
}

const supervisorOf = ({ connection }: Started) => connection.client(SupervisorService);

async function treeOf(node: Started): Promise<Map<string, ChildStatus>> {
  const { root } = await supervisorOf(node).getTree({});
  const all = new Map<string, ChildStatus>();
  const add = (child: ChildStatus): void => {
    all.set(child.id, child);
    child.children.forEach(add);
  };
  if (root !== undefined) add(root);
  return all;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, `not in time: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "OK";
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return `${error.code} ${error.reason}`;
  }
}

const inState = async (node: Started, id: string, state: ChildState): Promise<boolean> =>
  (await treeOf(node)).get(id)?.state === state;

test("actors are shown, stopped, restarted and suspended by rpc, and health follows", async (t) => {
  const node = await start(t);
  const rpc = supervisorOf(node);
  const tree = await treeOf(node);
  const ids = [
    "root",
    "supervisor",
    "node",
    "integrations",
    "store",
    "chain",
    "validator",
    "engine",
    "bridge",
  ];
  const below = ["network-supervisor", "host", "peer", "network", "sync", "producer"];
  assert.deepEqual([...tree.keys()], [...ids, ...below]);
  assert.ok(
    [...tree.values()].every(({ state, isResponsive }) => state === ChildState.RUNNING && isResponsive),
  );
  await until("a ping is answered", async () => ((await treeOf(node)).get("sync")?.pingMs ?? 0) > 0);
  assert.ok((await treeOf(node)).get("root")?.eventLoopLag !== undefined);

  await rpc.stopActor({ id: "sync", reason: "test" });
  assert.ok(await inState(node, "sync", ChildState.STOPPED));
  assert.ok(!(await inState(node, "producer", ChildState.RUNNING)));
  const status = connectClient(node).getSyncStatus({});
  assert.equal(await reasonOf(status), "UNAVAILABLE ACTOR_DOWN");
  assert.equal(await reasonOf(rpc.restartActor({ id: "producer" })), "FAILED_PRECONDITION STANDS_ON_STOPPED");
  assert.equal(await reasonOf(rpc.restartActor({ id: "nobody" })), "NOT_FOUND NO_SUCH_CHILD");
  assert.equal(await reasonOf(rpc.stopActor({ id: "supervisor" })), "FAILED_PRECONDITION CANNOT_STOP_ITSELF");
  const before = tree.get("sync")?.epoch ?? 0n;
  assert.ok((await rpc.restartActor({ id: "sync", reason: "test" })).epoch > before);
  assert.ok(await inState(node, "producer", ChildState.RUNNING));
  const both = [rpc.restartActor({ id: "peer" }), rpc.restartActor({ id: "peer" })].map(reasonOf);
  assert.deepEqual((await Promise.all(both)).sort(), ["ABORTED RESTART_UNDER_WAY", "OK"]);

  const health = node.connection.client(Health);
  const service = SyncService.typeName;
  const serves = async (wanted: Status) => (await health.check({ service })).status === wanted;
  assert.ok(await serves(Status.SERVING));
  await rpc.injectFault({ id: "sync", fault: Fault.SUSPEND });
  assert.ok(await inState(node, "sync", ChildState.SUSPENDED));
  const late = connectClient(node).getSyncStatus({}, { deadlineMs: 300 });
  assert.match(await reasonOf(late), /^DEADLINE_EXCEEDED/);
  await until("health says that sync does not answer", () => serves(Status.NOT_SERVING));
  assert.equal((await treeOf(node)).get("sync")?.isResponsive, false);
  await rpc.injectFault({ id: "sync", fault: Fault.RESUME });
  await until("health says that sync answers again", () => serves(Status.SERVING));
  await rpc.listDeadLetters({});
});

const connectClient = ({ connection }: Started) => connection.client(SyncService);

test("an actor that fails too often ends the node in order, with the reason", async (t) => {
  const node = await start(t);
  const rpc = supervisorOf(node);
  for (let crashes = 0; node.process.isRunning && crashes < 20; crashes++) {
    // Network restarts at once and is allowed five a minute.
    if ((await reasonOf(rpc.injectFault({ id: "network", fault: Fault.CRASH }))) !== "OK") break;
    await until("network is back, or the node ends", async () => {
      if (!node.process.isRunning) return true;
      return inState(node, "network", ChildState.RUNNING).catch(() => true);
    });
  }
  assert.deepEqual(await node.process.ended, { status: 70, signal: null });
  const [down] = linesOf({ logFile: node.logFile } as never, "node is down");
  assert.match(
    String(down?.["reason"]),
    /network failed more than 5 times in 60000 ms: a fault was injected/,
  );
});

test("a handler that loops for ever is named, and the process ends", async (t) => {
  const node = await start(t);
  // The answer may not leave any more: the actor's turn comes as soon as it is ordered.
  await reasonOf(supervisorOf(node).injectFault({ id: "network", fault: Fault.HANG }, { deadlineMs: 1_000 }));
  assert.deepEqual(await node.process.ended, { status: null, signal: "SIGKILL" });
  assert.match(node.process.logTail(), /"message":"the thread stands still","actor":"network"/);
});

test("one call is followed by its id: the dial, the status request, the greeting", async (t) => {
  const [asking, asked] = await Promise.all([start(t, "asking"), start(t, "asked")]);
  const correlationId = "follow-me-1";
  const { peerId, listenAddresses } = asked.facts;
  await asking.connection
    .client(PeerService)
    .connectToPeer({ peerId, addresses: [...listenAddresses] }, { correlationId });
  for (const message of ["dials", "requests", "peer connected"]) {
    const lines = linesOf({ logFile: asking.logFile } as never, message);
    assert.ok(
      lines.some((line) => line["correlationId"] === correlationId),
      `"${message}" does not carry the id: ${JSON.stringify(lines)}`,
    );
  }
});
