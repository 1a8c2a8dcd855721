/**
 * That a block's body carries a certain change of the authorities, or a certain AuxPoW, shown by three hashes instead of
 * the body: the body is a tree of eight leaves, one a field.
 */

import type { AuthorityChange, AuxPowHeader } from "../block.ts";
import { BODY_FIELD, type BodyLayout } from "../body-layout.ts";
import { authorityChangeRoot, auxpowHeaderRoot, bodyFieldRoots } from "../body-root.ts";
import { equalBytes } from "../bytes.ts";
import { HASH_LENGTH } from "../header.ts";
import { hashPair, listRoot } from "../merkle.ts";

/** From a leaf to the root. */
const LEVELS = 3;
const BODY_PROOF_LENGTH = LEVELS * HASH_LENGTH;

/** The siblings on the way from next_authorities to the body's root, 96 bytes. */
export function proveChange(body: BodyLayout): Uint8Array {
  return proveField(body, BODY_FIELD.nextAuthorities);
}

/** The siblings on the way from auxpow to the body's root, 96 bytes. */
export function proveAuxPow(body: BodyLayout): Uint8Array {
  return proveField(body, BODY_FIELD.auxpow);
}

/** Whether the proof leads from the change to `bodyRoot`. */
export function verifyChangeProof(change: AuthorityChange, proof: Uint8Array, bodyRoot: Uint8Array): boolean {
  const leaf = listRoot([authorityChangeRoot(change)], 1);
  return verifyField(leaf, BODY_FIELD.nextAuthorities, proof, bodyRoot);
}

/** Whether the proof leads from the AuxPoW to `bodyRoot`. */
export function verifyAuxPowProof(header: AuxPowHeader, proof: Uint8Array, bodyRoot: Uint8Array): boolean {
  return verifyField(listRoot([auxpowHeaderRoot(header)], 1), BODY_FIELD.auxpow, proof, bodyRoot);
}

function proveField(body: BodyLayout, field: number): Uint8Array {
  const proof = new Uint8Array(BODY_PROOF_LENGTH);
  let nodes = bodyFieldRoots(body);
  for (let level = 0, position = field; level < LEVELS; level++, position >>= 1) {
    proof.set(nodeAt(nodes, position ^ 1), level * HASH_LENGTH);
    nodes = parentsOf(nodes);
  }
  return proof;
}

function verifyField(leaf: Uint8Array, field: number, proof: Uint8Array, bodyRoot: Uint8Array): boolean {
  if (proof.length !== BODY_PROOF_LENGTH) return false;
  let node = leaf;
  for (let level = 0, position = field; level < LEVELS; level++, position >>= 1) {
    const sibling = nodeAt(proof, level);
    node = (position & 1) === 1 ? hashPair(sibling, node) : hashPair(node, sibling);
  }
  return equalBytes(node, bodyRoot);
}

function nodeAt(nodes: Uint8Array, position: number): Uint8Array {
  return nodes.subarray(position * HASH_LENGTH, (position + 1) * HASH_LENGTH);
}

function parentsOf(nodes: Uint8Array): Uint8Array {
  const parents = new Uint8Array(nodes.length / 2);
  for (let position = 0; position < parents.length / HASH_LENGTH; position++) {
    parents.set(
      hashPair(nodeAt(nodes, 2 * position), nodeAt(nodes, 2 * position + 1)),
      position * HASH_LENGTH,
    );
  }
  return parents;
}
