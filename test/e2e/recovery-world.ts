/** A chain with checkpoints in a folder, as a node has them, for processes that are killed and those that look after it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ChainForge } from "../../src/chain/forge.ts";
import { cutSegments } from "../../src/chain/segment.ts";
import {
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

export const LENGTH = 280;
/** Blocks put behind an adopted checkpoint at a time. */
const BEHIND = 100;

const forge = new ChainForge({ members: 1 });
const blocks = Array.from({ length: LENGTH }, () => forge.next());

export async function openWorld(folder: string) {
  const { genesis } = forge;
  const facts = forge.facts(500, 64);
  const store = await openLmdbStore({ folder: join(folder, "chain"), genesisHash: facts.genesisHash });
  const chain = openEmbeddedChain({ store, facts, genesis, clock: realClock, log: silentLog });
  if (chain instanceof Failure) throw chain;
  const files = new FolderFileStore(join(folder, "checkpoints"));
  const { authorities } = genesis;
  const checkpoints = new CheckpointStore({ chain, store, files, authorities, clock: realClock });
  return {
    store,
    chain,
    files,
    checkpoints,
    /** Imports what is missing above. */
    feed: async (): Promise<void> => {
      for (const segment of cutSegments(blocks.slice(chain.snapshot().head.height)))
        assert.equal((await chain.importSegment(segmentOf(segment, "SEGMENT"))).kind, "imported");
    },
    recover: async (mode: RecoveryMode, checkpointId: string): Promise<void> => {
      const plan = await planRecovery(checkpoints, { checkpointId, mode, isScanned: false });
      await recover(checkpoints, plan, silentLog);
    },
    /** Fetches what is missing behind, and proves it. */
    backFill: async (): Promise<void> => {
      for (let missing = missingHistory(checkpoints); missing > 0; missing = missingHistory(checkpoints))
        await prependHistory(checkpoints, blocks.slice(Math.max(0, missing - BEHIND), missing));
      const { height } = chain.snapshot().head;
      if (height > 0) await proveHistory(checkpoints, height);
    },
    close: async (): Promise<void> => {
      await chain.close();
      await store.close();
    },
  };
}
