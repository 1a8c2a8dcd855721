/**
 * Real members whose wall clocks are set hours ahead or behind for some seconds, one of them and two of three: nobody signs
 * ahead of the time, all propose again within a minute, and every status is honest again.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ProducerService } from "../../gen/alys/producer/v1/producer_pb.ts";
import { ProductionCondition, SyncService, SyncState } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { Connection } from "../../src/cli/client.ts";
import type { LocalNetwork } from "../../src/cli/localnet/network.ts";
import type { NodePlan } from "../../src/cli/localnet/plan.ts";
import { pause } from "../../src/cli/localnet/processes.ts";
import {
  assertNobodySignedTwice,
  connectTo,
  eventually,
  heightOf,
  linesOf,
  prepareNetwork,
  statusOf,
  votesOf,
} from "./local-network.ts";

const HOUR_MS = 3_600_000;
const SLOT_MS = 2_000;
/** The promise is a minute; the rest is for a machine on which other tests run. */
const RIGHT_WITHIN_MS = 90_000;
const WRONG_FOR_MS = 12_000;
const BLOCKS = 100;

interface Node {
  readonly plan: NodePlan;
  readonly connection: Connection;
  readonly clockFile: string;
}

/** Starts a node whose wall clock can be set. */
async function startWithClock(t: TestContext, network: LocalNetwork, plan: NodePlan): Promise<Node> {
  const clockFile = join(plan.folder, "wall-clock");
  const before = { options: process.env["NODE_OPTIONS"], file: process.env["WALL_CLOCK_FILE"] };
  const preload = fileURLToPath(new URL("wall-clock.ts", import.meta.url));
  process.env["NODE_OPTIONS"] = `${before.options ?? ""} --import=${preload}`;
  process.env["WALL_CLOCK_FILE"] = clockFile;
  // The process is spawned, and its environment taken, before the first pause.
  const started = network.start(plan.name);
  restore("NODE_OPTIONS", before.options);
  restore("WALL_CLOCK_FILE", before.file);
  await started;
  return { plan, connection: connectTo(t, plan), clockFile };
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

function setClock(nodes: readonly Node[], offMs: number): void {
  for (const { clockFile } of nodes) writeFileSync(clockFile, `${offMs}`);
}

async function unmetOf({ connection }: Node): Promise<ProductionCondition[]> {
  const answer = await connection.client(SyncService).canProduceBlocks({}, { deadlineMs: 5_000 });
  return (answer.status?.unmet ?? []).map(({ condition }) => condition);
}

async function proposalsOf({ connection }: Node): Promise<number> {
  const answer = await connection.client(ProducerService).getProducerStatus({}, { deadlineMs: 5_000 });
  return Number(answer.status?.blocksProposed ?? 0n);
}

/** The clocks leap and are right again; what must come about, comes about. */
async function leap(nodes: readonly Node[], all: readonly Node[], offMs: number): Promise<void> {
  setClock(nodes, offMs);
  for (const node of nodes) {
    await eventually(`${node.plan.name} says that its clock is wrong`, WRONG_FOR_MS, async () =>
      (await unmetOf(node)).includes(ProductionCondition.CLOCK),
    );
    const { status } = await node.connection
      .client(ProducerService)
      .getProducerStatus({}, { deadlineMs: 5_000 });
    assert.notEqual(status?.clockFault, "");
  }
  await pause(WRONG_FOR_MS);
  setClock(nodes, 0);
  const before = await Promise.all(all.map(proposalsOf));
  await eventually(`all propose again after ${offMs} ms`, RIGHT_WITHIN_MS, async () => {
    const now = await Promise.all(all.map(proposalsOf));
    return now.every((proposed, index) => proposed > (before[index] ?? 0));
  });
  await eventually(`every status is honest after ${offMs} ms`, RIGHT_WITHIN_MS, async () => {
    const statuses = await Promise.all(all.map(({ connection }) => statusOf(connection)));
    return statuses.every(
      (each) => each?.state === SyncState.SYNCED && each.reason === "" && each.canProduceBlocks,
    );
  });
}

test("members whose clocks leap hours ahead and back sign nothing ahead and go on within a minute", async (t) => {
  const network = await prepareNetwork(t, 3, BLOCKS);
  const members: Node[] = [];
  for (const plan of network.members) members.push(await startWithClock(t, network, plan));
  await network.start("observer");
  const observer = connectTo(t, network.observer);
  await eventually("the observer follows", 90_000, async () => (await heightOf(observer)) >= BLOCKS + 3);
  const [one, two, three] = members;
  assert.ok(one !== undefined && two !== undefined && three !== undefined);

  await leap([one], members, HOUR_MS);
  await leap([two, three], members, 8 * HOUR_MS);
  await leap([one], members, -HOUR_MS);

  const votes = votesOf(network);
  const now = Math.floor(Date.now() / SLOT_MS);
  const ahead = votes.filter(({ slot }) => slot > now + 1);
  assert.deepEqual(ahead, [], "nobody signed a slot that is not there yet");
  assert.ok(assertNobodySignedTwice(votes) > 20);
  for (const { plan } of members) {
    assert.ok(linesOf(plan, "the clock is believed again").length > 0, plan.name);
    for (const { headAgeMs } of linesOf(plan, "emergency: no block for too long"))
      assert.ok(Number(headAgeMs) >= 0, "no negative age");
  }
});
