/** The retarget rule: when it applies, in which direction, how far, and that it is total. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compactOf, targetOf } from "../../../../src/chain/auxpow/compact.ts";
import { type PowFacts, powFactsOf } from "../../../../src/chain/auxpow/pow-facts.ts";
import { requiredBits } from "../../../../src/chain/auxpow/retarget.ts";
import { forgeParameters } from "../../../../src/chain/forge.ts";

/** Alys's own values: spacing 5, interval 12, adjustment 20 %. */
const FACTS: PowFacts = powFactsOf(forgeParameters([]));
const BITS = 0x1e22_2222;

function percentOf(bits: number): number {
  return Math.round(Number((targetOf(bits) * 10_000n) / targetOf(BITS)) / 100);
}

function required(carrierHeight: number, height: number, facts = FACTS): number {
  return requiredBits({ carrierHeight, bits: BITS }, height, facts);
}

test("requiredBits: stays as it is but on a multiple of the interval, or beyond it", () => {
  assert.equal(required(100, 105), BITS);
  assert.equal(required(100, 112), BITS);
  // The parent of 109 has height 108 = 9 · 12.
  assert.notEqual(required(100, 109), BITS);
  assert.notEqual(required(100, 113), BITS);
  assert.equal(required(100, 113, { ...FACTS, powNoRetargeting: true }), BITS);
});

test("requiredBits: slower than wished raises the target by a fifth at most", () => {
  assert.equal(percentOf(required(0, 1000)), 120);
  assert.equal(percentOf(required(103, 109)), 120);
  assert.equal(percentOf(required(104, 109)), 100);
});

test("requiredBits: faster than wished cuts it to a fifth at least, Alys's asymmetry", () => {
  assert.equal(percentOf(required(105, 109)), 20);
  assert.equal(percentOf(required(108, 109)), 20);
  const wide = { ...FACTS, powTargetSpacing: 60, powTargetTimespan: 720 };
  // 6 of 60 blocks: 10 %, below the cap, is taken as it is.
  assert.equal(percentOf(requiredBits({ carrierHeight: 715, bits: BITS }, 721, wide)), 10);
});

test("requiredBits: rounds the ratio to whole percents, halves to the even one", () => {
  const facts = { ...FACTS, powTargetSpacing: 200, powTargetTimespan: 200, maxPowAdjustment: 90 };
  // Interval 1: it applies always. 125 / 200 = 62.5 %, 127 / 200 = 63.5 %.
  assert.equal(percentOf(required(0, 125, facts)), 62);
  assert.equal(percentOf(required(0, 127, facts)), 64);
  // 98.5 % is held to the cap; 99.5 % is rounded to 100 % before it is compared.
  assert.equal(percentOf(required(0, 197, facts)), 90);
  assert.equal(percentOf(required(0, 199, facts)), 100);
});

test("requiredBits: never leaves the limits", () => {
  const { powLimit, powLowerLimit } = FACTS;
  assert.equal(requiredBits({ carrierHeight: 0, bits: powLimit }, 1000, FACTS), powLimit);
  const hardest = requiredBits({ carrierHeight: 108, bits: powLowerLimit }, 109, FACTS);
  assert.equal(targetOf(hardest), targetOf(powLowerLimit));
});

test("requiredBits: answers for any parameters, within the limits or unchanged", () => {
  const number = fc.oneof(fc.nat(100), fc.nat(0xffff_ffff));
  fc.assert(
    fc.property(
      fc.record({ bits: number, lower: number, limit: number, spacing: number, timespan: number }),
      fc.nat(255),
      fc.nat(1_000_000),
      fc.integer({ min: 1, max: 1_000_000 }),
      ({ bits, lower, limit, spacing, timespan }, adjustment, carrierHeight, distance) => {
        const facts = {
          ...FACTS,
          powLimit: limit,
          powLowerLimit: lower,
          powTargetSpacing: spacing,
          powTargetTimespan: timespan,
          maxPowAdjustment: adjustment,
        };
        const next = requiredBits({ carrierHeight, bits }, carrierHeight + distance, facts);
        assert(next === bits || targetOf(next) <= targetOf(limit));
        assert(next === bits || next === compactOf(targetOf(next)));
      },
    ),
  );
});
