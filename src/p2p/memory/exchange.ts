/**
 * Requests and answers in memory: the same framing, limits, deadlines and reports as over libp2p, with the network's
 * deliveries instead of streams. A chunk is pulled from its source only when the one before has arrived.
 */

import type { Clock, TimerHandle } from "../../kernel/clock.ts";
import type { RequestAdmission } from "../admission.ts";
import { deadlineAfter } from "../deadline.ts";
import type { EventHub } from "../event-hub.ts";
import { hostFailure, toHostFailure } from "../failures.ts";
import { encodeChunk, encodeEnd, encodeError, ResponseDecoder } from "../framing.ts";
import type { RequestHandle, RequestOptions, ResponseError } from "../port.ts";
import type { Protocol } from "../protocols.ts";

/** Both as the libp2p host: from the announcement to `respond`, and from there to the last byte. */
const RESPOND_DEADLINE_MS = 10_000;
const ANSWER_DEADLINE_MS = 30_000;

/** How an answer travels back. */
export interface ReturnPath {
  /** Resolves when the bytes have arrived; never if they are lost. */
  send(bytes: Uint8Array): Promise<void>;
  fail(reason: "PROTOCOL_UNSUPPORTED" | "STREAM_RESET"): void;
  /** The responder is done with this request, however it ended. */
  ended(): void;
}

interface Serving {
  readonly peerId: string;
  readonly protocol: Protocol;
  readonly path: ReturnPath;
  readonly gone: PromiseWithResolvers<void>;
  phase: "waiting" | "answering";
  timer: TimerHandle | undefined;
  bytesOut: number;
}

export interface ServingParts {
  readonly clock: Clock;
  readonly events: EventHub;
  readonly admission: RequestAdmission;
  readonly isReserved: (peerId: string) => boolean;
}

/** The responder's side. */
export class MemoryResponder {
  readonly #parts: ServingParts;
  readonly #serving = new Map<number, Serving>();
  #handles = 0;

  constructor(parts: ServingParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    return [...this.#serving.values()].filter((serving) => serving.phase === "waiting").length;
  }

  /** Announces a request that arrived; returns how to call it off when its peer goes. */
  accept(peerId: string, protocol: Protocol, payload: Uint8Array, path: ReturnPath): () => void {
    const { admission, clock, events, isReserved } = this.#parts;
    const admitted = admission.admit(peerId, protocol, isReserved(peerId), clock.monotonicMs());
    if (admitted === "flooding") {
      events.emit({ type: "violation", peerId, protocol, kind: "rate-limited" });
      path.fail("STREAM_RESET");
      return () => {};
    }
    if (admitted === "refused") {
      void path.send(encodeError("rate-limited"));
      return () => {};
    }
    this.#handles += 1;
    const handle = this.#handles as RequestHandle;
    const gone = Promise.withResolvers<void>();
    const serving: Serving = {
      peerId,
      protocol,
      path,
      gone,
      phase: "waiting",
      timer: undefined,
      bytesOut: 0,
    };
    this.#serving.set(handle, serving);
    this.#limit(handle, serving, RESPOND_DEADLINE_MS);
    const deadlineMs = clock.monotonicMs() + RESPOND_DEADLINE_MS;
    events.emit({ type: "request", handle, peerId, protocol, payload, deadlineMs });
    return () => this.#leave(handle, "closed");
  }

  respond(
    handle: RequestHandle,
    answer: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | ResponseError,
  ): void {
    const serving = this.#serving.get(handle);
    if (serving?.phase !== "waiting") return;
    serving.phase = "answering";
    this.#limit(handle, serving, ANSWER_DEADLINE_MS);
    void this.#answer(handle, serving, answer);
  }

  /** Gives what comes next so long, and then breaks off: bytes that were lost would hold the exchange for ever. */
  #limit(handle: RequestHandle, serving: Serving, deadlineMs: number): void {
    serving.timer?.cancel();
    serving.timer = this.#parts.clock.setTimer(deadlineMs, () => {
      serving.path.fail("STREAM_RESET");
      this.#leave(handle, "expired");
    });
  }

  close(): void {
    for (const handle of [...this.#serving.keys()]) this.#leave(handle as RequestHandle, "closed");
  }

  async #answer(
    handle: RequestHandle,
    serving: Serving,
    answer: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | ResponseError,
  ): Promise<void> {
    try {
      if (typeof answer === "string") await this.#send(handle, serving, encodeError(answer));
      else {
        for await (const chunk of answer) {
          await this.#send(handle, serving, encodeChunk(chunk));
          if (!this.#serving.has(handle)) return;
        }
        await this.#send(handle, serving, encodeEnd());
      }
      this.#leave(handle, "answered");
    } catch {
      // The source of chunks failed; without the end byte nobody takes the answer for whole.
      serving.path.fail("STREAM_RESET");
      this.#leave(handle, "closed");
    }
  }

  async #send(handle: RequestHandle, serving: Serving, bytes: Uint8Array): Promise<void> {
    if (!this.#serving.has(handle)) return;
    serving.bytesOut += bytes.length;
    await Promise.race([serving.path.send(bytes), serving.gone.promise]);
  }

  #leave(handle: RequestHandle, outcome: "answered" | "expired" | "closed"): void {
    const serving = this.#serving.get(handle);
    if (serving === undefined) return;
    this.#serving.delete(handle);
    serving.timer?.cancel();
    serving.gone.resolve();
    serving.path.ended();
    this.#parts.admission.release(serving.peerId, serving.protocol);
    this.#parts.events.emit({ type: "requestEnded", handle, outcome, bytesOut: serving.bytesOut });
  }
}

