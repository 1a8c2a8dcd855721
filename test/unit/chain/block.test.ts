/**
 * SignedBlock, BlockBody, BlockHeader and AggregateApproval against the SSZ reference, and against damage.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  APPROVAL_LENGTH_MAX,
  approvalRoot,
  countBits,
  decodeApproval,
  encodeApproval,
  indexesOf,
  quorumOf,
} from "../../../src/chain/approval.ts";
import { authoritySetRoot } from "../../../src/chain/authorities.ts";
import {
  BLOCK_BYTES_MAX,
  decodeBody,
  EMPTY_BODY,
  encodeBody,
  joinBlock,
  parseBlock,
  splitBlock,
} from "../../../src/chain/block.ts";
import { layOutBody } from "../../../src/chain/body-layout.ts";
import { bodyRoot, bodyRoots } from "../../../src/chain/body-root.ts";
import { concatBytes } from "../../../src/chain/bytes.ts";
import { decodeHeader, encodeHeader, headerHash, headerHashes } from "../../../src/chain/header.ts";
import { toHex } from "../../../src/chain/hex.ts";
import { MalformedError } from "../../../src/chain/malformed.ts";
import { approvalArbitrary, bodyArbitrary, headerArbitrary } from "./arbitraries.ts";
import {
  approvalType,
  authoritySetType,
  blockBodyType,
  blockHeaderType,
  oracleApproval,
  oracleBlock,
  oracleBody,
  signedBlockType,
} from "./ssz-oracle.ts";

function assertMalformed(run: () => unknown): void {
  assert.throws(run, MalformedError);
}

test("header: bytes and hash are the reference's, and decode to what was encoded", () => {
  fc.assert(
    fc.property(headerArbitrary, (header) => {
      const encoded = encodeHeader(header);
      assert.deepEqual(encoded, blockHeaderType.serialize(header));
      assert.equal(toHex(headerHash(encoded)), toHex(blockHeaderType.hashTreeRoot(header)));
      assert.deepEqual(decodeHeader(encoded), header);
    }),
  );
});

test("header: a number above 2^53 - 1 or a wrong length is malformed", () => {
  const encoded = new Uint8Array(184);
  encoded[39] = 1;
  assertMalformed(() => decodeHeader(encoded));
  assertMalformed(() => decodeHeader(new Uint8Array(183)));
  assertMalformed(() => headerHash(new Uint8Array(185)));
});

test("headerHashes: many at once hash as each alone", () => {
  const headers = fc.sample(headerArbitrary, { numRuns: 9, seed: 1 }).map(encodeHeader);
  assert.deepEqual(headerHashes(concatBytes(headers), 9), concatBytes(headers.map(headerHash)));
});

test("approval: bytes and root are the reference's, and decode to what was encoded", () => {
  fc.assert(
    fc.property(approvalArbitrary, (approval) => {
      const encoded = encodeApproval(approval);
      assert.deepEqual(encoded, approvalType.serialize(oracleApproval(approval)));
      assert.equal(toHex(approvalRoot(approval)), toHex(approvalType.hashTreeRoot(oracleApproval(approval))));
      assert.deepEqual(decodeApproval(encoded), approval);
    }),
  );
});

test("approval: no end mark, a long bitlist, a wrong offset or length is malformed", () => {
  const good = encodeApproval({ bits: 3, length: 5, signature: new Uint8Array(96) });
  assertMalformed(() => decodeApproval(good.with(100, 0)));
  assertMalformed(() => decodeApproval(good.with(0, 101)));
  assertMalformed(() => decodeApproval(good.subarray(0, 100)));
  assertMalformed(() => decodeApproval(concatBytes([good, new Uint8Array(1)])));
  assertMalformed(() => decodeApproval(new Uint8Array(APPROVAL_LENGTH_MAX + 1)));
});

test("quorumOf: two thirds, rounded up", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 7, 15].map(quorumOf), [1, 2, 2, 3, 4, 5, 10]);
  assert.equal(countBits(0b1011), 3);
  assert.deepEqual(indexesOf(0b1010), [1, 3]);
});

test("body: bytes and root are the reference's, and decode to what was encoded", () => {
  fc.assert(
    fc.property(bodyArbitrary, (body) => {
      const encoded = encodeBody(body);
      assert.deepEqual(encoded, blockBodyType.serialize(oracleBody(body)));
      assert.equal(toHex(bodyRoot(encoded)), toHex(blockBodyType.hashTreeRoot(oracleBody(body))));
      assert.deepEqual(decodeBody(encoded), body);
    }),
    { numRuns: 150 },
  );
});

test("bodyRoots: many at once hash as each alone, wherever they lie", () => {
  const bodies = fc.sample(bodyArbitrary, { numRuns: 40, seed: 2 }).map(encodeBody);
  const packed = concatBytes([new Uint8Array(3), ...bodies]);
  let start = 3;
  const layouts = bodies.map((body) => {
    start += body.length;
    return layOutBody(packed, start - body.length, start);
  });
  assert.deepEqual(bodyRoots(layouts), concatBytes(bodies.map(bodyRoot)));
});

test("bodyRoots: bodies larger than a hashing round have the reference's roots", () => {
  const bodies = [300_000, 5, 1_048_576].map((length, seed) => ({
    ...EMPTY_BODY,
    transactions: [new Uint8Array(length).fill(seed + 1), new Uint8Array(33)],
  }));
  const roots = bodyRoots(bodies.map((body) => encodeBody(body)).map((b) => layOutBody(b, 0, b.length)));
  const expected = bodies.map((body) => blockBodyType.hashTreeRoot(oracleBody(body)));
  assert.equal(toHex(roots), toHex(concatBytes(expected)));
});

test("authoritySetRoot: the reference's", () => {
  for (const count of [0, 1, 3, 15]) {
    const keys = Array.from({ length: count }, (_, index) => new Uint8Array(48).fill(index + 1));
    assert.equal(toHex(authoritySetRoot(keys)), toHex(authoritySetType.hashTreeRoot({ keys })));
  }
});

const blockArbitrary = fc
  .record({ header: headerArbitrary, body: bodyArbitrary, approval: approvalArbitrary })
  .map(({ header, body, approval }) => ({
    header,
    body,
    approval,
    bytes: joinBlock(encodeHeader(header), encodeBody(body), encodeApproval(approval)),
  }));

test("block: bytes are the reference's, and split into what was joined", () => {
  fc.assert(
    fc.property(blockArbitrary, ({ header, body, approval, bytes: encoded }) => {
      assert.deepEqual(encoded, signedBlockType.serialize(oracleBlock(header, body, approval)));
      const parts = splitBlock(encoded);
      assert.deepEqual(decodeHeader(parts.header), header);
      assert.deepEqual(decodeBody(parts.body), body);
      assert.deepEqual(decodeApproval(parts.approval), approval);
    }),
  );
});

/** Cuts, lengthens, flips and overwrites. */
const damageArbitrary = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("flip" as const), at: fc.nat(), with: fc.integer({ min: 1, max: 255 }) }),
    fc.record({
      kind: fc.constant("offset" as const),
      at: fc.nat(),
      with: fc.integer({ min: 0, max: 2000 }),
    }),
    fc.record({ kind: fc.constant("cut" as const), at: fc.nat(), with: fc.nat() }),
    fc.record({ kind: fc.constant("append" as const), at: fc.nat(300), with: fc.nat(255) }),
  ),
  { minLength: 1, maxLength: 4 },
);

