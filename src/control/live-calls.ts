/**
 * The calls that are running. Bounds their number, in all and of each principal, keeps some room for administrators, and
 * ends the streams among them when the node drains; unary calls may finish. One set, not one listener a call on a
 * shared signal.
 */
import { type Failure, failure } from "../kernel/errors.ts";

/** Who makes a call of what. */
export interface Calling {
  readonly principal: string;
  /** The method asks for the scope admin. */
  readonly isAdministration: boolean;
}

/** A stream that can be ended from outside. */
export interface LiveStream extends Calling {
  end(reason: Failure): void;
}

/**
 * Calls at a time over all connections; one more is refused. A watcher holds at most its topic's buffer, 1
 * MiB.
 */
export const LIVE_CALLS_MAX = 2_048;

/** Calls beyond the bound that only administration may use: whoever fills the node with watchers cannot keep it from ending. */
const ADMINISTRATION_MAX = 32;

/** Of all calls, the share that one principal may have at a time; one more of its own is refused, others go on. */
const PRINCIPAL_SHARE_MAX = 0.5;

/** Whoever reaches a listener that asks for nothing: all of them together are no one principal. */
const OWNER = "owner";

/** A client waits this long before it looks for the node again. */
const RETRY_DELAY_MS = 1_000;

const TOO_MANY = failure("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS", "too many calls are running", {
  retryDelayMs: RETRY_DELAY_MS,
});
const TOO_MANY_OF_PRINCIPAL = failure(
  "RESOURCE_EXHAUSTED",
  "TOO_MANY_CALLS_OF_PRINCIPAL",
  "too many calls of this principal are running",
  { retryDelayMs: RETRY_DELAY_MS },
);
export const DRAINING = failure("UNAVAILABLE", "DRAINING", "the node is shutting down", {
  retryDelayMs: RETRY_DELAY_MS,
});

export class LiveCalls {
  readonly #max: number;
  readonly #principalMax: number;
  readonly #streams = new Set<LiveStream>();
  /** Calls of each principal that has any. */
  readonly #principals = new Map<string, number>();
  #unary = 0;
  #isDraining = false;

  constructor(max: number = LIVE_CALLS_MAX) {
    this.#max = max;
    this.#principalMax = Math.max(1, Math.floor(max * PRINCIPAL_SHARE_MAX));
  }

  get size(): number {
    return this.#unary + this.#streams.size;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** A unary call begins; why it may not, if so. `unaryEnded` follows exactly when it may. */
  beginUnary(calling: Calling): Failure | undefined {
    const refusal = this.#refusal(calling);
    if (refusal !== undefined) return refusal;
    this.#unary += 1;
    this.#count(calling, 1);
    return undefined;
  }

  unaryEnded(calling: Calling): void {
    this.#unary -= 1;
    this.#count(calling, -1);
  }

  /** A stream begins; why it may not, if so. */
  beginStream(stream: LiveStream): Failure | undefined {
    const refusal = this.#isDraining ? DRAINING : this.#refusal(stream);
    if (refusal !== undefined) return refusal;
    this.#streams.add(stream);
    this.#count(stream, 1);
    return undefined;
  }

  streamEnded(stream: LiveStream): void {
    if (this.#streams.delete(stream)) this.#count(stream, -1);
  }

  /** Ends all streams with UNAVAILABLE/DRAINING and refuses new ones. Idempotent. */
  drain(): void {
    this.#isDraining = true;
    for (const stream of [...this.#streams]) stream.end(DRAINING);
  }

  #refusal({ principal, isAdministration }: Calling): Failure | undefined {
    if (this.size >= this.#max + (isAdministration ? ADMINISTRATION_MAX : 0)) return TOO_MANY;
    if (principal === OWNER || isAdministration) return undefined;
    return (this.#principals.get(principal) ?? 0) < this.#principalMax ? undefined : TOO_MANY_OF_PRINCIPAL;
  }

  #count({ principal }: Calling, change: 1 | -1): void {
    const count = (this.#principals.get(principal) ?? 0) + change;
    if (count === 0) this.#principals.delete(principal);
    else this.#principals.set(principal, count);
  }
}
