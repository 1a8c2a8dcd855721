/** An observer without a chain begins from a checkpoint that two members serve, over real hosts, and gets all the rest. */

import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { SyncMode, SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { connectTo, eventually, heightOf, linesOf, prepareNetwork, statusOf } from "./local-network.ts";

const BLOCKS = 1_500;
const AT = 1_000;
const DEADLINE_MS = 120_000;

test("mode checkpoint: adopted when two members deliver it, followed above, fetched behind", async (t) => {
  const network = await prepareNetwork(t, 2, BLOCKS);
  await network.startMembers();
  const [first, second] = network.members;
  assert(first !== undefined && second !== undefined);
  await connectTo(t, first)
    .client(SyncService)
    .createCheckpoint({ height: BigInt(AT) });

  const { configFile } = network.observer;
  const configuration = readFileSync(configFile, "utf8");
  writeFileSync(configFile, configuration.replace("[sync]", '[sync]\nmode = "checkpoint"'));
  if (!configuration.includes("[sync]")) appendFileSync(configFile, '\n[sync]\nmode = "checkpoint"\n');
  await network.start("observer");
  const connection = connectTo(t, network.observer);
  const sync = connection.client(SyncService);
  await connectTo(t, second)
    .client(SyncService)
    .createCheckpoint({ height: BigInt(AT) });

  await eventually("the head is reached", DEADLINE_MS, async () => (await heightOf(connection)) >= BLOCKS);
  const [adopted] = linesOf(network.observer, "a checkpoint is adopted");
  const checkpointId = String(adopted?.["checkpoint"]);
  assert.match(checkpointId, new RegExp(`^${AT}-`));
  assert.equal((await statusOf(connection))?.mode, SyncMode.CHECKPOINT);
  const { checkpoints } = await sync.listCheckpoints({});
  assert(
    checkpoints.some(({ id }) => id === checkpointId),
    "it is kept on disk",
  );
  await eventually("block 1 is back", DEADLINE_MS, async () => {
    const found = await sync.getBlock({ by: { case: "height", value: 1n } }).then(
      () => true,
      () => false,
    );
    return found;
  });
  const { block } = await sync.proveBlock({ by: { case: "height", value: 7n }, checkpointId });
  assert.equal(block?.height, 7n);
});
