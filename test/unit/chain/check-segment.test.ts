/**
 * checkSegment: what it accepts, what it hands on, and one block for every rule that fails that rule and no
 * other.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type AggregateApproval, decodeApproval, encodeApproval } from "../../../src/chain/approval.ts";
import { verifyApprovals } from "../../../src/chain/approval-check.ts";
import { joinBlock, splitBlock } from "../../../src/chain/block.ts";
import { type BlockFault, type BlockFaultCode, describeFault } from "../../../src/chain/block-fault.ts";
import { concatBytes } from "../../../src/chain/bytes.ts";
import { checkSegment, checkSegments } from "../../../src/chain/check-segment.ts";
import type { BlockHeader } from "../../../src/chain/header.ts";
import type { Policy, SegmentInput, SegmentVerdict } from "../../../src/chain/validator.ts";
import {
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

function inputOf(
  blocks: readonly BuiltBlock[],
  policy: Policy,
  more: Partial<SegmentInput> = {},
): SegmentInput {
  const last = blocks.at(-1) as BuiltBlock;
  return {
    blocks: blocks.map((block) => block.bytes),
    policy,
    authorities,
    nowMs: last.header.timestampMs,
    ...more,
  };
}

function faultOf(verdict: SegmentVerdict): { index: number; fault: BlockFault } {
  assert.ok(!verdict.ok, "the segment was accepted");
  assert.ok(describeFault(verdict.fault).length > 10);
  return { index: verdict.index, fault: verdict.fault };
}

function assertFault(
  verdict: SegmentVerdict,
  index: number,
  code: BlockFaultCode,
  isInvalid = true,
): BlockFault {
  const found = faultOf(verdict);
  assert.deepEqual(
    { index: found.index, code: found.fault.code, isInvalid: found.fault.isInvalid },
    { index, code, isInvalid },
    describeFault(found.fault),
  );
  return found.fault;
}

/** Honest blocks, one bent block, and honest ones on top of it. */
function bentRun(bend: Bend, before = 2, after = 1): BuiltBlock[] {
  const builder = new ChainBuilder(federation);
  return [...builder.run(before), builder.next(bend), ...builder.run(after)];
}

function withHeader(change: Partial<BlockHeader>): Bend {
  return { header: (honest) => ({ ...honest, ...change }) };
}

const wrongHash = new Uint8Array(32).fill(0xee);
const POLICIES: readonly Policy[] = ["SEGMENT", "EVERY_BLOCK"];

