/**
 * The framing of request protocols, pure: bytes in, payloads out, limits checked before anything is kept.
 * A request is a varint length and its bytes. An answer is a sequence of chunks (status byte, varint length, bytes) and
 * ends with a lone end byte: without it an answer cut off by a reset could not be told from a short one, since QUIC
 * shows a reset stream as an ended one.
 */

import type { Failure } from "../kernel/errors.ts";
import { evidenceOf } from "./evidence.ts";
import { hostFailure, isPeersFault, provenFault } from "./failures.ts";
import type { ResponseError } from "./port.ts";

const STATUS_OK = 0;
const STATUS_END = 5;

const STATUS_BY_ERROR: Readonly<Record<ResponseError, number>> = {
  "invalid-request": 1,
  "server-error": 2,
  "resource-unavailable": 3,
  "rate-limited": 4,
};

const FAILURE_BY_STATUS = [
  undefined,
  "PEER_INVALID_REQUEST",
  "PEER_SERVER_ERROR",
  "PEER_RESOURCE_UNAVAILABLE",
  "PEER_RATE_LIMITED",
] as const;

/** A varint of 4 bytes counts to 256 MiB, far above every limit; a longer one is malformed. */
const LENGTH_BYTES_MAX = 4;

/** An error's reason is for people; longer ones are malformed. */
const REASON_BYTES_MAX = 256;

/** What a stream delivers: one array, or a list of arrays that iterates over them. */
export type Piece = Uint8Array | Iterable<Uint8Array>;

export interface ResponseLimits {
  readonly responseBytesMax: number;
  readonly chunkBytesMax: number;
  readonly chunksMax: number;
}

function lengthPrefix(length: number): number[] {
  const prefix: number[] = [];
  let rest = length;
  while (rest > 0x7f) {
    prefix.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  prefix.push(rest);
  return prefix;
}

function frame(head: readonly number[], body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head, 0);
  bytes.set(body, head.length);
  return bytes;
}

export function encodeRequest(payload: Uint8Array): Uint8Array {
  return frame(lengthPrefix(payload.length), payload);
}

export function encodeChunk(chunk: Uint8Array): Uint8Array {
  return frame([STATUS_OK, ...lengthPrefix(chunk.length)], chunk);
}

/** What goes before a chunk's bytes. Apart from them, so that a large chunk is not copied for its frame. */
export function encodeChunkHead(length: number): Uint8Array {
  return Uint8Array.of(STATUS_OK, ...lengthPrefix(length));
}

export function encodeError(error: ResponseError): Uint8Array {
  return Uint8Array.of(STATUS_BY_ERROR[error], 0);
}

export function encodeEnd(): Uint8Array {
  return Uint8Array.of(STATUS_END);
}

/** Reads a varint length byte by byte: a number when complete, `undefined` before, "malformed" when it cannot be one. */
class LengthReader {
  #value = 0;
  #count = 0;

  push(byte: number): number | "malformed" | undefined {
    this.#value += (byte & 0x7f) * 2 ** (7 * this.#count);
    this.#count += 1;
    if ((byte & 0x80) === 0) {
      const value = this.#value;
      const isOverlong = this.#count > 1 && byte === 0;
      this.#value = 0;
      this.#count = 0;
      return isOverlong ? "malformed" : value;
    }
    return this.#count >= LENGTH_BYTES_MAX ? "malformed" : undefined;
  }
}

/** Collects the bytes of one payload; memory follows what arrived, not what was announced. */
class Body {
  readonly #length: number;
  #parts: Uint8Array[] = [];
  #received = 0;

  constructor(length: number) {
    this.#length = length;
  }

  get isComplete(): boolean {
    return this.#received === this.#length;
  }

