/**
 * What only the innermost call of grpc-js 1.14 knows: its HTTP/2 stream, and whether the caller left before there was
 * anybody to tell. Everything that reaches below grpc-js's own types is here.
 */
import type { ServerHttp2Stream } from "node:http2";

interface InnerCall {
  /** A handler's call has its inner one here… */
  readonly call?: InnerCall;
  /** …and an interceptor's here. */
  readonly nextCall?: InnerCall;
  readonly stream?: ServerHttp2Stream;
  checkCancelled?(): boolean;
}

/** Calls of grpc-js within one another that are looked through for the innermost; there are two or three. */
const DEPTH_MAX = 8;

function innermost(call: object): InnerCall | undefined {
  let inner = call as InnerCall;
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    if (inner.checkCancelled !== undefined) return inner;
    const next = inner.call ?? inner.nextCall;
    if (next === undefined) return undefined;
    inner = next;
  }
  return undefined;
}

/** The stream that the call came by. */
export function streamOf(call: object): ServerHttp2Stream | undefined {
  return innermost(call)?.stream;
}

/**
 * Whether the caller left before the handler ran. grpc-js 1.14 tells that to a call that does not exist yet and
 * then runs its handler all the same, which would wait for ever for somebody who is gone; only its inner call knows.
 */
export function isGone(call: object): boolean {
  return innermost(call)?.checkCancelled?.() ?? false;
}