for (const policy of POLICIES) {
  test(`${policy}: accepts an honest run and hands it on`, () => {
    const blocks = new ChainBuilder(federation).run(10, { transactions: [new Uint8Array(40).fill(5)] });
    const verdict = checkSegment(facts, inputOf(blocks, policy));
    assert.ok(verdict.ok);
    const { segment } = verdict;
    assert.equal(segment.count, 10);
    assert.equal(segment.policy, policy);
    assert.deepEqual(segment.bytes, concatBytes(blocks.map((block) => block.bytes)));
    assert.deepEqual(segment.hashes, concatBytes(blocks.map((block) => block.hash)));
    assert.deepEqual(segment.headers, concatBytes(blocks.map((block) => block.headerBytes)));
    assert.deepEqual(segment.first, blocks[0]?.header);
    assert.deepEqual(segment.last, blocks[9]?.header);
    assert.deepEqual(segment.firstParentHash, facts.genesisHash);
    assert.equal(segment.firstParentApproval, undefined);
    assert.equal(segment.offsets.length, 11);
    for (const [index, block] of blocks.entries()) {
      assert.deepEqual(segment.bytes.slice(segment.offsets[index], segment.offsets[index + 1]), block.bytes);
    }
  });

  test(`${policy}: accepts a run that begins above height 1 and gives its parent's approval`, () => {
    const builder = new ChainBuilder(federation);
    const [, parent] = builder.run(2);
    const verdict = checkSegment(facts, inputOf(builder.run(3), policy));
    assert.ok(verdict.ok);
    assert.deepEqual(verdict.segment.firstParentApproval, encodeApproval((parent as BuiltBlock).approval));
  });

  test(`${policy}: the verdict shares no memory with its input`, () => {
    const input = inputOf(new ChainBuilder(federation).run(3), policy);
    const verdict = checkSegment(facts, input);
    assert.ok(verdict.ok);
    const copy = structuredClone(verdict);
    for (const block of input.blocks) block.fill(0);
    assert.deepEqual(verdict, copy);
  });

  const rules: readonly { name: string; bend: Bend; code: BlockFaultCode }[] = [
    { name: "a wrong parent", bend: withHeader({ parentHash: wrongHash }), code: "BROKEN_LINK" },
    { name: "a wrong height", bend: withHeader({ height: 9 }), code: "WRONG_HEIGHT" },
    {
      name: "a slot that is not the timestamp's",
      bend: { header: (honest) => ({ ...honest, timestampMs: honest.timestampMs + SLOT_DURATION_MS }) },
      code: "WRONG_SLOT",
    },
    { name: "the parent's slot again", bend: { slots: 0 }, code: "SLOT_NOT_ABOVE_PARENT" },
    {
      name: "another set's root",
      bend: withHeader({ authoritiesRoot: wrongHash }),
      code: "WRONG_AUTHORITIES_ROOT",
    },
    { name: "a wrong body root", bend: withHeader({ bodyRoot: wrongHash }), code: "WRONG_BODY_ROOT" },
    {
      name: "no parent's approval",
      bend: { body: (honest) => ({ ...honest, parentApproval: undefined }) },
      code: "PARENT_APPROVAL_MISSING",
    },
    {
      name: "an AuxPoW that is none",
      bend: { body: (honest) => ({ ...honest, auxpow: AUXPOW }) },
      code: "MALFORMED",
    },
    {
      name: "a change of authorities below the end",
      bend: { body: (honest) => ({ ...honest, nextAuthorities: { keys: [], proofs: [] } }) },
      code: "AUTHORITY_CHANGE_INSIDE_SEGMENT",
    },
  ];
  for (const { name, bend, code } of rules) {
    test(`${policy}: ${name} is ${code} at its block`, () => {
      assertFault(checkSegment(facts, inputOf(bentRun(bend), policy)), 2, code);
    });
  }

  test(`${policy}: bytes that are no block are MALFORMED at their place`, () => {
    const blocks = new ChainBuilder(federation).run(3);
    const input = inputOf(blocks, policy);
    const bytes = input.blocks.with(1, (input.blocks[1] as Uint8Array).subarray(1));
    assertFault(checkSegment(facts, { ...input, blocks: bytes }), 1, "MALFORMED");
  });

  test(`${policy}: a time beyond now and drift is FUTURE_TIMESTAMP, not invalid; at the limit it is accepted`, () => {
    const blocks = new ChainBuilder(federation).run(2);
    const input = inputOf(blocks, policy);
    const nowMs = input.nowMs - facts.driftMs;
    assert.ok(checkSegment(facts, { ...input, nowMs }).ok);
    assertFault(checkSegment(facts, { ...input, nowMs: nowMs - 1 }), 1, "FUTURE_TIMESTAMP", false);
  });

  test(`${policy}: an approval of genesis at height 1 is PARENT_APPROVAL_UNEXPECTED`, () => {
    const parentApproval = approve(federation, facts.genesisHash, everybody(4));
    const bend: Bend = { body: (honest) => ({ ...honest, parentApproval }) };
    assertFault(checkSegment(facts, inputOf(bentRun(bend, 0), policy)), 0, "PARENT_APPROVAL_UNEXPECTED");
  });

  /** The bit rules hold for the end's own approval and for each parent's approval under both policies. */
  const bits: readonly {
    name: string;
    approval: (honest: AggregateApproval) => AggregateApproval;
    code: BlockFaultCode;
  }[] = [
    {
      name: "one bit more than members",
      approval: (honest) => ({ ...honest, length: 5 }),
      code: "WRONG_BITLIST_LENGTH",
    },
    {
      name: "one bit less than members",
      approval: (honest) => ({ ...honest, bits: 7, length: 3 }),
      code: "WRONG_BITLIST_LENGTH",
    },
  ];
  for (const { name, approval, code } of bits) {
    test(`${policy}: ${name} in the own approval is ${code}`, () => {
      const fault = assertFault(checkSegment(facts, inputOf(bentRun({ approval }, 2, 0), policy)), 2, code);
      assert.ok("of" in fault && fault.of === "own");
    });

    test(`${policy}: ${name} in the parent's approval is ${code}`, () => {
      const bend: Bend = {
        body: (honest) => ({
          ...honest,
          parentApproval: approval(honest.parentApproval as AggregateApproval),
        }),
      };
      const fault = assertFault(checkSegment(facts, inputOf(bentRun(bend), policy)), 2, code);
      assert.ok("of" in fault && fault.of === "parent");
    });
  }

  test(`${policy}: without the author's bit an approval is AUTHOR_BIT_MISSING, own or parent's`, () => {
    const builder = new ChainBuilder(federation);
    const honest = builder.run(2);
    const slot = builder.state.slot + 1;
    const withoutAuthor = everybody(4) ^ (1 << (slot % 4));
    const own = builder.next({ bits: withoutAuthor });
    assertFault(checkSegment(facts, inputOf([...honest, own], policy)), 2, "AUTHOR_BIT_MISSING");

    // The parent's approval that a body carries may be another aggregate than the one its block came with.
    const parent = new ChainBuilder(federation);
    const blocks = parent.run(3);
    const approval = approve(federation, (blocks[2] as BuiltBlock).hash, withoutAuthor);
    const carrier = parent.next({ body: (body) => ({ ...body, parentApproval: approval }) });
    const fault = assertFault(
      checkSegment(facts, inputOf([...blocks, carrier], policy)),
      3,
      "AUTHOR_BIT_MISSING",
    );
    assert.ok("of" in fault && fault.of === "parent");
  });

  test(`${policy}: one vote below the quorum is QUORUM_MISSING, the quorum is enough`, () => {
    const builder = new ChainBuilder(federation);
    const honest = builder.run(2);
    const author = 1 << ((builder.state.slot + 1) % 4);
    const [other, third] = [1, 2, 4].filter((bit) => bit !== author) as [number, number];
    const below = builder.next({ bits: author | other });
    assertFault(checkSegment(facts, inputOf([...honest, below], policy)), 2, "QUORUM_MISSING");
    const enough = new ChainBuilder(federation);
    const run = [...enough.run(2), enough.next({ bits: author | other | third }), ...enough.run(1)];
    assert.ok(checkSegment(facts, inputOf(run, policy)).ok);
  });

  test(`${policy}: a signature over another block at the end is BAD_APPROVAL_SIGNATURE`, () => {
    const bend: Bend = { approval: (honest) => ({ ...approve(federation, wrongHash, honest.bits) }) };
    assertFault(checkSegment(facts, inputOf(bentRun(bend, 2, 0), policy)), 2, "BAD_APPROVAL_SIGNATURE");
  });

  test(`${policy}: bytes that are no curve point are BAD_APPROVAL_SIGNATURE`, () => {
    for (const fill of [0, 0xff, 0xc0]) {
      const bend: Bend = { approval: (honest) => ({ ...honest, signature: new Uint8Array(96).fill(fill) }) };
      assertFault(checkSegment(facts, inputOf(bentRun(bend, 2, 0), policy)), 2, "BAD_APPROVAL_SIGNATURE");
    }
  });

  test(`${policy}: a signature of another chain is BAD_APPROVAL_SIGNATURE`, () => {
    const blocks = new ChainBuilder(federation).run(1);
    const verdict = checkSegment({ ...facts, genesisHash: wrongHash }, inputOf(blocks, policy));
    assertFault(verdict, 0, "BAD_APPROVAL_SIGNATURE");
  });
}

