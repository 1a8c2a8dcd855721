/**
 * One request, from our side: open a stream, send, read chunks until the end byte. Everything is bounded by deadlines and by
 * `RequestOptions`; a stream whose exchange failed is reset. The stream is never paused: what is read is bounded instead.
 */

import type { Connection, Stream } from "@libp2p/interface";
import { asError, type Failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import { deadlineAfter } from "../deadline.ts";
import { type HostFailureReason, hostFailure, toHostFailure } from "../failures.ts";
import { encodeRequest, type Piece, ResponseDecoder } from "../framing.ts";
import type { RequestOptions } from "../port.ts";
import { hasEnded, type StreamDrain } from "./stream-drain.ts";

/** Streams of one protocol that we open on one connection; far above the 2 requests in flight per peer that sync allows. */
const OUTBOUND_STREAMS_MAX = 64;

export interface RequesterParts {
  readonly clock: Clock;
  readonly streamDrain: StreamDrain;
}

/** Resolves with the chunks; rejects with a Failure. */
export async function requestOver(
  parts: RequesterParts,
  connection: Connection,
  protocolName: string,
  payload: Uint8Array,
  options: RequestOptions,
): Promise<readonly Uint8Array[]> {
  const { clock } = parts;
  const whole = deadlineAfter(clock, options.deadlineMs, "RESPONSE_DEADLINE", options.signal);
  const first = deadlineAfter(clock, options.firstByteDeadlineMs, "FIRST_BYTE_DEADLINE", whole.signal);
  // The inner deadline hears of the outer one, but as a cancelling; the outer's own reason is the true one.
  const causeOf = (): Failure | undefined => {
    const signal = whole.signal.aborted ? whole.signal : first.signal;
    return signal.aborted ? toHostFailure(signal.reason, "REQUEST_CANCELLED") : undefined;
  };
  let stream: Stream | undefined;
  try {
    stream = await connection.newStream(protocolName, {
      signal: first.signal,
      maxOutboundStreams: OUTBOUND_STREAMS_MAX,
    });
    const chunks = await exchange(stream, payload, options, whole.signal, first);
    parts.streamDrain.finish(stream);
    return chunks;
  } catch (thrown) {
    const cause = causeOf() ?? streamFailure(thrown, connection);
    stream?.abort(cause);
    throw cause;
  } finally {
    first.dispose();
    whole.dispose();
  }
}

/** Sends the request and reads the answer; rejects when the stream breaks or a limit is passed. */
async function exchange(
  stream: Stream,
  payload: Uint8Array,
  options: RequestOptions,
  whole: AbortSignal,
  first: { readonly signal: AbortSignal; dispose(): void },
): Promise<Uint8Array[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array[]>();
  // It is awaited below unless sending throws first, and then its own end is of no interest.
  promise.catch(() => {});
  const chunks: Uint8Array[] = [];
  const decoder = new ResponseDecoder(options, (chunk) => {
    chunks.push(chunk);
    options.onChunk?.(chunk);
  });
  const settle = (progress: ReturnType<ResponseDecoder["end"]>): void => {
    if (progress.state === "complete") resolve(chunks);
    else if (progress.state === "failed") reject(progress.failure);
  };
  const onMessage = (event: { data: Piece }): void => {
    try {
      const progress = decoder.push(event.data);
      if (decoder.hasBegun) first.dispose();
      settle(progress);
      if (hasEnded(stream)) onEnd();
    } catch (thrown) {
      reject(asError(thrown));
    }
  };
  const onEnd = (): void => settle(decoder.end());
  const onClose = (event: { error?: Error }): void => {
    if (event.error === undefined) settle(decoder.end());
    else reject(event.error);
  };
  const onAbort = (): void => {
    reject(toHostFailure(whole.aborted ? whole.reason : first.signal.reason, "REQUEST_CANCELLED"));
  };
  stream.addEventListener("message", onMessage);
  stream.addEventListener("end", onEnd);
  stream.addEventListener("close", onClose);
  whole.addEventListener("abort", onAbort, { once: true });
  first.signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (whole.aborted || first.signal.aborted) onAbort();
    // Our half stays open until the answer has ended: on QUIC a reset after an end is not carried, and older responders take the
    // end of our half for giving up.
    if (hasEnded(stream)) onEnd();
    stream.send(encodeRequest(payload));
    return await promise;
  } finally {
    stream.removeEventListener("end", onEnd);
    stream.removeEventListener("close", onClose);
    whole.removeEventListener("abort", onAbort);
    first.signal.removeEventListener("abort", onAbort);
  }
}

const REASON_BY_ERROR: Readonly<Record<string, HostFailureReason>> = {
  UnsupportedProtocolError: "PROTOCOL_UNSUPPORTED",
  TooManyOutboundProtocolStreamsError: "HOST_BUSY",
  ConnectionClosedError: "CONNECTION_LOST",
  StreamResetError: "STREAM_RESET",
};

function streamFailure(thrown: unknown, connection: Connection): Failure {
  const error = asError(thrown);
  if (connection.status !== "open") return toHostFailure(thrown, "CONNECTION_LOST");
  const reason = REASON_BY_ERROR[error.name];
  return reason === undefined ? toHostFailure(thrown, "STREAM_RESET") : hostFailure(reason, error.message);
}
