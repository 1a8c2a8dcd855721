/**
 * The mountain range against a range computed from all leaves, and its proofs against every place and every
 * damage.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../../../src/chain/bytes.ts";
import { sha256 } from "../../../src/chain/hash.ts";
import { toHex } from "../../../src/chain/hex.ts";
import { MalformedError } from "../../../src/chain/malformed.ts";
import { hashPair } from "../../../src/chain/merkle.ts";
import {
  appendHash,
  appendHashes,
  decodeHistoryProof,
  encodeHistoryProof,
  historyRoot,
  historyRoots,
  makeHistoryProof,
  type NodeAt,
  peakCount,
  verifyHistoryProof,
} from "../../../src/chain/mmr.ts";
import "./arbitraries.ts";

const leaves = Array.from({ length: 300 }, (_, index) => sha256(new Uint8Array([index, index >> 8])));

const nodeAt: NodeAt = (level, position) =>
  level === 0
    ? (leaves[position] as Uint8Array)
    : hashPair(nodeAt(level - 1, 2 * position), nodeAt(level - 1, 2 * position + 1));

/** The definition, read aloud: peaks by the bits of the count, bagged from the right. */
function plainRoot(count: number): Uint8Array {
  if (count === 0) return new Uint8Array(32);
  const peaks: Uint8Array[] = [];
  for (let level = 9, start = 0; level >= 0; level--) {
    if ((count & (1 << level)) === 0) continue;
    peaks.push(nodeAt(level, start >> level));
    start += 1 << level;
  }
  const bagged = peaks.reduceRight((bag, peak) => hashPair(peak, bag));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(count), true);
  return sha256(concatBytes([length, bagged]));
}

function peaksAfter(count: number): Uint8Array[] {
  let peaks: Uint8Array[] = [];
  for (let index = 0; index < count; index++) peaks = appendHash(peaks, index, leaves[index] as Uint8Array);
  return peaks;
}

test("historyRoot: one by one gives the root of the definition", () => {
  let peaks: Uint8Array[] = [];
  for (let count = 0; count <= leaves.length; count++) {
    assert.equal(peaks.length, peakCount(count));
    assert.equal(toHex(historyRoot(count, peaks)), toHex(plainRoot(count)));
    if (count < leaves.length) peaks = appendHash(peaks, count, leaves[count] as Uint8Array);
  }
});

test("historyRoots: of ranges that grow leaf by leaf, each the root it has by itself", () => {
  for (const first of [0, 1, 5, 63, 230]) {
    const ranges = Array.from({ length: 70 }, (_, index) => peaksAfter(first + index));
    const roots = historyRoots(first, ranges).map(toHex);
    assert.deepEqual(
      roots,
      ranges.map((peaks, index) => toHex(historyRoot(first + index, peaks))),
    );
    assert.equal(roots[69], toHex(plainRoot(first + 69)));
  }
  assert.deepEqual(historyRoots(7, []), []);
  assert.throws(() => historyRoots(3, [peaksAfter(3), peaksAfter(5)]), MalformedError);
});

test("historyRoot: a number of peaks that the count does not dictate is malformed", () => {
  assert.throws(() => historyRoot(3, peaksAfter(4)), MalformedError);
  assert.throws(() => historyRoot(0, peaksAfter(1)), MalformedError);
});

test("appendHashes: a run has the peaks of its hashes one by one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 130 }), fc.integer({ min: 0, max: 150 }), (start, count) => {
      const run = concatBytes(leaves.slice(start, start + count));
      assert.deepEqual(appendHashes(peaksAfter(start), start, run), peaksAfter(start + count));
    }),
  );
});

test("history proof: shows every leaf of every range, and survives its encoding", () => {
  for (let count = 1; count <= 70; count++) {
    const root = plainRoot(count);
    for (let index = 0; index < count; index++) {
      const proof = makeHistoryProof(index, count, nodeAt);
      assert.ok(verifyHistoryProof(proof, leaves[index] as Uint8Array, root), `${index} of ${count}`);
      assert.deepEqual(decodeHistoryProof(encodeHistoryProof(proof)), proof);
    }
  }
});

test("history proof: another leaf, index, count, root or length fails", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(), fc.nat(), fc.nat(), (count, a, b, c) => {
      const index = a % count;
      const proof = makeHistoryProof(index, count, nodeAt);
      const leaf = leaves[index] as Uint8Array;
      const root = plainRoot(count);
      assert.ok(verifyHistoryProof(proof, leaf, root));
      const otherIndex = (index + 1 + (b % (count - 1))) % count;
      assert.ok(!verifyHistoryProof(proof, leaves[otherIndex] as Uint8Array, root));
      assert.ok(!verifyHistoryProof({ ...proof, index: otherIndex }, leaf, root));
      assert.ok(!verifyHistoryProof({ ...proof, count: count + 1 + (c % 100) }, leaf, root));
      assert.ok(!verifyHistoryProof(proof, leaf, sha256(root)));
      assert.ok(!verifyHistoryProof({ ...proof, path: [...proof.path, leaf] }, leaf, root));
      assert.ok(!verifyHistoryProof({ ...proof, path: proof.path.slice(1) }, leaf, root));
      const at = c % proof.path.length;
      assert.ok(!verifyHistoryProof({ ...proof, path: proof.path.with(at, leaf) }, leaf, root));
    }),
  );
});

test("history proof: an index outside, an impossible number or a short hash is simply false", () => {
  const proof = makeHistoryProof(0, 2, nodeAt);
  const leaf = leaves[0] as Uint8Array;
  const root = plainRoot(2);
  for (const index of [-1, 2, 0.5, Number.NaN])
    assert.ok(!verifyHistoryProof({ ...proof, index }, leaf, root));
  assert.ok(!verifyHistoryProof({ ...proof, count: 2 ** 60 }, leaf, root));
  assert.ok(!verifyHistoryProof({ ...proof, path: [leaf.subarray(1)] }, leaf, root));
  assert.throws(() => makeHistoryProof(2, 2, nodeAt), RangeError);
});

test("history proof: works for counts beyond 32 bits", () => {
  const count = 2 ** 40 + 2 ** 33 + 1;
  const node: NodeAt = (level, position) => sha256(new TextEncoder().encode(`${level}/${position}`));
  const proof = makeHistoryProof(count - 1, count, node);
  const peaks = [node(40, 0), node(33, 128), node(0, count - 1)];
  assert.equal(proof.path.length, 2);
  assert.ok(verifyHistoryProof(proof, node(0, count - 1), historyRoot(count, peaks)));
});

test("decodeHistoryProof: refuses what cannot be one", () => {
  for (const length of [0, 15, 17, 16 + 32 * 107]) {
    assert.throws(() => decodeHistoryProof(new Uint8Array(length)), MalformedError);
  }
});
