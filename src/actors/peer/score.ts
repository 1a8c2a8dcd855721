/**
 * The score of a peer: latency 0.3, throughput 0.4, reliability 0.3, and 20 more for the federation, 0–100. Pure. It says
 * how useful a peer is; how well it behaves is its reputation (reputation.ts), kept apart.
 */

export interface ScoreState {
  /** Moving averages; undefined before the first observation. */
  readonly latencyMs: number | undefined;
  readonly bytesPerSecond: number | undefined;
  /** 0–1; starts at 0.5, so that a stranger is neither trusted nor shunned. */
  readonly reliability: number;
}

export interface Observation {
  readonly latencyMs?: number;
  readonly bytesPerSecond?: number;
  readonly isSuccess?: boolean;
}

export interface Score {
  readonly overall: number;
  readonly latency: number;
  readonly throughput: number;
  readonly reliability: number;
  readonly federationBonus: number;
}

export const NEW_SCORE: ScoreState = { latencyMs: undefined, bytesPerSecond: undefined, reliability: 0.5 };

const WEIGHT = { latency: 0.3, throughput: 0.4, reliability: 0.3 } as const;
const FEDERATION_BONUS = 20;
/** The best score; a federation bonus lifts no score above it. */
const SCORE_MAX = 100;

/** Share of a new observation in the averages: half of the weight lies on the last three. */
const ALPHA = 0.2;

/** At one second a peer is worth nothing for latency: half a slot. */
const LATENCY_MS_WORST = 1_000;

/** 10 MB/s fills a gigabit link's fair share among a dozen peers; more earns no more. */
const BYTES_PER_SECOND_BEST = 10_000_000;

/** An unmeasured part counts as middling. */
const UNKNOWN = 50;

export function observe(state: ScoreState, observation: Observation): ScoreState {
  const { latencyMs, bytesPerSecond, isSuccess } = observation;
  return {
    latencyMs: average(state.latencyMs, latencyMs),
    bytesPerSecond: average(state.bytesPerSecond, bytesPerSecond),
    reliability:
      isSuccess === undefined ? state.reliability : state.reliability * (1 - ALPHA) + (isSuccess ? ALPHA : 0),
  };
}

export function scoreOf(state: ScoreState, isFederation: boolean): Score {
  const latency =
    state.latencyMs === undefined
      ? UNKNOWN
      : SCORE_MAX * (1 - Math.min(1, state.latencyMs / LATENCY_MS_WORST));
  const throughput =
    state.bytesPerSecond === undefined
      ? UNKNOWN
      : SCORE_MAX * Math.min(1, state.bytesPerSecond / BYTES_PER_SECOND_BEST);
  const reliability = SCORE_MAX * state.reliability;
  const federationBonus = isFederation ? FEDERATION_BONUS : 0;
  const weighted =
    WEIGHT.latency * latency + WEIGHT.throughput * throughput + WEIGHT.reliability * reliability;
  const overall = Math.max(0, Math.min(SCORE_MAX, weighted + federationBonus));
  return { overall, latency, throughput, reliability, federationBonus };
}

function average(before: number | undefined, value: number | undefined): number | undefined {
  if (value === undefined || !Number.isFinite(value) || value < 0) return before;
  return before === undefined ? value : before * (1 - ALPHA) + value * ALPHA;
}
