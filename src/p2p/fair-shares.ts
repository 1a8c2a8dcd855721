/**
 * FairShares: what is scarce goes to the peers in equal shares. While all of them together want less than there is, nobody is
 * held back; else each may take as much as the smallest level at which everybody's wants, cut off there, fill what there is
 * (max-min fairness). The level follows the last second's wants. Pure, time is an argument.
 */

/** Peers whose wants are counted in one second. Past it a peer has its share uncounted, and the common bucket decides. */
const PEERS_MAX = 8192;

const WINDOW_MS = 1_000;

export class FairShares {
  readonly #perSecond: number;
  #windowMs = Number.NEGATIVE_INFINITY;
  /** Requests of each peer in this second, whether or not they were let in. */
  #wanted = new Map<string, number>();
  #levelMax = Number.POSITIVE_INFINITY;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Counts one more request of the peer; whether it lies within its share. */
  take(peerId: string, nowMs: number): boolean {
    if (nowMs - this.#windowMs >= WINDOW_MS) this.#turn(nowMs);
    const wanted = this.#wanted.get(peerId);
    if (wanted === undefined && this.#wanted.size >= PEERS_MAX) return true;
    this.#wanted.set(peerId, (wanted ?? 0) + 1);
    return (wanted ?? 0) < this.#levelMax;
  }

  /** Wants of more than a second ago say nothing of now. */
  #turn(nowMs: number): void {
    const isFollowing = nowMs - this.#windowMs < 2 * WINDOW_MS;
    this.#levelMax = isFollowing
      ? levelOf([...this.#wanted.values()], this.#perSecond)
      : Number.POSITIVE_INFINITY;
    this.#windowMs = nowMs;
    this.#wanted = new Map();
  }
}

/** The level at which these wants, cut off there, come to `total`; infinite when they do not reach it. At least 1. */
export function levelOf(wants: readonly number[], total: number): number {
  let left = total;
  let count = wants.length;
  for (const want of [...wants].sort((one, other) => one - other)) {
    const share = left / count;
    if (want > share) return Math.max(1, Math.ceil(share));
    left -= want;
    count -= 1;
  }
  return Number.POSITIVE_INFINITY;
}
