/**
 * The ordered half of judging AuxPoWs: what the newest one on a chain leaves for the next (where its range must begin,
 * what work it needs, when it is overdue), and whether a block's AuxPoW continues it. Pure but for looking up ancestors.
 */

import { createHash } from "node:crypto";
import type { AuxPowHeader } from "../block.ts";
import { type BlockFault, blockFault } from "../block-fault.ts";
import { equalBytes } from "../bytes.ts";
import type { ChainFacts } from "../facts.ts";
import { sha256 } from "../hash.ts";
import type { Ancestors } from "./ancestors.ts";
import { readAuxPow } from "./auxpow.ts";
import { checkCommitment } from "./check-auxpow.ts";
import { requiredBits } from "./retarget.ts";

const HASH_LENGTH = 32;

/** The newest AuxPoW among a block and its ancestors. */
export interface LastAuxPow {
  /** Height of the block that carried it; 0 when there was none: genesis, with the parameters' bits. */
  readonly carrierHeight: number;
  /** Height of the last block that it covers. */
  readonly rangeEndHeight: number;
  readonly bits: number;
}

/** A block of which the ordered half is judged: its height, and its AuxPoW if it carries one. */
export interface Carrier {
  readonly height: number;
  readonly auxpow: AuxPowHeader | undefined;
}

export type AuxPowVerdict =
  | { readonly ok: true; readonly last: LastAuxPow }
  | { readonly ok: false; readonly fault: BlockFault };

export function genesisAuxPow(facts: ChainFacts): LastAuxPow {
  return { carrierHeight: 0, rangeEndHeight: 0, bits: facts.pow.bits };
}

/** Range, bits and commitment of the block's AuxPoW; without one, that it is not overdue. */
export function judgeAuxPow(
  last: LastAuxPow,
  { height, auxpow }: Carrier,
  facts: ChainFacts,
  ancestors: Ancestors,
): AuxPowVerdict {
  if (auxpow === undefined) {
    const limit = facts.maxBlocksWithoutPow;
    if (limit === 0 || height - last.rangeEndHeight <= limit) return { ok: true, last };
    return refuse(blockFault("AUXPOW_OVERDUE", { height, latestHeight: last.rangeEndHeight }));
  }
  const end = rangeEndOf(last, height, auxpow, ancestors);
  if (typeof end === "string") return refuse(rangeFault(end, last, height));
  const expected = requiredBits(last, height, facts.pow);
  if (auxpow.bits !== expected) {
    return refuse(blockFault("WRONG_AUXPOW_BITS", { expected, actual: auxpow.bits }));
  }
  const commitment = rangeCommitment(last.rangeEndHeight + 1, end, ancestors);
  if (commitment === undefined) return refuse(rangeFault("unknown", last, height));
  const fault = checkCommitment(commitment, readAuxPow(auxpow.auxpow), facts.pow);
  if (fault !== undefined) return refuse(fault);
  return { ok: true, last: { carrierHeight: height, rangeEndHeight: end, bits: auxpow.bits } };
}

/** SHA-256d over the hashes of the range: what Alys calls the vector commitment. Undefined when one is missing. */
function rangeCommitment(first: number, last: number, ancestors: Ancestors): Uint8Array | undefined {
  const digest = createHash("sha256");
  let missing = last - first + 1;
  for (const run of ancestors.hashes(first, last)) {
    digest.update(run);
    missing -= run.length / HASH_LENGTH;
  }
  return missing === 0 ? sha256(digest.digest()) : undefined;
}

/** Height of the range's last block, or what is wrong; "unknown" when its hashes are not held, nobody's fault. */
function rangeEndOf(
  last: LastAuxPow,
  height: number,
  { rangeStart, rangeEnd }: AuxPowHeader,
  ancestors: Ancestors,
): number | "start" | "end" | "unknown" {
  const first = last.rangeEndHeight + 1;
  if (first >= height) return "start";
  const expected = ancestors.hashAt(first);
  if (expected === undefined) return "unknown";
  if (!equalBytes(expected, rangeStart)) return "start";
  const end = ancestors.heightOf(rangeEnd);
  return end === undefined || end < first || end >= height ? "end" : end;
}

function rangeFault(wrong: "start" | "end" | "unknown", last: LastAuxPow, height: number): BlockFault {
  const first = last.rangeEndHeight + 1;
  if (wrong === "unknown") return blockFault("AUXPOW_RANGE_UNKNOWN", { first });
  return blockFault("WRONG_AUXPOW_RANGE", { wrong, first, height });
}

function refuse(fault: BlockFault): AuxPowVerdict {
  return { ok: false, fault };
}
