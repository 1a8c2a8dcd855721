/**
 * ClockGuard: whether this member's wall clock can be believed enough to sign by it. A pure machine, time is an argument.
 * Its witnesses: our own monotonic clock (a leap shows at once and without peers), the timestamps of certified blocks (a
 * quorum signed them), and what members say that their clocks show. All are kept as differences to our monotonic
 * clock, so that they stay comparable while the wall clock leaps. Made once a process: restarts of actors forget nothing.
 */

import { quorumOf } from "../../chain/approval.ts";

/** One moment by both clocks. */
export interface ClockReading {
  /** Unix milliseconds. */
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Why the clock is not believed. `byMs`: how far it is ahead of the witness, negative behind. */
export type ClockFault =
  /** Since the start nobody has confirmed it. */
  | { readonly kind: "unconfirmed"; readonly agreeing: number; readonly quorum: number }
  /** It was set, against our own monotonic clock, and nobody has confirmed that yet. */
  | { readonly kind: "leapt"; readonly byMs: number }
  /** A certified block is from after it. */
  | { readonly kind: "behindChain"; readonly byMs: number }
  /** More than half of the members, ourselves counted, show another time. */
  | { readonly kind: "differs"; readonly byMs: number };

export interface ClockGuardOptions {
  readonly slotDurationMs: number;
  readonly driftMs: number;
  /** What a member said of its clock counts for this long, milliseconds. */
  readonly saidMsMax: number;
}

/** The members by whom a reading is judged: the set in force, in hex, and our own key among them. */
export interface ClockJury {
  readonly members: readonly string[];
  readonly own: string;
}

/** A time that somebody vouched for, as its difference to our monotonic clock, and when we learned it. */
interface Anchor {
  readonly offsetMs: number;
  readonly atMs: number;
}

/** A difference that nobody has confirmed, and since when the clock has shown it. */
interface Suspect {
  readonly offsetMs: number;
  readonly sinceMs: number;
}

/**
 * A leap that members confirm, all that are heard, counts after so long: several clocks of one cause (a host, a time
 * server) leap together and back, within a minute as a rule. Also how long a start waits where members disagree.
 */
export const SETTLE_MS = 90_000;

/** A leap that a quorum confirms and another member disputes: a liar delays, and does not bar. */
export const DISPUTED_MS = 600_000;

/** A certified block confirms the clock for so long after it came, milliseconds: five slots of 2 s. */
const CONFIRMS_MS = 10_000;

/**
 * Clocks of one machine drift apart by less than this share of the time: ten times the 100 ppm of a poor crystal. What
 * was learned earlier binds that much less.
 */
const DRIFT_SHARE = 1 / 1_000;

/** Members remembered: the set in force has at most 15, with former ones. At the bound the oldest word is forgotten. */
const SAID_MAX = 64;

export class ClockGuard {
  /**
   * A deviation up to a slot and the tolerated drift is left to the voting rule: it costs a slot, and bars for no more.
   * Beyond it no proposal of ours can be current for anybody whose clock is right.
   */
  readonly boundMs: number;
  readonly #saidMsMax: number;
  /** By member key in hex; newest last. */
  readonly #said = new Map<string, Anchor>();
  /** The latest time that a quorum vouched for. */
  #chain: Anchor | undefined;
  /** The newest block, when it was first seen. */
  #newest: Anchor | undefined;
  #newestTimestampMs = 0;
  /** The difference between our clocks that was confirmed. */
  #trusted: Anchor | undefined;
  #suspect: Suspect | undefined;

  constructor({ slotDurationMs, driftMs, saidMsMax }: ClockGuardOptions) {
    this.boundMs = slotDurationMs + driftMs;
    this.#saidMsMax = saidMsMax;
  }

