/**
 * What one part of the program holds of another: ask, tell and watch, typed by the protobuf service. A Ref is stable:
 * it survives restarts of the actor behind it, and nothing in it says that the actor is in this process.
 */

import type { DescService } from "@bufbuild/protobuf";
import type { Caller } from "./call.ts";
import type { Cause } from "./cause.ts";
import type { RequestInitOf, ResponseOf, StreamMethodOf, UnaryMethodOf } from "./protocol.ts";
import type { StreamReader, Subscription, WatchOptions } from "./stream/reader.ts";

export interface AskOptions {
  /** How long the answer is wanted from now, milliseconds; without it the method's policy decides. */
  readonly deadlineMs?: number;
  /** Gives up when it aborts: the ask rejects with CANCELLED. */
  readonly signal?: AbortSignal;
  /**
   * On whose behalf this is asked: its correlation id and trace context are inherited. Needed only after an `await`; what a
   * handler asks or tells itself belongs to the call that it handles.
   */
  readonly cause?: Cause;
  /** For callers from outside the process that brought their own. */
  readonly correlationId?: string;
  readonly traceparent?: string;
  /** Who a caller from outside the process is; actors do not ask, what answers without a mailbox may. */
  readonly principal?: string;
  /** The same with what bounds it; in the handler's `Call`. */
  readonly caller?: Caller | undefined;
}

export type TellOptions = Omit<AskOptions, "signal">;

export interface Ref<S extends DescService> {
  readonly service: S;
  /** Name of the actor. */
  readonly name: string;
  /** Sends a request and promises the answer. Rejects with Failure only. */
  ask<M extends UnaryMethodOf<S>>(
    method: M,
    request: RequestInitOf<M>,
    options?: AskOptions,
  ): Promise<ResponseOf<M>>;
  /** Sends a request whose answer nobody waits for. What cannot be delivered is a dead letter. */
  tell<M extends UnaryMethodOf<S>>(method: M, request: RequestInitOf<M>, options?: TellOptions): void;
  /** Reads a topic (snapshot, then changes) or a transfer (finite chunks). */
  watch<M extends StreamMethodOf<S>>(
    method: M,
    request: RequestInitOf<M>,
    reader: StreamReader<ResponseOf<M>>,
    options?: WatchOptions,
  ): Subscription;
}
