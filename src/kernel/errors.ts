/**
 * The two kinds of error. A `Failure` is an operating error and a value: handlers return it, asks reject with it, and
 * it says whether to try again and what a gRPC caller is told. An `AssertionError` is a programmer error: it is
 * thrown, crashes the actor it happens in, and is the supervisor's business.
 */

/** Canonical gRPC status codes by name; the numbers belong to the control plane. */
export type StatusCode =
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

/** Codes after which the same request may succeed without anybody changing anything. */
const RETRYABLE: ReadonlySet<StatusCode> = new Set([
  "UNAVAILABLE",
  "RESOURCE_EXHAUSTED",
  "ABORTED",
  "DEADLINE_EXCEEDED",
]);

/** A bad field of a request: its dotted path and a sentence's predicate, for instance "must have 32 bytes". */
export interface FieldProblem {
  readonly field: string;
  readonly problem: string;
}

export interface FailureDetail {
  /** Path of the bad field, dotted, for INVALID_ARGUMENT. */
  readonly field?: string;
  /** All bad fields where there are several; the first is `field`. */
  readonly problems?: readonly FieldProblem[];
  /** How long a caller should wait before it tries again, milliseconds. */
  readonly retryDelayMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** An operating error: a value. Handlers return it, asks reject with it. `reason` is UPPER_SNAKE and documented. */
export class Failure extends Error {
  readonly code: StatusCode;
  readonly reason: string;
  readonly isRetryable: boolean;
  readonly detail: FailureDetail;

  constructor(code: StatusCode, reason: string, message: string, detail: FailureDetail) {
    // A failure is an answer: under overload there are hundreds of thousands a second, and a stack costs more
    // than everything else about one.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
    this.name = "Failure";
    this.code = code;
    this.reason = reason;
    this.isRetryable = RETRYABLE.has(code);
    this.detail = detail;
  }
}

const NO_DETAIL: FailureDetail = Object.freeze({});

/** Makes a failure; whether it can be retried follows from its code. */
export function failure(
  code: StatusCode,
  reason: string,
  message: string,
  detail: FailureDetail = NO_DETAIL,
): Failure {
  return new Failure(code, reason, message, detail);
}

/** A broken assumption of this program. Never caught but by the cell that it crashes. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws AssertionError unless the condition holds; stays on in production. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends a `switch` over a union: a case that was forgotten does not compile. */
export function assertNever(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}

/** Any thrown value as an Error, for logs. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