  /** A certified block of this timestamp is known from now on; its approval was verified. */
  blockSeen(timestampMs: number, atMs: number): void {
    const anchor = { offsetMs: timestampMs - atMs, atMs };
    if (this.#chain === undefined || anchor.offsetMs > decayed(this.#chain, atMs)) this.#chain = anchor;
    // A head that is told of again has aged since: it says nothing about now.
    if (timestampMs <= this.#newestTimestampMs) return;
    this.#newestTimestampMs = timestampMs;
    this.#newest = anchor;
  }

  /** A member said that its clock shows `saysMs`, Unix milliseconds, at `atMs` of our monotonic clock. */
  memberSaid(key: string, saysMs: number, atMs: number): void {
    this.#said.delete(key);
    if (this.#said.size >= SAID_MAX) this.#said.delete(this.#said.keys().next().value ?? "");
    this.#said.set(key, { offsetMs: saysMs - atMs, atMs });
  }

  /** Undefined: it can be signed by. To be asked at least once a slot: a leap is found by comparing with the time before. */
  judge({ wallMs, monotonicMs: nowMs }: ClockReading, jury: ClockJury): ClockFault | undefined {
    const offsetMs = wallMs - nowMs;
    const behindMs = this.#chain === undefined ? 0 : decayed(this.#chain, nowMs) - offsetMs;
    const isBehind = behindMs > this.boundMs;
    const doubt = this.#weigh(offsetMs, nowMs, isBehind, jury);
    if (isBehind) return { kind: "behindChain", byMs: -Math.floor(behindMs) };
    if (doubt !== undefined) return doubt;
    if (this.#isConfirmed(offsetMs, nowMs)) return undefined;
    const byMs = medianNearest([0, ...this.#differences(offsetMs, nowMs, jury)]);
    return Math.abs(byMs) > this.boundMs ? { kind: "differs", byMs: -Math.round(byMs) } : undefined;
  }

  /** Follows the confirmed difference as slowly as clocks drift; what is beyond the bound is suspected until confirmed. */
  #weigh(offsetMs: number, nowMs: number, isBehind: boolean, jury: ClockJury): ClockFault | undefined {
    const trusted = this.#trusted;
    if (trusted !== undefined && Math.abs(offsetMs - trusted.offsetMs) <= this.boundMs) {
      const stepMs = (nowMs - trusted.atMs) * DRIFT_SHARE;
      const towards = Math.max(-stepMs, Math.min(stepMs, offsetMs - trusted.offsetMs));
      this.#trusted = { offsetMs: trusted.offsetMs + towards, atMs: nowMs };
      this.#suspect = undefined;
      return undefined;
    }
    const before = this.#suspect;
    const isSame = before !== undefined && Math.abs(offsetMs - before.offsetMs) <= this.boundMs;
    const suspect = isSame ? before : { offsetMs, sinceMs: nowMs };
    this.#suspect = suspect;
    const differences = this.#differences(offsetMs, nowMs, jury);
    const agreeing = 1 + differences.filter((by) => Math.abs(by) <= this.boundMs).length;
    const quorum = quorumOf(jury.members.length);
    const isDisputed = agreeing <= differences.length;
    const waitMs =
      trusted === undefined ? (isDisputed ? SETTLE_MS : 0) : isDisputed ? DISPUTED_MS : SETTLE_MS;
    const isSettled = agreeing >= quorum && nowMs - suspect.sinceMs >= waitMs;
    // Whatever anybody says of a clock that is behind a certified block.
    if (!isBehind && (isSettled || this.#isConfirmed(offsetMs, nowMs))) {
      this.#trusted = { offsetMs, atMs: nowMs };
      this.#suspect = undefined;
      return undefined;
    }
    if (trusted === undefined) return { kind: "unconfirmed", agreeing, quorum };
    return { kind: "leapt", byMs: Math.round(offsetMs - trusted.offsetMs) };
  }

  /** A quorum signed a block just now, by this clock. */
  #isConfirmed(offsetMs: number, nowMs: number): boolean {
    const newest = this.#newest;
    if (newest === undefined || nowMs - newest.atMs > CONFIRMS_MS) return false;
    return Math.abs(offsetMs - newest.offsetMs) <= this.boundMs;
  }

  /** By how much the clocks of the other members are ahead of ours, of those that said so lately. */
  #differences(offsetMs: number, nowMs: number, { members, own }: ClockJury): number[] {
    const differences: number[] = [];
    for (const key of members) {
      const said = key === own ? undefined : this.#said.get(key);
      if (said !== undefined && nowMs - said.atMs <= this.#saidMsMax)
        differences.push(said.offsetMs - offsetMs);
    }
    return differences;
  }
}

/** What is left of it for certain. */
function decayed({ offsetMs, atMs }: Anchor, nowMs: number): number {
  return offsetMs - (nowMs - atMs) * DRIFT_SHARE;
}

/**
 * The median; of an even number the one nearer to 0. So it differs from 0 only where more than half of all do, on one
 * side: as many liars as honest others move nothing.
 */
export function medianNearest(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  const high = sorted[Math.floor(sorted.length / 2)] ?? 0;
  if (low <= 0 && high >= 0) return 0;
  return Math.abs(low) < Math.abs(high) ? low : high;
}

/** In words, with numbers, for operators. */
export function clockFaultText(fault: ClockFault): string {
  switch (fault.kind) {
    case "unconfirmed":
      return `the clock is not confirmed since the start: ${fault.agreeing} of the ${fault.quorum} members needed show this time`;
    case "leapt":
      return `the clock was set ${apart(fault.byMs)} itself, and no member has confirmed that for long enough`;
    case "behindChain":
      return `the clock is ${apart(fault.byMs)} the newest certified block`;
    case "differs":
      return `the clock is ${apart(fault.byMs)} those of most members`;
  }
}

function apart(byMs: number): string {
  return byMs < 0 ? `${-byMs} ms behind` : `${byMs} ms ahead of`;
}
