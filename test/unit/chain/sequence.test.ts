/** Order between segments, cutting, fork choice, finality and equivocation. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AggregateApproval, encodeApproval } from "../../../src/chain/approval.ts";
import { authoritySet } from "../../../src/chain/authorities.ts";
import { EMPTY_BODY, encodeBody, joinBlock } from "../../../src/chain/block.ts";
import type { BlockFaultCode } from "../../../src/chain/block-fault.ts";
import { checkSegment } from "../../../src/chain/check-segment.ts";
import { findEquivocation } from "../../../src/chain/equivocation.ts";
import { finalHeight, mayReorganize } from "../../../src/chain/finality.ts";
import { bestHead, compareHeads, isBetterHead } from "../../../src/chain/fork-choice.ts";
import { HEADER_LENGTH } from "../../../src/chain/header.ts";
import { slotAt } from "../../../src/chain/rules.ts";
import {
  carriesNextAuthorities,
  cutSegments,
  SEGMENT_BYTES_MAX,
  segmentLength,
} from "../../../src/chain/segment.ts";
import {
  checkSequence,
  genesisState,
  nextHistoryRoot,
  type SequenceState,
} from "../../../src/chain/sequence.ts";
import type { Policy, ValidatedSegment } from "../../../src/chain/validator.ts";
import { record } from "./arbitraries.ts";
import {
  ancestorsOf,
  approve,
  type Bend,
  type BuiltBlock,
  ChainBuilder,
  everybody,
  makeFederation,
  SLOT_DURATION_MS,
} from "./build-chain.ts";

const federation = makeFederation(4);
const { authorities, facts } = federation;
const GENESIS = genesisState(facts, authorities);
const CONTEXT = { facts, ancestors: ancestorsOf([]) };
const POLICIES: readonly Policy[] = ["SEGMENT", "EVERY_BLOCK"];
const wrongHash = new Uint8Array(32).fill(0xee);

function validated(blocks: readonly BuiltBlock[], policy: Policy): ValidatedSegment {
  const nowMs = (blocks.at(-1) as BuiltBlock).header.timestampMs + SLOT_DURATION_MS;
  const input = { blocks: blocks.map((block) => block.bytes), policy, authorities, nowMs };
  const verdict = checkSegment(facts, input);
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict.segment;
}

function advance(state: SequenceState, segment: ValidatedSegment): SequenceState {
  const verdict = checkSequence(state, segment, CONTEXT);
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict.state;
}

function assertFault(
  state: SequenceState,
  segment: ValidatedSegment,
  index: number,
  code: BlockFaultCode,
  isInvalid = true,
): void {
  const verdict = checkSequence(state, segment, CONTEXT);
  assert.ok(!verdict.ok);
  const { fault } = verdict;
  assert.deepEqual([verdict.index, fault.code, fault.isInvalid], [index, code, isInvalid]);
}

for (const policy of POLICIES) {
  test(`checkSequence ${policy}: segments in a row end in the state of their last block`, () => {
    const builder = new ChainBuilder(federation);
    let state = GENESIS;
    for (const length of [1, 7, 64, 3]) {
      state = advance(state, validated(builder.run(length), policy));
      assert.deepEqual(state, builder.state);
    }
    assert.equal(state.height, 75);
  });

  test(`checkSequence ${policy}: another parent is UNKNOWN_PARENT, not invalid`, () => {
    const builder = new ChainBuilder(federation);
    builder.next();
    assertFault(GENESIS, validated(builder.run(2), policy), 0, "UNKNOWN_PARENT", false);
  });

  const rules: readonly { name: string; bend: Bend; code: BlockFaultCode }[] = [
    {
      name: "a height that skips one",
      bend: { header: (honest) => ({ ...honest, height: honest.height + 1 }) },
      code: "WRONG_HEIGHT",
    },
    { name: "a slot not above the parent's", bend: { slots: 0 }, code: "SLOT_NOT_ABOVE_PARENT" },
    {
      name: "a wrong history root",
      bend: { header: (honest) => ({ ...honest, historyRoot: wrongHash }) },
      code: "WRONG_HISTORY_ROOT",
    },
    {
      name: "a parent's approval without its author",
      bend: {
        body: (honest) => ({ ...honest, parentApproval: withoutAuthor(honest.parentApproval) }),
      },
      code: "AUTHOR_BIT_MISSING",
    },
  ];
  for (const { name, bend, code } of rules) {
    test(`checkSequence ${policy}: ${name} is ${code}`, () => {
      const builder = new ChainBuilder(federation);
      const state = advance(GENESIS, validated(builder.run(2), policy));
      assertFault(state, validated([builder.next(bend)], policy), 0, code);
    });
  }

  test(`checkSequence ${policy}: another set than the parent's chain dictates is WRONG_AUTHORITIES_ROOT`, () => {
    const segment = validated(new ChainBuilder(federation).run(1), policy);
    const state = { ...GENESIS, authorities: makeFederation(5).authorities };
    assertFault(state, segment, 0, "WRONG_AUTHORITIES_ROOT");
  });
}

/** The approval of block 2 in these tests by everybody but the author of its slot. */
function withoutAuthor(honest: AggregateApproval | undefined): AggregateApproval {
  assert.ok(honest !== undefined);
  const blocks = new ChainBuilder(federation).run(2);
  const parent = blocks[1] as BuiltBlock;
  return approve(federation, parent.hash, everybody(4) ^ (1 << (parent.header.slot % 4)));
}

