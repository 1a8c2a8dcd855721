/**
 * StallReason: why synchronisation stands still, is not running, or is not SYNCED although nothing is missing. Whoever notices it
 * makes the value, with the numbers that belong to it; stall-words.ts says it to people, stall-message.ts to programs.
 */

import type { BlockFault } from "../../../chain/block-fault.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { ProvenHead } from "../head.ts";
import type { BatchState } from "../range/batch.ts";
import type { StoreDamage } from "../store-check/tail-check.ts";

/** What looks for a checkpoint to begin from says of itself. */
export type SearchReason =
  | { readonly type: "searchingCheckpoint" }
  | { readonly type: "checkpointUnconfirmed"; readonly height: number; readonly peerId: string }
  | { readonly type: "adoptingCheckpoint"; readonly checkpointId: string };

/** Quorums signed two blocks of one height: this peer has another checkpoint than the others. */
export interface CheckpointsConflict {
  readonly type: "checkpointsConflict";
  readonly height: number;
  readonly peerId: string;
  readonly others: readonly string[];
}

/** After a FULL recovery the chain has another block than the checkpoint that it is compared with. */
export interface RecoveryContradicted {
  readonly type: "recoveryContradicted";
  readonly height: number;
  readonly checkpointId: string;
}

/** Why it does not run. */
export type RestingReason =
  | { readonly type: "notStarted" }
  /** `note`: who stopped it, in words; may be empty. */
  | { readonly type: "stopped"; readonly note: string }
  | { readonly type: "heightReached"; readonly height: number }
  | { readonly type: "recovering"; readonly checkpointId: string }
  | RecoveryContradicted
  | SearchReason
  | CheckpointsConflict
  | { readonly type: "checkpointFailed"; readonly failure: Failure };

/** `note`: the operator's words; may be empty. */
export interface PausedReason {
  readonly type: "paused";
  readonly note: string;
}

/** The chain takes nothing, whatever comes. */
export interface ChainAway {
  readonly type: "chainAway";
  /** Where more is known than that it is away. */
  readonly failure: Failure | undefined;
}

/** The newest blocks of the store are being checked, or one of them is not sound. */
export type StoreReason =
  | { readonly type: "checkingStore"; readonly height: number }
  | { readonly type: "storeDamaged"; readonly height: number; readonly damage: StoreDamage };

/** A reorganization waits for a second party. */
export interface ReorganizationUnconfirmed {
  readonly type: "reorganizationUnconfirmed";
  readonly height: number;
  readonly connectedPeers: number;
}

/** A failure of our own; `attempts`: failures in a row. */
export type OwnFailure =
  | { readonly type: "validationFailed"; readonly failure: Failure }
  | { readonly type: "importRefused"; readonly failure: Failure }
  | { readonly type: "blockNotYetValid"; readonly fault: BlockFault };

/** The target is given up for a while. */
export type AbandonReason =
  /** `height`: where its chain leaves ours; undefined where that is not known. */
  | { readonly type: "targetBelowFinal"; readonly height: number | undefined }
  | { readonly type: "targetNotBetter" }
  | { readonly type: "targetForeignAuthorities" };

export type RangeReason =
  | ReorganizationUnconfirmed
  | (OwnFailure & { readonly attempts: number })
  | AbandonReason;

/** `retryMs`: when it is tried again; 0: now. */
export interface HeadUnserved {
  readonly type: "headUnserved";
  readonly head: ProvenHead;
  readonly retryMs: number;
}

/** The head does not move though a better one is known. */
export type HeadReason =
  | { readonly type: "noValidBlocks"; readonly height: number; readonly attempts: number }
  /** `next`: where the blocks are that import waits for; undefined: nothing is asked for. */
  | { readonly type: "headStandsStill"; readonly forMs: number; readonly next: BatchState | undefined };

export type StallReason =
  | RestingReason
  | PausedReason
  | ChainAway
  | StoreReason
  | RangeReason
  | HeadUnserved
  | HeadReason
  | { readonly type: "followingUnprovenHead"; readonly head: ProvenHead }
  | { readonly type: "noProvenHead" }
  | { readonly type: "headOld"; readonly ageMs: number };
