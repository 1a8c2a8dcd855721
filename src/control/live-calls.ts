/**
 * The calls that are running. Bounds their number, in all and of each principal, keeps some room for administrators, and
 * ends the streams among them when the node drains; unary calls may finish. One set, not one listener a call on a
 * shared signal.
 */
import { type Failure, failure } from "../kernel/errors.ts";

/** Who makes a call of what. */
export interface Calling {
  /** What it is counted under; undefined for the owner, who is no one principal. */
  readonly account: string | undefined;
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

/** Of all calls, the share that one account may have at a time; one more of its own is refused, others go on. */
const ACCOUNT_SHARE_MAX = 0.5;

/** Of all calls, the share that the streams of one account may be: they stay. One more is refused, its other calls go on. */
const ACCOUNT_STREAMS_SHARE_MAX = 0.25;

/** The account of all together who bring neither token nor certificate where others do. */
export const ANONYMOUS = "anonymous";

/** Calls at a time of all who are not known, enough for health checks; one more is refused, those who are known go on. */
const ANONYMOUS_CALLS_MAX = 64;
/** Of these, streams. */
const ANONYMOUS_STREAMS_MAX = 32;

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
const TOO_MANY_ANONYMOUS = failure(
  "RESOURCE_EXHAUSTED",
  "TOO_MANY_ANONYMOUS_CALLS",
  "too many calls of callers who are not known are running; bring a token",
  { retryDelayMs: RETRY_DELAY_MS },
);
export const DRAINING = failure("UNAVAILABLE", "DRAINING", "the node is shutting down", {
  retryDelayMs: RETRY_DELAY_MS,
});

export class LiveCalls {
  readonly #max: number;
  readonly #streams = new Set<LiveStream>();
  /** Calls of each account that has any. */
  readonly #accounts = new Map<string, { calls: number; streams: number }>();
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
  beginUnary(calling: Calling): Failure | undefined {
    const refusal = this.#refusal(calling, false);
    if (refusal !== undefined) return refusal;
    this.#unary += 1;
    this.#count(calling, 1, 0);
    return undefined;
  }

  unaryEnded(calling: Calling): void {
    this.#unary -= 1;
    this.#count(calling, -1, 0);
  }

  /** A stream begins; why it may not, if so. */
  beginStream(stream: LiveStream): Failure | undefined {
    const refusal = this.#isDraining ? DRAINING : this.#refusal(stream, true);
    if (refusal !== undefined) return refusal;
    this.#streams.add(stream);
    this.#count(stream, 1, 1);
    return undefined;
  }

  streamEnded(stream: LiveStream): void {
    if (this.#streams.delete(stream)) this.#count(stream, -1, -1);
  }

  /** Ends all streams with UNAVAILABLE/DRAINING and refuses new ones. Idempotent. */
  drain(): void {
    this.#isDraining = true;
    for (const stream of [...this.#streams]) stream.end(DRAINING);
  }

  #refusal({ account, isAdministration }: Calling, isStream: boolean): Failure | undefined {
    if (this.size >= this.#max + (isAdministration ? ADMINISTRATION_MAX : 0)) return TOO_MANY;
    if (account === undefined || isAdministration) return undefined;
    const { calls, streams } = this.#accounts.get(account) ?? NONE;
    if (account === ANONYMOUS) {
      const isFull = calls >= ANONYMOUS_CALLS_MAX || (isStream && streams >= ANONYMOUS_STREAMS_MAX);
      if (isFull) return TOO_MANY_ANONYMOUS;
    }
    if (calls >= this.#shareOf(ACCOUNT_SHARE_MAX)) return TOO_MANY_OF_PRINCIPAL;
    return isStream && streams >= this.#shareOf(ACCOUNT_STREAMS_SHARE_MAX)
      ? TOO_MANY_OF_PRINCIPAL
      : undefined;
  }

  #shareOf(share: number): number {
    return Math.max(1, Math.floor(this.#max * share));
  }

  #count({ account }: Calling, calls: 1 | -1, streams: 1 | 0 | -1): void {
    if (account === undefined) return;
    const before = this.#accounts.get(account) ?? NONE;
    const after = { calls: before.calls + calls, streams: before.streams + streams };
    if (after.calls === 0) this.#accounts.delete(account);
    else this.#accounts.set(account, after);
  }
}

const NONE = { calls: 0, streams: 0 };
