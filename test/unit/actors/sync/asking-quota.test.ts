/** What is asked of one peer, by whatever part of synchronisation: never more than half of what the peer allows. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SyncMode, SyncService } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { RequestAdmission } from "../../../../src/p2p/admission.ts";
import { PROTOCOL_LIMITS } from "../../../../src/p2p/protocols.ts";
import { MemoryFileStore } from "../../../../src/storage/file-store.ts";
import { CheckpointRig } from "../../integrations/chain/checkpoint/checkpoint-rig.ts";
import { forgeBlocks, honest, SyncRig } from "./sync-rig.ts";

const LENGTH = 3_000;
const AT = 2_900;
/** Blocks an answer, as of a chain whose blocks are large: many requests. */
const ANSWER_BLOCKS = 8;

test("the back-fill and the range sync above it ask a peer for half of what it allows, together", async () => {
  const { forge, blocks } = forgeBlocks(LENGTH);
  const maker = new CheckpointRig(forge);
  await maker.feed(blocks);
  const { id } = await maker.settle(maker.checkpoints.create(AT));
  const files = new MemoryFileStore();
  for (const [name, bytes] of maker.files.files) files.files.set(name, bytes.slice());
  const rig = new SyncRig(forge, { files, config: { isAutoStart: false } });
  const admission = new RequestAdmission();
  const sentMs: number[] = [];
  const behaviour = (first: number, count: number) => {
    const nowMs = rig.simulation.clock.monotonicMs();
    sentMs.push(nowMs);
    assert.equal(admission.admit("a", "blocks-by-range", false, nowMs), "admitted");
    admission.release("a", "blocks-by-range");
    return honest(first, Math.min(ANSWER_BLOCKS, count), blocks);
  };
  rig.connect({ a: { blocks, behaviour } });
  await rig.run(200);
  const asked = rig.cell.ref.ask(SyncService.method.startSync, {
    syncMode: SyncMode.CHECKPOINT,
    checkpointId: id,
  });
  await rig.run(20_000);
  await asked;
  const { burst, refillMs } = PROTOCOL_LIMITS["blocks-by-range"];
  assert.equal(rig.height, LENGTH);
  assert.ok(sentMs.length > AT / ANSWER_BLOCKS, "the history was asked for");
  // A bucket of half the burst, refilled at half the rate, wherever one begins to look.
  for (const [index, fromMs] of sentMs.entries()) {
    for (const [more, toMs] of sentMs.slice(index).entries()) {
      const allowed = burst / 2 + ((toMs - fromMs) * burst) / 2 / refillMs;
      assert.ok(more + 1 <= allowed + 1, `${more + 1} requests in ${toMs - fromMs} ms`);
    }
  }
  await rig.stop();
});
