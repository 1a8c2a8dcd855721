/**
 * Equivocation: two verified approvals of different headers of one slot. Guilty are the members who are in
 * both. The caller has verified both approvals and keeps both as evidence.
 */

import { decodeApproval } from "./approval.ts";
import { keysOf } from "./authorities.ts";
import { equalBytes } from "./bytes.ts";
import { decodeHeader } from "./header.ts";
import { toHex } from "./hex.ts";
import type { ApprovalCheck } from "./validator.ts";

export interface Equivocation {
  readonly slot: number;
  /** Public keys of the members who approved both, in the order of the first header's set. */
  readonly guiltyKeys: readonly Uint8Array[];
  /** Bits of the guilty in the first header's set. */
  readonly guiltyBits: number;
}

/**
 * Undefined when the headers are the same, or of different slots, or nobody signed both. Members are compared
 * by key, so that it holds across a change of the set. Throws MalformedError on bytes that are no header or
 * approval.
 */
export function findEquivocation(first: ApprovalCheck, second: ApprovalCheck): Equivocation | undefined {
  if (equalBytes(first.header, second.header)) return undefined;
  const { slot } = decodeHeader(first.header);
  if (slot !== decodeHeader(second.header).slot) return undefined;
  const others = keysOf(second.authorities, decodeApproval(second.approval).bits).map(toHex);
  const { bits } = decodeApproval(first.approval);
  const guiltyKeys: Uint8Array[] = [];
  let guiltyBits = 0;
  for (const [index, key] of first.authorities.keys.entries()) {
    if ((bits & (1 << index)) === 0 || !others.includes(toHex(key))) continue;
    guiltyKeys.push(key);
    guiltyBits |= 1 << index;
  }
  return guiltyBits === 0 ? undefined : { slot, guiltyKeys, guiltyBits };
}