/** The requester's side of one request. */
export class MemoryExchange {
  readonly #outcome = Promise.withResolvers<readonly Uint8Array[]>();
  readonly #chunks: Uint8Array[] = [];
  readonly #decoder: ResponseDecoder;
  readonly #dispose: () => void;
  readonly #disposeFirst: () => void;
  isOver = false;
  /** Sends word to the responder that nobody waits any more. */
  onCancel: () => void = () => {};
  /** What that word does there; set by the responder when it takes the request. */
  onCancelled: () => void = () => {};

  constructor(clock: Clock, options: RequestOptions) {
    this.#decoder = new ResponseDecoder(options, (chunk) => {
      this.#chunks.push(chunk);
      options.onChunk?.(chunk);
    });
    const whole = deadlineAfter(clock, options.deadlineMs, "RESPONSE_DEADLINE", options.signal);
    const first = deadlineAfter(clock, options.firstByteDeadlineMs, "FIRST_BYTE_DEADLINE");
    this.#disposeFirst = first.dispose;
    this.#dispose = () => {
      first.dispose();
      whole.dispose();
    };
    for (const { signal } of [whole, first]) {
      const onAbort = (): void => this.fail(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    }
  }

  get outcome(): Promise<readonly Uint8Array[]> {
    return this.#outcome.promise;
  }

  receive(bytes: Uint8Array): void {
    if (this.isOver) return;
    this.#disposeFirst();
    try {
      const progress = this.#decoder.push(bytes);
      if (progress.state === "failed") this.fail(progress.failure);
      else if (progress.state === "complete") this.#end(() => this.#outcome.resolve(this.#chunks));
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  fail(cause: unknown): void {
    if (this.isOver) return;
    this.#end(() => this.#outcome.reject(toHostFailure(cause, "STREAM_RESET")));
    this.onCancel();
  }

  failFor(reason: "PROTOCOL_UNSUPPORTED" | "STREAM_RESET" | "CONNECTION_LOST" | "HOST_CLOSED"): void {
    this.fail(hostFailure(reason, "the exchange ended"));
  }

  #end(settle: () => void): void {
    this.isOver = true;
    this.#dispose();
    settle();
  }
}
