/**
 * Where synchronisation stands, as progress to show: for `alysctl sync` and for the local network's screen.
 * Pure.
 */
import { SyncState, SyncStateSchema, type SyncStatus } from "../../gen/alys/sync/v1/sync_pb.ts";
import { duration, enumName } from "./format.ts";
import type { ProgressFacts } from "./progress.ts";

/** Below this a rate is noise: following live makes half a block a second. */
const PER_SECOND_MIN = 1;

export function syncProgress(status: SyncStatus): ProgressFacts {
  const isSynced = status.state === SyncState.SYNCED;
  const total = status.target?.height;
  const isFast = !isSynced && status.blocksPerSecond >= PER_SECOND_MIN;
  return {
    label: status.isPaused ? "paused" : enumName(SyncStateSchema, status.state),
    done: status.head?.height ?? 0n,
    total,
    // Of nothing there is no part.
    partsPerMillion: total === 0n ? undefined : status.progressPpm,
    perSecond: isFast ? status.blocksPerSecond : undefined,
    unit: "blocks",
    remainingMs: isFast && status.etaMs !== undefined ? Number(status.etaMs) : undefined,
    notes: notesOf(status, isSynced),
  };
}

function notesOf(status: SyncStatus, isSynced: boolean): string[] {
  const notes = [`${status.connectedPeers} ${status.connectedPeers === 1 ? "peer" : "peers"}`];
  if (status.reason !== "") notes.unshift(status.reason);
  if (isSynced && (status.head?.height ?? 0n) > 0n) notes.push(`head ${duration(status.headAgeMs)} old`);
  if (isSynced && status.canProduceBlocks) notes.push("can produce");
  return notes;
}
