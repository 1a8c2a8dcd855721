/**
 * Tells that scores of peers changed, together and soon: whoever chooses peers would else go by what was true at the last status
 * exchange. Owned by the PeerActor, by whose timers it waits.
 */

import type { ActorTimers } from "../../kernel/actor/timers.ts";

/** Longest time from a change to its publication; what changes meanwhile goes with it, once a peer. */
export const SCORE_NEWS_MS = 100;

export class ScoreNews {
  readonly #timers: Pick<ActorTimers, "after">;
  readonly #tell: (peerIds: ReadonlySet<string>) => void;
  /** Empty when no timer runs. At most one entry a known peer. */
  #changed = new Set<string>();

  constructor(timers: Pick<ActorTimers, "after">, tell: (peerIds: ReadonlySet<string>) => void) {
    this.#timers = timers;
    this.#tell = tell;
  }

  changed(peerId: string): void {
    if (this.#changed.size === 0) this.#timers.after(SCORE_NEWS_MS, () => this.#flush());
    this.#changed.add(peerId);
  }

  #flush(): void {
    const peerIds = this.#changed;
    this.#changed = new Set();
    this.#tell(peerIds);
  }
}
