/**
 * Reputation: a penalty that decays with a half-life of ten minutes, and what it leads to. Pure; time is an argument.
 * One bad message never counts twice, and one bad moment counts once: a peer is penalised for one offence once in ten
 * seconds, whatever the bytes.
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

/** A penalty that was applied at `atMs` is taken back: what is left of it by now. */
export function forgiven(reputation: Reputation, penalty: number, atMs: number, nowMs: number): Reputation {
  const left = penalty * 2 ** (-Math.max(0, nowMs - atMs) / HALF_LIFE_MS);
  return { value: Math.min(0, reputationAt(reputation, nowMs) + left), atMs: nowMs };
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

/** Of one peer one offence counts once in this time: a bad moment is one case, going on is another. */
const SAME_CASE_MS = 10_000;

export class OffenceMemory {
  readonly #seen = new Map<string, number>();

  /** True when this peer was not reported with this evidence before, nor for this offence just now. */
  isNew(peerId: string, offence: Offence, evidence: string, nowMs: number): boolean {
    const reason = `${peerId} ${offence}`;
    const bytes = `${reason} ${evidence}`;
    if (this.#isWithin(bytes, REMEMBERED_MS, nowMs) || this.#isWithin(reason, SAME_CASE_MS, nowMs))
      return false;
    this.#remember(reason, nowMs);
    this.#remember(bytes, nowMs);
    return true;
  }

  /** The case that was counted was none. */
  forget(peerId: string, offence: Offence): void {
    this.#seen.delete(`${peerId} ${offence}`);
  }

  #isWithin(key: string, ms: number, nowMs: number): boolean {
    const seenMs = this.#seen.get(key);
    return seenMs !== undefined && nowMs - seenMs < ms;
  }

  #remember(key: string, nowMs: number): void {
    this.#seen.delete(key);
    if (this.#seen.size >= REMEMBERED_MAX) this.#seen.delete(this.#seen.keys().next().value ?? "");
    this.#seen.set(key, nowMs);
  }
}
