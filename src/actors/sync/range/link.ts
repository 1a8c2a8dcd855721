/**
 * Whether the segments of one answer are linked to each other. Inside a segment the validator looks; between an
 * answer and what is imported before it, the chain does. Pure.
 */

import { type BlockFault, blockFault } from "../../../chain/block-fault.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import { HASH_LENGTH } from "../../../chain/header.ts";
import type { ValidatedSegment } from "../../../chain/validator.ts";
import type { Slot } from "./batch.ts";

/** The first segment that does not build on the one before it in the same answer. */
export function brokenLink(
  slots: readonly Slot[],
): { readonly index: number; readonly fault: BlockFault } | undefined {
  let before: ValidatedSegment | undefined;
  for (const [index, { step }] of slots.entries()) {
    if (step.at !== "valid") continue;
    const { segment } = step;
    if (before !== undefined) {
      const expected = before.hashes.subarray((before.count - 1) * HASH_LENGTH, before.count * HASH_LENGTH);
      const actual = segment.firstParentHash;
      if (!equalBytes(expected, actual))
        return { index, fault: blockFault("BROKEN_LINK", { expected, actual }) };
    }
    before = segment;
  }
  return undefined;
}
