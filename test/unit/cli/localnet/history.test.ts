/** writeHistory: what it writes opens as a chain, ends just before now, and is valid block by block. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { InlineValidator } from "../../../../src/chain/pool/inline.ts";
import { cutSegments } from "../../../../src/chain/segment.ts";
import { writeHistory } from "../../../../src/cli/localnet/history.ts";
import { openEmbeddedChain } from "../../../../src/integrations/chain/embedded/embedded.ts";
import { Failure } from "../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../../src/kernel/ports/log.ts";
import { realScheduler } from "../../../../src/kernel/ports/scheduler.ts";
import { openLmdbStore } from "../../../../src/storage/lmdb-store.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";
import type { BlockStore } from "../../../../src/storage/port.ts";

const SLOT_MS = 2_000;

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "alys-history-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "chain");
}

async function openChain(t: TestContext, folder: string, forge: ChainForge) {
  const store = await openLmdbStore({ folder, genesisHash: forge.genesis.hash });
  t.after(() => store.close());
  return openOver(store, forge);
}

function openOver(store: BlockStore, forge: ChainForge) {
  const { genesis } = forge;
  const parts = { store, facts: forge.facts(), genesis, clock: new FakeClock(), log: silentLog };
  const chain = openEmbeddedChain(parts);
  assert.ok(!(chain instanceof Failure), String(chain));
  return chain;
}

test("writeHistory writes a valid chain that the embedded ChainActor opens", async (t) => {
  const folder = await temporaryFolder(t);
  const clock = new FakeClock();
  const history = await writeHistory({ blocks: 600, seed: 3, folder, clock });
  const forge = new ChainForge({ seed: 3 });
  const chain = await openChain(t, folder, forge);
  const { head, final } = chain.snapshot();
  assert.equal(head.height, 600);
  assert.equal(final.height, 536);
  assert.equal(head.slot, history.slot);

  const blocks = chain.readRange(1, 600, Number.MAX_SAFE_INTEGER);
  assert.equal(blocks.length, 600);
  assert.equal(
    blocks.reduce((sum, { length }) => sum + length, 0),
    history.bytes,
  );
  assert.deepEqual([...new Set(blocks.slice(1).map(({ length }) => length))], [435]);
  const validator = new InlineValidator(forge.facts());
  const { authorities } = forge;
  const fresh = openOver(
    openMemoryStore({ disk: new MemoryDisk(), genesisHash: forge.genesis.hash, scheduler: realScheduler }),
    forge,
  );
  for (const segment of cutSegments(blocks)) {
    const input = { blocks: segment, policy: "SEGMENT", authorities, nowMs: clock.nowMs() } as const;
    const verdict = await validator.validateSegment(input);
    assert.ok(verdict.ok, JSON.stringify(verdict));
    assert.equal((await fresh.importSegment(verdict.segment)).kind, "imported");
  }
  assert.deepEqual(fresh.snapshot().head, head);
});

test("writeHistory ends in the slot before the present, however long it took", async (t) => {
  const folder = await temporaryFolder(t);
  const clock = new FakeClock();
  // Each transaction takes 10 s of this clock.
  const onProgress = () => clock.advance(10_000);
  const { slot } = await writeHistory({ blocks: 1_100, folder, clock, onProgress });
  const endedMs = clock.nowMs() - 10_000;
  assert.equal(slot, Math.floor(endedMs / SLOT_MS) - 1);
});

test("writeHistory tells how far it is and stops when told to, with what it has", async (t) => {
  const folder = await temporaryFolder(t);
  const stop = new AbortController();
  const told: number[] = [];
  const onProgress = (done: number) => {
    told.push(done);
    stop.abort();
  };
  const options = { blocks: 2_000, folder, clock: new FakeClock(), onProgress, signal: stop.signal };
  const { height } = await writeHistory(options);
  assert.deepEqual(told, [height]);
  assert.ok(height < 2_000);
  const chain = await openChain(t, folder, new ChainForge());
  assert.equal(chain.snapshot().head.height, height);
});