  /** Takes what belongs to this payload; returns how many bytes that was. */
  take(bytes: Uint8Array, offset: number): number {
    const count = Math.min(bytes.length - offset, this.#length - this.#received);
    if (count > 0) this.#parts.push(bytes.subarray(offset, offset + count));
    this.#received += count;
    return count;
  }

  /** Always a copy, so that no payload keeps a socket's buffer alive. */
  join(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let offset = 0;
    for (const part of this.#parts) {
      whole.set(part, offset);
      offset += part.length;
    }
    this.#parts = [];
    return whole;
  }
}

function* arraysOf(piece: Piece): Iterable<Uint8Array> {
  if (piece instanceof Uint8Array) yield piece;
  else yield* piece;
}

export type RequestProgress =
  | { readonly state: "reading" }
  | { readonly state: "complete"; readonly payload: Uint8Array }
  | {
      readonly state: "broken";
      readonly kind: "request-too-large" | "request-malformed";
      /** The bytes that break the framing, whatever would have followed. */
      readonly evidence: Uint8Array;
    };

/** reading → complete | broken. Anything after a complete request breaks it. */
export class RequestDecoder {
  readonly #bytesMax: number;
  readonly #length = new LengthReader();
  #body: Body | undefined;
  /** The bytes of the length prefix so far. */
  readonly #head: number[] = [];
  #progress: RequestProgress = { state: "reading" };

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(piece: Piece): RequestProgress {
    for (const bytes of arraysOf(piece)) {
      let offset = 0;
      while (offset < bytes.length && this.#progress.state !== "broken") {
        offset += this.#consume(bytes, offset);
      }
    }
    return this.#progress;
  }

  /** Takes at least one byte; returns how many it took. */
  #consume(bytes: Uint8Array, offset: number): number {
    if (this.#progress.state === "complete") {
      this.#break("request-malformed", bytes.subarray(offset));
      return 1;
    }
    if (this.#body !== undefined) {
      const taken = this.#body.take(bytes, offset);
      this.#completeIfWhole(this.#body);
      return taken;
    }
    const byte = bytes[offset] ?? 0;
    this.#head.push(byte);
    const length = this.#length.push(byte);
    if (length === "malformed") this.#break("request-malformed", Uint8Array.from(this.#head));
    else if (length !== undefined && length > this.#bytesMax) {
      this.#break("request-too-large", Uint8Array.from(this.#head));
    } else if (length !== undefined) {
      this.#body = new Body(length);
      this.#completeIfWhole(this.#body);
    }
    return 1;
  }

  #break(kind: "request-too-large" | "request-malformed", bytes: Uint8Array): void {
    this.#progress = { state: "broken", kind, evidence: evidenceOf(bytes) };
  }

  #completeIfWhole(body: Body): void {
    if (body.isComplete) this.#progress = { state: "complete", payload: body.join() };
  }
}

export type ResponseProgress =
  | { readonly state: "reading" }
  | { readonly state: "complete" }
  | { readonly state: "failed"; readonly failure: Failure };

/** reading → complete | failed. Whole chunks are handed to `onChunk` as they become whole. */
export class ResponseDecoder {
  readonly #limits: ResponseLimits;
  readonly #onChunk: (chunk: Uint8Array) => void;
  readonly #length = new LengthReader();
  #status: number | undefined;
  #body: Body | undefined;
  /** Status byte and length of the chunk that is being read: what shows a breach. */
  #head: number[] = [];
  #bytes = 0;
  #chunks = 0;
  #hasBegun = false;
  #progress: ResponseProgress = { state: "reading" };

  constructor(limits: ResponseLimits, onChunk: (chunk: Uint8Array) => void) {
    this.#limits = limits;
    this.#onChunk = onChunk;
  }

