/**
 * The check of the store's newest blocks that mode RECOVERY begins with: hashes, links and the approval of every one of
 * them, as if a peer had sent them, before anything is asked of anybody. Pure; machine.ts runs it, effect-runner.ts reads and
 * validates a segment at a time, so that nothing else waits for it.
 */

import type { BlockFault } from "../../../chain/block-fault.ts";
import type { Failure } from "../../../kernel/errors.ts";
import { SEGMENT_ALIGNMENT } from "../config.ts";

/** Blocks that are checked: the reach of a torn write and of a reorganization, many times over. */
const TAIL_BLOCKS = 1024;

/** What is wrong with a block of our own. */
export type StoreDamage =
  | { readonly type: "missing" }
  | { readonly type: "tooShort"; readonly bytes: number }
  | { readonly type: "notIndexed" }
  | { readonly type: "notFoundByHash" }
  | { readonly type: "unlinked" }
  | { readonly type: "invalid"; readonly fault: BlockFault }
  /** It could not be read or validated. */
  | { readonly type: "unchecked"; readonly failure: Failure };

/** The lowest block that is not sound. */
export interface DamagedBlock {
  readonly height: number;
  readonly damage: StoreDamage;
}

/** So many more blocks are sound, or one is not. */
export type TailOutcome = { readonly checked: number } | DamagedBlock;

export type TailCheck =
  | { readonly state: "none" }
  /** The segment from `next` on is with the validator. */
  | { readonly state: "checking"; readonly next: number; readonly last: number }
  | { readonly state: "sound" }
  | ({ readonly state: "damaged" } & DamagedBlock);

export function beginTailCheck(headHeight: number, earliestHeight: number): TailCheck {
  if (headHeight === 0) return { state: "sound" };
  const next = Math.max(1, earliestHeight, headHeight - TAIL_BLOCKS + 1);
  return { state: "checking", next, last: headHeight };
}

/** Blocks of the segment that is to be checked now. */
export function tailCount({ next, last }: Extract<TailCheck, { state: "checking" }>): number {
  return Math.min(SEGMENT_ALIGNMENT, last - next + 1);
}

/** `checked` blocks from `next` on were sound, or the one at `outcome.height` was not. */
export function stepTailCheck(check: TailCheck, outcome: TailOutcome): TailCheck {
  if (check.state !== "checking") return check;
  if ("height" in outcome) return { state: "damaged", ...outcome };
  const next = check.next + outcome.checked;
  return next > check.last ? { state: "sound" } : { ...check, next };
}
