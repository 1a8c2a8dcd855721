/**
 * Watches the observer of a local network over its control plane and judges how far it got. It asks members for their
 * heads, so that "synced" means: level with a head that moves, and not only with what the observer believes of it.
 */

import { NetworkService, type NetworkStatus } from "../../../gen/alys/network/v1/network_pb.ts";
import { type PeerInfo, PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import {
  SyncService,
  SyncState,
  SyncStateSchema,
  type SyncStatus,
} from "../../../gen/alys/sync/v1/sync_pb.ts";
import { Failure } from "../../kernel/errors.ts";
import type { Connection } from "../client.ts";
import { enumName } from "../format.ts";
import { pause } from "./processes.ts";

/** Blocks that must have come live before the network is believed to run. */
const LIVE_BLOCKS = 5n;

/** A member's newest block may be on its way to us: at most one slot, so one block. */
const LAG_BLOCKS_MAX = 1n;

/** Pause before a stream that ended is read again: the SyncActor restarts in a second. */
const REWATCH_MS = 500;

/** A question for a report; a node that is busy for longer is not well. */
const ASK_DEADLINE_MS = 5_000;

/** Whether a status says: all synced, and five blocks came as members made them. Pure. */
export function hasFollowed(status: SyncStatus): boolean {
  return status.state === SyncState.SYNCED && status.blocksFollowed >= LIVE_BLOCKS;
}

/** Whether the head is level with the best of the members' heads, a block on its way allowed for. Pure. */
export function isLevel(headHeight: bigint, memberHeights: readonly bigint[]): boolean {
  return memberHeights.length > 0 && memberHeights.every((height) => height - headHeight <= LAG_BLOCKS_MAX);
}

/** What is missing, for a deadline that passed. Pure. */
export function shortfall(status: SyncStatus | undefined, memberHeights: readonly bigint[]): string {
  if (status === undefined) return "the observer never told its status";
  const head = status.head?.height ?? 0n;
  const state = enumName(SyncStateSchema, status.state);
  const members =
    memberHeights.length === 0 ? "no member answers" : `members are at ${memberHeights.join(", ")}`;
  const reason = status.reason === "" ? "" : ` (${status.reason})`;
  return `the observer is ${state}${reason} at height ${head}, ${members}; it followed ${status.blocksFollowed} live blocks of ${LIVE_BLOCKS}`;
}

/** Every status from the present one on, across restarts of the actor, until the signal aborts. */
export async function* watchStatus(
  connection: Connection,
  signal: AbortSignal,
): AsyncGenerator<SyncStatus, void> {
  const sync = connection.client(SyncService);
  while (!signal.aborted) {
    try {
      for await (const { event } of sync.watchSyncStatus({}, { signal })) {
        if (event.case === "snapshot" || event.case === "status") yield event.value;
      }
    } catch (error) {
      // The node is gone or its actor restarts; whether the process lives is watched elsewhere.
      if (!(error instanceof Failure)) throw error;
    }
    if (!signal.aborted) await pause(REWATCH_MS);
  }
}

/** Heights of the heads of those members that answer. */
export async function memberHeights(members: readonly Connection[], signal: AbortSignal): Promise<bigint[]> {
  const answers = await Promise.allSettled(
    members.map((member) =>
      member.client(SyncService).getSyncStatus({}, { deadlineMs: ASK_DEADLINE_MS, signal }),
    ),
  );
  return answers.flatMap((answer) =>
    answer.status === "fulfilled" ? [answer.value.status?.head?.height ?? 0n] : [],
  );
}

/** Whom the observer got its blocks from, and what went over its connections. Rejects with Failure. */
export async function askTraffic(
  connection: Connection,
): Promise<{ readonly peers: readonly PeerInfo[]; readonly network: NetworkStatus | undefined }> {
  const options = { deadlineMs: ASK_DEADLINE_MS };
  const [{ peers }, { status }] = await Promise.all([
    connection.client(PeerService).getConnectedPeers({}, options),
    connection.client(NetworkService).getNetworkStatus({}, options),
  ]);
  return { peers, network: status };
}
