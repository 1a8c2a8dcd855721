/**
 * SyncView: what the pipeline is told of the world each time it is to move on. machine.ts makes it, fresh for each pump.
 */

import type { Mode } from "../config.ts";
import type { ProvenHead } from "../head.ts";

/** The world at one moment, as far as the pipeline must know it. */
export interface SyncView {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** Our durable head. */
  readonly head: ProvenHead;
  readonly finalHeight: number;
  /** What to go for; undefined: nothing, drop what is not under way. */
  readonly target: ProvenHead | undefined;
  /** Nobody proves a better head than ours. */
  readonly isLevel: boolean;
  /** Two peers, or a member, report the target as their head: a reorganization to it may be adopted. */
  readonly isTargetConfirmed: boolean;
  readonly connectedPeers: number;
  /** Last height wanted, where that is below the target. */
  readonly heightMax: number | undefined;
  readonly mode: Mode;
  /** Blocks before the target whose approvals are all verified. */
  readonly finalityDepth: number;
  /** False while paused. */
  readonly mayRequest: boolean;
  /** False while there is no chain to import into. */
  readonly mayProcess: boolean;
}
