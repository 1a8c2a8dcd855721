/** Compact targets: known pairs, exactness for any number, and hashes against them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compactOf, meetsTarget, targetOf } from "../../../../src/chain/auxpow/compact.ts";

test("targetOf: the pairs of Bitcoin's own tests", () => {
  const pairs: readonly [number, bigint][] = [
    [0, 0n],
    [0x00123456, 0n],
    [0x01003456, 0n],
    [0x02000056, 0n],
    [0x01123456, 0x12n],
    [0x02123456, 0x1234n],
    [0x03123456, 0x123456n],
    [0x04123456, 0x12345600n],
    [0x05009234, 0x92340000n],
    [0x20123456, 0x123456n << 232n],
    [0x1d00ffff, 0xffffn << 208n],
    [0x2100ffff, 0xffffn << 240n],
  ];
  for (const [bits, target] of pairs) assert.equal(targetOf(bits), target, bits.toString(16));
});

test("targetOf: negative and overlong targets are 0, which no hash meets", () => {
  for (const bits of [0x01fedcba, 0x04923456, 0xff123456, 0x2200ffff, 0x21010000, 0x1d800000]) {
    assert.equal(targetOf(bits), 0n, bits.toString(16));
    assert.equal(meetsTarget(new Uint8Array(32), targetOf(bits)), false);
  }
});

test("compactOf: takes a byte more where the mantissa's highest bit would be a sign", () => {
  assert.equal(compactOf(0n), 0);
  assert.equal(compactOf(0x12n), 0x01120000);
  assert.equal(compactOf(0x80n), 0x02008000);
  assert.equal(compactOf(0x92340000n), 0x05009234);
  assert.equal(compactOf(0xffffn << 208n), 0x1d00ffff);
  assert.equal(compactOf((1n << 256n) - 1n), 0x2100ffff);
});

test("compactOf: decodes to the target without its lowest bits, and canonical bits to themselves", () => {
  fc.assert(
    fc.property(fc.bigInt(1n, (1n << 256n) - 1n), (target) => {
      const bits = compactOf(target);
      const kept = targetOf(bits);
      assert(kept <= target && kept > 0n);
      // Two bytes of mantissa at least are kept, unless there are fewer.
      assert(target - kept < kept / 0x7fffn + 1n);
      assert.equal(compactOf(kept), bits);
    }),
  );
});

test("meetsTarget: the hash is a little-endian number, the target itself is met", () => {
  const hash = new Uint8Array(32);
  hash[1] = 1;
  assert.equal(meetsTarget(hash, 256n), true);
  assert.equal(meetsTarget(hash, 255n), false);
  hash[31] = 1;
  assert.equal(meetsTarget(hash, 1n << 248n), false);
});
