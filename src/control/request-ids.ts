/**
 * Calls that are carried out once: a caller that names its state-changing call by `x-request-id` may repeat it, and gets
 * the answer of the first, while that runs or is remembered. Bounded in ids, bytes and time; shared by all listeners.
 * Asked by `calls.ts`.
 */
import { hash } from "node:crypto";
import type { Metadata } from "@grpc/grpc-js";
import { Failure, failure } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports/clock.ts";

/** Metadata key of the caller's name for its call. */
export const REQUEST_ID_KEY = "x-request-id";
/** Metadata key of an answer that was given before: "true". */
export const REPLAYED_KEY = "x-request-replayed";

/** As correlation ids: printable, without spaces. */
const REQUEST_ID = /^[\w.:/@+-]{1,128}$/;

/** How long an answer is remembered: a caller that tries again for longer has given up. */
const REMEMBERED_MS = 600_000;

/** Answers that are remembered; at the bound the oldest is forgotten, and its call would be carried out again. */
const ANSWERS_MAX = 4_096;

/** Bytes of answers that are remembered; at the bound the oldest are forgotten. */
const BYTES_MAX = 8 * 1024 * 1024;

/** Calls with an id that run at a time; one more is refused. Each holds its request until it is answered. */
const RUNNING_MAX = 1_024;

/** Beside the answer: key, hash and entry. */
const ENTRY_BYTES = 512;

const BAD_REQUEST_ID = failure(
  "INVALID_ARGUMENT",
  "BAD_REQUEST_ID",
  "x-request-id takes 1 to 128 letters, digits and _.:/@+-",
  { field: REQUEST_ID_KEY },
);
const REQUEST_ID_REUSED = failure(
  "ALREADY_EXISTS",
  "REQUEST_ID_REUSED",
  "the request id named another request before; give each request an id of its own",
  { field: REQUEST_ID_KEY },
);
const TOO_MANY_REQUEST_IDS = failure(
  "RESOURCE_EXHAUSTED",
  "TOO_MANY_REQUEST_IDS",
  "too many calls with a request id are running",
  { retryDelayMs: 1_000 },
);

/** Whether the node takes it for a name of a call. */
export function isRequestId(text: string): boolean {
  return REQUEST_ID.test(text);
}

/** How a call that is repeated may be answered. */
export interface NamedCall {
  readonly principal: string;
  /** Token or certificate: two of one name are two callers. */
  readonly holder: string;
  /** Full name of the method. */
  readonly method: string;
  readonly id: string;
  /** Bytes of the request. */
  readonly request: Uint8Array;
}

export interface OnceAnswer {
  readonly frame: Buffer;
  /** It was given before, or is that of a call that ran already. */
  readonly isReplayed: boolean;
}

interface Running {
  readonly digest: string;
  readonly answer: Promise<Buffer>;
}

interface Remembered {
  readonly digest: string;
  readonly outcome: Buffer | Failure;
  readonly bytes: number;
  readonly untilMs: number;
}

/** The caller's name for its call; undefined without one. A malformed one is a Failure. */
export function requestIdOf(metadata: Metadata): string | Failure | undefined {
  const given = metadata.get(REQUEST_ID_KEY);
  if (given.length === 0) return undefined;
  const [id] = given;
  return given.length === 1 && typeof id === "string" && isRequestId(id) ? id : BAD_REQUEST_ID;
}

export class RequestIds {
  readonly #clock: Clock;
  readonly #running = new Map<string, Running>();
  /** Oldest first. */
  readonly #remembered = new Map<string, Remembered>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ids that are known, and bytes that they hold. */
  get size(): { readonly running: number; readonly remembered: number; readonly bytes: number } {
    return { running: this.#running.size, remembered: this.#remembered.size, bytes: this.#bytes };
  }

  /**
   * Runs the call, or answers as the one before it. Rejects as that did, with ALREADY_EXISTS/REQUEST_ID_REUSED for
   * another request, with RESOURCE_EXHAUSTED/TOO_MANY_REQUEST_IDS at the bound.
   */
  async once(call: NamedCall, run: () => Promise<Buffer>): Promise<OnceAnswer> {
    // A principal and a holder hold no newline, a method and an id no space.
    const key = `${call.principal}\n${call.holder}\n${call.method} ${call.id}`;
    const digest = hash("sha256", call.request, "base64");
    this.#forgetOld();
    const known = this.#running.get(key) ?? this.#remembered.get(key);
    if (known !== undefined) {
      if (known.digest !== digest) throw REQUEST_ID_REUSED;
      const outcome = "answer" in known ? await known.answer : known.outcome;
      if (outcome instanceof Failure) throw outcome;
      return { frame: outcome, isReplayed: true };
    }
    if (this.#running.size >= RUNNING_MAX) throw TOO_MANY_REQUEST_IDS;
    const answer = this.#run(key, digest, run);
    this.#running.set(key, { digest, answer });
    return { frame: await answer, isReplayed: false };
  }

  async #run(key: string, digest: string, run: () => Promise<Buffer>): Promise<Buffer> {
    try {
      const frame = await run();
      this.#remember(key, digest, frame);
      return frame;
    } catch (thrown) {
      // What may succeed later is no outcome: the same id may try it again.
      if (thrown instanceof Failure && !thrown.isRetryable) this.#remember(key, digest, thrown);
      throw thrown;
    } finally {
      this.#running.delete(key);
    }
  }

  #remember(key: string, digest: string, outcome: Buffer | Failure): void {
    const bytes = ENTRY_BYTES + key.length + (outcome instanceof Failure ? 0 : outcome.length);
    if (bytes > BYTES_MAX) return;
    this.#remembered.set(key, { digest, outcome, bytes, untilMs: this.#clock.monotonicMs() + REMEMBERED_MS });
    this.#bytes += bytes;
    while (this.#remembered.size > ANSWERS_MAX || this.#bytes > BYTES_MAX) this.#forgetOldest();
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const { untilMs } of this.#remembered.values()) {
      if (untilMs > nowMs) return;
      this.#forgetOldest();
    }
  }

  #forgetOldest(): void {
    for (const [key, { bytes }] of this.#remembered) {
      this.#remembered.delete(key);
      this.#bytes -= bytes;
      return;
    }
  }
}
