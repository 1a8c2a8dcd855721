/**
 * Hashing backends, tree building blocks, batches and small conversions, each against a plain computation.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ByteListType, ByteVectorType, ListCompositeType } from "@chainsafe/ssz";
import fc from "fast-check";
import { compareBytes, concatBytes, equalBytes } from "../../../src/chain/bytes.ts";
import { hashBackend, hashPairs, hashPairsPortable, sha256 } from "../../../src/chain/hash.ts";
import { fromHex, toHex } from "../../../src/chain/hex.ts";
import { readUint32, readUint64, writeUint32, writeUint64 } from "../../../src/chain/little-endian.ts";
import { MalformedError } from "../../../src/chain/malformed.ts";
import {
  byteListRoot,
  byteVectorRoot,
  depthOf,
  hashFixedTrees,
  hashPair,
  listRoot,
  merkleize,
  zeroHash,
} from "../../../src/chain/merkle.ts";
import { DOMAIN_DELEGATION, domain, signingRoot } from "../../../src/chain/signing.ts";
import { bytes } from "./arbitraries.ts";
import { signingDataType } from "./ssz-oracle.ts";

function plainSha256(message: Uint8Array): string {
  return createHash("sha256").update(message).digest("hex");
}

test("sha256: agrees with node's digest on short and long messages", () => {
  for (const length of [0, 1, 40, 64, 1000, 100_000]) {
    const message = new Uint8Array(length).fill(length);
    assert.equal(toHex(sha256(message)), plainSha256(message));
  }
});

test("hashPairs: the native and the portable form give SHA-256 of each pair", () => {
  assert.equal(hashBackend, "hashtree");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.nat(255), (pairs, fill) => {
      const input = Uint8Array.from({ length: pairs * 64 }, (_, index) => index * 7 + fill);
      const native = new Uint8Array(pairs * 32);
      const portable = new Uint8Array(pairs * 32);
      hashPairs(input, native);
      hashPairsPortable(input, portable);
      assert.deepEqual(native, portable);
      for (let pair = 0; pair < pairs; pair++) {
        const digest = plainSha256(input.subarray(pair * 64, pair * 64 + 64));
        assert.equal(toHex(native.subarray(pair * 32, pair * 32 + 32)), digest);
      }
    }),
  );
});

test("merkleize: pads with zero subtrees to the depth", () => {
  assert.deepEqual(merkleize(new Uint8Array(0), 5), zeroHash(5));
  const one = new Uint8Array(32).fill(1);
  assert.deepEqual(merkleize(one, 0), one);
  assert.deepEqual(merkleize(one, 2), hashPair(hashPair(one, zeroHash(0)), zeroHash(1)));
  assert.throws(() => zeroHash(60), RangeError);
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(depthOf), [0, 0, 1, 2, 2, 3]);
});

test("hashFixedTrees: many complete trees at once are each alone", () => {
  const leaves = Uint8Array.from({ length: 3 * 4 * 32 }, (_, index) => index);
  const alone = [0, 1, 2].map((tree) => merkleize(leaves.subarray(tree * 128, tree * 128 + 128), 2));
  assert.deepEqual(hashFixedTrees(leaves, 2), concatBytes(alone));
});

test("byteListRoot, byteVectorRoot, listRoot: the reference's", () => {
  const list = new ByteListType(2 ** 10);
  const lists = new ListCompositeType(list, 5);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 1024 }), { maxLength: 5 }), bytes(48), (items, key) => {
      const roots = items.map((item) => byteListRoot(item, 2 ** 10));
      for (const [index, item] of items.entries()) {
        assert.equal(toHex(roots[index] as Uint8Array), toHex(list.hashTreeRoot(item)));
      }
      assert.equal(toHex(listRoot(roots, 5)), toHex(lists.hashTreeRoot(items)));
      assert.equal(toHex(byteVectorRoot(key)), toHex(new ByteVectorType(48).hashTreeRoot(key)));
    }),
  );
});

test("signingRoot: the root of SigningData under a domain of type and chain", () => {
  const genesisHash = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
  const domainBytes = domain(DOMAIN_DELEGATION, genesisHash);
  assert.equal(toHex(domainBytes), `02000000${toHex(genesisHash.subarray(0, 28))}`);
  const objectRoot = new Uint8Array(32).fill(9);
  const reference = signingDataType.hashTreeRoot({ objectRoot, domain: domainBytes });
  assert.equal(toHex(signingRoot(objectRoot, domainBytes)), toHex(reference));
});

test("little-endian: integers come back, and a u64 above 2^53 - 1 is malformed", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 0, max: 0xffff_ffff }), (large, small) => {
      const memory = new Uint8Array(12);
      writeUint64(memory, 0, large);
      writeUint32(memory, 8, small);
      assert.equal(new DataView(memory.buffer).getBigUint64(0, true), BigInt(large));
      assert.equal(readUint64(memory, 0, "test"), large);
      assert.equal(readUint32(memory, 8), small);
    }),
  );
  const above = new Uint8Array(8);
  new DataView(above.buffer).setBigUint64(0, 2n ** 53n, true);
  assert.throws(() => readUint64(above, 0, "height"), /height/);
});

test("hex: text comes back; odd, foreign and prefixed text is judged", () => {
  fc.assert(fc.property(fc.uint8Array(), (value) => assert.deepEqual(fromHex(toHex(value)), value)));
  assert.deepEqual(fromHex("0xFFfe"), new Uint8Array([255, 254]));
  assert.throws(() => fromHex("abc"), MalformedError);
  assert.throws(() => fromHex("zz"), MalformedError);
});

test("compareBytes, equalBytes: order and equality of byte strings", () => {
  assert.ok(compareBytes(fromHex("01ff"), fromHex("02")) < 0);
  assert.ok(compareBytes(fromHex("0100"), fromHex("01")) > 0);
  assert.equal(compareBytes(fromHex("01"), fromHex("01")), 0);
  assert.ok(equalBytes(fromHex("0102"), fromHex("0102")));
  assert.ok(!equalBytes(fromHex("0102"), fromHex("0103")) && !equalBytes(fromHex("01"), fromHex("0100")));
});
