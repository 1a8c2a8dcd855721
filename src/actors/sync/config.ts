/**
 * Settings of the SyncActor, with the reasons of its constants. The composition root fills them from the
 * file; what an operator cannot set is a constant here, and each bound says what happens at it.
 */

import type { SyncConfig as SyncSettings } from "../../../gen/alys/config/v1/config_pb.ts";

/** FAST verifies the approval of each segment's end, FULL that of every block. */
export type Mode = "FAST" | "FULL";

export interface SyncConfig {
  /** Head / target from which the node counts as synced. */
  readonly syncThreshold: number;
  /** Blocks behind the target up to which the node counts as synced. */
  readonly lagBlocksMax: number;
  /** Age of the head up to which the node counts as synced, milliseconds. */
  readonly headAgeMsMax: number;
  /** Range requests in flight, all peers together. */
  readonly maxParallelDownloads: number;
  /** Blocks of one range request. */
  readonly batchBlocks: number;
  /** Bytes of downloaded blocks in memory; at it no request is sent but the one that import waits for. */
  readonly bufferBytesMax: number;
  /** The whole of a range request, milliseconds. */
  readonly requestDeadlineMs: number;
  readonly mode: Mode;
  /** Blocks between checkpoints. */
  readonly checkpointInterval: number;
  /** Begin to synchronise when the actor starts. */
  readonly isAutoStart: boolean;
  /** Connected peers below which nobody produces. */
  readonly peersMin: number;
  /** Segments being validated at a time: two a worker, so that none waits for its next one. */
  readonly validationsMax: number;
}

/** Segments a worker has in hand: one that it works on, one that waits. */
const SEGMENTS_PER_WORKER = 2;

/** What the file says, filled up with the defaults that its comments name. `workers` is at least 1. */
export function syncConfig(settings: SyncSettings | undefined, workers: number): SyncConfig {
  return {
    syncThreshold: settings?.syncThreshold ?? 0.995,
    lagBlocksMax: settings?.lagBlocksMax ?? 10,
    headAgeMsMax: settings?.headAgeMsMax ?? 30_000,
    maxParallelDownloads: settings?.maxParallelDownloads ?? 8,
    batchBlocks: settings?.batchBlocks ?? 512,
    bufferBytesMax: Number(settings?.bufferBytesMax ?? 64n * 1024n * 1024n),
    requestDeadlineMs: settings?.requestDeadlineMs ?? 15_000,
    checkpointInterval: settings?.checkpointInterval ?? 1_000,
    mode: settings?.mode === "full" ? "FULL" : "FAST",
    isAutoStart: settings?.autoStart ?? true,
    peersMin: settings?.federationConstraints?.peersMin ?? 1,
    validationsMax: Math.max(1, workers) * SEGMENTS_PER_WORKER,
  };
}

/**
 * Range requests that one peer serves at a time: a second one hides the round trip, a third only waits there.
 */
export const REQUESTS_PER_PEER_MAX = 2;

/** Bytes that an answer may have: reserved in the buffer while its request is in flight. */
export const ANSWER_BYTES_MAX = 2 * 1024 * 1024;

/** Batches that exist at a time; ranges beyond are planned when the first of them is imported. */
export const BATCHES_MAX = 64;

/**
 * Segments handed to the chain at a time: one that is being flushed and those that the next flush takes
 * along.
 */
export const IMPORTS_MAX = 4;

/** Segments end at multiples of this where they can, so that nodes that synced apart wrote the same ones. */
export const SEGMENT_ALIGNMENT = 64;

/**
 * The machine looks around this often, milliseconds: cool-downs, held blocks, hysteresis, the liveness check.
 */
export const TICK_MS = 100;

/** A blocks-behind count up to which the state is CATCH_UP and no longer BLOCKS. */
export const CATCH_UP_BLOCKS = 64;

/**
 * Behind by so few blocks, gossip is given this long to bring them before a range is requested, milliseconds.
 */
export const GOSSIP_GRACE_BLOCKS = 2;
export const GOSSIP_GRACE_MS = 1_000;

/**
 * Pause before validation or import is tried again after a failure of our own, doubled each time,
 * milliseconds.
 */
export const OWN_FAILURE_PAUSE_MS = 500;
export const OWN_FAILURE_PAUSE_MS_MAX = 8_000;

/** How long a head, and who proved it, is left alone whose chain parts from ours below final, milliseconds. */
export const TARGET_EXCLUSION_MS = 60_000;

/** How long it is left alone when fork choice did not take it, which may have been a race, milliseconds. */
export const TARGET_PAUSE_MS = 2_000;

/**
 * A reader of the status hears of changes no more often than this, milliseconds; a change of state at once.
 */
export const STATUS_PERIOD_MS = 250;

/**
 * How often peers are asked for a fresh Status while only the head's age forbids production, milliseconds.
 */
export const STATUS_REFRESH_MS = 4_000;
