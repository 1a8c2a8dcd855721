/**
 * Settings of the SyncActor, with the reasons of its constants. The composition root fills them from the
 * file; what an operator cannot set is a constant here, and each bound says what happens at it.
 */

import type { SyncConfig as SyncSettings } from "../../../gen/alys/config/v1/config_pb.ts";
import { isSmallSegment } from "../../chain/segment.ts";
import type { Policy } from "../../chain/validator.ts";

/**
 * FAST verifies the approval of each segment's end, FULL that of every block. FEDERATION is FAST with ranges from
 * federation peers only. RECOVERY checks the newest blocks of the store first, then goes one request at a time and
 * verifies every block. CHECKPOINT is FAST above a checkpoint that two peers agreed on. docs/sync-modes.md says when to
 * use which.
 */
export type Mode = "FAST" | "FULL" | "FEDERATION" | "RECOVERY" | "CHECKPOINT";

/** Modes by the words of the configuration file. */
const MODES: Readonly<Record<string, Mode>> = {
  fast: "FAST",
  full: "FULL",
  federation: "FEDERATION",
  recovery: "RECOVERY",
  checkpoint: "CHECKPOINT",
};

/** Whether the approval of every block is verified, however old it is. */
export function verifiesEveryBlock(mode: Mode): boolean {
  return mode === "FULL" || mode === "RECOVERY";
}

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
  /** Without a block for this long it is an emergency, milliseconds. */
  readonly emergencyTimeoutMs: number;
  /** Segments being validated at a time: one a worker, and one that waits. Of small ones twice as many. */
  readonly validationsMax: number;
}

/**
 * Segments that wait for a worker, so that whichever is ready first has its next one at hand. One more a worker makes
 * nothing faster: every segment only waits longer.
 */
const SEGMENTS_WAITING = 1;

/** Of validationsMax: workers check small segments together, so that more of them have to be at hand. */
const SMALL_SEGMENT_ROOM = 0.5;

/** How much of validationsMax a segment takes. */
export function validationRoom(policy: Policy, blocks: readonly Uint8Array[]): number {
  const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
  return isSmallSegment(policy, bytes) ? SMALL_SEGMENT_ROOM : 1;
}

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
    mode: MODES[settings?.mode ?? "fast"] ?? "FAST",
    isAutoStart: settings?.autoStart ?? true,
    peersMin: settings?.federationConstraints?.peersMin ?? 1,
    emergencyTimeoutMs: settings?.federationConstraints?.emergencyTimeoutMs ?? 30_000,
    validationsMax: Math.max(1, workers) + SEGMENTS_WAITING,
  };
}

/**
 * Range requests that one peer serves at a time: a second one hides the round trip, a third only waits there. It is half
 * of what a peer serves at once.
 */
export const REQUESTS_PER_PEER_MAX = 2;

/** Range requests beside max_parallel_downloads that repeat overdue ones; at the bound the overdue ones are waited for. */
export const HEDGES_MAX = 4;

/**
 * Bytes a second below which a peer is too slow to be worth a request, and how often in a row before it is not asked for
 * this long, milliseconds. A request that another peer answered first, though asked later, counts as too slow as well.
 */
export const THROUGHPUT_MIN = 32 * 1024;
/** Answers in a row below it, or later than another peer's, before the peer is not asked for SLOW_PEER_MS. */
export const SLOW_ANSWERS_MAX = 3;
export const SLOW_PEER_MS = 60_000;
/** Smaller answers say nothing about throughput: the round trip dominates. */
export const THROUGHPUT_SAMPLE_BYTES = 32 * 1024;

/** Bytes that an answer may have: reserved in the buffer while its request is in flight. */
export const ANSWER_BYTES_MAX = 2 * 1024 * 1024;

/** Batches that exist at a time; ranges beyond are planned when the first of them is imported. */
export const BATCHES_MAX = 64;

/**
 * Segments handed to the chain at a time: those that are being flushed and those that the next flush takes
 * along.
 */
export const IMPORTS_MAX = 8;

/**
 * Valid segments beyond the first batch that may wait for the chain: at it, nothing more is validated ahead, so that a
 * slow disk holds back the workers, then the downloads.
 */
export const VALID_AHEAD_MAX = 32;

/**
 * Our head standing still for this long, milliseconds, while a better one is proven is called a stall, with what is known
 * of its reason: longer than a request and its hedge take.
 */
export const STALL_MS = 20_000;

/** Failed attempts at the range that import waits for after which the status says so. */
export const ATTEMPTS_REPORTED = 4;

/** Segments end at multiples of this where they can, so that nodes that synced apart wrote the same ones. */
export const SEGMENT_ALIGNMENT = 64;

/**
 * The machine looks around this often, milliseconds: cool-downs, held blocks, hysteresis, the liveness check.
 */
export const TICK_MS = 100;

/** A blocks-behind count up to which the state is CATCH_UP and no longer BLOCKS. */
export const CATCH_UP_BLOCKS = 64;

/**
 * Behind by so few blocks, gossip is given this long to bring them before a range is requested, milliseconds; by so many
 * while missing parents are being looked up.
 */
export const GOSSIP_GRACE_BLOCKS = 2;
export const LOOKUP_GRACE_BLOCKS = 8;
export const GOSSIP_GRACE_MS = 1_000;

/**
 * Pause before validation or import is tried again after a failure of our own, doubled each time,
 * milliseconds.
 */
export const OWN_FAILURE_PAUSE_MS = 500;
export const OWN_FAILURE_PAUSE_MS_MAX = 8_000;

/**
 * Attempts at a run under sets that do not follow from ours after which the pass begins lower, and at the lowest height
 * after which the target is excluded: the first may be one peer's garbage.
 */
export const UNPROVEN_ATTEMPTS_MIN = 2;
export const UNPROVEN_ATTEMPTS_MAX = 4;

/** How long a head, and who proved it, is excluded whose chain parts from ours below final, milliseconds. */
export const TARGET_EXCLUSION_MS = 60_000;

/** How long it is excluded when fork choice did not take it, which may have been a race, milliseconds. */
export const TARGET_PAUSE_MS = 2_000;

/**
 * A reader of the status hears of changes no more often than this, milliseconds; a change of state at once.
 */
export const STATUS_PERIOD_MS = 250;

/**
 * How often peers are asked for a fresh Status while only the head's age forbids production, milliseconds.
 */
export const STATUS_REFRESH_MS = 4_000;
