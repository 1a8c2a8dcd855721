/**
 * The forge: sizes, determinism, places in time, and that what it makes is valid under both policies.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EMPTY_BODY, joinBlock, parseBlock, splitBlock } from "../../../src/chain/block.ts";
import { checkSegment } from "../../../src/chain/check-segment.ts";
import {
  ChainForge,
  EMPTY_BLOCK_LENGTH,
  forgeChain,
  forgeSecretKeys,
  LARGE_BLOCK,
  TRANSACTION_OVERHEAD,
} from "../../../src/chain/forge.ts";
import { carriesAuxPow, carriesNextAuthorities } from "../../../src/chain/segment.ts";
import type { Policy, SegmentInput } from "../../../src/chain/validator.ts";

const NOW_MS = 1_800_000_000_000;

function inputOf(forge: ChainForge, blocks: Uint8Array[], policy: Policy): SegmentInput {
  return { blocks, policy, authorities: forge.genesis.authorities, nowMs: NOW_MS };
}

describe("forgeChain", () => {
  it("makes blocks of 435 bytes by default, and 10 KB on request", () => {
    const sizes = [...forgeChain({ blocks: 3 })].map((block) => block.length);
    assert.deepEqual(sizes, [435 - 105, 435, 435]);
    assert.equal([...forgeChain({ blocks: 2, ...LARGE_BLOCK, signEvery: 64 })][1]!.length, 10_226);
    assert.equal([...forgeChain({ blocks: 2, transactions: 0 })][1]!.length, EMPTY_BLOCK_LENGTH);
    const one = [...forgeChain({ blocks: 2, transactionBytes: 100 })][1]!.length;
    assert.equal(one, EMPTY_BLOCK_LENGTH + TRANSACTION_OVERHEAD + 100);
  });

  it("is deterministic and differs by seed", () => {
    const first = [...forgeChain({ blocks: 3, seed: 7 })];
    assert.deepEqual([...forgeChain({ blocks: 3, seed: 7 })], first);
    assert.notDeepEqual([...forgeChain({ blocks: 3, seed: 8 })], first);
  });

  it("ends or begins in the slot that is asked for", () => {
    const headers = (options: { startTimestampMs?: number; endTimestampMs?: number }) =>
      [...forgeChain({ blocks: 3, slotDurationMs: 1000, ...options })].map(
        (block) => parseBlock(block).header,
      );
    assert.deepEqual(
      headers({ endTimestampMs: 50_999 }).map((header) => header.timestampMs),
      [48_000, 49_000, 50_000],
    );
    assert.equal(headers({ startTimestampMs: 50_999 })[0]?.slot, 50);
    assert.throws(() => [...forgeChain({ blocks: 3, endTimestampMs: 1000 })], /before slot 1/);
  });

  it("is valid under both policies for 1 to 15 members", () => {
    for (const members of [1, 2, 3, 4, 7, 8, 15]) {
      const forge = new ChainForge({ members });
      const blocks = [forge.next(), forge.next(), forge.next({ skippedSlots: 3 })];
      for (const policy of ["SEGMENT", "EVERY_BLOCK"] as const) {
        const verdict = checkSegment(forge.facts(), inputOf(forge, blocks, policy));
        assert.ok(verdict.ok, `${members} ${JSON.stringify(verdict)}`);
      }
    }
  });

  it("mines an AuxPoW every so often, deterministically, and its chain requires it", () => {
    const options = { blocks: 30, auxpowEvery: 10, signEvery: 64 };
    const blocks = [...forgeChain(options)];
    assert.deepEqual([...forgeChain(options)], blocks);
    const carriers = blocks.flatMap((block, index) => (carriesAuxPow(block) ? [index + 1] : []));
    assert.deepEqual(carriers, [10, 20, 30]);
    assert.equal(new ChainForge({ auxpowEvery: 10 }).parameters.maxBlocksWithoutPow, 50_000);
    assert.equal(new ChainForge().parameters.maxBlocksWithoutPow, 0);
    // The first block has nothing below it to cover.
    const every = [...forgeChain({ blocks: 3, auxpowEvery: 1 })].map(carriesAuxPow);
    assert.deepEqual(every, [false, true, true]);
  });

  it("changes its authorities at the heights that it is told, in signed blocks", () => {
    const authorityChanges = [{ height: 3, set: forgeSecretKeys(4) }];
    const blocks = [...forgeChain({ blocks: 5, signEvery: 64, authorityChanges })];
    assert.deepEqual(blocks.map(carriesNextAuthorities), [false, false, true, false, false]);
    const forge = new ChainForge({ authorityChanges });
    assert.ok(checkSegment(forge.facts(), inputOf(forge, blocks.slice(0, 3), "SEGMENT")).ok);
  });

  it("signs only what signEvery asks for, and the last block", () => {
    const forge = new ChainForge();
    const blocks = [...forgeChain({ blocks: 5, signEvery: 64 })];
    assert.ok(checkSegment(forge.facts(), inputOf(forge, blocks, "SEGMENT")).ok);
    assert.equal(checkSegment(forge.facts(), inputOf(forge, blocks, "EVERY_BLOCK")).ok, false);
  });
});

describe("ChainForge", () => {
  it("exports the keys that its chain's authorities are", () => {
    const forge = new ChainForge({ members: 4, seed: 3 });
    const keys = forgeSecretKeys(4, 3).map((key) => key.publicKey);
    assert.deepEqual(forge.parameters.authorities, keys);
  });

  it("forks into two valid chains with one past", () => {
    const left = new ChainForge();
    left.next();
    const right = left.fork();
    const [a, b] = [left.next(), right.next({ skippedSlots: 1 })];
    assert.deepEqual(parseBlock(a).header.parentHash, parseBlock(b).header.parentHash);
    assert.notDeepEqual(left.headHash, right.headHash);
    for (const block of [a, b]) {
      assert.ok(checkSegment(left.facts(), inputOf(left, [block], "EVERY_BLOCK")).ok);
    }
  });

  it("signs with the members of a mask: a quorum with its author suffices, less does not", () => {
    const quorum = new ChainForge();
    // Slot 1 is member 1's turn.
    const good = quorum.next({ signers: 0b011 });
    assert.ok(checkSegment(quorum.facts(), inputOf(quorum, [good], "EVERY_BLOCK")).ok);
    const forge = new ChainForge();
    const verdict = checkSegment(
      forge.facts(),
      inputOf(forge, [forge.next({ signers: 0b010 })], "EVERY_BLOCK"),
    );
    assert.ok(!verdict.ok);
    assert.equal(verdict.fault.code, "QUORUM_MISSING");
  });

  it("changes its authorities from the next block on", () => {
    const forge = new ChainForge({ members: 3 });
    const before = forge.authorities;
    forge.next({ nextAuthorities: forgeSecretKeys(4) });
    assert.equal(forge.authorities.keys.length, 4);
    assert.notDeepEqual(forge.authorities.root, before.root);
    const header = parseBlock(forge.next()).header;
    assert.deepEqual(header.authoritiesRoot, forge.authorities.root);
  });

  it("forges what is asked for, valid or not", () => {
    const forge = new ChainForge();
    const block = forge.next({
      header: { bodyRoot: new Uint8Array(32) },
      transactions: EMPTY_BODY.transactions,
    });
    const verdict = checkSegment(forge.facts(), inputOf(forge, [block], "EVERY_BLOCK"));
    assert.ok(!verdict.ok);
    assert.equal(verdict.fault.code, "WRONG_BODY_ROOT");
    const { header, body, approval } = splitBlock(block);
    assert.deepEqual(joinBlock(header, body, approval), block);
  });
});
