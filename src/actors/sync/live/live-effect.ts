/**
 * LiveEffect: what live blocks want done outside. The actor does it (effect-runner.ts) and hands the outcome back.
 */

import type { Offence } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import type { AuthoritySetFacts, ValidatedSegment } from "../../../chain/validator.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { Fields } from "../../../kernel/ports/log.ts";
import type { Evidence } from "../equivocation/detector.ts";
import type { ClaimedHead } from "../sync-peers.ts";
import type { SetsInForce } from "../validation-sets.ts";

export type LiveEffect =
  /** Alone, under EVERY_BLOCK. */
  | {
      readonly type: "validateLive";
      readonly id: number;
      readonly block: Uint8Array;
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
