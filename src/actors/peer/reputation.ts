/**
 * Reputation: a penalty that decays with a half-life of ten minutes, and what it leads to. Pure; time is an argument.
 * Penalties are deduplicated by peer, offence and evidence, so that one bad message never counts twice.
 */

import { Offence } from "../../../gen/alys/peer/v1/peer_pb.ts";

export interface Reputation {
  /** 0 is clean, negative is penalised, as of `atMs`. */
  readonly value: number;
  readonly atMs: number;
}

export const CLEAN: Reputation = { value: 0, atMs: 0 };

/** Ten minutes, as the beacon nodes: a day's honest service outweighs a bad minute. */
const HALF_LIFE_MS = 600_000;

/** At this the peer is disconnected, at the other it is banned. */
export const DISCONNECT_AT = -20;
const BAN_AT = -50;

/** Worse than this nobody gets: the way back must not take days after the ban ended. */
const WORST = -100;

export type Consequence = "none" | "disconnect" | "ban";

/**
 * What each offence costs. What no honest peer can do by mistake bans at once; what a bug or a bad moment can do adds up.
 * Equivocation costs nothing here: the member loses its privileged channel instead, and its evidence is raised.
 */
const PENALTIES: Readonly<Record<Offence, number>> = {
  [Offence.UNSPECIFIED]: 1,
  [Offence.INVALID_BLOCK]: 50,
  [Offence.MALFORMED_MESSAGE]: 10,
  [Offence.EQUIVOCATION]: 0,
  [Offence.FALSE_HEAD]: 50,
  [Offence.WRONG_ANSWER]: 10,
  [Offence.FLOOD]: 5,
  [Offence.WITHHOLDING]: 5,
};

export const penaltyOf = (offence: Offence): number => PENALTIES[offence] ?? 1;

/** The value now. Asking often changes nothing: decay is computed from the last penalty. */
export function reputationAt(reputation: Reputation, nowMs: number): number {
  const elapsedMs = Math.max(0, nowMs - reputation.atMs);
  const value = reputation.value * 2 ** (-elapsedMs / HALF_LIFE_MS);
  return value > -0.01 ? 0 : value;
}

export function penalised(reputation: Reputation, penalty: number, nowMs: number): Reputation {
  return { value: Math.max(WORST, reputationAt(reputation, nowMs) - penalty), atMs: nowMs };
}

/** Members are never disconnected or banned by score. */
export function consequenceOf(reputation: Reputation, nowMs: number, isFederation: boolean): Consequence {
  if (isFederation) return "none";
  const value = reputationAt(reputation, nowMs);
  if (value <= BAN_AT) return "ban";
  return value <= DISCONNECT_AT ? "disconnect" : "none";
}

/** Penalties remembered against counting twice; at the bound the oldest is forgotten. */
const REMEMBERED_MAX = 4096;
const REMEMBERED_MS = 600_000;

export class OffenceMemory {
  readonly #seen = new Map<string, number>();

  /** True the first time this peer is reported for this offence with this evidence. */
  isNew(peerId: string, offence: Offence, evidence: string, nowMs: number): boolean {
    const key = `${peerId} ${offence} ${evidence}`;
    const seenMs = this.#seen.get(key);
    if (seenMs !== undefined && nowMs - seenMs < REMEMBERED_MS) return false;
    this.#seen.delete(key);
    if (this.#seen.size >= REMEMBERED_MAX) this.#seen.delete(this.#seen.keys().next().value ?? "");
    this.#seen.set(key, nowMs);
    return true;
  }
}
