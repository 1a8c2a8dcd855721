/**
 * What the audit log says of calls: one line for each that changes state (scope operate or admin), with who, what and
 * how it ended. Streams that change state leave a line when they begin, too. Calls that were refused are told apart from
 * them: there may be any number. Where the lines go is `audit-log.ts`'s business; without a file they go to the log.
 */
import { hash } from "node:crypto";
import { type DescField, type DescMethod, fromBinary, ScalarType } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type Failure, failure, type StatusCode } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { scopeOf } from "./auth/gate.ts";
import type { RefusalLines } from "./refusals.ts";

/** Codes that say that the caller was turned away, not that the work failed. */
const REFUSALS: ReadonlySet<StatusCode> = new Set([
  "PERMISSION_DENIED",
  "UNAUTHENTICATED",
  "RESOURCE_EXHAUSTED",
]);

/** One call, as a line of the audit log. */
export interface AuditEntry {
  readonly principal: string;
  /** Id of the token that it came with. */
  readonly token?: string | undefined;
  readonly peer: string;
  readonly method: string;
  /** Status code by name; BEGUN for the line at the beginning of a stream. */
  readonly code: string;
  readonly reason?: string | undefined;
  /** Why the caller did it, in its own words: the request's field `reason`, as far as a line takes it. */
  readonly statedReason?: string | undefined;
  readonly durationMs: number;
  /** SHA-256 of the request's bytes, hex; of a stream of requests there is none. */
  readonly requestHash?: string | undefined;
  readonly correlationId: string;
  /** Nothing was done: the answer is that of an earlier call with the same request id. */
  readonly isReplayed?: true | undefined;
}

/** Where the lines go. */
export interface AuditSink {
  append(entry: AuditEntry): void;
  /** A call that was turned away: nothing was done. */
  refuse(entry: AuditEntry): void;
  /** It cannot keep up or cannot write: what changes state must wait. */
  readonly isBehind: boolean;
}

/** Who calls, as far as it is known. */
export interface AuditedCaller {
  readonly principal: string;
  readonly tokenId: string | undefined;
  /** Asked while the socket is still there. */
  peer(): string;
}

export interface AuditParts {
  readonly log: Log;
  readonly clock: Clock;
  readonly audit?: AuditSink | undefined;
  /** Writes lines about refused calls; without it each has one. */
  readonly refusals?: RefusalLines | undefined;
}

/** Characters of a stated reason that a line takes, 3 KiB where each is escaped; the rest is known by the request's hash. */
const STATED_LENGTH_MAX = 512;

const BEHIND = failure("UNAVAILABLE", "AUDIT_BEHIND", "the audit log cannot be written", {
  retryDelayMs: 1_000,
});

/** The audit of one method. */
export class Audit {
  readonly #parts: AuditParts;
  readonly #name: string;
  readonly #isStream: boolean;
  readonly #stated: ((request: Uint8Array) => string | undefined) | undefined;
  /** Calls of it leave a line however they end. */
  readonly changesState: boolean;

  constructor(method: DescMethod, parts: AuditParts) {
    this.#parts = parts;
    this.#name = `${method.parent.typeName}/${method.name}`;
    this.#isStream = method.methodKind !== "unary";
    const scope = scopeOf(method);
    this.changesState = scope === "operate" || scope === "admin";
    this.#stated = this.changesState ? reasonReader(method) : undefined;
  }

  /** Why a call of this method may not begin. */
  refusal(): Failure | undefined {
    return this.changesState && this.#parts.audit?.isBehind === true ? BEHIND : undefined;
  }

