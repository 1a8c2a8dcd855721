/**
 * AuthoritySet: its root, and picking the keys that an approval's bits name. Who may be in a set and how it
 * changes is judged elsewhere.
 */

import { AUTHORITIES_MAX, indexesOf } from "./approval.ts";
import type { AuthoritySetFacts } from "./facts.ts";
import { byteVectorRoot, listRoot } from "./merkle.ts";

/** The set with its root. Keys are 48 bytes each, at most 15. */
export function authoritySet(keys: readonly Uint8Array[]): AuthoritySetFacts {
  return { keys, root: authoritySetRoot(keys) };
}

/** Hash tree root of the set: a container of one list, so the list's root itself. */
export function authoritySetRoot(keys: readonly Uint8Array[]): Uint8Array {
  return listRoot(keys.map(byteVectorRoot), AUTHORITIES_MAX);
}

/** Keys of the authorities whose bits are set; bits beyond the set name nobody. */
export function keysOf(authorities: AuthoritySetFacts, bits: number): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const index of indexesOf(bits)) {
    const key = authorities.keys[index];
    if (key !== undefined) keys.push(key);
  }
  return keys;
}
