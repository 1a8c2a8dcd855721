/**
 * Requests of peers: read one within limits, announce it, send the answer as fast as the peer takes it.
 * reading → waiting (announced) → answering → gone. At every step a deadline; whoever breaks the framing is reset and
 * reported.
 */

import type { Stream } from "@libp2p/interface";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import type { RequestAdmission } from "../admission.ts";
import { deadlineAfter } from "../deadline.ts";
import type { EventHub } from "../event-hub.ts";
import { hostFailure } from "../failures.ts";
import { encodeChunkHead, encodeEnd, encodeError, type Piece, RequestDecoder } from "../framing.ts";
import type { HostEvent, RequestHandle, ResponseError } from "../port.ts";
import { PROTOCOL_LIMITS, type Protocol } from "../protocols.ts";
import { wasReset } from "./quic-resets.ts";
import { hasEnded, type StreamDrain } from "./stream-drain.ts";

/** From the opening of the stream to the whole request: 2 MiB at half a megabyte a second. */
const REQUEST_READ_DEADLINE_MS = 5000;

/** From the announcement to `respond`: the actor above may be waiting for its disk. */
const RESPOND_DEADLINE_MS = 10_000;

/** From `respond` to the last byte: 2 MiB at 70 KB/s. A slower reader is not worth its buffer. */
const ANSWER_DEADLINE_MS = 30_000;

export type Answer = Iterable<Uint8Array> | AsyncIterable<Uint8Array> | ResponseError;

type Violation = Extract<HostEvent, { type: "violation" }>;

/** Of what leaves no bytes. */
const NO_EVIDENCE = new Uint8Array();

/**
 * A peer that takes nothing of an answer for so long while its stream is full does not read at all: what waits for it holds
 * memory that others need. It is cut, and may come back.
 */
const STALL_MS = 4_000;

interface Serving {
  readonly stream: Stream;
  readonly peerId: string;
  readonly protocol: Protocol;
  readonly decoder: RequestDecoder;
  /** Refused requests are read too, so that the answer finds a peer that listens. */
  readonly isAdmitted: boolean;
  phase: "reading" | "waiting" | "answering" | "gone";
  timer: TimerHandle | undefined;
  bytesOut: number;
}

export interface ResponderParts {
  readonly clock: Clock;
  readonly events: EventHub;
  readonly admission: RequestAdmission;
  readonly streamDrain: StreamDrain;
  readonly isReserved: (peerId: string) => boolean;
  /** A peer took nothing of an answer for STALL_MS. */
  readonly onStalled: (peerId: string) => void;
}

export class Responder {
  readonly #parts: ResponderParts;
  readonly #serving = new Map<RequestHandle, Serving>();
  #handles = 0;

