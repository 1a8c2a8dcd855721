/**
 * That a block's body carries a certain change of the authorities, shown by three hashes instead of the body: the body is
 * a tree of eight leaves, next_authorities the seventh of them.
 */

import type { AuthorityChange } from "../block.ts";
import { BODY_FIELD, type BodyLayout } from "../body-layout.ts";
import { authorityChangeRoot, bodyFieldRoots } from "../body-root.ts";
import { equalBytes } from "../bytes.ts";
import { HASH_LENGTH } from "../header.ts";
import { hashPair, listRoot } from "../merkle.ts";

/** Three siblings, bottom up. */
const BODY_PROOF_LENGTH = 3 * HASH_LENGTH;

/** The siblings on the way from next_authorities to the body's root, 96 bytes. */
export function proveChange(body: BodyLayout): Uint8Array {
  const leaves = bodyFieldRoots(body);
  const leaf = (index: number): Uint8Array => leaves.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH);
  const proof = new Uint8Array(BODY_PROOF_LENGTH);
  proof.set(leaf(BODY_FIELD.nextAuthorities + 1), 0);
  proof.set(hashPair(leaf(4), leaf(5)), HASH_LENGTH);
  const left = hashPair(hashPair(leaf(0), leaf(1)), hashPair(leaf(2), leaf(3)));
  proof.set(left, 2 * HASH_LENGTH);
  return proof;
}

/** Whether the proof leads from the change to `bodyRoot`. */
export function verifyChangeProof(change: AuthorityChange, proof: Uint8Array, bodyRoot: Uint8Array): boolean {
  if (proof.length !== BODY_PROOF_LENGTH) return false;
  const sibling = (index: number): Uint8Array =>
    proof.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH);
  // Position 6 of 8: left of its sibling at the bottom, right of it twice above.
  let node = hashPair(listRoot([authorityChangeRoot(change)], 1), sibling(0));
  node = hashPair(sibling(1), node);
  node = hashPair(sibling(2), node);
  return equalBytes(node, bodyRoot);
}
