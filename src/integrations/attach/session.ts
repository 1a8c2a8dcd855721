/**
 * AttachSession: one Attach stream as a pure machine: hello in time, a window of calls in count and bytes, heartbeats both
 * ways, deadlines, and calls failed UNAVAILABLE when it ends. Time is an argument, what is to be done comes back as
 * effects. AttachHub carries them out and decides who is let in.
 */

import type {
  AttachCredit,
  AttachError,
  AttachHeartbeat,
  AttachHello,
} from "../../../gen/alys/integration/v1/integration_pb.ts";
import { assert, type Failure, failure, type StatusCode } from "../../kernel/errors.ts";
import type { ClientFrame, NodeFrame } from "./frame.ts";

/** The version of the protocol that is spoken here. */
const PROTOCOL_VERSION = 1;
/** A stream without a hello by then ends. */
export const HELLO_MS_MAX = 5_000;
export const HEARTBEAT_MS = 5_000;
/** A client that said nothing for two heartbeats, and a little, is dead: its calls fail. */
const SILENCE_MS_MAX = HEARTBEAT_MS * 2 + 1_000;
/** Calls in flight; what a client grants beyond is not used. */
const WINDOW_CALLS_MAX = 256;
/** Bytes in flight; what a client grants beyond is not used. */
const WINDOW_BYTES_MAX = 64 * 1024 * 1024;
/** Calls that wait for room in the window; one more is answered RESOURCE_EXHAUSTED. */
const WAITING_CALLS_MAX = 1_024;
/** Bytes that wait for room in the window; a call that exceeds it is answered RESOURCE_EXHAUSTED. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** A call to the attached process. Its answer has the same case of the oneof. */
export interface AttachCall {
  /** Never used twice in the life of a node, so that no answer can meet another epoch's call. */
  readonly id: bigint;
  readonly kind: string;
  readonly value: object;
  /** Length of its `bytes` fields. */
  readonly bytes: number;
  /** Monotonic. */
  readonly deadlineMs: number;
}

export type SessionEffect =
  | { readonly type: "greeted"; readonly hello: AttachHello }
  | { readonly type: "send"; readonly frame: NodeFrame }
  | { readonly type: "answered"; readonly id: bigint; readonly value: unknown }
  | { readonly type: "failed"; readonly id: bigint; readonly failure: Failure }
  /** `reported` is new. */
  | { readonly type: "reported" }
  | { readonly type: "ended"; readonly failure: Failure };

type Phase = "greeting" | "deciding" | "attached" | "ended";

export class AttachSession {
  /** Answers to no call that runs: late ones, and of older epochs. */
  staleAnswers = 0;
  #phase: Phase = "greeting";
  #callsMax = 0;
  #bytesMax = 0;
  #bytesInFlight = 0;
  #bytesWaiting = 0;
  #heardMs: number;
  #beatMs: number;
  readonly #openedMs: number;
  readonly #inFlight = new Map<bigint, AttachCall>();
  readonly #waiting = new Map<bigint, AttachCall>();
  #effects: SessionEffect[] = [];
  /** Where the client says it stands: its last heartbeat, its hello before. */
  #reported: Pick<AttachHeartbeat, "head" | "final"> = {};

  constructor(nowMs: number) {
    this.#openedMs = nowMs;
    this.#heardMs = nowMs;
    this.#beatMs = nowMs;
  }

  get isAttached(): boolean {
    return this.#phase === "attached";
  }

