/**
 * What an import's outcome means for the pipeline, as one exhaustive table: whether it goes on, whose fault
 * it was, and what to try next. Pure.
 */

import type { BlockFault } from "../../../chain/block-fault.ts";
import type { ImportOutcome } from "../../../integrations/chain/port.ts";
import { assertNever } from "../../../kernel/errors.ts";
import type { AbandonReason, OwnFailure } from "../status/stall-reason.ts";

export type ImportDecision =
  /** The segment is where it belongs. `isHead`: the chain that we follow has reached it; `isNew`: we did not have it. */
  | { readonly kind: "advance"; readonly isHead: boolean; readonly isNew: boolean }
  /** The range begins above where the two chains part: begin lower. */
  | { readonly kind: "stepBack" }
  /** The target's chain parts from ours below the final block: exclude it. */
  | { readonly kind: "abandon"; readonly reason: AbandonReason }
  /** The fault of exactly who sent the block at `index` of the segment. */
  | { readonly kind: "blame"; readonly index: number; readonly fault: BlockFault }
  /** Nobody's fault: try again later. */
  | { readonly kind: "retry"; readonly reason: OwnFailure };

export function decideImport(outcome: ImportOutcome): ImportDecision {
  switch (outcome.kind) {
    case "imported":
    case "reorganized":
      return { kind: "advance", isHead: true, isNew: true };
    case "known":
      return { kind: "advance", isHead: false, isNew: false };
    case "side":
      return { kind: "advance", isHead: false, isNew: true };
    case "unknownParent":
      return { kind: "stepBack" };
    case "belowFinal":
      return { kind: "abandon", reason: { type: "targetBelowFinal", height: outcome.height } };
    case "invalid":
      return judgeFault(outcome.fault, outcome.index);
    case "notNow":
      return { kind: "retry", reason: { type: "importRefused", failure: outcome.failure } };
    default:
      return assertNever(outcome);
  }
}

/** A fault that later knowledge can mend is nobody's. */
export function judgeFault(fault: BlockFault, index: number): ImportDecision {
  return fault.isInvalid
    ? { kind: "blame", index, fault }
    : { kind: "retry", reason: { type: "blockNotYetValid", fault } };
}
