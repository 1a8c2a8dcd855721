/**
 * What checkers see: the node's own words (log, chain events, supervision) and what the world saw at its ports (writes,
 * verdicts, votes). One stream for all of them, in the order of happening.
 */

import type { ProductionStatus, SyncStatus } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { ChainEvent } from "../../src/integrations/chain/port.ts";
import type { LogRecord } from "../../src/kernel/ports/log.ts";
import type { SupervisorEvent } from "../../src/kernel/supervision/supervisor.ts";
import type { Verdict } from "../../src/p2p/port.ts";

export type Observation = { readonly node: string } & (
  | { readonly type: "log"; readonly record: LogRecord }
  | { readonly type: "chain"; readonly event: ChainEvent }
  | { readonly type: "supervision"; readonly event: SupervisorEvent }
  /** Blocks became durable. Hashes in hex, ascending from `firstHeight`. */
  | {
      readonly type: "written";
      readonly how: "append" | "replace" | "side";
      readonly firstHeight: number;
      readonly hashes: readonly string[];
    }
  /** The block that a member signs, and the one its durable record names. Hex. */
  | { readonly type: "signed"; readonly slot: number; readonly isRecorded: boolean }
  /** The vote record was put back to an earlier one, or is gone. */
  | { readonly type: "restored"; readonly slot: number }
  | { readonly type: "vote"; readonly slot: number; readonly hash: string }
  | { readonly type: "verdict"; readonly digest: string; readonly verdict: Verdict }
  /** What the node says of itself when it is asked. */
  | { readonly type: "status"; readonly status: SyncStatus }
  | { readonly type: "production"; readonly status: ProductionStatus }
  | { readonly type: "started"; readonly isFresh: boolean }
  | { readonly type: "ended"; readonly how: "killed" | "stopped" | "escalated" }
);
