/**
 * Requests and answers in memory: the same framing, limits, deadlines and reports as over libp2p, with the network's
 * deliveries instead of streams. A chunk is pulled from its source only when the one before has arrived.
 */

import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import type { RequestAdmission } from "../admission.ts";
import { deadlineAfter } from "../deadline.ts";
import type { EventHub } from "../event-hub.ts";
import { hostFailure, toHostFailure } from "../failures.ts";
import { encodeChunk, encodeEnd, encodeError, RequestDecoder, ResponseDecoder } from "../framing.ts";
import type { HostEvent, RequestHandle, RequestOptions, ResponseError } from "../port.ts";
import { PROTOCOL_LIMITS, type Protocol } from "../protocols.ts";

/** All as the libp2p host: to the whole request, from its announcement to `respond`, and from there to the last byte. */
const REQUEST_READ_DEADLINE_MS = 5_000;
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

/** A request as it comes in. */
export interface Incoming {
  receive(bytes: Uint8Array): void;
  /** The asker gave up, its stream was reset or closed, or its connection is gone. */
  ended(): void;
}

type Violation = Extract<HostEvent, { type: "violation" }>;

interface Serving {
  readonly peerId: string;
  readonly protocol: Protocol;
  readonly path: ReturnPath;
  readonly gone: PromiseWithResolvers<void>;
  readonly decoder: RequestDecoder;
  readonly isAdmitted: boolean;
  phase: "reading" | "waiting" | "answering";
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
  readonly #serving = new Map<RequestHandle, Serving>();
  #handles = 0;

  constructor(parts: ServingParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    return [...this.#serving.values()].filter((serving) => serving.phase === "waiting").length;
  }

  /** Takes over a request of which the first bytes are about to come. */
  accept(peerId: string, protocol: Protocol, path: ReturnPath): Incoming {
    const { admission, clock, isReserved } = this.#parts;
    const admitted = admission.admit(peerId, protocol, isReserved(peerId), clock.monotonicMs());
    if (admitted === "flooding") {
      this.#violate({ peerId, protocol, kind: "rate-limited", evidence: new Uint8Array() }, path);
      return { receive: () => {}, ended: () => {} };
    }
    this.#handles += 1;
    const handle = String(this.#handles) as RequestHandle;
    const serving: Serving = {
      peerId,
      protocol,
      path,
      gone: Promise.withResolvers<void>(),
      decoder: new RequestDecoder(PROTOCOL_LIMITS[protocol].requestBytesMax),
      isAdmitted: admitted === "admitted",
      phase: "reading",
      timer: undefined,
      bytesOut: 0,
    };
    this.#serving.set(handle, serving);
    serving.timer = clock.setTimer(REQUEST_READ_DEADLINE_MS, () =>
      this.#breakOff(handle, "request-timeout", new Uint8Array()),
    );
    return {
      receive: (bytes) => this.#receive(handle, bytes),
      // What was not received whole proves nothing: it is forgotten, as whatever the asker gave up.
      ended: () => this.#leave(handle, "closed"),
    };
  }

  #receive(handle: RequestHandle, bytes: Uint8Array): void {
    const serving = this.#serving.get(handle);
    if (serving === undefined) return;
    const progress = serving.decoder.push(bytes);
    if (progress.state === "broken") return this.#breakOff(handle, progress.kind, progress.evidence);
    if (progress.state !== "complete" || serving.phase !== "reading") return;
    serving.timer?.cancel();
    if (!serving.isAdmitted) {
      void serving.path.send(encodeError("rate-limited"));
      return this.#leave(handle, "answered");
    }
    serving.phase = "waiting";
    this.#limit(handle, serving, RESPOND_DEADLINE_MS);
    const { peerId, protocol } = serving;
    const { payload } = progress;
    const deadlineMs = this.#parts.clock.monotonicMs() + RESPOND_DEADLINE_MS;
    this.#parts.events.emit({ type: "request", handle, peerId, protocol, payload, deadlineMs });
  }

  #breakOff(handle: RequestHandle, kind: Violation["kind"], evidence: Uint8Array): void {
    const serving = this.#serving.get(handle);
    if (serving === undefined) return;
    const { peerId, protocol, path } = serving;
    this.#leave(handle, "closed");
    this.#violate({ peerId, protocol, kind, evidence }, path);
  }

  #violate(violation: Omit<Violation, "type" | "epoch">, path: ReturnPath): void {
    this.#parts.events.emit({ type: "violation", ...violation });
    path.fail("STREAM_RESET");
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
    for (const handle of [...this.#serving.keys()]) this.#leave(handle, "closed");
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
    if (!serving.isAdmitted) return;
    this.#parts.admission.release(serving.peerId, serving.protocol);
    if (serving.phase === "reading") return;
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
  /** Where the rest of a request goes that comes in pieces; set as above. */
  onMore: (bytes: Uint8Array) => void = () => {};

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
