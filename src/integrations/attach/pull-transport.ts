/**
 * PullTransport: attachment by unary calls. PullWork opens a line like a stream does, and brings what waits in it; CompleteWork
 * carries the client's frames back. Session, window, epochs and loss are those of every attachment: here is only the
 * outbox between two pulls.
 */

import type { AttachHello, WorkReceipt } from "../../../gen/alys/integration/v1/integration_pb.ts";
import { WorkOutcome } from "../../../gen/alys/integration/v1/integration_pb.ts";
import { assert, type Failure, failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { ClientFrame, NodeFrame } from "./frame.ts";
import type { Carrier, Heartbeat, Line, Welcome } from "./line.ts";
import { Outbox } from "./outbox.ts";
import type { AttachSession } from "./session.ts";

/** Bytes of calls in one answer: one call more than this goes alone, so that usual clients' 4 MiB are enough. */
const PULL_BYTES_MAX = 3 * 1024 * 1024;
/** A pull that waits answers this long before its caller's own deadline. */
const DEADLINE_MARGIN_MS = 200;

export interface PullRequest {
  readonly hello?: AttachHello | undefined;
  readonly epoch: bigint;
  readonly waitMs: number;
}

export interface PullAnswer {
  readonly welcome: Welcome;
  readonly frames: readonly NodeFrame[];
  readonly heartbeat: Heartbeat;
}

export interface CompleteRequest {
  readonly instanceId: string;
  readonly epoch: bigint;
  readonly frames: readonly ClientFrame[];
}

export type Receipt = Pick<WorkReceipt, "callId" | "outcome">;

/** Who calls, and until when. */
export interface PullCaller {
  readonly principal: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the caller waits; undefined when it named no deadline. */
  readonly deadlineMs?: number | undefined;
}

export interface PullTransportParts {
  readonly clock: Clock;
  /** Makes a line over this carrier. */
  readonly open: (carrier: Carrier) => Line;
  readonly heartbeat: () => Heartbeat;
  /** Answers to an attachment that is over. */
  readonly stale: (count: number) => void;
}

export class PullTransport {
  readonly #parts: PullTransportParts;
  #line: Line | undefined;
  /** The one before it, to tell its client what ended it. */
  #before: Line | undefined;
  #carrier: PullCarrier | undefined;

  constructor(parts: PullTransportParts) {
    this.#parts = parts;
  }

  /** Answers what waits, at once or when something comes. Rejects with the Failure that the attachment ended with. */
  async pull(request: PullRequest, caller: PullCaller): Promise<PullAnswer> {
    const { hello, epoch, waitMs } = request;
    assert(hello !== undefined, "the rules of the request want a hello");
    const { line, carrier } = this.#lineFor(hello, epoch, caller);
    const { clock } = this.#parts;
    line.session.hear(clock.monotonicMs());
    // An earlier pull of the same client, which it has given up or forgotten, goes home with nothing.
    carrier.wake();
    if (!carrier.hasWork(line, clock.monotonicMs()) && waitMs > 0)
      await this.#wait(line, carrier, waitMs, caller);
    if (line.failure !== undefined) throw line.failure;
    line.session.hear(clock.monotonicMs());
    const frames = caller.signal?.aborted === true ? [] : carrier.take(line, clock.monotonicMs());
    return { welcome: line.welcome, frames, heartbeat: this.#parts.heartbeat() };
  }

  /**
   * Takes the client's frames. Rejects with INVALID_ARGUMENT when one of them broke the protocol, with
   * PERMISSION_DENIED/ATTACH_OTHER_PRINCIPAL when the work was taken by somebody else.
   */
  async complete(
    { instanceId, epoch, frames }: CompleteRequest,
    { principal }: Pick<PullCaller, "principal">,
  ): Promise<readonly Receipt[]> {
    const [line, carrier] = [this.#line, this.#carrier];
    const isPresent =
      line !== undefined &&
      line.failure === undefined &&
      BigInt(line.epoch) === epoch &&
      isOf(line, instanceId, epoch);
    if (line === undefined || carrier === undefined || !isPresent) {
      const calls = frames.filter(({ callId }) => callId > 0n);
      this.#parts.stale(calls.length);
      return calls.map(({ callId }) => ({ callId, outcome: WorkOutcome.OTHER_EPOCH }));
    }
    if (carrier.principal !== principal) throw OTHER_PRINCIPAL;
    line.session.hear(this.#parts.clock.monotonicMs());
    const receipts: Receipt[] = [];
    for (const frame of frames) {
      const { callId } = frame;
      const isRunning = line.session.inFlight(callId) !== undefined && !carrier.isKept(callId);
      // What nobody has seen cannot be answered.
      if (isRunning || !carrier.isKept(callId)) line.receive(frame);
      if (line.failure !== undefined) throw line.failure;
      if (callId === 0n) continue;
      receipts.push({ callId, outcome: isRunning ? WorkOutcome.ACCEPTED : WorkOutcome.NOT_RUNNING });
    }
    return receipts;
  }

  /** The line that goes on, or a new one. */
  #lineFor(
    hello: AttachHello,
    epoch: bigint,
    caller: PullCaller,
  ): { readonly line: Line; readonly carrier: PullCarrier } {
    const [line, carrier] = [this.#line, this.#carrier];
    const isAlive = line !== undefined && line.failure === undefined;
    const meant = [line, this.#before].find((one) => one !== undefined && BigInt(one.epoch) === epoch);
    // What ended it is its own client's business, and its work nobody else's.
    if (epoch > 0n && meant !== undefined && meant.carrier.principal !== caller.principal)
      throw OTHER_PRINCIPAL;
    if (epoch > 0n && !(isAlive && meant === line)) throw meant?.failure ?? OVER;
    const isOwn = carrier?.principal === caller.principal;
    if (isAlive && isOwn && carrier !== undefined && isOf(line, hello.instanceId, epoch)) {
      line.session.resize(hello, this.#parts.clock.monotonicMs());
      line.pump();
      return { line, carrier };
    }
    return this.#open(hello, caller);
  }

  #open(hello: AttachHello, { principal }: PullCaller) {
    const carrier = new PullCarrier(principal);
    const line = this.#parts.open(carrier);
    line.receive({ callId: 0n, message: { case: "hello", value: hello } });
    if (line.failure !== undefined) throw line.failure;
    this.#before = this.#line;
    this.#line = line;
    this.#carrier = carrier;
    return { line, carrier };
  }

  async #wait(line: Line, carrier: PullCarrier, waitMs: number, caller: PullCaller): Promise<void> {
    const { clock } = this.#parts;
    const deadlineMs = caller.deadlineMs ?? Number.POSITIVE_INFINITY;
    const forMs = Math.max(0, Math.min(waitMs, deadlineMs - DEADLINE_MARGIN_MS));
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.setTimer(forMs, resolve);
    carrier.onWake = resolve;
    caller.signal?.addEventListener("abort", () => resolve(), { once: true });
    await Promise.race([promise, line.ended]);
    timer.cancel();
    if (carrier.onWake === resolve) carrier.onWake = undefined;
  }
}

/** Whether a client goes on with this attachment: by its instance's name or, having none, by the attachment's number. */
function isOf(line: Line, instanceId: string, epoch: bigint): boolean {
  return instanceId === "" ? !line.isNamed && BigInt(line.epoch) === epoch : line.isOf(instanceId);
}

/** What waits between two pulls of one attachment. */
class PullCarrier implements Carrier {
  readonly isPulled = true;
  readonly principal: string;
  /** Set while a pull waits. */
  onWake: (() => void) | undefined;
  readonly #outbox = new Outbox();

  constructor(principal: string) {
    this.principal = principal;
  }

  send(frame: NodeFrame, session: AttachSession): void {
    // Welcome and heartbeats are part of every answer.
    if (frame.callId === 0n) return;
    this.#outbox.push(frame, session);
    this.wake();
  }

  noticed(): void {
    this.wake();
  }

  isListening(): boolean {
    return this.onWake !== undefined;
  }

  wake(): void {
    const { onWake } = this;
    this.onWake = undefined;
    onWake?.();
  }

  hasWork({ notices, session }: Line, nowMs: number): boolean {
    return !notices.isEmpty || this.#outbox.peek(session, nowMs) !== undefined;
  }

  /** Whether a call waits to be pulled. */
  isKept(callId: bigint): boolean {
    return this.#outbox.holds(callId);
  }

  /** What goes out now: calls that still run, with what is left of their time, and all notices. */
  take(line: Line, nowMs: number): NodeFrame[] {
    const frames: NodeFrame[] = [];
    let bytes = 0;
    for (
      let next = this.#outbox.peek(line.session, nowMs);
      next;
      next = this.#outbox.peek(line.session, nowMs)
    ) {
      if (bytes > 0 && bytes + next.bytes > PULL_BYTES_MAX) break;
      bytes += next.bytes;
      frames.push(next.frame);
      this.#outbox.drop();
    }
    for (let notice = line.notices.take(); notice !== undefined; notice = line.notices.take()) {
      frames.push(notice);
    }
    return frames;
  }
}

const OTHER_PRINCIPAL: Failure = failure(
  "PERMISSION_DENIED",
  "ATTACH_OTHER_PRINCIPAL",
  "this attachment is that of another principal",
);
const OVER: Failure = failure("FAILED_PRECONDITION", "ATTACH_OVER", "this attachment is over; begin another");