const AUXPOW = {
  rangeStart: wrongHash,
  rangeEnd: wrongHash,
  bits: 1,
  chainId: 2,
  height: 3,
  feeRecipient: new Uint8Array(20),
  auxpow: new Uint8Array(10),
};

test("SEGMENT: ignores approvals inside, and stores the ones that successors commit to", () => {
  const builder = new ChainBuilder(federation);
  const blocks = builder.run(3);
  // The same block as the network might have brought it: under fewer bits, of the wrong length, of nobody.
  const parts = splitBlock((blocks[1] as BuiltBlock).bytes);
  const junk = encodeApproval({ bits: 0, length: 9, signature: new Uint8Array(96) });
  const input = inputOf(blocks, "SEGMENT");
  const bytes = input.blocks.with(1, joinBlock(parts.header, parts.body, junk));
  const verdict = checkSegment(facts, { ...input, blocks: bytes });
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.segment.bytes, concatBytes(blocks.map((block) => block.bytes)));
  assertFault(
    checkSegment(facts, { ...input, blocks: bytes, policy: "EVERY_BLOCK" }),
    1,
    "WRONG_BITLIST_LENGTH",
  );
});

/** The blocks back to back in one memory, as they come to a worker. */
function inOneMemory(blocks: readonly Uint8Array[]): { memory: Uint8Array; blocks: Uint8Array[] } {
  const memory = concatBytes([...blocks, new Uint8Array(100)]);
  const starts = blocks.map((_, index) => concatBytes(blocks.slice(0, index)).length);
  return {
    memory,
    blocks: blocks.map(({ length }, index) => {
      const start = starts[index] as number;
      return memory.subarray(start, start + length);
    }),
  };
}

