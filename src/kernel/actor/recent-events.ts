/**
 * The last messages of an incarnation, for the log line of its crash. Names, times and ids only: a ring of messages
 * would keep their payloads alive.
 */
import type { Cause } from "../cause.ts";
import type { Clock } from "../ports/clock.ts";

/** Enough to see what led to a crash, little enough for one log line. */
const EVENTS_MAX = 16;

export class RecentEvents {
  readonly #clock: Clock;
  readonly #names: string[] = new Array(EVENTS_MAX).fill("");
  readonly #times: number[] = new Array(EVENTS_MAX).fill(0);
  readonly #causes: (Cause | undefined)[] = new Array(EVENTS_MAX).fill(undefined);
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `nowMs` is monotonic. The id is noted only if the caller brought one: making one costs as much as the rest. */
  add(name: string, nowMs: number, message: { readonly knownCause: Cause | undefined }): void {
    const at = this.#next % EVENTS_MAX;
    this.#names[at] = name;
    this.#times[at] = nowMs;
    this.#causes[at] = message.knownCause;
    this.#next += 1;
  }

  clear(): void {
    this.#next = 0;
  }

  /** Oldest first, as `method correlation-id -age ms`. */
  list(): string[] {
    const nowMs = this.#clock.monotonicMs();
    const count = Math.min(this.#next, EVENTS_MAX);
    return Array.from({ length: count }, (_, index) => {
      const at = (this.#next - count + index) % EVENTS_MAX;
      const ageMs = Math.round(nowMs - (this.#times[at] ?? nowMs));
      const id = this.#causes[at]?.correlationId;
      return id === undefined ? `${this.#names[at]} -${ageMs} ms` : `${this.#names[at]} ${id} -${ageMs} ms`;
    });
  }
}
