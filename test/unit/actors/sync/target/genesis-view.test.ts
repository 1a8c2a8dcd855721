/** GetBlock of genesis: a header alone, by height and by hash. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readBlock } from "../../../../../src/actors/sync/request.ts";
import { ChainForge } from "../../../../../src/chain/forge.ts";
import { openEmbeddedChain } from "../../../../../src/integrations/chain/embedded/embedded.ts";
import { Failure } from "../../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../../../src/kernel/ports/log.ts";
import { realScheduler } from "../../../../../src/kernel/ports/scheduler.ts";
import { MemoryDisk, openMemoryStore } from "../../../../../src/storage/memory.ts";

test("readBlock answers genesis with the view of its header", () => {
  const forge = new ChainForge();
  const facts = forge.facts();
  const { header, authorities } = forge.genesis;
  const options = { disk: new MemoryDisk(), genesisHash: facts.genesisHash, scheduler: realScheduler };
  const chain = openEmbeddedChain({
    ...{ store: openMemoryStore(options), facts, genesis: { header, authorities } },
    ...{ clock: new FakeClock(), log: silentLog },
  });
  assert.ok(!(chain instanceof Failure));
  const byHeight = readBlock(chain, { case: "height", value: 0n });
  assert.ok(!(byHeight instanceof Failure));
  assert.deepEqual(byHeight.view?.hash, facts.genesisHash);
  assert.deepEqual([byHeight.view?.height, byHeight.view?.isFinal], [0n, true]);
  assert.equal("block" in byHeight, false);
  assert.deepEqual(readBlock(chain, { case: "hash", value: facts.genesisHash }), byHeight);
  const unknown = readBlock(chain, { case: "height", value: 1n });
  assert.ok(unknown instanceof Failure && unknown.reason === "BLOCK_NOT_FOUND");
});
