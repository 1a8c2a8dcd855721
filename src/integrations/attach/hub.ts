/**
 * AttachHub: where processes of one kind (chain, engine or bridge) attach. It lets in the one primary, numbers the epochs,
 * and hands calls and notices to whoever is attached, by a stream or by pulling. The listener gives it streams through
 * `handler` and unary calls through `pulls`; attached.ts of each integration calls through it.
 */

import type { AttachHello } from "../../../gen/alys/integration/v1/integration_pb.ts";
import { Failure, failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { Log } from "../../kernel/ports/log.ts";
import type { BlockPoint } from "../../storage/port.ts";
import type { DuplexStream } from "./frame.ts";
import { type Carrier, type Heartbeat, Line, type Welcome } from "./line.ts";
import { PullTransport } from "./pull-transport.ts";
import { type AttachSession, HEARTBEAT_MS } from "./session.ts";
import { StreamCarrier } from "./stream-carrier.ts";

export interface AttachHubParts {
  /** chain, engine or bridge; for the log. */
  readonly name: string;
  readonly genesisHash: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  /** For the node's heartbeats. */
  readonly progress: () => { readonly head: BlockPoint; readonly final: BlockPoint };
}

/** Whoever makes use of the attached process. */
export interface AttachOwner {
  /** Where calls go on, or why this client cannot be let in. */
  admit(hello: AttachHello): BlockPoint | undefined | Failure;
  /** It may be called from now on. */
  attached(): void;
  detached(): void;
  /** A heartbeat came: where the client says it stands. */
  reported(reported: Reported): void;
}

/** What a client says of itself; undefined for what it leaves out. */
export interface Reported {
  readonly head: BlockPoint | undefined;
  readonly final: BlockPoint | undefined;
}

/** The attachment as it stands, for those who look after the node. */
export interface Attachment extends Reported {
  readonly instanceId: string;
  readonly principal: string;
  readonly epoch: number;
  /** Unix milliseconds. */
  readonly sinceMs: number;
  readonly isPulled: boolean;
  readonly callsInFlight: number;
  readonly bytesInFlight: number;
  readonly callsWaiting: number;
  readonly noticesSkipped: number;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: Failure): void;
}

