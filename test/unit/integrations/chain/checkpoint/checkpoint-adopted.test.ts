/**
 * A chain that was begun from a checkpoint, with changes of the authorities below and above it, is rolled back and killed at
 * each write of that, with the history behind it back or not: it opens, goes back to the checkpoint, and takes the rest.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChainForge, forgeSecretKeys } from "../../../../../src/chain/forge.ts";
import {
  planRecovery,
  prependHistory,
  recover,
} from "../../../../../src/integrations/chain/checkpoint/checkpoint-recovery.ts";
import { readRecovery } from "../../../../../src/integrations/chain/checkpoint/recovery-records.ts";
import { LINEAGE_KEY } from "../../../../../src/integrations/chain/embedded/opening.ts";
import { silentLog } from "../../../../../src/kernel/ports/log.ts";
import type { BlockStore } from "../../../../../src/storage/port.ts";
import { CheckpointRig } from "./checkpoint-rig.ts";

const SECRETS = forgeSecretKeys(6);
const forge = new ChainForge({
  members: 1,
  authorityChanges: [
    { height: 70, set: SECRETS.slice(0, 2) },
    { height: 140, set: SECRETS.slice(0, 3) },
    { height: 210, set: SECRETS.slice(0, 2) },
  ],
});
const BLOCKS = Array.from({ length: 330 }, () => forge.next());

const sizes = (rig: CheckpointRig, ...heights: number[]): number[] =>
  heights.map((height) => rig.chain.chain.authoritiesAt(height).keys.length);

async function recovered(rig: CheckpointRig, mode: "FAST" | "MINIMAL", checkpointId: string): Promise<void> {
  const plan = await rig.settle(planRecovery(rig.checkpoints, { checkpointId, mode, isScanned: false }));
  await rig.settle(recover(rig.checkpoints, plan, silentLog));
}

/** Begun at 100, grown to 330, with checkpoints at 100, 150 and 240; `back` blocks of the history behind are back. */
async function begun(back: number) {
  const rig = new CheckpointRig(forge);
  await rig.feed(BLOCKS);
  const ids: string[] = [];
  for (const height of [100, 150, 240]) ids.push((await rig.settle(rig.checkpoints.create(height))).id);
  await recovered(rig, "FAST", ids[0]!);
  await rig.feed(BLOCKS.slice(100));
  if (back > 0) await rig.settle(prependHistory(rig.checkpoints, BLOCKS.slice(99 - back, 99)));
  return { rig, ids };
}

/** Blocks go a few at a time, as those of a long chain do. */
function inSteps(store: BlockStore): void {
  const whole = store.truncateAbove.bind(store);
  store.truncateAbove = async (height) => {
    let removed = 0;
    for (let at = store.head()?.height ?? 0; at > height; ) {
      at = Math.max(height, at - 40);
      removed += await whole(at);
    }
    return removed;
  };
}

for (const back of [0, 50, 99]) {
  for (const target of [100, 150, 240]) {
    test(`rolled back to ${target} with ${back} blocks back, killed at every write: the chain opens and goes on`, async () => {
      for (let writes = 0; writes < 12; writes++) {
        const { rig, ids } = await begun(back);
        inSteps(rig.chain.store);
        const checkpointId = ids[[100, 150, 240].indexOf(target)]!;
        const plan = await rig.settle(
          planRecovery(rig.checkpoints, { checkpointId, mode: "MINIMAL", isScanned: false }),
        );
        let isDone = false;
        recover(rig.checkpoints, plan, silentLog).then(
          () => {
            isDone = true;
          },
          () => undefined,
        );
        for (let write = 0; write < writes && !isDone; write++) {
          for (let turn = 0; turn < 20; turn++) await Promise.resolve();
          rig.chain.scheduler.step();
          for (let turn = 0; turn < 20; turn++) await Promise.resolve();
        }
        rig.restart(writes % 2);
        const { head } = rig.chain.chain.snapshot();
        assert(head.height >= target, `${writes} writes: ${head.height}`);
        assert.deepEqual(sizes(rig, head.height + 1), [head.height >= 210 || head.height < 140 ? 2 : 3]);
        const unfinished = readRecovery(rig.chain.store);
        if (unfinished !== undefined) await recovered(rig, "MINIMAL", unfinished.checkpointId);
        const now = rig.chain.chain.snapshot().head.height;
        await rig.feed(BLOCKS.slice(now));
        assert.equal(rig.chain.chain.snapshot().head.height, 330);
        assert.deepEqual(sizes(rig, 101, 141, 211, 331), [2, 3, 2, 2]);
        if (isDone) return;
      }
      assert.fail("the recovery came to no end");
    });
  }
}

test("a record of the lineage that is gone or damaged is found again from what was adopted", async () => {
  for (const bytes of [undefined, new Uint8Array(5)]) {
    const { rig } = await begun(50);
    await rig.settle(rig.chain.store.writeMeta(new Map([[LINEAGE_KEY, bytes]])));
    rig.restart(9);
    assert.deepEqual(sizes(rig, 101, 141, 211, 331), [2, 3, 2, 2]);
  }
});

test("a chain that was emptied and grew again from genesis remembers nothing of what it was begun from", async () => {
  const { rig, ids } = await begun(0);
  const plan = await rig.settle(
    planRecovery(rig.checkpoints, { checkpointId: ids[1]!, mode: "FULL", isScanned: false }),
  );
  await rig.settle(recover(rig.checkpoints, plan, silentLog));
  rig.restart(9);
  await rig.feed(BLOCKS.slice(0, 120));
  rig.restart(9);
  assert.equal(rig.chain.chain.snapshot().final.height, 56);
  assert.equal(rig.chain.chain.snapshot().earliestHeight, 1);
});
