/**
 * The sending side of one stream of grpc-js: frames with back-pressure and exactly one end. It holds no
 * buffer of its own: what cannot be sent waits with whoever produces it, in a topic's bounded buffer or as
 * a transfer's next chunk.
 */
import { Metadata, type ServerDuplexStream, type ServerWritableStream } from "@grpc/grpc-js";
import { Failure } from "../kernel/errors.ts";
import type { Log } from "../kernel/ports/log.ts";
import { CORRELATION_KEY, toStatus } from "./errors.ts";
import { isGone } from "./inner-call.ts";

export type WritableCall = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

export interface OutgoingEvents {
  /** There is room again after `send` answered false. */
  onRoom(): void;
  /** The caller left or its deadline passed; nothing can be sent any more. */
  onGone(): void;
  /** Called once, last, whoever ended it; `reason` is undefined for OK. */
  onFinished(reason: Failure | undefined): void;
}

/** The caller left: grpc-js has answered CANCELLED or DEADLINE_EXCEEDED itself. */
const GONE = new Failure("CANCELLED", "CALLER_GONE", "the caller left", {});

export class Outgoing {
  readonly #call: WritableCall;
  readonly #correlationId: string;
  readonly #log: Log;
  readonly #events: OutgoingEvents;
  #isFinished = false;

  /** Sends the headers at once, so that the caller sees that the stream stands before its first message. */
  constructor(call: WritableCall, correlationId: string, log: Log, events: OutgoingEvents) {
    this.#call = call;
    this.#correlationId = correlationId;
    this.#log = log;
    this.#events = events;
    // grpc-js emits it after a normal end too.
    call.once("cancelled", () => this.#gone());
    call.on("drain", () => {
      if (!this.#isFinished) events.onRoom();
    });
    if (isGone(call)) {
      this.#gone();
      return;
    }
    const headers = new Metadata();
    headers.set(CORRELATION_KEY, correlationId);
    call.sendMetadata(headers);
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /**
   * Sends a frame; false asks to wait for `onRoom` (16 frames, beside HTTP/2's window of 64 KiB, wait at
   * most).
   */
  send(frame: Buffer): boolean {
    return this.#isFinished || this.#call.write(frame);
  }

  /** Ends with OK, or with the failure, after the frames that wait. Idempotent. */
  finish(reason: Failure | undefined): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (reason === undefined) this.#call.end();
    else this.#call.emit("error", toStatus(reason, this.#correlationId, this.#log));
    this.#events.onFinished(reason);
  }

  #gone(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#events.onGone();
    this.#events.onFinished(GONE);
  }
}