  constructor(parts: ResponderParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    let count = 0;
    for (const serving of this.#serving.values()) if (serving.phase === "waiting") count += 1;
    return count;
  }

  /** Takes over a stream that a peer opened. */
  accept(stream: Stream, peerId: string, protocol: Protocol): void {
    const { admission, clock, isReserved } = this.#parts;
    const admitted = admission.admit(peerId, protocol, isReserved(peerId), clock.monotonicMs());
    if (admitted === "flooding") {
      this.#violate(stream, { peerId, protocol, kind: "rate-limited", evidence: NO_EVIDENCE });
      return;
    }
    this.#handles += 1;
    const handle = String(this.#handles) as RequestHandle;
    const serving: Serving = {
      stream,
      peerId,
      protocol,
      decoder: new RequestDecoder(PROTOCOL_LIMITS[protocol].requestBytesMax),
      isAdmitted: admitted === "admitted",
      phase: "reading",
      timer: undefined,
      bytesOut: 0,
    };
    this.#serving.set(handle, serving);
    serving.timer = clock.setTimer(REQUEST_READ_DEADLINE_MS, () =>
      this.#breakOff(handle, "request-timeout", NO_EVIDENCE),
    );
    stream.addEventListener("message", (event: { data: Piece }) => this.#onMessage(handle, event.data));
    stream.addEventListener("end", () => this.#onEnd(handle));
    stream.addEventListener("close", () => this.#leave(handle, "closed"), { once: true });
    if (hasEnded(stream)) this.#onEnd(handle);
  }

  /** A stale handle does nothing. */
  respond(handle: RequestHandle, answer: Answer): void {
    const serving = this.#serving.get(handle);
    if (serving?.phase !== "waiting") return;
    serving.timer?.cancel();
    serving.phase = "answering";
    void this.#answer(handle, serving, answer);
  }

  close(): void {
    for (const [handle, serving] of [...this.#serving]) {
      serving.stream.abort(hostFailure("HOST_CLOSED", "the host closes"));
      this.#leave(handle, "closed");
    }
  }

  #onMessage(handle: RequestHandle, data: Piece): void {
    const serving = this.#serving.get(handle);
    if (serving === undefined) return;
    const progress = serving.decoder.push(data);
    if (progress.state === "broken") this.#breakOff(handle, progress.kind, progress.evidence);
    else if (progress.state === "complete" && serving.phase === "reading") {
      this.#announce(handle, serving, progress.payload);
    }
    if (hasEnded(serving.stream)) this.#onEnd(handle);
  }

  #announce(handle: RequestHandle, serving: Serving, payload: Uint8Array): void {
    serving.timer?.cancel();
    serving.phase = "waiting";
    if (!serving.isAdmitted) {
      this.respond(handle, "rate-limited");
      return;
    }
    const { clock, events } = this.#parts;
    serving.timer = clock.setTimer(RESPOND_DEADLINE_MS, () => {
      serving.stream.abort(hostFailure("RESPONSE_DEADLINE", "nobody answered in time"));
      this.#leave(handle, "expired");
    });
    const { peerId, protocol } = serving;
    const deadlineMs = clock.monotonicMs() + RESPOND_DEADLINE_MS;
    events.emit({ type: "request", handle, peerId, protocol, payload, deadlineMs });
  }

  /**
   * The peer closed its half. Before its request is whole it gave up, or its stream was reset, which QUIC shows as an end:
   * what was not received whole proves nothing against anybody. After it that is usual practice: it has nothing more to say
   * and waits for its answer. Who no longer wants it resets its stream.
   */
  #onEnd(handle: RequestHandle): void {
    const serving = this.#serving.get(handle);
    if (serving !== undefined && (serving.phase === "reading" || wasReset(serving.stream))) {
      serving.stream.abort(hostFailure("STREAM_RESET", "the peer gave up"));
      this.#leave(handle, "closed");
    }
  }

  async #answer(handle: RequestHandle, serving: Serving, answer: Answer): Promise<void> {
    const { stream } = serving;
    const deadline = deadlineAfter(this.#parts.clock, ANSWER_DEADLINE_MS, "RESPONSE_DEADLINE");
    try {
      if (typeof answer !== "string") {
        for await (const chunk of answer) {
          await this.#send(serving, encodeChunkHead(chunk.length), deadline.signal);
          await this.#send(serving, chunk, deadline.signal);
        }
      }
      await this.#send(
        serving,
        typeof answer === "string" ? encodeError(answer) : encodeEnd(),
        deadline.signal,
      );
      this.#parts.streamDrain.finish(stream);
      this.#leave(handle, "answered");
    } catch (thrown) {
      // The peer left, was too slow, or the source of chunks failed; without the end byte nobody takes it for whole.
      stream.abort(thrown instanceof Error ? thrown : new Error(String(thrown)));
      this.#leave(handle, deadline.signal.aborted ? "expired" : "closed");
    } finally {
      deadline.dispose();
    }
  }

  async #send(serving: Serving, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    serving.bytesOut += bytes.length;
    if (serving.stream.send(bytes)) return;
    const watch = this.#watchStall(serving);
    await serving.stream.onDrain({ signal }).finally(() => watch.cancel());
  }

  /** Reports a stream that is full and of which not a byte was taken for STALL_MS; a slow one goes on. */
  #watchStall({ stream, peerId }: Serving): { cancel(): void } {
    const { clock, onStalled } = this.#parts;
    let waitingBytes = stream.writeBufferLength;
    let timer = clock.setTimer(STALL_MS, look);
    function look(): void {
      if (stream.writeBufferLength === waitingBytes) return onStalled(peerId);
      waitingBytes = stream.writeBufferLength;
      timer = clock.setTimer(STALL_MS, look);
    }
    return { cancel: () => timer.cancel() };
  }

  #breakOff(handle: RequestHandle, kind: Violation["kind"], evidence: Uint8Array): void {
    const serving = this.#serving.get(handle);
    if (serving === undefined) return;
    const { phase, stream, peerId, protocol } = serving;
    serving.phase = phase === "reading" ? "gone" : phase;
    this.#violate(stream, { peerId, protocol, kind, evidence });
    this.#leave(handle, "closed");
  }

  #violate(stream: Stream, violation: Omit<Violation, "type" | "epoch">): void {
    this.#parts.events.emit({ type: "violation", ...violation });
    stream.abort(hostFailure("STREAM_RESET", violation.kind));
  }

  /** Forgets an exchange, once. Only one that was announced is reported. */
  #leave(handle: RequestHandle, outcome: "answered" | "expired" | "closed"): void {
    const serving = this.#serving.get(handle);
    if (serving === undefined) return;
    this.#serving.delete(handle);
    serving.timer?.cancel();
    const wasAnnounced = serving.phase === "waiting" || serving.phase === "answering";
    serving.phase = "gone";
    if (!serving.isAdmitted) return;
    this.#parts.admission.release(serving.peerId, serving.protocol);
    if (!wasAnnounced) return;
    this.#parts.events.emit({ type: "requestEnded", handle, outcome, bytesOut: serving.bytesOut });
  }
}
