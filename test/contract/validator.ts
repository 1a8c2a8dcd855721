/**
 * The contract of a Validator, for each of its implementations: verdicts, their order, refusals, cancelling,
 * closing.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { encodeApproval } from "../../src/chain/approval.ts";
import { joinBlock, parseBlock, splitBlock } from "../../src/chain/block.ts";
import { sign } from "../../src/chain/bls.ts";
import type { ChainFacts } from "../../src/chain/facts.ts";
import { ChainForge } from "../../src/chain/forge.ts";
import { readHeader } from "../../src/chain/header.ts";
import type {
  ApprovalCheck,
  Policy,
  SegmentInput,
  SignatureCheck,
  Validator,
} from "../../src/chain/validator.ts";
import { AssertionError, Failure } from "../../src/kernel/errors.ts";

const NOW_MS = 1_800_000_000_000;

/** Registers the suite for validators that `create` makes. */
export function testValidator(name: string, create: (facts: ChainFacts) => Validator): void {
  describe(`${name} as a Validator`, () => {
    const forge = new ChainForge();
    const blocks = Array.from({ length: 12 }, () => forge.next());
    const { authorities } = forge;
    let validator: Validator;
    before(() => {
      validator = create(forge.facts());
    });
    after(() => validator.close());

    const inputOf = (part: Uint8Array[], policy: Policy = "EVERY_BLOCK"): SegmentInput => ({
      blocks: part,
      policy,
      authorities,
      nowMs: NOW_MS,
    });

    it("answers a valid segment with all that storing it needs, under both policies", async () => {
      for (const policy of ["SEGMENT", "EVERY_BLOCK"] as const) {
        const verdict = await validator.validateSegment(inputOf(blocks.slice(2, 6), policy));
        assert.ok(verdict.ok, JSON.stringify(verdict));
        const { segment } = verdict;
        assert.equal(segment.count, 4);
        assert.equal(segment.policy, policy);
        const stored = Array.from({ length: 4 }, (_, index) =>
          segment.bytes.slice(segment.offsets[index], segment.offsets[index + 1]),
        );
        assert.deepEqual(stored, blocks.slice(2, 6));
        assert.equal(segment.first.height, 3);
        assert.equal(segment.last.height, 6);
        assert.deepEqual(segment.firstParentHash, parseBlock(blocks[2]!).header.parentHash);
        assert.deepEqual(segment.hashes.slice(-32), parseBlock(blocks[6]!).header.parentHash);
        assert.equal(segment.headers.length, 4 * 184);
        assert.deepEqual(segment.firstParentApproval, splitBlock(blocks[1]!).approval);
      }
    });

    it("fills memory that was given back anew, and leaves segments alone whose memory was not", async () => {
      const segmentOf = async (first: number) => {
        const verdict = await validator.validateSegment(inputOf(blocks.slice(first, first + 2), "SEGMENT"));
        assert.ok(verdict.ok);
        return verdict.segment;
      };
      const [kept, given] = [await segmentOf(0), await segmentOf(2)];
      given.giveBack?.(given.bytes.buffer as ArrayBuffer);
      const later = await segmentOf(4);
      assert.deepEqual(later.bytes.slice(later.offsets[1]), blocks[5]);
      assert.deepEqual(kept.bytes.slice(kept.offsets[1]), blocks[1]);
    });

    it("hands back the header that came with a block alone, and takes nothing on its word", async () => {
      const header = readHeader(blocks[2]!);
      const verdict = await validator.validateSegment({ ...inputOf([blocks[2]!]), header });
      assert.ok(verdict.ok);
      assert.equal(verdict.segment.first, header.header);
      assert.equal(verdict.segment.last, header.header);
      assert.deepEqual(verdict.segment.hashes, header.hash);
      const wrong = { ...inputOf([blocks[2]!]), header: readHeader(blocks[3]!) };
      await assert.rejects(validator.validateSegment(wrong), AssertionError);
    });

    it("leaves the caller's blocks as they were and usable", async () => {
      const part = blocks.slice(0, 3);
      const copies = part.map((block) => block.slice());
      await validator.validateSegment(inputOf(part));
      assert.deepEqual(part, copies);
      assert.ok((await validator.validateSegment(inputOf(part))).ok);
    });

    it("names the block at fault and the rule", async () => {
      const broken = blocks.slice(0, 5).map((block) => block.slice());
      const parts = splitBlock(broken[3]!);
      parts.approval[50]! ^= 1;
      const verdict = await validator.validateSegment(inputOf(broken));
      assert.ok(!verdict.ok);
      assert.equal(verdict.index, 3);
      assert.equal(verdict.fault.code, "BAD_APPROVAL_SIGNATURE");
      const cut = await validator.validateSegment(inputOf([blocks[0]!, blocks[1]!.slice(0, -1)]));
      assert.ok(!cut.ok);
      assert.deepEqual([cut.index, cut.fault.code], [1, "MALFORMED"]);
      const gap = await validator.validateSegment(inputOf([blocks[0]!, blocks[2]!]));
      assert.ok(!gap.ok);
      assert.equal(gap.fault.code, "BROKEN_LINK");
      assert.ok("actual" in gap.fault && gap.fault.actual instanceof Uint8Array);
    });

    it("answers rubbish of any size with a verdict", async () => {
      for (const size of [0, 1, 300, 3 * 1024 * 1024]) {
        const verdict = await validator.validateSegment(inputOf([new Uint8Array(size).fill(0xff)]));
        assert.ok(!verdict.ok);
        assert.equal(verdict.fault.code, "MALFORMED");
      }
    });

    it("answers many at once, each its own", async () => {
      const verdicts = await Promise.all(
        blocks.map((block, index) =>
          validator.validateSegment(inputOf(index % 3 === 2 ? [block.slice(1)] : [block])),
        ),
      );
      assert.deepEqual(
        verdicts.map((verdict) => (verdict.ok ? verdict.segment.first.height : -1)),
        [1, 2, -1, 4, 5, -1, 7, 8, -1, 10, 11, -1],
      );
    });

    it("answers many small segments at once, each its own, whatever signatures are beside it", async () => {
      const segments = Array.from({ length: 6 }, (_, index) => blocks.slice(2 * index, 2 * index + 2));
      const withApproval = (index: number, approval: Uint8Array): Uint8Array[] => {
        const [first, last] = segments[index] as [Uint8Array, Uint8Array];
        const { header, body } = splitBlock(last);
        return [first, joinBlock(header, body, approval)];
      };
      // One is no signature at all, one is good for another block.
      const { approval } = splitBlock(blocks[3]!);
      segments[1] = withApproval(1, approval.with(50, approval[50]! ^ 1));
      segments[4] = withApproval(4, splitBlock(blocks[11]!).approval);
      const verdicts = await Promise.all(
        segments.map((segment) => validator.validateSegment(inputOf(segment, "SEGMENT"))),
      );
      assert.deepEqual(
        verdicts.map((verdict) => (verdict.ok ? verdict.segment.first.height : verdict.fault.code)),
        [1, "BAD_APPROVAL_SIGNATURE", 5, 7, "BAD_APPROVAL_SIGNATURE", 11],
      );
    });

    it("verifies approvals in order, by bit rules and signature", async () => {
      const check = (index: number, approval?: Uint8Array): ApprovalCheck => {
        const { header, approval: own } = splitBlock(blocks[index]!);
        return { header, approval: approval ?? own, authorities };
      };
      const { bits, length, signature } = parseBlock(blocks[1]!).approval;
      const checks = [
        check(0),
        check(1, splitBlock(blocks[2]!).approval),
        check(2),
        check(1, encodeApproval({ bits: bits & 1, length, signature })),
        check(3, new Uint8Array(7)),
        { ...check(4), header: new Uint8Array(3) },
        check(5),
      ];
      const verdicts = await validator.verifyApprovals(checks);
      assert.deepEqual(verdicts, [true, false, true, false, false, false, true]);
      assert.deepEqual(await validator.verifyApprovals([]), []);
    });

    it("verifies more signatures than a batch, in order", async () => {
      const [key] = forge.secretKeys;
      const checks: SignatureCheck[] = Array.from({ length: 70 }, (_, index) => {
        const signingRoot = new Uint8Array(32).fill(index);
        const signature = sign(key!, index === 66 ? new Uint8Array(32) : signingRoot);
        return { publicKeys: [key!.publicKey], signingRoot, signature };
      });
      const verdicts = await validator.verifySignatures(checks);
      assert.deepEqual(
        verdicts,
        Array.from({ length: 70 }, (_, index) => index !== 66),
      );
    });

    it("refuses a segment that no cutting makes: a programmer's error", async () => {
      await assert.rejects(validator.validateSegment(inputOf([])), AssertionError);
      const many = new Array<Uint8Array>(65).fill(blocks[0]!);
      await assert.rejects(validator.validateSegment(inputOf(many)), AssertionError);
    });

    it("rejects when it is cancelled before it began", async () => {
      const promise = validator.validateSegment(inputOf(blocks.slice(0, 1)), AbortSignal.abort());
      await assert.rejects(promise, (error) => error instanceof Failure && error.code === "CANCELLED");
    });

    it("closes more than once and rejects what comes later", async () => {
      const other = create(forge.facts());
      await other.close();
      await other.close();
      const isClosed = (error: unknown) => error instanceof Failure && error.reason === "VALIDATOR_CLOSED";
      await assert.rejects(other.validateSegment(inputOf(blocks.slice(0, 1))), isClosed);
      await assert.rejects(other.verifyApprovals([]), isClosed);
      await assert.rejects(other.verifySignatures([]), isClosed);
    });
  });
}
