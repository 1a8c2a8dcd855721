/** Durability on the real disk: what is told as imported was flushed, in one transaction a segment or fewer. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ChainForge } from "../../../../../src/chain/forge.ts";
import { InlineValidator } from "../../../../../src/chain/pool/inline.ts";
import type { ValidatedSegment } from "../../../../../src/chain/validator.ts";
import { openEmbeddedChain } from "../../../../../src/integrations/chain/embedded/embedded.ts";
import { Failure } from "../../../../../src/kernel/errors.ts";
import { realClock } from "../../../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../../../src/kernel/ports/log.ts";
import { openLmdbStore } from "../../../../../src/storage/lmdb-store.ts";

const SEGMENTS = 8;
const SEGMENT_BLOCKS = 16;

async function segmentsOf(forge: ChainForge): Promise<ValidatedSegment[]> {
  const validator = new InlineValidator(forge.facts());
  const segments: ValidatedSegment[] = [];
  for (let count = 0; count < SEGMENTS; count++) {
    const blocks = Array.from({ length: SEGMENT_BLOCKS }, () => forge.next());
    const verdict = await validator.validateSegment({
      blocks,
      policy: "SEGMENT",
      authorities: forge.authorities,
      nowMs: realClock.nowMs(),
    });
    assert.ok(verdict.ok);
    segments.push(verdict.segment);
  }
  return segments;
}

async function withChain(
  body: (forge: ChainForge, parts: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "alys-flushes-"));
  const forge = new ChainForge();
  const parts = await open(folder, forge);
  try {
    await body(forge, parts);
  } finally {
    await parts.chain.close();
    await parts.store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function open(folder: string, forge: ChainForge) {
  const facts = forge.facts();
  const store = await openLmdbStore({ folder, genesisHash: facts.genesisHash });
  const { genesis } = forge;
  const chain = openEmbeddedChain({ store, facts, genesis, clock: realClock, log: silentLog });
  if (chain instanceof Failure) throw chain;
  return { store, chain };
}

test("importSegment() one after the other: one transaction and one flush each, done before it is told", async () => {
  await withChain(async (forge, { store, chain }) => {
    const first = store.stats().flushes;
    for (const segment of await segmentsOf(forge)) {
      const before = store.stats().flushes;
      const outcome = await chain.importSegment(segment);
      assert.equal(outcome.kind, "imported");
      assert.ok(store.stats().flushes > before);
    }
    // When the first block became final, side blocks were looked for: a transaction of its own, once.
    const flushes = store.stats().flushes - first;
    assert.ok(flushes <= SEGMENTS + 1, `${flushes} flushes for ${SEGMENTS} segments`);
  });
});

test("importSegment() in a row: flushes are shared, and none is told before its own", async () => {
  await withChain(async (forge, { store, chain }) => {
    const segments = await segmentsOf(forge);
    const before = store.stats().flushes;
    const heads: number[] = [];
    await Promise.all(
      segments.map(async (segment) => {
        await chain.importSegment(segment);
        const head = store.head()?.height ?? 0;
        assert.ok(head >= segment.last.height, `told at ${segment.last.height}, durable up to ${head}`);
        heads.push(head);
      }),
    );
    const flushes = store.stats().flushes - before;
    assert.ok(flushes >= 1 && flushes <= SEGMENTS, `${flushes} flushes for ${SEGMENTS} segments`);
    assert.equal(heads.at(-1), SEGMENTS * SEGMENT_BLOCKS);
  });
});
