/**
 * Building and completing a block: header and body from what the chain dictates, then the approvals as they come in.
 * Pure: time, transactions and signatures are arguments.
 */

import { decodeApproval, encodeApproval } from "../../chain/approval.ts";
import {
  type AuthorityChange,
  type AuxPowHeader,
  EMPTY_BODY,
  encodeBody,
  joinBlock,
} from "../../chain/block.ts";
import { aggregateSignatures } from "../../chain/bls.ts";
import { bodyRoot } from "../../chain/body-root.ts";
import { encodeHeader, headerHash } from "../../chain/header.ts";
import type { ChildTemplate } from "../../integrations/chain/port.ts";

/** A transaction's place in the body's list of offsets. */
export const TRANSACTION_OVERHEAD_BYTES = 4;

/** A block before its approval. */
export interface UnsignedBlock {
  readonly slot: number;
  readonly height: number;
  /** Block hash, 32 bytes. */
  readonly hash: Uint8Array;
  readonly parentHash: Uint8Array;
  /** SSZ BlockHeader, 184 bytes. */
  readonly header: Uint8Array;
  /** SSZ BlockBody. */
  readonly body: Uint8Array;
}

/** What few blocks carry. */
export interface CarriedParts {
  readonly nextAuthorities?: AuthorityChange | undefined;
  readonly auxpow?: AuxPowHeader | undefined;
}

/** A child of the template's head. `timestampMs` lies in `slot`. */
export function buildBlock(
  template: ChildTemplate,
  slot: number,
  timestampMs: number,
  transactions: readonly Uint8Array[],
  { nextAuthorities, auxpow }: CarriedParts = {},
): UnsignedBlock {
  const { parentApproval, parentHash, height, stateRoot, authoritiesRoot, historyRoot } = template;
  const body = encodeBody({
    ...EMPTY_BODY,
    parentApproval: parentApproval && decodeApproval(parentApproval),
    transactions,
    auxpow,
    nextAuthorities,
  });
  const header = encodeHeader({
    parentHash,
    height,
    slot,
    timestampMs,
    stateRoot,
    bodyRoot: bodyRoot(body),
    authoritiesRoot,
    historyRoot,
  });
  return { slot, height, hash: headerHash(header), parentHash, header, body };
}

/**
 * The SignedBlock with the approvals of these members (index in the set and signature, 96 bytes); `length` is the size of
 * the set. Undefined when a signature is no valid point, which its verification should have found.
 */
export function approvedBlock(
  block: UnsignedBlock,
  length: number,
  signatures: ReadonlyMap<number, Uint8Array>,
): Uint8Array | undefined {
  const signature = aggregateSignatures([...signatures.values()]);
  if (signature === undefined) return undefined;
  let bits = 0;
  for (const index of signatures.keys()) bits |= 1 << index;
  return joinBlock(block.header, block.body, encodeApproval({ bits, length, signature }));
}

/** The SignedBlock with the author's bit and no signature yet: what is judged before the vote is recorded. */
export function unsignedProposal(block: UnsignedBlock, length: number, author: number): Uint8Array {
  const approval = encodeApproval({ bits: 1 << author, length, signature: new Uint8Array(96) });
  return joinBlock(block.header, block.body, approval);
}
