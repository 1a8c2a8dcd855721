/**
 * RangeEffect: what the machines of this folder want done outside. The actor does it (effect-runner.ts) and
 * hands the outcome back; the machines themselves touch nothing.
 */

import type { Offence } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import type { Policy, ValidatedSegment } from "../../../chain/validator.ts";
import type { SetsInForce } from "../validation-sets.ts";
import type { Ticket } from "./stuck.ts";

export type RangeEffect =
  | {
      readonly type: "request";
      readonly requestId: number;
      readonly peerId: string;
      readonly first: number;
      readonly count: number;
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
  /** It answers too slowly to be asked; it is left alone, and nothing worse. */
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
