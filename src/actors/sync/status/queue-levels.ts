/**
 * How full everything is that waits on the way from peers to the chain, for GetSyncStatus. Each of these is bounded where
 * it lives; here they are only counted. Pure.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PoolLevelSchema } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { HEDGES_MAX, IMPORTS_MAX, type SyncConfig } from "../config.ts";
import { type AncestorLookups, LOOKUPS_MAX } from "../live/ancestor-lookup.ts";
import { HELD_BLOCKS_MAX, HELD_BYTES_MAX } from "../live/early-blocks.ts";
import { LIVE_JOBS_MAX, type LiveBlocks } from "../live/live-blocks.ts";
import { OVERDUE_FACTOR } from "../range/downloads.ts";
import type { RangeSync } from "../range/range-sync.ts";

type PoolLevel = MessageInitShape<typeof PoolLevelSchema>;

export interface Stages {
  readonly pipeline: RangeSync;
  readonly live: LiveBlocks;
  readonly lookups: AncestorLookups;
}

export function poolLevels({ pipeline, live, lookups }: Stages, config: SyncConfig): PoolLevel[] {
  const requestsMax = OVERDUE_FACTOR * config.maxParallelDownloads + HEDGES_MAX;
  return [
    level("download_buffer", pipeline.bytesBuffered, config.bufferBytesMax, "bytes"),
    level("requests", pipeline.requestsInFlight, requestsMax, "requests"),
    level("validation", Math.ceil(pipeline.segmentsChecking), config.validationsMax, "segments"),
    level("import", pipeline.segmentsImporting, IMPORTS_MAX, "segments"),
    level("held_blocks", live.heldBlocks, HELD_BLOCKS_MAX, "blocks"),
    level("held_blocks", live.heldBytes, HELD_BYTES_MAX, "bytes"),
    level("live_blocks", live.jobs, LIVE_JOBS_MAX, "blocks"),
    level("lookups", lookups.size, LOOKUPS_MAX, "requests"),
  ];
}

function level(name: string, used: number, bound: number, unit: string): PoolLevel {
  return { name, used: BigInt(used), bound: BigInt(bound), unit };
}
