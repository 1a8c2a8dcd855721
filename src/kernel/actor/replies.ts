/**
 * The reply table: calls whose answer was deferred. Bounded; each is answered exactly once, at the latest by its
 * deadline.
 */

import type { Failure } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { deadlineExceeded, REPLY_TABLE_FULL } from "./answers.ts";
import type { Deferred } from "./deferred.ts";
import type { Envelope } from "./envelope.ts";

/** Deferred answers of one actor; at the bound the call is answered RESOURCE_EXHAUSTED at once. */
const REPLIES_MAX = 4_096;

export class ReplyTable {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #open = new Set<Envelope>();

  constructor(clock: Clock, max: number = REPLIES_MAX) {
    this.#clock = clock;
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Enters a call; `answer` turns what the deferred is settled with into the call's answer. */
  enter(envelope: Envelope, deferred: Deferred<never>, answer: (reply: object | Failure) => void): void {
    envelope.deferral = { deferred, timer: undefined, onSettled: () => this.#open.delete(envelope) };
    if (this.#open.size >= this.#max) {
      envelope.giveUp(REPLY_TABLE_FULL);
      return;
    }
    this.#open.add(envelope);
    // Bound before the timer is set: a deferred that was settled early answers here and needs none.
    deferred.bind({ answer });
    if (envelope.isSettled) return;
    const remainingMs = Math.max(0, envelope.deadlineMs - this.#clock.monotonicMs());
    envelope.deferral.timer = this.#clock.setTimer(remainingMs, () => {
      envelope.giveUp(deadlineExceeded(envelope.entry.name));
    });
  }

  /** Answers everything that is open; the actor ended. */
  giveUpAll(reason: Failure): number {
    const open = [...this.#open];
    for (const envelope of open) envelope.giveUp(reason);
    return open.length;
  }
}
