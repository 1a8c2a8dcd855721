/**
 * Requests of callers, read and checked: what may be asked is decided here, what follows by the machine. Pure
 * but for the chain's reads.
 */

import {
  type GetBlockRequest,
  ProductionOverride as ProtoOverride,
  type StartSyncRequest,
  SyncMode,
} from "../../../gen/alys/sync/v1/sync_pb.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { blockView, genesisView } from "../../integrations/chain/block-view.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { Mode } from "./config.ts";
import { BLOCK_NOT_FOUND, badField } from "./errors.ts";
import type { StartOptions } from "./input.ts";
import type { ProductionOverride } from "./production/readiness.ts";

export interface StartFacts {
  /** What an unspecified mode means: the running one, or the configured one. */
  readonly mode: Mode;
  readonly headHeight: number;
}

export interface StartWish extends StartOptions {
  /** A checkpoint is to be begun from, said in so many words: the mode alone may be what goes on already. */
  readonly isBeginning: boolean;
  readonly checkpointId: string | undefined;
}

export function readStart(request: StartSyncRequest, facts: StartFacts): StartWish | Failure {
  const { checkpointId, syncMode } = request;
  const isNamed = checkpointId !== undefined;
  const isBeginning = syncMode === SyncMode.CHECKPOINT || isNamed;
  if (isNamed && syncMode !== SyncMode.CHECKPOINT && syncMode !== SyncMode.UNSPECIFIED) {
    return badField("checkpoint_id", "only mode CHECKPOINT begins from one");
  }
  if (isNamed && heightOfId(checkpointId) === undefined) {
    return badField("checkpoint_id", "height, a hyphen and 8 hex digits of the hash are wanted");
  }
  const mode = isNamed ? "CHECKPOINT" : readMode(syncMode, facts.mode);
  if (typeof mode !== "string") return mode;
  const { fromHeight, targetHeight } = request;
  const next = facts.headHeight + 1;
  if (fromHeight !== undefined && fromHeight > BigInt(next)) {
    const detail = { field: "from_height" };
    return failure("FAILED_PRECONDITION", "GAP", `the next block that we lack has height ${next}`, detail);
  }
  if (targetHeight !== undefined && targetHeight > BigInt(Number.MAX_SAFE_INTEGER)) {
    return badField("target_height", "no chain is that high");
  }
  const heightMax = targetHeight === undefined ? undefined : Number(targetHeight);
  return { mode, heightMax, isBeginning, checkpointId };
}

/** Ids of checkpoints begin with their height. */
export function heightOfId(checkpointId: string): number | undefined {
  const [, digits] = /^([1-9][0-9]{0,9})-[0-9a-f]{8}$/.exec(checkpointId) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function readMode(mode: SyncMode, fallback: Mode): Mode | Failure {
  switch (mode) {
    case SyncMode.UNSPECIFIED:
      return fallback;
    case SyncMode.FAST:
      return "FAST";
    case SyncMode.FULL:
      return "FULL";
    case SyncMode.CHECKPOINT:
      return "CHECKPOINT";
    case SyncMode.FEDERATION:
      return "FEDERATION";
    case SyncMode.RECOVERY:
      return "RECOVERY";
    default:
      return badField("sync_mode", "no such mode");
  }
}

const OVERRIDES: ReadonlyMap<ProtoOverride, ProductionOverride> = new Map<ProtoOverride, ProductionOverride>([
  [ProtoOverride.NONE, "none"],
  [ProtoOverride.FORBID, "forbid"],
  [ProtoOverride.ALLOW, "allow"],
]);

export function readOverride(override: ProtoOverride): ProductionOverride | Failure {
  return OVERRIDES.get(override) ?? badField("override", "NONE, FORBID or ALLOW is required");
}

/** The bytes and the view of the block, canonical or beside; of genesis the view alone. NOT_FOUND without it. */
export function readBlock(
  chain: Pick<ChainPort, "facts" | "genesisHeader" | "snapshot" | "readBlock" | "readBlockByHash">,
  by: GetBlockRequest["by"],
) {
  const finalHeight = chain.snapshot().final.height;
  if (by.case === "height") {
    const height = by.value > BigInt(Number.MAX_SAFE_INTEGER) ? -1 : Number(by.value);
    if (height === 0) return { view: genesisView(chain.genesisHeader) };
    const ssz = height < 1 ? undefined : chain.readBlock(height);
    if (ssz === undefined) return BLOCK_NOT_FOUND;
    return { block: { ssz }, view: blockView(ssz, height <= finalHeight) };
  }
  if (by.case !== "hash") return badField("by", "height or hash is required");
  if (by.value.length !== 32) return badField("hash", "a block hash has 32 bytes");
  if (equalBytes(by.value, chain.facts.genesisHash)) return { view: genesisView(chain.genesisHeader) };
  const found = chain.readBlockByHash(by.value);
  if (found === undefined) return BLOCK_NOT_FOUND;
  const { bytes: ssz, isCanonical, height } = found;
  return { block: { ssz }, view: blockView(ssz, isCanonical && height <= finalHeight) };
}