  /** True from the first byte on. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  push(piece: Piece): ResponseProgress {
    for (const bytes of arraysOf(piece)) {
      if (bytes.length > 0) this.#hasBegun = true;
      let offset = 0;
      while (offset < bytes.length && this.#progress.state !== "failed") {
        offset += this.#consume(bytes, offset);
      }
    }
    return this.#progress;
  }

  /** The stream ended: complete only if the end byte was seen. */
  end(): ResponseProgress {
    if (this.#progress.state === "reading") this.#fail("RESPONSE_TRUNCATED", "the answer has no end");
    return this.#progress;
  }

  #consume(bytes: Uint8Array, offset: number): number {
    const byte = bytes[offset] ?? 0;
    if (this.#progress.state === "complete") {
      this.#head = [STATUS_END, byte];
      this.#fail("RESPONSE_MALFORMED", "bytes after the end of the answer");
      return 1;
    }
    if (this.#body !== undefined) {
      const taken = this.#body.take(bytes, offset);
      this.#finishIfWhole(this.#body);
      return taken;
    }
    this.#head.push(byte);
    if (this.#status === undefined) this.#beginChunk(byte);
    else this.#readLength(byte, this.#status);
    return 1;
  }

  #beginChunk(status: number): void {
    if (status === STATUS_END) this.#progress = { state: "complete" };
    else if (status > STATUS_END) this.#fail("RESPONSE_MALFORMED", `unknown status ${status}`);
    else if (status === STATUS_OK && this.#chunks >= this.#limits.chunksMax) {
      this.#fail("RESPONSE_TOO_MANY", `more than ${this.#limits.chunksMax} chunks`);
    } else this.#status = status;
  }

  #readLength(byte: number, status: number): void {
    const length = this.#length.push(byte);
    if (length === undefined) return;
    const bytesMax = status === STATUS_OK ? this.#limits.chunkBytesMax : REASON_BYTES_MAX;
    if (length === "malformed") this.#fail("RESPONSE_MALFORMED", "a length is no varint");
    else if (length > bytesMax) this.#fail("RESPONSE_TOO_LARGE", `a chunk of ${length} bytes`);
    else if (this.#bytes + length > this.#limits.responseBytesMax) {
      this.#fail("RESPONSE_TOO_LARGE", `more than ${this.#limits.responseBytesMax} bytes`);
    } else {
      this.#bytes += length;
      this.#body = new Body(length);
      this.#finishIfWhole(this.#body);
    }
  }

  #finishIfWhole(body: Body): void {
    if (!body.isComplete) return;
    const chunk = body.join();
    const status = this.#status ?? STATUS_OK;
    this.#status = undefined;
    this.#body = undefined;
    this.#head = [];
    const reason = FAILURE_BY_STATUS[status];
    if (reason !== undefined) {
      this.#fail(reason, `the peer answered status ${status}`);
      return;
    }
    this.#chunks += 1;
    this.#onChunk(chunk);
  }

  #fail(reason: Parameters<typeof hostFailure>[0], message: string): void {
    const isProof = isPeersFault(reason);
    const failure = isProof
      ? provenFault(reason, message, evidenceOf(Uint8Array.from(this.#head)))
      : hostFailure(reason, message);
    this.#progress = { state: "failed", failure };
  }
}

/** Walks over messages that each have their length in front, and tells where one piece of work ends. It keeps no bytes. */
export class FrameCounter {
  readonly #length = new LengthReader();
  #left = 0;

  /**
   * How many of these bytes hold at most `messagesMax` ends of messages and at most `bytesMax` bytes. At least one byte, and
   * never more than there are. A length that is no varint counts as a message: whoever decodes it will say so.
   */
  advance(bytes: Uint8Array, messagesMax: number, bytesMax: number): number {
    const end = Math.min(bytes.length, bytesMax);
    let messages = 0;
    let offset = 0;
    while (offset < end && messages < messagesMax) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, end - offset);
        this.#left -= taken;
        offset += taken;
        if (this.#left === 0) messages += 1;
      } else {
        const length = this.#length.push(bytes[offset] ?? 0);
        offset += 1;
        if (typeof length === "number") this.#left = length;
        if (length === 0 || length === "malformed") messages += 1;
      }
    }
    return offset;
  }
}
