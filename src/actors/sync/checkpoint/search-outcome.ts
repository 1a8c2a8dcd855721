/** What the search for a checkpoint (search.ts) is told and tells: its options, what peers answered, and how it ended. */

import type { CheckpointEvidence, ProvenCheckpoint } from "../../../chain/checkpoint/evidence.ts";
import type { CheckpointFault } from "../../../chain/checkpoint/fault.ts";
import type { KeptCheckpoint } from "../../../integrations/chain/checkpoint/checkpoint-store.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { CheckpointsConflict } from "../status/stall-reason.ts";

/** For one answer: a peer that takes longer holds up the others. */
export const ANSWER_DEADLINE_MS = 8_000;

export interface SearchOptions {
  /** Height and id of the only one wanted; undefined: the newest. */
  readonly wanted: { readonly id: string; readonly height: number } | undefined;
  /** The newest that we hold: an older one is a step back. */
  readonly ownHeight: number;
}

/** What came of asking a peer for a checkpoint. */
export type CheckpointAnswer =
  /** It holds; `id` is the one under which it would be kept. */
  | {
      readonly type: "sound";
      readonly id: string;
      readonly evidence: CheckpointEvidence;
      readonly proven: ProvenCheckpoint;
      readonly digest: Uint8Array;
    }
  /** `digest`: SHA-256 of the answer. */
  | { readonly type: "unsound"; readonly fault: CheckpointFault; readonly digest: Uint8Array }
  | { readonly type: "failed"; readonly failure: Failure };

export type SearchOutcome =
  /** Two parties agree on it; it lies on our disk. */
  | { readonly type: "found"; readonly kept: KeptCheckpoint }
  /** Nobody delivered a sound one in time. */
  | { readonly type: "none"; readonly reason: string }
  /** Quorums signed two chains: nothing is to be believed without an operator. */
  | { readonly type: "conflict"; readonly conflict: CheckpointsConflict }
  /** Our own disk failed. */
  | { readonly type: "failed"; readonly failure: Failure };