test("checkSegment: in memory that it may keep, the segment lies where its blocks came", () => {
  const builder = new ChainBuilder(federation);
  const parts = builder.run(3);
  const [first, second, third] = parts.map(({ bytes }) => bytes) as [Uint8Array, Uint8Array, Uint8Array];
  const split = splitBlock(second);
  const other = encodeApproval({ ...decodeApproval(split.approval), signature: new Uint8Array(96) });
  const longer = encodeApproval({ bits: 1, length: 9, signature: new Uint8Array(96) });
  const cases = [
    { brought: second, isInPlace: true },
    // The approval that the third block commits to takes the place of another one of its length.
    { brought: joinBlock(split.header, split.body, other), isInPlace: true },
    { brought: joinBlock(split.header, split.body, longer), isInPlace: false },
  ];
  for (const { brought, isInPlace } of cases) {
    const { memory, blocks } = inOneMemory([first, brought, third]);
    const input = { ...inputOf(parts, "SEGMENT"), blocks };
    const [verdict] = checkSegments(facts, [{ input, memory }]);
    assert.ok(verdict?.ok);
    assert.deepEqual(verdict.segment.bytes, concatBytes([first, second, third]));
    assert.equal(verdict.segment.bytes.buffer === memory.buffer, isInPlace);
  }
});

test("checkSegments: answers for each segment what checkSegment answers for it alone", () => {
  const blocks = new ChainBuilder(federation).run(12);
  const good = (start: number): SegmentInput => inputOf(blocks.slice(start, start + 3), "SEGMENT");
  const forged = (start: number): SegmentInput => {
    const input = good(start);
    const { header, body, approval } = splitBlock(input.blocks[2] as Uint8Array);
    const { signature } = (blocks[(start + 5) % 12] as BuiltBlock).approval;
    const other = encodeApproval({ ...decodeApproval(approval), signature });
    return { ...input, blocks: input.blocks.with(2, joinBlock(header, body, other)) };
  };
  const cut = { ...good(0), blocks: good(0).blocks.map((bytes) => bytes.slice(0, -1)) };
  const everyBlock = inputOf(blocks, "EVERY_BLOCK");
  const groups = [
    [good(0), good(3), good(6)],
    [good(0), forged(3), good(6)],
    [cut, good(3)],
    [forged(0), forged(6)],
    [everyBlock, forged(3), cut],
    // More signatures than one call verifies.
    Array.from({ length: 7 }, () => everyBlock),
    [],
  ];
  for (const inputs of groups) {
    const verdicts = checkSegments(
      facts,
      inputs.map((input) => ({ input })),
    );
    assert.deepEqual(
      verdicts,
      inputs.map((input) => checkSegment(facts, input)),
    );
  }
});

test("EVERY_BLOCK: finds the one bad signature among many", () => {
  for (const bad of [0, 5, 21, 40, 63]) {
    const builder = new ChainBuilder(federation);
    const blocks = builder.run(64);
    const input = inputOf(blocks, "EVERY_BLOCK");
    const parts = splitBlock(input.blocks[bad] as Uint8Array);
    const approval = decodeApproval(parts.approval);
    const forged = { ...approval, signature: (blocks[(bad + 1) % 64] as BuiltBlock).approval.signature };
    const bytes = input.blocks.with(bad, joinBlock(parts.header, parts.body, encodeApproval(forged)));
    assertFault(checkSegment(facts, { ...input, blocks: bytes }), bad, "BAD_APPROVAL_SIGNATURE");
  }
});

