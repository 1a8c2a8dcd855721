/**
 * Fork choice over a whole chain store: whatever the order in which the same certified blocks arrive, and wherever the
 * process is killed on the way, every node ends on the same head, and nothing final is ever replaced.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseBlock } from "../../src/chain/block.ts";
import { equalBytes } from "../../src/chain/bytes.ts";
import type { ChainForge } from "../../src/chain/forge.ts";
import { bestHead, type ForkChoiceHead } from "../../src/chain/fork-choice.ts";
import { toHex } from "../../src/chain/hex.ts";
import { appendHash, historyRoot } from "../../src/chain/mmr.ts";
import { settleMicrotasks } from "../../src/kernel/ports/scheduler.ts";
import { ChainRig, hashOfBlock, quickForge, segmentOf } from "../unit/integrations/chain/segments.ts";

const RUNS = { numRuns: 60 };

interface TreeBlock {
  readonly bytes: Uint8Array;
  readonly head: ForkChoiceHead;
}

/** A tree of blocks: each grows on an earlier one (or genesis), some slots after it. */
const shapes = fc.array(fc.record({ parent: fc.nat(100), skippedSlots: fc.nat(3) }), {
  minLength: 1,
  maxLength: 24,
});
type Shape = readonly { readonly parent: number; readonly skippedSlots: number }[];

function grow(root: ChainForge, shape: Shape): TreeBlock[] {
  const forges: ChainForge[] = [root];
  return shape.map(({ parent, skippedSlots }) => {
    // Mostly on recent blocks, so that branches become long.
    const at = Math.max(0, forges.length - 1 - (parent % 4));
    const forge = forges[at]!.fork();
    const bytes = forge.next({ skippedSlots });
    forges.push(forge);
    return { bytes, head: { height: forge.head.height, slot: forge.head.slot, hash: forge.headHash } };
  });
}

/** Delivers blocks in this order; those whose parent is missing come again, as a node asks for them again. */
async function deliver(rig: ChainRig, blocks: readonly TreeBlock[]): Promise<void> {
  let waiting = [...blocks];
  while (waiting.length > 0) {
    const unknown: TreeBlock[] = [];
    for (const block of waiting) {
      const { kind } = await rig.import([block.bytes]);
      assert.notEqual(kind, "invalid");
      assert.notEqual(kind, "notNow");
      if (kind === "unknownParent") unknown.push(block);
    }
    assert(unknown.length < waiting.length, "every tree hangs on genesis");
    waiting = unknown;
  }
}

/** Links, hashes and history roots of the canonical chain as it can be read back. */
function assertSound(rig: ChainRig): void {
  const { head } = rig.chain.snapshot();
  let parent = rig.facts.genesisHash;
  let peaks: readonly Uint8Array[] = [parent];
  for (let height = 1; height <= head.height; height++) {
    const block = rig.chain.readBlock(height)!;
    const { header } = parseBlock(block);
    const hash = hashOfBlock(block);
    assert.deepEqual(new Uint8Array(header.parentHash), new Uint8Array(parent));
    assert.deepEqual(new Uint8Array(header.historyRoot), historyRoot(height, peaks));
    assert.deepEqual(rig.chain.hashAt(height), hash);
    peaks = appendHash(peaks, height, hash);
    parent = hash;
  }
  assert.deepEqual(head.hash, parent);
  assert.equal(rig.chain.readBlock(head.height + 1), undefined);
}

test("fork choice: any order of the same certified blocks leads to the same head", async () => {
  const orders = fc.record({ shape: shapes, order: fc.infiniteStream(fc.nat(1000)) });
  await fc.assert(
    fc.asyncProperty(orders, async ({ shape, order }) => {
      const root = quickForge();
      const blocks = grow(root, shape);
      const shuffled = shuffle(blocks, order);
      const best = bestHead(blocks.map(({ head }) => head))!;
      for (const arrival of [blocks, shuffled, shuffled.toReversed()]) {
        const rig = new ChainRig(root);
        await deliver(rig, arrival);
        assert.equal(toHex(rig.chain.snapshot().head.hash), toHex(best.hash));
        assertSound(rig);
      }
    }),
    RUNS,
  );
});

test("fork choice: a final block is never replaced", async () => {
  const orders = fc.record({
    shape: shapes,
    order: fc.infiniteStream(fc.nat(1000)),
    depth: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(orders, async ({ shape, order, depth }) => {
      const root = quickForge();
      const rig = new ChainRig(root, depth);
      const finals = new Map<number, Uint8Array>();
      // Twice over, so that blocks whose parents came late get their chance.
      const blocks = shuffle(grow(root, shape), order);
      for (const block of [...blocks, ...blocks]) {
        const { kind } = await rig.import([block.bytes]);
        assert.notEqual(kind, "invalid");
        const { final, head } = rig.chain.snapshot();
        assert.equal(final.height, Math.max(0, head.height - depth));
        finals.set(final.height, final.hash);
        for (const [height, hash] of finals) assert.deepEqual(rig.chain.hashAt(height), hash);
      }
      assertSound(rig);
    }),
    RUNS,
  );
});

test("fork choice: killed at any moment, the chain reopens soundly and ends on the same head", async () => {
  const stories = fc.record({
    shape: shapes,
    order: fc.infiniteStream(fc.nat(1000)),
    steps: fc.array(fc.nat(6), { minLength: 1, maxLength: 24 }),
    crashAfter: fc.nat(24),
    survivors: fc.nat(3),
  });
  await fc.assert(
    fc.asyncProperty(stories, async ({ shape, order, steps, crashAfter, survivors }) => {
      const root = quickForge();
      const blocks = grow(root, shape);
      const rig = new ChainRig(root);
      // Imports pile up while the disk makes a few steps between them; then the process dies.
      for (const [index, block] of shuffle(blocks, order).slice(0, crashAfter).entries()) {
        void rig.chain.importSegment(segmentOf([block.bytes]));
        await settleMicrotasks();
        for (let step = steps[index % steps.length]!; step > 0; step--) {
          rig.scheduler.step();
          await settleMicrotasks();
        }
      }
      const before = rig.chain.snapshot().head;
      rig.reopenAfterCrash(survivors);
      assertSound(rig);
      const after = rig.chain.snapshot().head;
      assert(after.height >= before.height, "what was shown as durable is still there, or something better");
      if (survivors === 0 && after.height === before.height) assert(equalBytes(after.hash, before.hash));
      await deliver(rig, blocks);
      const best = bestHead(blocks.map(({ head }) => head))!;
      assert.equal(toHex(rig.chain.snapshot().head.hash), toHex(best.hash));
      assertSound(rig);
    }),
    RUNS,
  );
});

/** Fisher and Yates, on numbers that fast-check draws. */
function shuffle<T>(items: readonly T[], draws: Iterable<number>): T[] {
  const shuffled = [...items];
  const numbers = draws[Symbol.iterator]();
  for (let at = shuffled.length - 1; at > 0; at--) {
    const other = (numbers.next().value as number) % (at + 1);
    [shuffled[at], shuffled[other]] = [shuffled[other]!, shuffled[at]!];
  }
  return shuffled;
}
