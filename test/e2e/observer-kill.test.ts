/** A node that is killed in the middle of its sync goes on from what is durable and asks for nothing below. */

import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { Connection } from "../../src/cli/client.ts";
import { connectTo, eventually, heightOf, linesOf, prepareNetwork, statusOf } from "./local-network.ts";

const BLOCKS = 6_000;
/** Killed when the first block of at least this height is told: more are on their way. */
const KILL_HEIGHT = 500;
const DEADLINE_MS = 120_000;

/** Starts the sync and answers at the first told block from `height` on. */
async function importedAtLeast(connection: Connection, height: number): Promise<void> {
  const sync = connection.client(SyncService);
  for await (const { event } of sync.watchBlocks({}, { deadlineMs: DEADLINE_MS })) {
    if (event.case === "snapshot") await sync.startSync({});
    if (event.case === "imported" && event.value.height >= BigInt(height)) return;
  }
}

test("a killed observer resumes from its durable head and requests nothing below", async (t) => {
  const network = await prepareNetwork(t, 3, BLOCKS);
  await network.startMembers();
  const { name, configFile } = network.observer;
  const configuration = readFileSync(configFile, "utf8");
  // It waits for our word, so that we watch from the first block on.
  writeFileSync(configFile, configuration.replace("[sync]", "[sync]\nauto_start = false"));
  if (!configuration.includes("[sync]")) appendFileSync(configFile, "\n[sync]\nauto_start = false\n");
  const running = await network.start(name);
  const first = connectTo(t, network.observer);
  await importedAtLeast(first, KILL_HEIGHT);
  await running.kill();

  writeFileSync(configFile, configuration);
  await network.start(name);
  const again = connectTo(t, network.observer);
  await eventually("the sync is complete", DEADLINE_MS, async () => (await heightOf(again)) >= BLOCKS);

  const [before, after] = linesOf(network.observer, "sync starts");
  assert.equal(before?.["resumedFromHeight"], 0);
  const resumed = Number(after?.["resumedFromHeight"]);
  assert.ok(resumed >= KILL_HEIGHT && resumed < BLOCKS, `resumed from ${resumed}`);
  const status = await statusOf(again);
  assert.equal(Number(status?.resumedFromHeight), resumed);
  assert.ok(Number(status?.lowestRequestedHeight) > resumed, `requested ${status?.lowestRequestedHeight}`);
});
