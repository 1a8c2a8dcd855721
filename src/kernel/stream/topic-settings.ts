/** TopicOptions: what an actor says of a topic. TopicSettings: the same with defaults filled in, for its readers. */
import type { Failure } from "../errors.ts";
import type { RequestOf, ResponseInitOf, ResponseOf } from "../protocol.ts";

export interface TopicOptions<M> {
  /** The present, as a response with event case "snapshot"; or why this request cannot be served. */
  snapshot(request: RequestOf<M>): ResponseInitOf<M> | Failure;
  /** Which changes a reader gets; all without it. Those left out are gaps in the reader's sequence. */
  filter?(change: ResponseOf<M>, request: RequestOf<M>): boolean;
  /**
   * `log` (default): every change is delivered as long as the buffer holds. `latest`: each change replaces the one
   * that still waits, for topics whose every change says all.
   */
  readonly mode?: "log" | "latest";
  /**
   * What a reader of a log gets after its buffer overflowed: a fresh snapshot (default; right when changes build on each
   * other) or the newest changes that fit (right for a feed of events).
   */
  readonly afterSkip?: "snapshot" | "changes";
  /** A reader's buffer; at a bound it overflows. */
  readonly messagesMax?: number;
  readonly bytesMax?: number;
  /**
   * Changes kept for readers that resume; one that lost more is refused with OUT_OF_RANGE and the oldest token that is left.
   * 0 in `latest`, where nothing is lost by beginning with the present.
   */
  readonly retainedMax?: number;
  /** Size of a change in bytes, where it carries payload. */
  sizeOf?(change: ResponseOf<M>): number;
  /** Readers from outside at a time; one more is refused with RESOURCE_EXHAUSTED. The node's own have their own room. */
  readonly readersMax?: number;
}

/** The settings of a topic with defaults filled in. */
export interface TopicSettings<M> {
  readonly options: TopicOptions<M>;
  readonly isLatest: boolean;
  readonly isSnapshotAfterSkip: boolean;
  readonly messagesMax: number;
  readonly bytesMax: number;
}
