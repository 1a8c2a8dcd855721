/**
 * How much work the next AuxPoW needs: Alys's retarget rule, in whole percents of the last AuxPoW's target. Pure.
 */

import { compactOf, targetOf } from "./compact.ts";
import type { PowFacts } from "./pow-facts.ts";

/**
 * Alys caps the ratio at max_pow_adjustment percent when AuxPoWs come faster than wished, where it meant to keep it from
 * falling by more than that: a single retarget cuts the target to a fifth (20 %) or less, and none raises it by more
 * than a fifth. Chains were mined under that rule, so it is a rule.
 */
const FASTER_THAN_WISHED_IS_CAPPED = true;

/** The easiest target, 256 bits; an easier one is lowered to it. */
const TARGET_MAX = (1n << 256n) - 1n;

/** What the rule looks at of the last AuxPoW. */
export interface LastWork {
  /** Height of the block that carried it; 0 for genesis. */
  readonly carrierHeight: number;
  /** Its bits; for genesis the parameters'. */
  readonly bits: number;
}

/** The bits that an AuxPoW in the block at `height`, above `last.carrierHeight`, must have. */
export function requiredBits(last: LastWork, height: number, facts: PowFacts): number {
  const blocksSince = height - last.carrierHeight;
  if (!isRetarget(height - 1, blocksSince, facts)) return last.bits;
  const percent = adjustmentPercent(blocksSince, facts);
  const scaled = (targetOf(last.bits) / 100n) * percent;
  return compactOf(clamp(scaled, targetOf(facts.powLowerLimit), targetOf(facts.powLimit)));
}

/** Every timespan / spacing blocks of the chain, and whenever the last AuxPoW is further back than that. */
function isRetarget(parentHeight: number, blocksSince: number, facts: PowFacts): boolean {
  const { powNoRetargeting, powTargetTimespan, powTargetSpacing } = facts;
  // Alys divides by both without a look; parameters with which it would stop leave the work as it is here.
  if (powNoRetargeting || powTargetSpacing === 0) return false;
  const interval = Math.floor(powTargetTimespan / powTargetSpacing);
  if (interval === 0) return false;
  return parentHeight % interval === 0 || blocksSince > interval;
}

/** The ratio of actual to wished distance between AuxPoWs, both in blocks, as Alys bounds it. */
function adjustmentPercent(blocksSince: number, facts: PowFacts): bigint {
  const adjustment = BigInt(facts.maxPowAdjustment);
  const ratio = roundHalfEven(BigInt(blocksSince) * 100n, BigInt(facts.powTargetSpacing));
  if (ratio > 100n) return min(ratio, 100n + adjustment);
  if (ratio < 100n && FASTER_THAN_WISHED_IS_CAPPED) return min(ratio, adjustment);
  return ratio;
}

/** numerator / denominator to the nearest integer, of two as near the even one: how Alys's decimals round. */
function roundHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  if (twice < denominator || (twice === denominator && quotient % 2n === 0n)) return quotient;
  return quotient + 1n;
}

function clamp(target: bigint, lowest: bigint, highest: bigint): bigint {
  const raised = target < lowest ? lowest : target;
  return min(min(raised, highest), TARGET_MAX);
}

function min(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
