/**
 * The arithmetic of restarts: how long to wait before the next one, and when there were too many. Pure
 * but for the random number that is handed in.
 */
export interface Backoff {
  /** Delay of the first restart in a period: exact, neither jittered nor aligned. 0 is "at once". */
  readonly firstMs: number;
  /** Ceiling of the second restart's delay; each further one is `factor` times the one before. */
  readonly baseMs: number;
  readonly factor: number;
  /** No ceiling is higher. */
  readonly maxMs: number;
  /** With it, delays after the first are extended to the next slot boundary, for members of the federation. */
  readonly alignment?: SlotAlignment;
}

export interface SlotAlignment {
  readonly slotMs: number;
  /** Start of slot 0, Unix milliseconds. */
  readonly originMs: number;
}

/** A child restarts at once, then within 1 s, 2 s, 4 s … 30 s. */
export const BACKOFF_AT_ONCE: Backoff = { firstMs: 0, baseMs: 1_000, factor: 2, maxMs: 30_000 };

/** Ceiling of the delay before restart number `attempt` (0 is the first of the period), without jitter. */
export function backoffCeilingMs(backoff: Backoff, attempt: number): number {
  if (attempt === 0) return backoff.firstMs;
  return Math.min(backoff.maxMs, backoff.baseMs * backoff.factor ** (attempt - 1));
}

/**
 * Delay before restart number `attempt`. After the first: full jitter (uniform between nothing and the ceiling, AWS
 * "Exponential backoff and jitter", 2015), then up to the slot boundary. `draw` returns a random number from 0 to below 1.
 */
export function restartDelayMs(backoff: Backoff, attempt: number, nowMs: number, draw: () => number): number {
  const ceilingMs = backoffCeilingMs(backoff, attempt);
  if (attempt === 0) return ceilingMs;
  const jitteredMs = draw() * ceilingMs;
  if (backoff.alignment === undefined) return jitteredMs;
  return untilSlotBoundaryMs(nowMs + jitteredMs, backoff.alignment) + jitteredMs;
}

/** Time from `atMs` (Unix milliseconds) to the next slot boundary, 0 on one. */
export function untilSlotBoundaryMs(atMs: number, alignment: SlotAlignment): number {
  const intoSlotMs = (atMs - alignment.originMs) % alignment.slotMs;
  if (intoSlotMs === 0) return 0;
  return intoSlotMs > 0 ? alignment.slotMs - intoSlotMs : -intoSlotMs;
}

export type RestartVerdict =
  | { readonly isAllowed: true; readonly attempt: number; readonly recentMs: readonly number[] }
  | { readonly isAllowed: false; readonly restarts: number };

/**
 * Whether a child that ended now may restart: at most `intensity` restarts in any `periodMs`. `recentMs` are the monotonic
 * times of its restarts; the verdict carries those still in the period, this one included.
 */
export function judgeRestart(
  recentMs: readonly number[],
  nowMs: number,
  intensity: number,
  periodMs: number,
): RestartVerdict {
  const inPeriod = recentMs.filter((atMs) => nowMs - atMs < periodMs);
  if (inPeriod.length >= intensity) return { isAllowed: false, restarts: inPeriod.length };
  return { isAllowed: true, attempt: inPeriod.length, recentMs: [...inPeriod, nowMs] };
}