test("checkSequence: history roots inside a segment count under EVERY_BLOCK alone", () => {
  const builder = new ChainBuilder(federation);
  const bend: Bend = { header: (honest) => ({ ...honest, historyRoot: wrongHash }) };
  const blocks = [...builder.run(3), builder.next(bend), ...builder.run(2)];
  assertFault(GENESIS, validated(blocks, "EVERY_BLOCK"), 3, "WRONG_HISTORY_ROOT");
  assert.deepEqual(advance(GENESIS, validated(blocks, "SEGMENT")), builder.state);
});

test("genesisState: the first block's history is genesis alone", () => {
  const first = new ChainBuilder(federation).next();
  assert.deepEqual(nextHistoryRoot(GENESIS), first.header.historyRoot);
});

test("slotAt: rounds down, exactly for any safe time", () => {
  assert.deepEqual(
    [0, 1999, 2000, 4001].map((ms) => slotAt(ms, 2000)),
    [0, 0, 1, 2],
  );
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 100_000 }), (ms, duration) => {
      assert.equal(BigInt(slotAt(ms, duration)), BigInt(ms) / BigInt(duration));
    }),
  );
});

function blockOf(bytes: number, isChange = false): Uint8Array {
  const nextAuthorities = isChange ? { keys: [], proofs: [] } : undefined;
  const approval = encodeApproval({ bits: 1, length: 1, signature: new Uint8Array(96) });
  const make = (filler: number): Uint8Array => {
    const body = encodeBody({ ...EMPTY_BODY, transactions: [new Uint8Array(filler)], nextAuthorities });
    return joinBlock(new Uint8Array(HEADER_LENGTH), body, approval);
  };
  return make(bytes - make(0).length);
}

test("cutSegments: at most 64 blocks and 1 MiB, larger blocks alone, a change of authorities ends one", () => {
  const small = blockOf(500);
  const half = blockOf(SEGMENT_BYTES_MAX / 2);
  const large = blockOf(SEGMENT_BYTES_MAX + 1);
  const change = blockOf(500, true);
  const lengths = (blocks: Uint8Array[]): number[] => cutSegments(blocks).map((segment) => segment.length);
  assert.deepEqual(lengths([]), []);
  assert.deepEqual(lengths(new Array<Uint8Array>(130).fill(small)), [64, 64, 2]);
  assert.deepEqual(lengths([half, half, half]), [2, 1]);
  assert.deepEqual(lengths([small, large, small, small]), [1, 1, 2]);
  assert.deepEqual(lengths([small, change, small, change]), [2, 2]);
  assert.equal(segmentLength([small], 1), 0);
  assert.ok(carriesNextAuthorities(change) && !carriesNextAuthorities(small));
});

test("cutSegments: never throws on bytes that are no blocks, and keeps them all", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 })), (blocks) => {
      assert.deepEqual(cutSegments(blocks).flat(), blocks);
    }),
  );
});