test("EVERY_BLOCK: a parent's approval that differs from the parent's own is verified by itself", () => {
  const run = (signature: (hash: Uint8Array) => AggregateApproval): SegmentVerdict => {
    const builder = new ChainBuilder(federation);
    const [first, second] = builder.run(2) as [BuiltBlock, BuiltBlock];
    const third = builder.next({ body: (body) => ({ ...body, parentApproval: signature(second.hash) }) });
    return checkSegment(facts, inputOf([first, second, third], "EVERY_BLOCK"));
  };
  const quorumWithAuthor = (hash: Uint8Array): AggregateApproval => {
    const { slot } = new ChainBuilder(federation).run(2)[1]!.header;
    return approve(federation, hash, everybody(4) ^ (1 << ((slot + 1) % 4)));
  };
  const good = run(quorumWithAuthor);
  assert.ok(good.ok);
  const fault = assertFault(
    run((hash) => ({ ...quorumWithAuthor(hash), signature: approve(federation, wrongHash, 15).signature })),
    2,
    "BAD_APPROVAL_SIGNATURE",
  );
  assert.ok("of" in fault && fault.of === "parent");
});

test("EVERY_BLOCK: the first parent's approval is verified unless it is the one already verified", () => {
  const builder = new ChainBuilder(federation);
  const parent = builder.next();
  const forged = { ...parent.approval, signature: approve(federation, wrongHash, 15).signature };
  const carrier = builder.next({ body: (body) => ({ ...body, parentApproval: forged }) });
  const input = inputOf([carrier], "EVERY_BLOCK");
  assertFault(checkSegment(facts, input), 0, "BAD_APPROVAL_SIGNATURE");
  const verifiedParentApproval = encodeApproval(parent.approval);
  assertFault(checkSegment(facts, { ...input, verifiedParentApproval }), 0, "BAD_APPROVAL_SIGNATURE");
  // A caller that says so is believed: the bytes are not verified twice.
  assert.ok(checkSegment(facts, { ...input, verifiedParentApproval: encodeApproval(forged) }).ok);
});

test("checkSegment: a first parent under another set is judged by that set", () => {
  const builder = new ChainBuilder(federation);
  builder.next();
  const input = inputOf([builder.next()], "EVERY_BLOCK");
  const parentAuthorities = makeFederation(5).authorities;
  assertFault(checkSegment(facts, { ...input, parentAuthorities }), 0, "WRONG_BITLIST_LENGTH");
});

test("checkSegment: no blocks or more than 64 are the caller's error", () => {
  const blocks = new ChainBuilder(federation).run(65);
  assert.throws(() => checkSegment(facts, inputOf(blocks, "SEGMENT")), /65 blocks/);
  assert.throws(() => checkSegment(facts, { ...inputOf(blocks, "SEGMENT"), blocks: [] }), /0 blocks/);
});

test("checkSegment: a federation of one and of fifteen", () => {
  for (const size of [1, 15]) {
    const other = makeFederation(size);
    const blocks = new ChainBuilder(other).run(3);
    for (const policy of POLICIES) {
      const input = { ...inputOf(blocks, policy), authorities: other.authorities };
      assert.ok(checkSegment(other.facts, input).ok);
    }
  }
});

test("verifyApprovals: judges each by form, bits and signature", () => {
  const builder = new ChainBuilder(federation);
  const [good, other] = builder.run(2) as [BuiltBlock, BuiltBlock];
  const approval = encodeApproval(good.approval);
  const check = (header: Uint8Array, bytes: Uint8Array) => ({ header, approval: bytes, authorities });
  const checks = [
    check(good.headerBytes, approval),
    check(other.headerBytes, approval),
    check(good.headerBytes.subarray(1), approval),
    check(good.headerBytes, approval.subarray(1)),
    check(good.headerBytes, encodeApproval({ ...good.approval, bits: 1 })),
    check(other.headerBytes, encodeApproval(other.approval)),
  ];
  assert.deepEqual(verifyApprovals(checks, facts.genesisHash), [true, false, false, false, false, true]);
  assert.deepEqual(verifyApprovals([], facts.genesisHash), []);
});
