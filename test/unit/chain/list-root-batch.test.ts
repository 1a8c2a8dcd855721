/** ListRootBatch: the root of each list is the one that it has alone, however many there are and wherever they lie. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../../../src/chain/bytes.ts";
import { ListRootBatch } from "../../../src/chain/list-root-batch.ts";
import { byteListRoot } from "../../../src/chain/merkle.ts";
import "./arbitraries.ts";

test("ListRootBatch: every list has the root it has alone, round after round", () => {
  const batch = new ListRootBatch(5);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 1024 }), { maxLength: 30 }), (items) => {
      for (const item of items) batch.add(item, 0, item.length, item.length);
      assert.deepEqual(batch.finish(), concatBytes(items.map((item) => byteListRoot(item, 2 ** 10))));
      assert.equal(batch.size, 0);
    }),
  );
});

test("ListRootBatch: grows past its first memory", () => {
  const batch = new ListRootBatch(15);
  const items = [1, 200_000, 0, 70_000].map((length) => new Uint8Array(length).fill(3));
  for (const item of items) batch.add(item, 0, item.length, item.length);
  assert.deepEqual(batch.finish(), concatBytes(items.map((item) => byteListRoot(item, 2 ** 20))));
});

test("ListRootBatch: more lists than are hashed together keep their order", () => {
  const batch = new ListRootBatch(5);
  const items = Array.from({ length: 5_000 }, (_, index) => new Uint8Array(index % 97).fill(index));
  for (const item of items) batch.add(item, 0, item.length, item.length);
  assert.deepEqual(batch.finish(), concatBytes(items.map((item) => byteListRoot(item, 2 ** 10))));
});

test("ListRootBatch: neighbours in one memory, at any offset of it", () => {
  const batch = new ListRootBatch(15);
  const lengths = [0, 1, 3, 64, 97, 511, 512, 513, 2_000];
  const memory = Uint8Array.from({ length: 5_000 }, (_, index) => index * 31);
  const body = memory.subarray(5);
  const items = lengths.map((length, index) => {
    const start = 1 + concatLength(lengths.slice(0, index));
    batch.add(body, start, start + length, length);
    return body.subarray(start, start + length);
  });
  assert.deepEqual(batch.finish(), concatBytes(items.map((item) => byteListRoot(item, 2 ** 20))));
});

const concatLength = (lengths: readonly number[]): number => lengths.reduce((sum, length) => sum + length, 0);
