/**
 * Cutting an answer into the segments that are validated and imported as one each, with the policy of each:
 * the approval of every block near the tip, that of the segment's end in history. Pure.
 */

import { carriesNextAuthorities, segmentLength } from "../../../chain/segment.ts";
import { SEGMENT_ALIGNMENT } from "../config.ts";
import type { Slot } from "./batch.ts";

/** `everyBlockFrom` is the first height whose approval is verified by itself. */
export function cutSlots(blocks: readonly Uint8Array[], firstHeight: number, everyBlockFrom: number): Slot[] {
  const slots: Slot[] = [];
  for (let start = 0; start < blocks.length; ) {
    const height = firstHeight + start;
    const isHistory = height < everyBlockFrom;
    const toAlignment = SEGMENT_ALIGNMENT - ((height - 1) % SEGMENT_ALIGNMENT);
    const toPolicyChange = isHistory ? everyBlockFrom - height : Number.POSITIVE_INFINITY;
    const count = Math.min(segmentLength(blocks, start), toAlignment, toPolicyChange);
    const last = blocks[start + count - 1];
    slots.push({
      start,
      count,
      policy: isHistory ? "SEGMENT" : "EVERY_BLOCK",
      isBarrier: last !== undefined && carriesNextAuthorities(last),
      step: { at: "waiting" },
    });
    start += count;
  }
  return slots;
}
