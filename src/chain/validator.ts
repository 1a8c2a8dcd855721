/**
 * Validator: the port of block validation. Given a run of blocks and the authorities in force it answers
 * whether the run is valid by itself; the link to what came before is judged afterwards, in order, by
 * sequence.ts. Implemented by worker threads and by an inline twin. The sync pipeline and the network's
 * gossip validation use it.
 */

import type { BlockFault } from "./block-fault.ts";
import type { AuthoritySetFacts } from "./facts.ts";
import type { BlockHeader, ReadHeader } from "./header.ts";

/** SEGMENT verifies the approval of a segment's end only; EVERY_BLOCK that of each block. */
export type Policy = "SEGMENT" | "EVERY_BLOCK";

export interface SegmentInput {
  /** Serialized SignedBlocks, ascending and linked: at most 64 and 1 MiB, or one larger block alone. */
  readonly blocks: readonly Uint8Array[];
  readonly policy: Policy;
  /** In force for every block of the segment. */
  readonly authorities: AuthoritySetFacts;
  /** In force for the first block's parent, where that is another set. */
  readonly parentAuthorities?: AuthoritySetFacts;
  /**
   * Of a block alone, its header as it was read before: the verdict's `first` and `last` are this one, decoded no further
   * time. The validator trusts none of it: what it hashes are the bytes that it validates.
   */
  readonly header?: ReadHeader;
  /** Unix time in milliseconds against which future timestamps are judged. */
  readonly nowMs: number;
  /**
   * Approval bytes of the first block's parent that are verified already, or elsewhere before the segment is imported: a
   * parent_approval equal to them is not verified again (EVERY_BLOCK).
   */
  readonly verifiedParentApproval?: Uint8Array;
}

export interface ValidatedSegment {
  readonly policy: Policy;
  readonly count: number;
  /**
   * SignedBlocks back to back in the form to store and serve: each block's approval is the one inside its
   * successor where that is in the segment.
   */
  readonly bytes: Uint8Array;
  /** count + 1 offsets into `bytes`. */
  readonly offsets: Uint32Array;
  /** 32 · count bytes. */
  readonly hashes: Uint8Array;
  readonly firstParentHash: Uint8Array;
  readonly first: BlockHeader;
  readonly last: BlockHeader;
  /** 184 · count bytes, packed. */
  readonly headers: Uint8Array;
  /** parent_approval of the first block (to rewrite the stored parent), undefined at height 1. */
  readonly firstParentApproval: Uint8Array | undefined;
  /**
   * Where there is one, `bytes` lie in memory of their own, which may be transferred whole. Whoever needs them no longer
   * may give it back to be filled anew, attached; what nobody gives back is collected.
   */
  readonly giveBack?: (memory: ArrayBuffer) => void;
}

/** `index` is the position in the input of the block at fault. */
export type SegmentVerdict =
  | { readonly ok: true; readonly segment: ValidatedSegment }
  | { readonly ok: false; readonly index: number; readonly fault: BlockFault };

/** One header (184 bytes) with the approval (SSZ) that claims to certify it. */
export interface ApprovalCheck {
  readonly header: Uint8Array;
  readonly approval: Uint8Array;
  readonly authorities: AuthoritySetFacts;
}

/** One aggregate signature (96 bytes) of all `publicKeys` (48 bytes each) over a signing root (32 bytes). */
export interface SignatureCheck {
  readonly publicKeys: readonly Uint8Array[];
  readonly signingRoot: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Validator {
  /**
   * What is wrong with the blocks is a verdict. Rejects with a Failure when aborted or closed, when the queue is full
   * (RESOURCE_EXHAUSTED), or when workers are lost over it (INTERNAL) or do not start (UNAVAILABLE).
   */
  validateSegment(input: SegmentInput, signal?: AbortSignal): Promise<SegmentVerdict>;
  /** Bit rules and signature of each approval, in the order asked. */
  verifyApprovals(checks: readonly ApprovalCheck[]): Promise<boolean[]>;
  /** Each signature by itself, in the order asked. */
  verifySignatures(checks: readonly SignatureCheck[]): Promise<boolean[]>;
  close(): Promise<void>;
}
