/**
 * How full everything is that waits on the way from peers to the chain, for GetSyncStatus. Each of these is bounded where
 * it lives; here they are only counted. Pure.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PoolLevelSchema } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { HEDGES_MAX, IMPORTS_MAX, type SyncConfig } from "./config.ts";
import { OVERDUE_FACTOR } from "./downloads.ts";
import { HELD_BLOCKS_MAX, HELD_BYTES_MAX } from "./held.ts";
import { LIVE_JOBS_MAX, type LiveBlocks } from "./live.ts";
import { LOOKUPS_MAX, type Lookups } from "./lookup.ts";
import type { Pipeline } from "./pipeline.ts";

type PoolLevel = MessageInitShape<typeof PoolLevelSchema>;

export interface Stages {
  readonly pipeline: Pipeline;
  readonly live: LiveBlocks;
  readonly lookups: Lookups;
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