  /** A call began; `request` are the bytes of a single request. */
  begin(correlationId: string, caller: AuditedCaller, request?: Uint8Array): AuditRecord {
    const { changesState } = this;
    const kind = { name: this.#name, changesState, isStream: this.#isStream, stated: this.#stated };
    return new AuditRecord(this.#parts, kind, correlationId, caller, request);
  }
}

/** What the lines of a method's calls have in common. */
interface AuditedMethod {
  readonly name: string;
  readonly changesState: boolean;
  readonly isStream: boolean;
  readonly stated: ((request: Uint8Array) => string | undefined) | undefined;
}

/** One call on its way to its line. */
export class AuditRecord {
  readonly #parts: AuditParts;
  readonly #method: AuditedMethod;
  readonly #correlationId: string;
  readonly #caller: AuditedCaller;
  readonly #request: Uint8Array | undefined;
  readonly #startedMs: number;
  /** Known from the beginning where it is surely needed: later the socket may be gone. */
  readonly #peer: string | undefined;

  constructor(
    parts: AuditParts,
    method: AuditedMethod,
    correlationId: string,
    caller: AuditedCaller,
    request: Uint8Array | undefined,
  ) {
    this.#parts = parts;
    this.#method = method;
    this.#correlationId = correlationId;
    this.#caller = caller;
    this.#request = request;
    this.#startedMs = parts.clock.monotonicMs();
    this.#peer = method.changesState ? caller.peer() : undefined;
  }

  /** The call was let in; a stream that changes state leaves a line. */
  begun(): void {
    const { isStream, changesState } = this.#method;
    if (isStream && changesState) this.#parts.audit?.append(this.#entry("BEGUN", undefined));
  }

  /** The call ended; `reason` is undefined for OK. */
  end(reason: Failure | undefined, isReplayed = false): void {
    const { log, audit, refusals } = this.#parts;
    const isRefused = reason !== undefined && REFUSALS.has(reason.code);
    if (!this.#method.changesState) {
      if (isRefused) this.refuse(reason);
      return;
    }
    const ended = this.#entry(reason?.code ?? "OK", reason?.reason);
    const entry = isReplayed ? { ...ended, isReplayed } : ended;
    audit?.append(entry);
    if (isRefused && refusals !== undefined) refusals.write({ ...entry });
    else if (isRefused) log.warn("control call refused", { ...entry });
    else if (audit === undefined) log.info("control call", { ...entry });
  }

  /** The caller was turned away before anything was done. */
  refuse(reason: Failure): void {
    const { log, audit, refusals } = this.#parts;
    const entry = this.#entry(reason.code, reason.reason);
    audit?.refuse(entry);
    if (refusals !== undefined) refusals.write({ ...entry });
    else log.warn("control call refused", { ...entry });
  }

  #entry(code: string, reason: string | undefined): AuditEntry {
    const request = this.#request;
    // Whoever is turned away writes nothing of its own into the log.
    const isStated = request !== undefined && !(REFUSALS as ReadonlySet<string>).has(code);
    return {
      principal: this.#caller.principal,
      token: this.#caller.tokenId,
      peer: this.#peer ?? this.#caller.peer(),
      method: this.#method.name,
      code,
      reason,
      statedReason: isStated ? this.#method.stated?.(request) : undefined,
      durationMs: Math.round((this.#parts.clock.monotonicMs() - this.#startedMs) * 1000) / 1000,
      requestHash: request === undefined ? undefined : hash("sha256", request, "hex"),
      correlationId: this.#correlationId,
    };
  }
}

/** Reads why the caller of a method does it; undefined where its request has no field for that. */
function reasonReader({ input, methodKind }: DescMethod) {
  const field = input.fields.find(isReason);
  if (field === undefined || methodKind !== "unary") return undefined;
  return (request: Uint8Array): string | undefined => {
    try {
      const stated: unknown = reflect(input, fromBinary(input, request), false).get(field);
      return typeof stated === "string" && stated !== "" ? stated.slice(0, STATED_LENGTH_MAX) : undefined;
    } catch {
      // Bytes that are no request state nothing.
      return undefined;
    }
  };
}

function isReason(field: DescField): boolean {
  return field.localName === "reason" && field.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
}
