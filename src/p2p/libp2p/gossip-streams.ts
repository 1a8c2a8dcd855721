/**
 * The two streams of a peer as gossipsub sees them. Gossipsub forgets a whole peer when one stream of it breaks, and holds on
 * to a stream until both sides have closed it; so it gets views, which end when we say so, whatever becomes of the stream
 * below. The inbound one hands messages on in bounded pieces of work.
 */

import type { Stream } from "@libp2p/interface";
import { asError } from "../../kernel/errors.ts";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import { afterThisWork, type Scheduler } from "../../kernel/ports/scheduler.ts";
import { hostFailure } from "../failures.ts";
import { FrameCounter, type Piece } from "../framing.ts";
import { hasEnded, type StreamDrain } from "./stream-drain.ts";

/**
 * What one stream hands on before others have their turn: gossipsub works on it at once. Sixteen of the usual messages, and one
 * more however large it is.
 */
export const MESSAGES_A_TURN = 16;
export const BYTES_A_TURN = 256 * 1024;

/** Read and not yet handed on; at the bound the stream is paused, and the muxer's window stops the sender. */
const BUFFERED_BYTES_MAX = 1024 * 1024;

/** QUIC reads on while it is paused, into the stream's own buffer; past this the stream is reset. The largest message twice. */
const PAUSED_BYTES_MAX = 16 * 1024 * 1024;

/** A replaced stream brings what was sent before its successor, then it is reset. */
const REPLACED_MS_MAX = 5000;

/** Takes the place of an outbound stream. Ends once: when the stream has closed, or when it is retired. */
export class OutboundView extends EventTarget {
  readonly connectionId: string;
  readonly #stream: Stream;
  readonly #streamDrain: StreamDrain;
  #hasEnded = false;
  #isGivenUp = false;

  constructor(
    stream: Stream,
    connectionId: string,
    streamDrain: StreamDrain,
    onEnd: (view: OutboundView) => void,
  ) {
    super();
    this.connectionId = connectionId;
    this.#stream = stream;
    this.#streamDrain = streamDrain;
    stream.addEventListener("close", () => {
      if (this.#end()) onEnd(this);
    });
    stream.addEventListener("remoteCloseWrite", () => {
      this.#isGivenUp = true;
    });
    if (stream.status !== "open") this.#hasEnded = true;
  }

  get protocol(): string {
    return this.#stream.protocol;
  }

  get isOpen(): boolean {
    return !this.#hasEnded;
  }

  /** The remote has closed its half, which it never writes to: it has dropped the stream. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  set maxWriteBufferLength(bytes: number) {
    this.#stream.maxWriteBufferLength = bytes;
  }

  send(data: Uint8Array): boolean {
    return this.#stream.send(data);
  }

  /** Whoever attaches after the end still hears of it. */
  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    super.addEventListener(...args);
    if (args[0] === "close" && this.#hasEnded) afterThisWork(() => this.dispatchEvent(new Event("close")));
  }

  /** What was sent still leaves. */
  retire(): void {
    this.#end();
    this.#streamDrain.finish(this.#stream);
  }

  async close(): Promise<void> {
    this.retire();
  }

  abort(cause: Error): void {
    this.#stream.abort(cause);
  }

  #end(): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    this.dispatchEvent(new Event("close"));
    return true;
  }
}

export interface InboundParts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly streamDrain: StreamDrain;
}

/** Takes the place of an inbound stream, and is read once. However the stream ends, here it ends without an error. */
export class InboundView {
  readonly #stream: Stream;
  readonly #parts: InboundParts;
  readonly #onEnd: (view: InboundView) => void;
  readonly #counter = new FrameCounter();
  #pieces: Uint8Array[] = [];
  #buffered = 0;
  #isEnded = false;
  #isResuming = false;
  #wake: (() => void) | undefined;
  #replaced: TimerHandle | undefined;

  constructor(stream: Stream, parts: InboundParts, onEnd: (view: InboundView) => void) {
    this.#stream = stream;
    this.#parts = parts;
    this.#onEnd = onEnd;
    stream.maxReadBufferLength = PAUSED_BYTES_MAX;
    stream.addEventListener("message", (event: { data: Piece }) => this.#onPiece(event.data));
    stream.addEventListener("end", () => this.#finish());
    stream.addEventListener("close", () => this.#finish());
    if (hasEnded(stream) || stream.status !== "open") this.#finish();
  }

  get isOpen(): boolean {
    return !this.#isEnded;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const turn = this.#takeTurn();
        if (turn !== undefined) {
          yield turn;
          if (this.#pieces.length > 0) await this.#nextTurn();
        } else if (this.#isEnded) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      // Read to its end, or given up because its content is no gossip.
      this.#pieces = [];
      this.#replaced?.cancel();
      if (this.#isEnded) this.#parts.streamDrain.finish(this.#stream);
      else this.#stream.abort(hostFailure("STREAM_RESET", "unreadable gossip"));
    }
  }

  /** Another stream of that peer has taken its place, or the peer has gone. */
  async close(): Promise<void> {
    if (this.#isEnded || this.#replaced !== undefined) return;
    this.#replaced = this.#parts.clock.setTimer(REPLACED_MS_MAX, () => {
      this.#stream.abort(hostFailure("STREAM_RESET", "another gossip stream has taken its place"));
    });
  }

  abort(cause: unknown): void {
    this.#stream.abort(asError(cause));
  }

  #onPiece(piece: Piece): void {
    for (const bytes of piece instanceof Uint8Array ? [piece] : piece) {
      this.#pieces.push(bytes);
      this.#buffered += bytes.length;
    }
    // Not from inside resume(), which hands over what was held and then opens the muxer's window, whatever was said meanwhile.
    if (!this.#isResuming) this.#pauseIfFull();
    this.#wakeUp();
  }

  #pauseIfFull(): void {
    if (this.#buffered > BUFFERED_BYTES_MAX && this.#stream.readStatus === "readable") this.#stream.pause();
  }

  #resume(): void {
    this.#isResuming = true;
    this.#stream.resume();
    this.#isResuming = false;
    this.#pauseIfFull();
  }

  /** As many whole messages as one turn may carry, or a part of the one that is longer. */
  #takeTurn(): Uint8Array | undefined {
    const [piece] = this.#pieces;
    if (piece === undefined) return undefined;
    const length = this.#counter.advance(piece, MESSAGES_A_TURN, BYTES_A_TURN);
    if (length === piece.length) this.#pieces.shift();
    else this.#pieces[0] = piece.subarray(length);
    this.#buffered -= length;
    if (this.#buffered < BUFFERED_BYTES_MAX / 2 && this.#stream.readStatus === "paused") this.#resume();
    return piece.subarray(0, length);
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => this.#parts.scheduler.defer(resolve));
  }

  #finish(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#replaced?.cancel();
    this.#wakeUp();
    this.#onEnd(this);
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
