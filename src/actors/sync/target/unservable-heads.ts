/**
 * Withheld heads: certified ones whose ancestors nobody delivers, so that a single peer could hold up production for ever.
 * One that failed at all who report it, pass after pass over some minutes, is excluded for a growing while, then tried
 * again; until its ancestors come it counts for nothing. Once anybody delivers one of them it counts as ever. A chain that
 * grows is never excluded, since each of its heads is a new one. A machine without effects, owned by target-selector.ts.
 */

import { isBetterHead } from "../../../chain/fork-choice.ts";
import { toHex } from "../../../chain/hex.ts";
import type { ProvenHead } from "../head.ts";
import type { Batch } from "../range/batch.ts";
import type { HeadUnserved } from "../status/stall-reason.ts";

/** Failed passes, and the time from the first to the last of them, before a head is excluded; then one pass each time. */
export const WITHHELD_PASSES_MIN = 4;
export const WITHHELD_MS_MIN = 180_000;
/** A pass in which a peer neither delivers nor refuses, or nobody can be asked, has failed after this long, milliseconds. */
export const PASS_MS_MAX = 120_000;
/** How long a head is excluded, doubled each time, milliseconds. */
export const LEFT_ALONE_MS = 120_000;
export const LEFT_ALONE_MS_MAX = 3_600_000;
/** Heads remembered; at the bound the oldest is forgotten, of those that count if there is one. */
export const WITHHELD_MAX = 64;
/** A head that was no target for so long begins its pass again, milliseconds. */
const GAP_MS = 5_000;

export interface Observation {
  /** The proven head that is gone for. */
  readonly target: ProvenHead;
  /** What import waits for. */
  readonly front: Batch;
  /** Peers that report the target and say that they have the front's blocks. */
  readonly reporters: readonly string[];
  /** False while something of our own is in the way: that is no peer's failure. */
  readonly isPeersTurn: boolean;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}

/** What is told of a head when it is excluded. */
export interface Exclusion {
  readonly head: ProvenHead;
  readonly passes: number;
  readonly forMs: number;
}

interface Withheld {
  readonly head: ProvenHead;
  /** Times that it was excluded; above 0 it counts for nothing. */
  readonly rounds: number;
  /** Monotonic milliseconds; after it the head is on trial. */
  readonly untilMs: number;
  /** When its first pass began, and the one under way. */
  readonly sinceMs: number;
  readonly passSinceMs: number;
  readonly seenMs: number;
  readonly passes: number;
  /** Who failed in the pass under way. Bounded by the connected peers, and cleared with each pass. */
  readonly failed: ReadonlySet<string>;
  /** The batch that was looked at last, and its failed attempts then. */
  readonly batchId: number;
  readonly attempts: number;
}

export class UnservableHeads {
  readonly #heads = new Map<string, Withheld>();
  #target = "";

  /** No target now. */
  isLeftAlone({ hash }: ProvenHead, nowMs: number): boolean {
    return (this.#heads.get(toHex(hash))?.untilMs ?? 0) > nowMs;
  }

  /** Nothing is judged by it: it is excluded, or on trial. */
  isDoubted({ hash }: ProvenHead): boolean {
    return (this.#heads.get(toHex(hash))?.rounds ?? 0) > 0;
  }

  /** To be told after whatever moved the front. Says when the target is excluded from now on. */
  observe(observation: Observation): Exclusion | undefined {
    const { target, nowMs, isPeersTurn, front } = observation;
    const key = toHex(target.hash);
    this.#target = key;
    const known = this.#heads.get(key) ?? begun(target, nowMs);
    const isNew = !isPeersTurn || nowMs - known.seenMs > GAP_MS;
    const passSinceMs = isNew ? nowMs : known.passSinceMs;
    const looked = { ...known, passSinceMs, seenMs: nowMs, failed: failedIn(known, front) };
    const withheld = { ...looked, batchId: front.id, attempts: front.attempts };
    const next = isPassOver(withheld, observation)
      ? { ...withheld, passes: known.passes + 1, passSinceMs: nowMs, failed: new Set<string>() }
      : withheld;
    const isTried = next.rounds > 0 || nowMs - next.sinceMs >= WITHHELD_MS_MIN;
    if (next.passes < (next.rounds > 0 ? 1 : WITHHELD_PASSES_MIN) || !isTried) {
      this.#put(key, next);
      return undefined;
    }
    const forMs = Math.min(LEFT_ALONE_MS_MAX, LEFT_ALONE_MS * 2 ** Math.min(next.rounds, 10));
    this.#put(key, { ...next, rounds: next.rounds + 1, untilMs: nowMs + forMs, passes: 0 });
    return { head: target, passes: next.passes, forMs };
  }

  /**
   * A block that was new to us came by range while the target was gone for. Slots rise with every height: one that is too
   * late for its height is none of the target's ancestors, so that a growing chain of others does not speak for it.
   */
  served(block: { readonly height: number; readonly slot: number }): void {
    const head = this.#heads.get(this.#target)?.head;
    if (head === undefined || block.height > head.height) return;
    if (block.slot + (head.height - block.height) <= head.slot) this.#heads.delete(this.#target);
  }

  /** What is said of the best of these heads that counts for nothing. */
  reason(own: ProvenHead, proven: Iterable<ProvenHead>, nowMs: number): HeadUnserved | undefined {
    let best: Withheld | undefined;
    for (const { hash } of proven) {
      const withheld = this.#heads.get(toHex(hash));
      if (withheld === undefined || withheld.rounds === 0) continue;
      if (isBetterHead(withheld.head, best?.head ?? own)) best = withheld;
    }
    if (best === undefined) return undefined;
    return { type: "headUnserved", head: best.head, retryMs: Math.max(0, best.untilMs - nowMs) };
  }

  #put(key: string, withheld: Withheld): void {
    this.#heads.set(key, withheld);
    if (this.#heads.size <= WITHHELD_MAX) return;
    const others = [...this.#heads].filter(([other]) => other !== key);
    const oldest = others.find(([, { rounds }]) => rounds === 0) ?? others[0];
    if (oldest !== undefined) this.#heads.delete(oldest[0]);
  }
}

function begun(head: ProvenHead, nowMs: number): Withheld {
  const pass = { sinceMs: nowMs, passSinceMs: nowMs, seenMs: nowMs, passes: 0, failed: new Set<string>() };
  return { head, rounds: 0, untilMs: 0, ...pass, batchId: 0, attempts: 0 };
}

/** Who failed at the front since it was looked at last, with those before. */
function failedIn({ batchId, attempts, failed }: Withheld, front: Batch): ReadonlySet<string> {
  const more = front.attempts - (front.id === batchId ? attempts : 0);
  return more <= 0 ? failed : new Set([...failed, ...front.failedPeers.slice(-more)]);
}

/** All who report it failed, or the time for it is over. */
function isPassOver(
  { failed, passSinceMs }: Withheld,
  { reporters, isPeersTurn, nowMs }: Observation,
): boolean {
  if (!isPeersTurn) return false;
  if (reporters.length > 0 && reporters.every((peerId) => failed.has(peerId))) return true;
  return nowMs - passSinceMs >= PASS_MS_MAX;
}
