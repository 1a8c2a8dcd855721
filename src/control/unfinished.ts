/**
 * Messages that callers have begun to send and have not finished: how many there may be, how many bytes they hold, in
 * all and of one holder, and how long one may take. Whoever is nobody yet has little of each. Asked by `doorway.ts`.
 */
import { type Failure, failure } from "../kernel/errors.ts";

export interface UnfinishedLimits {
  /** Calls whose message is not there yet, in all. */
  readonly calls: number;
  /** Bytes that they hold, in all. */
  readonly bytes: number;
  /** Of calls and bytes, the share of one holder. */
  readonly share: number;
  /** Of calls and bytes, the share of all anonymous callers together. */
  readonly anonymousShare: number;
  /** Bytes of one message of an anonymous caller. */
  readonly anonymousBytes: number;
}

/** Calls whose request is not whole: as many as may run; one more is refused. */
const UNFINISHED_CALLS_MAX = 2_048;
/** Bytes of requests that are not whole: sixteen of the largest; the call that brings one more byte is refused. */
const UNFINISHED_BYTES_MAX = 64 * 1024 * 1024;
/** Of those calls and bytes, the share of one token or certificate. */
const HOLDER_SHARE_MAX = 0.5;
/** Of those calls and bytes, the share of all anonymous callers together. */
const ANONYMOUS_SHARE_MAX = 1 / 16;
/** Bytes of an anonymous caller's request: public methods are asked for a service's name or for nothing. */
const ANONYMOUS_MESSAGE_BYTES_MAX = 16 * 1024;
/** A chunk costs this much beside its bytes: a message of single bytes is no way around the limit. */
const CHUNK_BYTES = 512;

export const UNFINISHED_LIMITS: UnfinishedLimits = {
  calls: UNFINISHED_CALLS_MAX,
  bytes: UNFINISHED_BYTES_MAX,
  share: HOLDER_SHARE_MAX,
  anonymousShare: ANONYMOUS_SHARE_MAX,
  anonymousBytes: ANONYMOUS_MESSAGE_BYTES_MAX,
};

const RETRY_DELAY_MS = 1_000;

const TOO_MANY = failure(
  "RESOURCE_EXHAUSTED",
  "TOO_MANY_UNFINISHED",
  "too many requests are being received, of this caller or of all",
  { retryDelayMs: RETRY_DELAY_MS },
);
const TOO_LARGE = failure(
  "RESOURCE_EXHAUSTED",
  "REQUEST_TOO_LARGE",
  `a request without a token or a certificate has at most ${ANONYMOUS_MESSAGE_BYTES_MAX} bytes`,
);

interface Held {
  calls: number;
  bytes: number;
}

export class Unfinished {
  readonly #limits: UnfinishedLimits;
  readonly #holders = new Map<string, Held>();
  readonly #all: Held = { calls: 0, bytes: 0 };

  constructor(limits: UnfinishedLimits = UNFINISHED_LIMITS) {
    this.#limits = limits;
  }

  get size(): Readonly<Held> {
    return this.#all;
  }

  /** A call begins whose message is not there yet. RESOURCE_EXHAUSTED/TOO_MANY_UNFINISHED. */
  begin(holder: string, isAnonymous: boolean): UnfinishedMessage | Failure {
    const held = this.#holders.get(holder) ?? { calls: 0, bytes: 0 };
    const { calls, share, anonymousShare } = this.#limits;
    const callsMax = calls * (isAnonymous ? anonymousShare : share);
    if (this.#all.calls >= calls || held.calls >= callsMax) return TOO_MANY;
    this.#holders.set(holder, held);
    held.calls += 1;
    this.#all.calls += 1;
    return new UnfinishedMessage(this.#limits, this.#all, held, isAnonymous, () => {
      held.calls -= 1;
      this.#all.calls -= 1;
      if (held.calls === 0) this.#holders.delete(holder);
    });
  }
}

/** What one call has sent of its message. */
export class UnfinishedMessage {
  readonly #limits: UnfinishedLimits;
  readonly #all: Held;
  readonly #held: Held;
  readonly #isAnonymous: boolean;
  readonly #onEnd: () => void;
  #bytes = 0;
  #isEnded = false;

  constructor(limits: UnfinishedLimits, all: Held, held: Held, isAnonymous: boolean, onEnd: () => void) {
    this.#limits = limits;
    this.#all = all;
    this.#held = held;
    this.#isAnonymous = isAnonymous;
    this.#onEnd = onEnd;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A chunk came; why that is too much, if so. */
  add(bytes: number): Failure | undefined {
    if (this.#isEnded) return undefined;
    this.#count(bytes + CHUNK_BYTES);
    const { bytes: bytesMax, share, anonymousShare, anonymousBytes } = this.#limits;
    if (this.#isAnonymous && this.#bytes > anonymousBytes + CHUNK_BYTES) return TOO_LARGE;
    const heldMax = bytesMax * (this.#isAnonymous ? anonymousShare : share);
    return this.#all.bytes > bytesMax || this.#held.bytes > heldMax ? TOO_MANY : undefined;
  }

  /** A message is whole; the next one begins with nothing. */
  whole(): void {
    this.#count(-this.#bytes);
  }

  /** There will be no more. Idempotent. */
  end(): void {
    if (this.#isEnded) return;
    this.whole();
    this.#isEnded = true;
    this.#onEnd();
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#held.bytes += bytes;
    this.#all.bytes += bytes;
  }
}
