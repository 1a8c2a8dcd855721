/** The four recoveries on the real disk: LMDB and checkpoint files, closed and opened again in between. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ChainForge } from "../../src/chain/forge.ts";
import { cutSegments } from "../../src/chain/segment.ts";
import {
  findDamage,
  missingHistory,
  planRecovery,
  prependHistory,
  proveHistory,
  recover,
} from "../../src/integrations/chain/checkpoint/checkpoint-recovery.ts";
import { CheckpointStore } from "../../src/integrations/chain/checkpoint/checkpoint-store.ts";
import type { RecoveryMode } from "../../src/integrations/chain/checkpoint/recovery-records.ts";
import { openEmbeddedChain } from "../../src/integrations/chain/embedded/embedded.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { FolderFileStore } from "../../src/storage/file-store.ts";
import { openLmdbStore } from "../../src/storage/lmdb-store.ts";
import { segmentOf } from "../unit/integrations/chain/segments.ts";

const LENGTH = 9_000;
const forge = new ChainForge({ members: 1, signEvery: 64 });
const blocks = Array.from({ length: LENGTH }, () => forge.next());

async function open(folder: string) {
  const { genesis } = forge;
  const facts = forge.facts(500, 64);
  const store = await openLmdbStore({ folder: join(folder, "chain"), genesisHash: facts.genesisHash });
  const chain = openEmbeddedChain({ store, facts, genesis, clock: realClock, log: silentLog });
  if (chain instanceof Failure) throw chain;
  const files = new FolderFileStore(join(folder, "checkpoints"));
  const { authorities } = genesis;
  const checkpoints = new CheckpointStore({ chain, store, files, authorities, clock: realClock });
  const feed = async (from: number): Promise<void> => {
    for (const segment of cutSegments(blocks.slice(from))) {
      assert.equal((await chain.importSegment(segmentOf(segment, "SEGMENT"))).kind, "imported");
    }
  };
  const close = async (): Promise<void> => {
    await chain.close();
    await store.close();
  };
  return { chain, checkpoints, feed, close };
}

for (const mode of ["FAST", "SAFE", "MINIMAL", "FULL"] as const satisfies readonly RecoveryMode[]) {
  test(`recovery ${mode} on the real disk ends with the whole chain`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "alys-recovery-"));
    try {
      const before = await open(folder);
      await before.feed(0);
      const kept = await before.checkpoints.create(8_896);
      assert.deepEqual(readdirSync(join(folder, "checkpoints")), [`${kept.id}.checkpoint`]);
      const request = { checkpointId: kept.id, mode, isScanned: true };
      const plan = await planRecovery(before.checkpoints, request);
      assert.equal(plan.damagedHeight, undefined);
      await recover(before.checkpoints, plan, silentLog);
      await before.close();

      const after = await open(folder);
      const { head } = after.chain.snapshot();
      assert.equal(head.height, mode === "FULL" ? 0 : 8_896);
      await after.feed(head.height);
      for (
        let missing = missingHistory(after.checkpoints);
        missing > 0;
        missing = missingHistory(after.checkpoints)
      ) {
        await prependHistory(after.checkpoints, blocks.slice(Math.max(0, missing - 1_000), missing));
      }
      if (mode === "FAST" || mode === "SAFE") await proveHistory(after.checkpoints, LENGTH);
      assert.equal(await findDamage(after.checkpoints), undefined);
      const { head: end, earliestHeight } = after.chain.snapshot();
      assert.deepEqual([end.height, earliestHeight], [LENGTH, 1]);
      assert.deepEqual(after.chain.hashAt(8_896), kept.hash);
      assert.equal((await after.checkpoints.prove({ height: 4_100 }, kept.id)).checkpoint.id, kept.id);
      await after.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
