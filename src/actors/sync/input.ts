/**
 * SyncInput: everything that moves the machine of synchronisation, one at a time: what an operator wants, what neighbours
 * tell, what became of effects (effect.ts), and the tick. The actor and the effect runner make them; `SyncMachine.step` takes
 * them, and nothing else changes it.
 */

import type { PeerInfo } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { AuthoritySetFacts } from "../../chain/facts.ts";
import type { ReadHeader } from "../../chain/header.ts";
import type { ApprovalCheck, SegmentVerdict } from "../../chain/validator.ts";
import type { KeptCheckpoint } from "../../integrations/chain/checkpoint/checkpoint-store.ts";
import type { ImportOutcome } from "../../integrations/chain/port.ts";
import type { Failure } from "../../kernel/errors.ts";
import type { CheckpointAnswer, SearchOptions } from "./checkpoint/search-outcome.ts";
import type { Mode, SyncConfig } from "./config.ts";
import type { Condition, ProductionOverride } from "./production/readiness.ts";
import type { Timing } from "./range/block-requests.ts";
import type { Ticket } from "./range/stuck.ts";
import type { RestingReason } from "./status/stall-reason.ts";
import type { TailOutcome } from "./store-check/tail-check.ts";

export interface StartOptions {
  readonly mode: Mode;
  /** Last height wanted; undefined: the head of the chain, for ever. */
  readonly heightMax: number | undefined;
}

export type SyncInput =
  | CommandInput
  | NeighbourInput
  | RangeOutcome
  | LiveOutcome
  | CheckpointInput
  | { readonly type: "tick" };

/** From an operator, or the part of the actor that recovers. */
export type CommandInput =
  /** The running operation goes on when the options are the same; another one begins otherwise. */
  | { readonly type: "start"; readonly options: StartOptions }
  | { readonly type: "stop"; readonly reason: RestingReason }
  /** What runs asks for nothing more; what is yet to be started, after a search for a checkpoint, begins paused. */
  | { readonly type: "pause"; readonly note: string }
  | { readonly type: "resume" }
  | { readonly type: "overrideProduction"; readonly override: ProductionOverride }
  /** Settings that hold from now on; the mode is that of the next start. */
  | { readonly type: "reconfigure"; readonly config: SyncConfig };

/** From the actors and the chain beside. */
export type NeighbourInput =
  /** All connected peers, instead of those that were known. */
  | { readonly type: "peersListed"; readonly peers: readonly PeerInfo[] }
  | { readonly type: "peerSeen"; readonly peer: PeerInfo }
  /** Its requests go elsewhere. */
  | { readonly type: "peerGone"; readonly peerId: string }
  /** A message that waits for a verdict; `header` is its block's, where it was read on its way. */
  | {
      readonly type: "gossip";
      readonly handle: string;
      readonly peerId: string;
      readonly bytes: Uint8Array;
      readonly header?: ReadHeader | undefined;
    }
  | { readonly type: "gossipSkipped"; readonly count: number }
  /** The producer's block; the token comes back with what became of it. */
  | { readonly type: "own"; readonly token: number; readonly block: Uint8Array }
  /** The producer verified an approval. */
  | { readonly type: "approvalSeen"; readonly check: ApprovalCheck }
  /** Why the producer signs nothing; none: it may. */
  | { readonly type: "signing"; readonly unmet: readonly Condition[] }
  /** The chain has another head, or has become available: held blocks may have their parent now. */
  | { readonly type: "chainMoved"; readonly isReorganized: boolean };

/** What became of a request, a validation or an import of range synchronisation, or of the check of the store's tail. */
export type RangeOutcome =
  | {
      readonly type: "answered";
      readonly requestId: number;
      readonly blocks: readonly Uint8Array[];
      readonly timing: Timing;
    }
  | { readonly type: "requestFailed"; readonly requestId: number; readonly failure: Failure }
  | { readonly type: "validated"; readonly ticket: Ticket; readonly verdict: SegmentVerdict }
  /** The validator itself failed: nobody's fault. */
  | { readonly type: "validationFailed"; readonly ticket: Ticket; readonly failure: Failure }
  | { readonly type: "imported"; readonly ticket: Ticket; readonly outcome: ImportOutcome }
  | { readonly type: "tailChecked"; readonly outcome: TailOutcome };

/** What became of what live blocks, lookups and claimed heads asked for. */
export type LiveOutcome =
  | { readonly type: "liveValidated"; readonly id: number; readonly verdict: SegmentVerdict }
  | { readonly type: "liveValidationFailed"; readonly id: number; readonly failure: Failure }
  | { readonly type: "liveImported"; readonly id: number; readonly outcome: ImportOutcome }
  /** Undefined: the peer does not have it. */
  | { readonly type: "lookedUp"; readonly id: number; readonly block: Uint8Array | undefined }
  | { readonly type: "lookUpFailed"; readonly id: number; readonly failure: Failure }
  /** Undefined: it has none, or none that holds. */
  | {
      readonly type: "authoritiesFetched";
      readonly peerId: string;
      readonly authorities: AuthoritySetFacts | undefined;
    }
  /** Undefined: it could not be judged now. */
  | { readonly type: "claimJudged"; readonly peerId: string; readonly isTrue: boolean | undefined };

/** For the back-fill and the search for a checkpoint, and what became of what they asked for. */
export type CheckpointInput =
  /** Blocks 1 to this one are to be fetched; goes on until it is done or ended, whatever else runs. */
  | { readonly type: "backFill"; readonly missing: number }
  | { readonly type: "endBackFill" }
  /** A checkpoint is looked for, until it is found, given up or ended. */
  | { readonly type: "search"; readonly options: SearchOptions }
  | { readonly type: "endSearch" }
  /** `missing`: what is still missing; a Failure WRONG_HISTORY is the peer's, any other our own disk's. */
  | {
      readonly type: "prepended";
      readonly runId: number;
      readonly missing: number;
      readonly failure: Failure | undefined;
    }
  | { readonly type: "checkpointAnswered"; readonly askId: number; readonly answer: CheckpointAnswer }
  /** Undefined: the block is not the checkpoint's. A Failure is our own disk's. */
  | { readonly type: "checkpointKept"; readonly outcome: KeptCheckpoint | Failure | undefined };
