/**
 * One authority key in two data directories, both nodes at work in one real federation: whoever comes second, or at the same
 * moment, nothing is ever signed twice, both say why they stop, nobody is distrusted for it, and once one of the two is
 * gone and an administrator has confirmed that, the other signs again.
 */

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse, stringify, type TomlTable } from "smol-toml";
import { PeerService } from "../../gen/alys/peer/v1/peer_pb.ts";
import { ProducerService, SightingKind, SigningRefusal } from "../../gen/alys/producer/v1/producer_pb.ts";
import { ProductionCondition, SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { Connection } from "../../src/cli/client.ts";
import type { LocalNetwork } from "../../src/cli/localnet/network.ts";
import { authorityKeyFile, type NodePlan } from "../../src/cli/localnet/plan.ts";
import { PortClaims } from "../../src/cli/localnet/port-claims.ts";
import { choosePorts } from "../../src/cli/localnet/ports.ts";
import { NodeProcess } from "../../src/cli/localnet/processes.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import { Failure } from "../../src/kernel/errors.ts";
import {
  assertNobodySignedTwice,
  connectTo,
  eventually,
  heightOf,
  type LoggedVote,
  linesOf,
  prepareNetwork,
  votesOf,
} from "./local-network.ts";

const BLOCKS = 50;
const READY_MS = 120_000;
const DEADLINE_MS = 120_000;

/** A second data directory with a copy of the member's key; its identity is its own. */
async function makeTwin(t: TestContext, network: LocalNetwork, member: NodePlan): Promise<NodePlan> {
  const claims = new PortClaims();
  t.after(() => claims.release());
  const [ports] = await choosePorts(1, "any", claims);
  assert.ok(ports !== undefined);
  const name = `${member.name}-twin`;
  const folder = join(network.plan.folder, name);
  mkdirSync(folder, { mode: 0o700 });
  const keyFile = join(folder, "authority.key");
  copyFileSync(authorityKeyFile(network.plan.folder, member.name), keyFile);
  const settings = parse(readFileSync(member.configFile, "utf8"));
  const section = (key: string): TomlTable => settings[key] as TomlTable;
  const logFile = join(folder, "alysd.log");
  const controlAddress = `127.0.0.1:${ports.control}`;
  const listenAddresses = [`/ip4/127.0.0.1/tcp/${ports.p2p}`];
  settings["storage"] = { data_directory: folder };
  settings["network"] = {
    ...section("network"),
    listen_addresses: listenAddresses,
    // The members, the one whose key it has among them.
    bootstrap_peers: network.members.map(({ address }) => address),
  };
  settings["control"] = { ...section("control"), listen_address: controlAddress };
  settings["telemetry"] = { ...section("telemetry"), log_file: logFile };
  settings["producer"] = { ...section("producer"), authority_key_file: keyFile };
  const configFile = join(folder, "alysd.toml");
  writeFileSync(configFile, stringify(settings), { mode: 0o600 });
  const socketAddress = `unix:${join(folder, "control.sock")}`;
  return { ...member, name, folder, configFile, logFile, ports, controlAddress, socketAddress, address: "" };
}

function startTwin(t: TestContext, twin: NodePlan): NodeProcess {
  const process = NodeProcess.start(twin);
  t.after(() => process.stop(5_000));
  return process;
}

async function signingOf(connection: Connection) {
  try {
    return (await connection.client(ProducerService).getProducerStatus({})).status?.signing;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

const refuses = (connection: Connection, refusal: SigningRefusal) => async () =>
  (await signingOf(connection))?.refusal === refusal;

async function assertNobodyIsDistrusted(connections: readonly Connection[]): Promise<void> {
  for (const connection of connections) {
    const { members } = await connection.client(PeerService).listDistrustedMembers({});
    assert.deepEqual(members, []);
  }
}

function assertOneSignatureASlot(network: LocalNetwork, twin: NodePlan): LoggedVote[] {
  const ofTwin = linesOf(twin, "vote") as unknown as LoggedVote[];
  const votes = [...votesOf(network), ...ofTwin];
  assert.ok(assertNobodySignedTwice(votes) > 0);
  return ofTwin;
}

async function alysctl(...args: readonly string[]) {
  const terminal = new MemoryTerminal();
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  return { status, text: terminal.text, errors: terminal.errors.join("\n") };
}

test("a second node with a member's key never signs, both stop and say so, and the first goes on once that is confirmed", async (t) => {
  const network = await prepareNetwork(t, 3, BLOCKS);
  const [first] = network.members as readonly [NodePlan, ...NodePlan[]];
  await network.startMembers();
  const connections = network.members.map((member) => connectTo(t, member));
  const [own] = connections as [Connection, ...Connection[]];
  for (const connection of connections)
    await eventually("a member signs", DEADLINE_MS, refuses(connection, SigningRefusal.UNSPECIFIED));
  const height = await heightOf(own);
  await eventually("blocks are made", DEADLINE_MS, async () => (await heightOf(own)) >= height + 3);

  const twin = await makeTwin(t, network, first);
  const process = startTwin(t, twin);
  await process.ready(READY_MS);
  const second = connectTo(t, twin);
  const { OWN_KEY_ELSEWHERE } = SigningRefusal;
  await eventually("the second stops", DEADLINE_MS, refuses(second, OWN_KEY_ELSEWHERE));
  await eventually("the first stops", DEADLINE_MS, refuses(own, OWN_KEY_ELSEWHERE));
  const stopped = await signingOf(own);
  assert.equal(stopped?.sighting?.kind, SightingKind.DELEGATION);
  const { status } = await own.client(SyncService).canProduceBlocks({});
  assert.ok(status?.unmet.some(({ condition }) => condition === ProductionCondition.OWN_KEY_ELSEWHERE));
  for (const node of [first, twin])
    assert.equal(
      linesOf(node, "this member's key is used elsewhere: it signs nothing until an administrator confirms")
        .length,
      1,
    );
  assert.deepEqual(
    assertOneSignatureASlot(network, twin).filter(({ kind }) => kind === "proposal"),
    [],
    "the second neither proposed nor was told of a proposal to approve",
  );

  // The others go on without it; the stop holds over a restart; while the second is there nothing can be confirmed.
  const before = await heightOf(connections[1]!);
  await eventually(
    "the others go on",
    DEADLINE_MS,
    async () => (await heightOf(connections[1]!)) > before + 1,
  );
  await network.process(first.name).kill();
  await network.start(first.name);
  const again = connectTo(t, first);
  assert.equal((await signingOf(again))?.refusal, OWN_KEY_ELSEWHERE);
  const confirm = [
    "-a",
    first.controlAddress,
    "producer",
    "confirm-key",
    "--reason",
    "the copy is off",
  ] as const;
  await eventually("the second is met again", DEADLINE_MS, async () =>
    (await alysctl(...confirm)).errors.includes("KEY_STILL_ELSEWHERE"),
  );
  await process.kill();
  await eventually("it is confirmed", DEADLINE_MS, async () => (await alysctl(...confirm)).status === 0);
  const audited = readFileSync(join(first.folder, "audit.jsonl"), "utf8");
  assert.match(audited, /ConfirmKey.*the copy is off|the copy is off.*ConfirmKey/);
  await eventually("the first signs again", DEADLINE_MS, refuses(again, SigningRefusal.UNSPECIFIED));
  assertOneSignatureASlot(network, twin);
  await assertNobodyIsDistrusted([again, ...connections.slice(1)]);
});

test("two nodes with one key that start at the same moment find each other before either signs", async (t) => {
  const network = await prepareNetwork(t, 3, BLOCKS);
  const [first] = network.members as readonly [NodePlan, ...NodePlan[]];
  const twin = await makeTwin(t, network, first);
  for (const { name } of network.members.slice(1)) await network.start(name);
  const process = startTwin(t, twin);
  await Promise.all([network.start(first.name), process.ready(READY_MS)]);
  const [own, ...others] = network.members.map((member) => connectTo(t, member)) as [
    Connection,
    ...Connection[],
  ];
  const second = connectTo(t, twin);
  for (const connection of [own, second])
    await eventually("it stops", DEADLINE_MS, refuses(connection, SigningRefusal.OWN_KEY_ELSEWHERE));
  const height = await heightOf(others[0]!);
  await eventually(
    "the others make blocks",
    DEADLINE_MS,
    async () => (await heightOf(others[0]!)) >= height + 2,
  );
  assertOneSignatureASlot(network, twin);
  const ownIndex = 0;
  assert.deepEqual(
    votesOf(network).filter(({ authorityIndex }) => authorityIndex === ownIndex),
    [],
    "neither signed",
  );
  await assertNobodyIsDistrusted([own, ...others]);
});
