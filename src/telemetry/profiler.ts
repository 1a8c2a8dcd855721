/**
 * CPU profiles and heap snapshots of this process, for Chrome's DevTools. The one home of the inspector. One recording at
 * a time, bounded in time and size, and nothing is left behind by a reader that leaves. The NodeActor streams what it gives.
 */

import { chmod, open, rm } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { getHeapStatistics, writeHeapSnapshot } from "node:v8";
import { failure } from "../kernel/errors.ts";
import { type Clock, pause } from "../kernel/ports/clock.ts";

/** A piece of a recording. */
export interface RecordingChunk {
  readonly chunk: Uint8Array;
  /** Of the whole recording. */
  readonly totalBytes: bigint;
}

export interface CpuOptions {
  /** Cut to CPU_MS_MAX. */
  readonly durationMs: number;
  /** Raised to INTERVAL_US_MIN. */
  readonly intervalUs: number;
}

/**
 * Both throw Failure: RESOURCE_EXHAUSTED/PROFILER_BUSY while another recording is under way or being read,
 * CANCELLED/RECORDING_LEFT when the signal aborts; the second FAILED_PRECONDITION/HEAP_TOO_LARGE.
 */
export interface Profiler {
  recordCpu(options: CpuOptions, signal: AbortSignal): AsyncGenerator<RecordingChunk>;
  takeHeapSnapshot(signal: AbortSignal): AsyncGenerator<RecordingChunk>;
}

/** A longer recording is cut to this: a minute at the finest interval is some 20 MB of profile in memory. */
const CPU_MS_MAX = 60_000;
const INTERVAL_US_MIN = 100;

/** A heap larger than this is not written: the thread stands still meanwhile, a second for each 10 MB on a slow machine. */
const HEAP_BYTES_MAX = 256 * 1024 * 1024;

/** How long the thread may stand still for it; longer, and the watchdog takes it for stuck. */
const STANDSTILL_MS_MAX = 120_000;

/** Small enough to interleave with other streams. */
const CHUNK_BYTES = 256 * 1024;

const RETRY_DELAY_MS = 5_000;

const BUSY = failure("RESOURCE_EXHAUSTED", "PROFILER_BUSY", "another profile or snapshot is being taken", {
  retryDelayMs: RETRY_DELAY_MS,
});
const LEFT = failure("CANCELLED", "RECORDING_LEFT", "whoever asked for the recording left");

export interface ProfilerParts {
  readonly clock: Clock;
  /** Where a snapshot is written before it is read; it is removed afterwards. */
  readonly file: string;
  /** The thread will stand still for as long as this; 0 takes that back. */
  excuse(limitMs: number): void;
}

export function processProfiler(parts: ProfilerParts): Profiler {
  let isBusy = false;
  async function* alone(record: () => AsyncGenerator<RecordingChunk>): AsyncGenerator<RecordingChunk> {
    if (isBusy) throw BUSY;
    isBusy = true;
    try {
      yield* record();
    } finally {
      isBusy = false;
    }
  }
  return {
    recordCpu: (options, signal) => alone(() => cpuProfile(options, parts.clock, signal)),
    takeHeapSnapshot: (signal) => alone(() => heapSnapshot(parts, signal)),
  };
}

async function* cpuProfile(
  { durationMs, intervalUs }: CpuOptions,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<RecordingChunk> {
  const session = new Session();
  session.connect();
  let bytes: Uint8Array;
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: Math.max(intervalUs, INTERVAL_US_MIN) });
    await session.post("Profiler.start");
    await pause(clock, Math.min(durationMs, CPU_MS_MAX), signal);
    if (signal.aborted) throw LEFT;
    const { profile } = await session.post("Profiler.stop");
    bytes = new TextEncoder().encode(JSON.stringify(profile));
  } finally {
    // Stops the sampling, too, if it still runs.
    session.disconnect();
  }
  const totalBytes = BigInt(bytes.length);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    yield { chunk: bytes.subarray(at, at + CHUNK_BYTES), totalBytes };
  }
}

/** By way of a file: in memory a snapshot would take as much again as it shows. */
async function* heapSnapshot(
  { file: path, excuse }: ProfilerParts,
  signal: AbortSignal,
): AsyncGenerator<RecordingChunk> {
  const { used_heap_size: heapBytes } = getHeapStatistics();
  if (heapBytes > HEAP_BYTES_MAX) {
    const text = `a heap of ${heapBytes} bytes is larger than the ${HEAP_BYTES_MAX} that are written while the node runs`;
    throw failure("FAILED_PRECONDITION", "HEAP_TOO_LARGE", text);
  }
  try {
    excuse(STANDSTILL_MS_MAX);
    try {
      writeHeapSnapshot(path);
    } finally {
      excuse(0);
    }
    await chmod(path, 0o600);
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const totalBytes = BigInt(size);
      for (let at = 0; at < size; ) {
        if (signal.aborted) throw LEFT;
        const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield { chunk: buffer.subarray(0, bytesRead), totalBytes };
      }
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}
