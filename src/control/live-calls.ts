/**
 * The calls that are running. Bounds their number, and ends the streams among them when the node drains;
 * unary calls may finish. One set, not one listener a call on a shared signal.
 */
import { type Failure, failure } from "../kernel/errors.ts";

/** A stream that can be ended from outside. */
export interface LiveStream {
  end(reason: Failure): void;
}

/**
 * Calls at a time over all connections; one more is refused. A watcher holds at most its topic's buffer, 1
 * MiB.
 */
export const LIVE_CALLS_MAX = 2_048;

/** A client waits this long before it looks for the node again. */
const RETRY_DELAY_MS = 1_000;

const TOO_MANY = failure("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS", "too many calls are running", {
  retryDelayMs: RETRY_DELAY_MS,
});
export const DRAINING = failure("UNAVAILABLE", "DRAINING", "the node is shutting down", {
  retryDelayMs: RETRY_DELAY_MS,
});

export class LiveCalls {
  readonly #max: number;
  readonly #streams = new Set<LiveStream>();
  #unary = 0;
  #isDraining = false;

  constructor(max: number = LIVE_CALLS_MAX) {
    this.#max = max;
  }

  get size(): number {
    return this.#unary + this.#streams.size;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** A unary call begins; why it may not, if so. `unaryEnded` follows exactly when it may. */
  beginUnary(): Failure | undefined {
    if (this.size >= this.#max) return TOO_MANY;
    this.#unary += 1;
    return undefined;
  }

  unaryEnded(): void {
    this.#unary -= 1;
  }

  /** A stream begins; why it may not, if so. */
  beginStream(stream: LiveStream): Failure | undefined {
    if (this.#isDraining) return DRAINING;
    if (this.size >= this.#max) return TOO_MANY;
    this.#streams.add(stream);
    return undefined;
  }

  streamEnded(stream: LiveStream): void {
    this.#streams.delete(stream);
  }

  /** Ends all streams with UNAVAILABLE/DRAINING and refuses new ones. Idempotent. */
  drain(): void {
    this.#isDraining = true;
    for (const stream of [...this.#streams]) stream.end(DRAINING);
  }
}
