/**
 * SyncEffect: what the machine of synchronisation wants done outside. The effect runner does it and hands the outcome back as
 * an input (input.ts); the machine itself touches nothing. And the Moment at which it takes a step.
 */

import type { Offence } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { CheckpointEvidence, ProvenCheckpoint } from "../../chain/checkpoint/evidence.ts";
import type { AuthoritySetFacts } from "../../chain/facts.ts";
import type { ReadHeader } from "../../chain/header.ts";
import type { Policy, ValidatedSegment } from "../../chain/validator.ts";
import type { Failure } from "../../kernel/errors.ts";
import type { Fields } from "../../kernel/ports/log.ts";
import type { SearchOutcome } from "./checkpoint/search-outcome.ts";
import type { Evidence } from "./equivocation/evidence.ts";
import type { Stuck, Ticket } from "./range/stuck.ts";
import type { SearchReason } from "./status/stall-reason.ts";
import type { ClaimedHead } from "./sync-peers.ts";
import type { SetsInForce } from "./validation-sets.ts";

export type SyncEffect =
  | RangeEffect
  | LiveEffect
  | BackFillEffect
  | SearchEffect
  /** Read these blocks of our own chain and validate them as if a peer had sent them. */
  | { readonly type: "checkTail"; readonly first: number; readonly count: number }
  /** Ask all connected peers for a fresh Status. */
  | { readonly type: "refreshStatus" }
  /** A defect was found and mended: tell whoever keeps this code. */
  | ({ readonly type: "stuck" } & Stuck);

/** One moment by both clocks: monotonic for what we wait for, Unix for what others stamped. */
export interface Moment {
  readonly monotonicMs: number;
  readonly unixMs: number;
}

export type RangeEffect =
  | {
      readonly type: "request";
      readonly requestId: number;
      readonly peerId: string;
      readonly first: number;
      readonly count: number;
      /** Milliseconds; undefined: the configured one. */
      readonly deadlineMs?: number;
    }
  /** The answer is no longer wanted. */
  | { readonly type: "cancel"; readonly requestId: number }
  | {
      readonly type: "validate";
      readonly ticket: Ticket;
      readonly blocks: readonly Uint8Array[];
      readonly policy: Policy;
      readonly sets: SetsInForce;
      /** The parent's own approval, where it is verified beside this segment and both are imported or neither is. */
      readonly parentApproval: Uint8Array | undefined;
    }
  | { readonly type: "import"; readonly ticket: Ticket; readonly segment: ValidatedSegment }
  | {
      readonly type: "offence";
      readonly peerId: string;
      readonly offence: Offence;
      readonly detail: string;
      readonly evidence: Uint8Array;
    }
  /** It answers too slowly to be asked; it is not asked for a while, and nothing worse. */
  | { readonly type: "slowPeer"; readonly peerId: string; readonly leftAloneMs: number }
  | {
      readonly type: "performance";
      readonly peerId: string;
      readonly succeeded: boolean;
      readonly latencyMs: number;
      readonly durationMs: number;
      readonly bytes: number;
      readonly blocks: number;
    };

export type BackFillEffect =
  /** Hand the run to the chain, to be put right below its lowest block. */
  | { readonly type: "prepend"; readonly runId: number; readonly blocks: readonly Uint8Array[] }
  /** Nothing is missing any more, or our own disk failed. */
  | { readonly type: "backFilled"; readonly failure: Failure | undefined };

export type SearchEffect =
  /** Ask the peer for its newest checkpoint at or below a height, 0 for the newest, and judge what comes. */
  | {
      readonly type: "askCheckpoint";
      readonly askId: number;
      readonly peerId: string;
      readonly heightMax: number;
    }
  /** Keep what two parties stand for as a file of ours, with its block. */
  | {
      readonly type: "keepCheckpoint";
      readonly evidence: CheckpointEvidence;
      readonly proven: ProvenCheckpoint;
      readonly block: Uint8Array;
    }
  /** Where the search stands. */
  | { readonly type: "searchTold"; readonly reason: SearchReason }
  | { readonly type: "searchEnded"; readonly outcome: SearchOutcome }
  | Extract<RangeEffect, { type: "offence" }>
  | Extract<LiveEffect, { type: "warning" }>;

export type LiveEffect =
  /** Alone, under EVERY_BLOCK. */
  | {
      readonly type: "validateLive";
      readonly id: number;
      readonly block: Uint8Array;
      /** The block's, as it was read when the block came. */
      readonly header: ReadHeader;
      readonly sets: SetsInForce;
    }
  | { readonly type: "importLive"; readonly id: number; readonly segment: ValidatedSegment }
  /** Ask the peer for this block. */
  | { readonly type: "lookUp"; readonly id: number; readonly peerId: string; readonly hash: Uint8Array }
  /** Ask the peer for the changes of the authorities from ours on, and judge them. */
  | { readonly type: "fetchAuthorities"; readonly peerId: string }
  /** Let go of a peer that serves nothing towards what it claims. */
  | { readonly type: "unserving"; readonly peerId: string }
  /** Verify the approval of a head that a peer claims. */
  | {
      readonly type: "judgeClaim";
      readonly peerId: string;
      readonly claimed: ClaimedHead;
      readonly authorities: AuthoritySetFacts;
    }
  | {
      readonly type: "verdict";
      readonly handle: string;
      readonly verdict: "accept" | "ignore" | "reject";
    }
  | {
      readonly type: "offence";
      readonly peerId: string;
      readonly offence: Offence;
      readonly detail: string;
      readonly evidence: Uint8Array;
    }
  /** Members approved two blocks of one slot. */
  | { readonly type: "equivocation"; readonly evidence: Evidence }
  /** A verified approval bears the bit of our own authority key. */
  | {
      readonly type: "ownApproval";
      readonly slot: number;
      readonly hash: Uint8Array;
      readonly isAuthor: boolean;
    }
  /** The producer's block is durable. */
  | { readonly type: "accepted"; readonly token: number; readonly hash: Uint8Array }
  | { readonly type: "refused"; readonly token: number; readonly reason: Failure }
  | { readonly type: "warning"; readonly message: string; readonly fields: Fields };
