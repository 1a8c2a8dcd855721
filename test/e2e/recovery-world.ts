/** A chain with checkpoints in a folder, as a node has them, for processes that are killed and those that look after it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ChainForge } from "../../src/chain/forge.ts";
import { cutSegments } from "../../src/chain/segment.ts";
import { CheckpointDesk } from "../../src/integrations/chain/checkpoint-desk.ts";
import {
  missingHistory,
  planRecovery,
  prependHistory,
  proveHistory,
  recover,
} from "../../src/integrations/chain/checkpoint-recovery.ts";
import { openEmbeddedChain } from "../../src/integrations/chain/embedded.ts";
import type { RecoveryMode } from "../../src/integrations/chain/recovery-records.ts";
import { realClock } from "../../src/kernel/clock.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { openLmdbStore } from "../../src/storage/lmdb-store.ts";
import { FolderShelf } from "../../src/storage/shelf.ts";
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
  const shelf = new FolderShelf(join(folder, "checkpoints"));
  const { authorities } = genesis;
  const desk = new CheckpointDesk({ chain, store, shelf, authorities, clock: realClock });
  return {
    store,
    chain,
    shelf,
    desk,
    /** Imports what is missing above. */
    feed: async (): Promise<void> => {
      for (const segment of cutSegments(blocks.slice(chain.snapshot().head.height)))
        assert.equal((await chain.importSegment(segmentOf(segment, "SEGMENT"))).kind, "imported");
    },
    recover: async (mode: RecoveryMode, checkpointId: string): Promise<void> => {
      const plan = await planRecovery(desk, { checkpointId, mode, isScanned: false });
      await recover(desk, plan, silentLog);
    },
    /** Fetches what is missing behind, and proves it. */
    backFill: async (): Promise<void> => {
      for (let missing = missingHistory(desk); missing > 0; missing = missingHistory(desk))
        await prependHistory(desk, blocks.slice(Math.max(0, missing - BEHIND), missing));
      const { height } = chain.snapshot().head;
      if (height > 0) await proveHistory(desk, height);
    },
    close: async (): Promise<void> => {
      await chain.close();
      await store.close();
    },
  };
}
