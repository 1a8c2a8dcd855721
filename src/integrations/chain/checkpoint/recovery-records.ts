/**
 * What a recovery leaves in the store's meta beside the chain's own records: the checkpoint that the chain was begun
 * from, the recovery that is under way, and the checkpoint that it is to be compared with at its end. Each is written in
 * the transaction of what it goes with. Opening (opening.ts) and the SyncActor's checkpoints read them.
 */

import { equalBytes } from "../../../chain/bytes.ts";
import { HASH_LENGTH } from "../../../chain/header.ts";
import { decodeLineage, encodeLineage, type Lineage } from "../../../chain/lineage.ts";
import { readUint64, writeUint64 } from "../../../chain/little-endian.ts";
import { MalformedError } from "../../../chain/malformed.ts";
import type { BlockStore } from "../../../storage/port.ts";

/** The checkpoint that was adopted: height u64, hash, lineage at its block. */
export const ADOPTED_KEY = "chain/adopted";
/** "MODE ID" from a recovery's first write to its last: what a kill in between leaves to be finished. */
export const RECOVERY_KEY = "chain/recovery";
/** Id of the checkpoint that a chain synchronised again is compared with. */
export const AWAITED_KEY = "chain/awaited";
/** There while the history behind an adopted checkpoint is not to be served yet. */
export const WITHHELD_KEY = "chain/withheld";

/** The block that a chain was begun from, final by its adoption, and what the blocks on it are judged by. */
export interface Adopted {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly lineage: Lineage;
}

type Reads = Pick<BlockStore, "readMeta" | "hashAt">;

const LINEAGE_OFFSET = 8 + HASH_LENGTH;

export function encodeAdopted(genesisHash: Uint8Array, { height, hash, lineage }: Adopted): Uint8Array {
  const tail = encodeLineage(genesisHash, lineage);
  const bytes = new Uint8Array(LINEAGE_OFFSET + tail.length);
  writeUint64(bytes, 0, height);
  bytes.set(hash, 8);
  bytes.set(tail, LINEAGE_OFFSET);
  return bytes;
}

/** Undefined without one, and when the chain that is stored does not have its block (any more). */
export function readAdopted(store: Reads, genesisHash: Uint8Array): Adopted | undefined {
  const bytes = store.readMeta(ADOPTED_KEY);
  if (bytes === undefined || bytes.length < LINEAGE_OFFSET) return undefined;
  try {
    const height = readUint64(bytes, 0, "height of the adopted checkpoint");
    const hash = bytes.slice(8, LINEAGE_OFFSET);
    const stored = store.hashAt(height);
    if (stored === undefined || !equalBytes(stored, hash)) return undefined;
    const lineage = decodeLineage(bytes.subarray(LINEAGE_OFFSET), genesisHash);
    return lineage && { height, hash, lineage };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return undefined;
  }
}

export const RECOVERY_MODES = ["FAST", "SAFE", "MINIMAL", "FULL"] as const;
export type RecoveryMode = (typeof RECOVERY_MODES)[number];

/** A recovery that a kill cut off. */
export interface UnfinishedRecovery {
  readonly mode: RecoveryMode;
  readonly checkpointId: string;
}

export function encodeRecovery({ mode, checkpointId }: UnfinishedRecovery): Uint8Array {
  return new TextEncoder().encode(`${mode} ${checkpointId}`);
}

export function readRecovery(store: Pick<BlockStore, "readMeta">): UnfinishedRecovery | undefined {
  const [word, checkpointId] = readText(store, RECOVERY_KEY)?.split(" ") ?? [];
  const mode = RECOVERY_MODES.find((known) => known === word);
  return mode === undefined || checkpointId === undefined ? undefined : { mode, checkpointId };
}

export function readAwaited(store: Pick<BlockStore, "readMeta">): string | undefined {
  return readText(store, AWAITED_KEY);
}

function readText(store: Pick<BlockStore, "readMeta">, key: string): string | undefined {
  const bytes = store.readMeta(key);
  return bytes && new TextDecoder().decode(bytes);
}