function damaged(
  good: Uint8Array,
  damages: readonly { kind: string; at: number; with: number }[],
): Uint8Array {
  let result: Uint8Array = good.slice();
  for (const damage of damages) {
    // Two in three hits go to the offsets, where form is decided.
    const reach = damage.at % 3 === 0 ? result.length : Math.min(result.length, 260);
    const at = reach === 0 ? 0 : damage.at % reach;
    if (damage.kind === "cut") result = result.slice(0, at);
    else if (damage.kind === "append")
      result = concatBytes([result, new Uint8Array(damage.at).fill(damage.with)]);
    else if (damage.kind === "flip" && at < result.length) result[at]! ^= damage.with;
    else if (at + 4 <= result.length) new DataView(result.buffer).setUint32(at, damage.with, true);
  }
  return result;
}

test("block: damaged bytes are malformed exactly when the reference refuses them", () => {
  fc.assert(
    fc.property(blockArbitrary, damageArbitrary, ({ bytes: good }, damages) => {
      const bad = damaged(good, damages);
      const ours = outcomeOf(() => parseBlock(bad));
      const reference = outcomeOf(() => signedBlockType.deserialize(bad));
      if (ours instanceof Error) assert.ok(ours instanceof MalformedError, `threw ${String(ours)}`);
      // The reference reads any u64; ours refuses those above 2^53 - 1.
      if (ours instanceof Error && ours.message.includes("2^53")) return;
      const isRefused = ours instanceof Error;
      assert.equal(
        isRefused,
        reference instanceof Error,
        `ours: ${String(ours)}, reference: ${String(reference)}`,
      );
      if (!isRefused) assert.deepEqual(signedBlockType.serialize(signedBlockType.deserialize(bad)), bad);
    }),
    { numRuns: 3000 },
  );
});

function outcomeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

test("block: random bytes are malformed and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (random) => {
      assertMalformed(() => splitBlock(random));
      assertMalformed(() => decodeApproval(random.subarray(0, 99)));
      assert.ok(outcomeOf(() => decodeBody(random)) instanceof MalformedError || random.length === 28);
    }),
  );
});

test("block: more than 2 MiB is malformed, exactly 2 MiB is not", () => {
  const transaction = new Uint8Array(2 ** 20);
  const approval = encodeApproval({ bits: 1, length: 1, signature: new Uint8Array(96) });
  const header = new Uint8Array(184);
  const blockOf = (tail: number): Uint8Array => {
    const transactions = [transaction, new Uint8Array(tail)];
    return joinBlock(header, encodeBody({ ...EMPTY_BODY, transactions }), approval);
  };
  const tail = BLOCK_BYTES_MAX - blockOf(0).length;
  assert.equal(splitBlock(blockOf(tail)).header.length, 184);
  assertMalformed(() => splitBlock(blockOf(tail + 1)));
});

test("body: elements above their limits are malformed", () => {
  const over = (body: Partial<typeof EMPTY_BODY>): void =>
    assertMalformed(() => decodeBody(encodeBody({ ...EMPTY_BODY, ...body })));
  const pegin = { txid: new Uint8Array(32), blockHash: new Uint8Array(32) };
  over({ transactions: [new Uint8Array(2 ** 20 + 1)] });
  over({ transactions: new Array<Uint8Array>(2 ** 16 + 1).fill(new Uint8Array(0)) });
  over({ pegins: new Array<typeof pegin>(2 ** 10 + 1).fill(pegin) });
  over({ pegoutProposal: new Uint8Array(2 ** 17 + 1) });
  over({ finalizedPegouts: new Array<Uint8Array>(2 ** 6 + 1).fill(new Uint8Array(0)) });
  over({ nextAuthorities: { keys: new Array<Uint8Array>(16).fill(new Uint8Array(48)), proofs: [] } });
  over({ nextAuthorities: { keys: [], proofs: new Array<Uint8Array>(16).fill(new Uint8Array(96)) } });
  const auxpow = fc.sample(bodyArbitrary, { numRuns: 50, seed: 3 }).find((body) => body.auxpow)?.auxpow;
  assert.ok(auxpow !== undefined);
  over({ auxpow: { ...auxpow, auxpow: new Uint8Array(2 ** 16 + 1) } });
});