const head = (height: number, slot: number, byte: number) => ({
  height,
  slot,
  hash: new Uint8Array(32).fill(byte),
});

test("fork choice: greatest height, then lowest slot, then lowest hash", () => {
  assert.ok(isBetterHead(head(2, 9, 9), head(1, 1, 1)));
  assert.ok(isBetterHead(head(2, 8, 9), head(2, 9, 1)));
  assert.ok(isBetterHead(head(2, 8, 1), head(2, 8, 2)));
  assert.ok(!isBetterHead(head(2, 8, 1), head(2, 8, 1)));
  assert.equal(bestHead([]), undefined);
  assert.deepEqual(bestHead([head(1, 1, 1), head(3, 5, 5), head(3, 4, 9)]), head(3, 4, 9));
});

test("fork choice: a total order, so the best does not depend on who was heard first", () => {
  const headArbitrary = record({
    height: fc.nat(3),
    slot: fc.nat(3),
    hash: fc.uint8Array({ minLength: 1, maxLength: 1 }),
  });
  fc.assert(
    fc.property(headArbitrary, headArbitrary, headArbitrary, (a, b, c) => {
      assert.equal(Math.sign(compareHeads(a, b)), -Math.sign(compareHeads(b, a)) + 0);
      if (compareHeads(a, b) <= 0 && compareHeads(b, c) <= 0) assert.ok(compareHeads(a, c) <= 0);
      assert.equal(compareHeads(bestHead([a, b, c])!, bestHead([c, b, a])!), 0);
    }),
  );
});

test("finality: 64 blocks deep without AuxPoW; where it is required, covered by one that is so deep", () => {
  assert.deepEqual(
    [0, 63, 64, 65, 1000].map((height) => finalHeight(height, facts, [])),
    [0, 0, 0, 1, 936],
  );
  const required = { ...facts, maxBlocksWithoutPow: 100 };
  const auxpows = [
    { carrierHeight: 0, rangeEndHeight: 0, bits: 0 },
    { carrierHeight: 500, rangeEndHeight: 480, bits: 0 },
    { carrierHeight: 936, rangeEndHeight: 930, bits: 0 },
  ];
  assert.equal(finalHeight(1000, required, []), 0);
  assert.equal(finalHeight(1000, required, auxpows), 930);
  assert.equal(finalHeight(999, required, auxpows), 480);
  assert.equal(finalHeight(563, required, auxpows), 0);
  assert.ok(mayReorganize(936, 936) && mayReorganize(940, 936) && !mayReorganize(935, 936));
});

test("findEquivocation: names who approved both blocks of one slot", () => {
  const one = new ChainBuilder(federation).next();
  const other = new ChainBuilder(federation).next({ transactions: [new Uint8Array(1)] });
  const check = (block: BuiltBlock, bits: number) => ({
    header: block.headerBytes,
    approval: encodeApproval(approve(federation, block.hash, bits)),
    authorities,
  });
  const found = findEquivocation(check(one, 0b0111), check(other, 0b1110));
  assert.deepEqual(found, {
    slot: one.header.slot,
    guiltyBits: 0b0110,
    guiltyKeys: authorities.keys.slice(1, 3),
  });
  assert.equal(findEquivocation(check(one, 0b0111), check(one, 0b1110)), undefined);
  assert.equal(findEquivocation(check(one, 0b0001), check(other, 0b1110)), undefined);
  const later = new ChainBuilder(federation).run(2)[1] as BuiltBlock;
  assert.equal(findEquivocation(check(one, 0b1111), check(later, 0b1111)), undefined);
});

test("findEquivocation: compares members by key when the set has changed between", () => {
  const one = new ChainBuilder(federation).next();
  const other = new ChainBuilder(federation).next({ transactions: [new Uint8Array(1)] });
  const reversed = authoritySet(authorities.keys.toReversed());
  const first = {
    header: one.headerBytes,
    approval: encodeApproval({ ...one.approval, bits: 0b0001 }),
    authorities,
  };
  const approval = encodeApproval({ ...other.approval, bits: 0b1001 });
  const found = findEquivocation(first, { header: other.headerBytes, approval, authorities: reversed });
  assert.equal(found?.guiltyBits, 0b0001);
});