export class AttachHub {
  /** PullWork and CompleteWork. */
  readonly pulls: PullTransport;
  readonly #parts: AttachHubParts;
  readonly #calls = new Map<bigint, Waiting>();
  readonly #listeners = new Set<(isAttached: boolean) => void>();
  #owner: AttachOwner = {
    admit: () => undefined,
    attached: () => {},
    detached: () => {},
    reported: () => {},
  };
  #primary: Line | undefined;
  /** Why nobody is let in any more. */
  #closed: Failure | undefined;
  #epoch = 0;
  /** How many instances without a name were let in; each got a name of its own. */
  #unnamed = 0;
  #lastCall = 0n;
  #staleAnswers = 0;

  constructor(parts: AttachHubParts) {
    this.#parts = parts;
    this.pulls = new PullTransport({
      clock: parts.clock,
      open: (carrier) => this.#open(carrier),
      heartbeat: () => this.#heartbeat(),
      stale: (count) => {
        this.#staleAnswers += count;
      },
    });
  }

  get isAttached(): boolean {
    return this.#primary !== undefined;
  }

  /** Number of the newest attachment; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Answers that came too late, or for an older epoch: dropped. */
  get staleAnswers(): number {
    return this.#staleAnswers + (this.#primary?.session.staleAnswers ?? 0);
  }

  /** Undefined while nobody is attached: the embedded twin does the work. */
  get attachment(): Attachment | undefined {
    if (this.#primary === undefined) return undefined;
    const { instanceId, epoch, sinceMs, carrier, session, notices } = this.#primary;
    return {
      instanceId,
      epoch,
      sinceMs,
      principal: carrier.principal,
      isPulled: carrier.isPulled,
      callsInFlight: session.callsInFlight,
      bytesInFlight: session.bytesInFlight,
      callsWaiting: session.callsWaiting,
      noticesSkipped: notices.skipped,
      ...reportedOf(session),
    };
  }

  own(owner: AttachOwner): void {
    this.#owner = owner;
  }

  /** Calls `listener` when a process attached or is gone, until the returned function is called. */
  listen(listener: (isAttached: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls the attached process. `kind` names call and answer, `bytes` is the length of the call's `bytes` fields,
   * `deadlineMs` is relative. Rejects with a Failure: UNAVAILABLE when none is attached or it is lost, DEADLINE_EXCEEDED,
   * RESOURCE_EXHAUSTED when too many calls wait, or the client's own.
   */
  call(kind: string, value: object, bytes: number, deadlineMs: number): Promise<unknown> {
    const primary = this.#primary;
    if (primary === undefined) return Promise.reject(NONE);
    const nowMs = this.#parts.clock.monotonicMs();
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      primary.session.call({ id, kind, value, bytes, deadlineMs: nowMs + deadlineMs }, nowMs);
      primary.pump();
    });
  }

  /** Tells the attached process, if there is one; `kind` names a notice of the service. */
  notify(kind: string, value: object): void {
    this.#primary?.notify(kind, value);
  }

  /** Ends the attachment, for instance because what it says cannot be. */
  end(reason: Failure): void {
    this.#primary?.end(reason);
  }

  /** Ends the attachment and lets nobody in any more. */
  close(reason: Failure): void {
    this.#closed = reason;
    this.end(reason);
  }

  /** Serves one stream until it ends. Rejects with the Failure that it ended with. */
  readonly handler = (stream: DuplexStream): Promise<void> => {
    const carrier = new StreamCarrier(stream, this.#parts.clock);
    return carrier.serve(this.#open(carrier));
  };

  #open(carrier: Carrier): Line {
    return new Line(carrier, this.#parts.clock, {
      greeted: (hello, line) => this.#greeted(hello, line),
      // After the welcome was sent, so that no call can come before it.
      welcomed: () => {
        this.#owner.attached();
        for (const listener of this.#listeners) listener(true);
      },
      answered: (id, value) => this.#settle(id)?.resolve(value),
      failed: (id, reason) => this.#settle(id)?.reject(reason),
      reported: (line) => {
        if (this.#primary === line) this.#owner.reported(reportedOf(line.session));
      },
      ended: (line) => this.#ended(line),
      heartbeat: () => this.#heartbeat(),
    });
  }

  #greeted(hello: AttachHello, line: Line): Welcome | Failure {
    const { genesisHash, name, log } = this.#parts;
    if (this.#closed !== undefined) return this.#closed;
    if (hello.genesisHash.length > 0 && !Buffer.from(genesisHash).equals(hello.genesisHash)) {
      return failure("FAILED_PRECONDITION", "ATTACH_OTHER_CHAIN", "the client is on another chain");
    }
    const before = this.#primary;
    // Only the same client comes back without a word; an instance's name alone is no proof of that, and no name is none.
    const isSame =
      before?.isOf(hello.instanceId) === true && before.carrier.principal === line.carrier.principal;
    if (before !== undefined && !isSame && !hello.takeOver) return TAKEN;
    const resumeFrom = this.#owner.admit(hello);
    if (resumeFrom instanceof Failure) return resumeFrom;
    before?.end(TAKEN_OVER);
    line.epoch = ++this.#epoch;
    line.isNamed = hello.instanceId !== "";
    line.instanceId = line.isNamed ? hello.instanceId : `unnamed-${++this.#unnamed}`;
    this.#primary = line;
    const { principal, isPulled } = line.carrier;
    log.info("attached", {
      integration: name,
      instance: line.instanceId,
      epoch: this.#epoch,
      principal,
      isPulled,
    });
    return {
      epoch: BigInt(this.#epoch),
      ...(resumeFrom && { resumeFrom: referenceTo(resumeFrom) }),
      heartbeatIntervalMs: HEARTBEAT_MS,
      genesisHash,
    };
  }

  #settle(id: bigint): Waiting | undefined {
    const waiting = this.#calls.get(id);
    this.#calls.delete(id);
    return waiting;
  }

  #ended(line: Line): void {
    this.#staleAnswers += line.session.staleAnswers;
    if (this.#primary !== line) return;
    this.#primary = undefined;
    const { name, log } = this.#parts;
    log.warn("detached", { integration: name, epoch: line.epoch, reason: line.failure?.reason });
    this.#owner.detached();
    for (const listener of this.#listeners) listener(false);
  }

  #heartbeat(): Heartbeat {
    const { head, final } = this.#parts.progress();
    return { head: referenceTo(head), final: referenceTo(final) };
  }
}

/** As messages carry it. */
export function referenceTo({ height, hash }: BlockPoint): { height: bigint; hash: Uint8Array } {
  return { height: BigInt(height), hash };
}

function reportedOf({ reported: { head, final } }: AttachSession): Reported {
  return { head: head && pointOf(head), final: final && pointOf(final) };
}

function pointOf({ height, hash }: { height: bigint; hash: Uint8Array }): BlockPoint {
  return { height: Number(height), hash };
}

const NONE = failure("UNAVAILABLE", "NOT_ATTACHED", "no process is attached");
const TAKEN = failure("ALREADY_EXISTS", "ATTACH_TAKEN", "another process is attached; ask for a take-over");
const TAKEN_OVER = failure("ABORTED", "ATTACH_TAKEN_OVER", "another process took over");