  get callsInFlight(): number {
    return this.#inFlight.size;
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  get callsWaiting(): number {
    return this.#waiting.size;
  }

  get reported(): Pick<AttachHeartbeat, "head" | "final"> {
    return this.#reported;
  }

  /** A call in the window; undefined when it was answered, failed or never was. */
  inFlight(id: bigint): AttachCall | undefined {
    return this.#inFlight.get(id);
  }

  /** Gives what is to be done, once. */
  take(): SessionEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Something came from the client. */
  receive({ callId, message }: ClientFrame, nowMs: number): void {
    if (this.#phase === "ended") {
      if (callId !== 0n) this.staleAnswers++;
      return;
    }
    this.#heardMs = nowMs;
    if (this.#phase !== "attached") return this.#greet(message);
    switch (message.case) {
      case undefined:
        return this.#violate("the frame says nothing this node knows");
      case "hello":
        return this.#violate("there is one hello to a stream");
      case "heartbeat":
        this.#reported = message.value as AttachHeartbeat;
        this.#effects.push({ type: "reported" });
        return;
      case "credit":
        return this.#widen(message.value as AttachCredit, nowMs);
      default:
        return this.#answer(callId, message, nowMs);
    }
  }

  /** Lets the client in, after `greeted`. */
  welcome(value: object, hello: AttachHello, nowMs: number): void {
    if (this.#phase === "ended") return;
    assert(this.#phase === "deciding", "a client is let in once, after its hello");
    this.#phase = "attached";
    this.#beatMs = nowMs;
    if (hello.lastApplied !== undefined) this.#reported = { head: hello.lastApplied };
    this.#setWindow(hello);
    this.#effects.push({
      type: "send",
      frame: { callId: 0n, deadlineMs: 0, message: { case: "welcome", value } },
    });
  }

  /** The client lives: it is waiting for us, or said something that is no frame. */
  hear(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** Sets the window anew, as a client that pulls does with each pull. What is in flight stays. */
  resize(hello: AttachHello, nowMs: number): void {
    if (this.#phase !== "attached") return;
    this.#setWindow(hello);
    this.#fill(nowMs);
  }

  /** Sends a call as soon as the window has room; it fails with a Failure otherwise. */
  call(call: AttachCall, nowMs: number): void {
    assert(this.#phase === "attached", "calls go to an attached process");
    if (
      this.#waiting.size >= WAITING_CALLS_MAX ||
      (this.#waiting.size > 0 && this.#bytesWaiting + call.bytes > WAITING_BYTES_MAX)
    ) {
      return this.#fail(call.id, WINDOW_FULL);
    }
    this.#waiting.set(call.id, call);
    this.#bytesWaiting += call.bytes;
    this.#fill(nowMs);
  }

  /** Time has passed: what is overdue fails, a heartbeat is due. */
  tick(nowMs: number, heartbeat: () => object): void {
    if (this.#phase === "ended") return;
    if (this.#phase === "greeting") {
      if (nowMs - this.#openedMs >= HELLO_MS_MAX) this.end(NO_HELLO);
      return;
    }
    if (nowMs - this.#heardMs >= SILENCE_MS_MAX) return this.end(SILENT);
    for (const call of [...this.#inFlight.values(), ...this.#waiting.values()]) {
      if (call.deadlineMs > nowMs) continue;
      this.#forget(call);
      this.#fail(call.id, LATE);
    }
    this.#fill(nowMs);
    if (nowMs - this.#beatMs < HEARTBEAT_MS) return;
    this.#beatMs = nowMs;
    const message = { case: "heartbeat", value: heartbeat() };
    this.#effects.push({ type: "send", frame: { callId: 0n, deadlineMs: 0, message } });
  }

  /** When `tick` is wanted next, monotonic; undefined once ended. */
  nextTickMs(): number | undefined {
    if (this.#phase === "ended") return undefined;
    if (this.#phase === "greeting") return this.#openedMs + HELLO_MS_MAX;
    let due = Math.min(this.#heardMs + SILENCE_MS_MAX, this.#beatMs + HEARTBEAT_MS);
    for (const { deadlineMs } of this.#inFlight.values()) due = Math.min(due, deadlineMs);
    for (const { deadlineMs } of this.#waiting.values()) due = Math.min(due, deadlineMs);
    return due;
  }

  /** The stream is over, by whatever; calls fail UNAVAILABLE. Idempotent. */
  end(reason: Failure): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    for (const id of [...this.#inFlight.keys(), ...this.#waiting.keys()]) this.#fail(id, LOST);
    this.#inFlight.clear();
    this.#waiting.clear();
    this.#bytesInFlight = 0;
    this.#bytesWaiting = 0;
    this.#effects.push({ type: "ended", failure: reason });
  }

  #greet(message: ClientFrame["message"]): void {
    if (this.#phase === "deciding" || message.case !== "hello")
      return this.#violate("a stream opens with one hello");
    const hello = message.value as AttachHello;
    if (hello.protocolVersion !== PROTOCOL_VERSION) {
      const text = `this node speaks version ${PROTOCOL_VERSION}, the client ${hello.protocolVersion}`;
      return this.end(failure("FAILED_PRECONDITION", "ATTACH_VERSION", text));
    }
    this.#phase = "deciding";
    this.#effects.push({ type: "greeted", hello });
  }

  #setWindow({ creditCalls, creditBytes }: AttachHello): void {
    this.#callsMax = Math.min(Math.max(1, creditCalls), WINDOW_CALLS_MAX);
    this.#bytesMax = Math.min(Number(creditBytes), WINDOW_BYTES_MAX);
  }

  #widen({ calls, bytes }: AttachCredit, nowMs: number): void {
    this.#callsMax = Math.min(this.#callsMax + calls, WINDOW_CALLS_MAX);
    this.#bytesMax = Math.min(this.#bytesMax + Number(bytes), WINDOW_BYTES_MAX);
    this.#fill(nowMs);
  }

  #answer(id: bigint, message: ClientFrame["message"], nowMs: number): void {
    const call = this.#inFlight.get(id);
    if (call === undefined) {
      this.staleAnswers++;
      return;
    }
    if (message.case !== "error" && message.case !== call.kind) {
      return this.#violate(`call ${id} is ${call.kind}, its answer ${message.case}`);
    }
    this.#forget(call);
    if (message.case === "error") this.#fail(id, failureOf(message.value as AttachError));
    else this.#effects.push({ type: "answered", id, value: message.value });
    this.#fill(nowMs);
  }

  /** Moves calls into the window, oldest first. One that is larger than the window goes alone. */
  #fill(nowMs: number): void {
    for (const call of this.#waiting.values()) {
      const size = this.#inFlight.size;
      if (size >= this.#callsMax) return;
      if (size > 0 && this.#bytesInFlight + call.bytes > this.#bytesMax) return;
      this.#waiting.delete(call.id);
      this.#bytesWaiting -= call.bytes;
      this.#inFlight.set(call.id, call);
      this.#bytesInFlight += call.bytes;
      const deadlineMs = Math.max(1, Math.ceil(call.deadlineMs - nowMs));
      const message = { case: call.kind, value: call.value };
      this.#effects.push({ type: "send", frame: { callId: call.id, deadlineMs, message } });
    }
  }

  #forget(call: AttachCall): void {
    if (this.#inFlight.delete(call.id)) this.#bytesInFlight -= call.bytes;
    else if (this.#waiting.delete(call.id)) this.#bytesWaiting -= call.bytes;
  }

  #fail(id: bigint, reason: Failure): void {
    this.#effects.push({ type: "failed", id, failure: reason });
  }

  #violate(text: string): void {
    this.end(failure("INVALID_ARGUMENT", "ATTACH_PROTOCOL", text));
  }
}

/** Canonical gRPC status codes by number; 0 is no error, so that a client that says it is not understood. */
const STATUS_CODES: readonly StatusCode[] = [
  "UNKNOWN",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** What the client says of a call that it could not carry out. */
function failureOf({ code, message }: AttachError): Failure {
  return failure(STATUS_CODES[code] ?? "UNKNOWN", "ATTACHED_FAILED", message);
}

const NO_HELLO = failure("DEADLINE_EXCEEDED", "ATTACH_NO_HELLO", "no hello came within 5 s");
const SILENT = failure("UNAVAILABLE", "ATTACH_SILENT", "the client's heartbeats stopped");
const LATE = failure("DEADLINE_EXCEEDED", "ATTACHED_LATE", "the attached process did not answer in time");
const LOST = failure("UNAVAILABLE", "ATTACHED_LOST", "the attached process is gone");
const WINDOW_FULL = failure(
  "RESOURCE_EXHAUSTED",
  "ATTACHED_BUSY",
  "too many calls wait for the attached process",
);
