/**
 * AttachHub: where processes of one kind (chain, engine or bridge) attach. It drives a session for each stream, keeps the
 * one primary, numbers the epochs, and hands calls to whoever is attached. The listener gives it streams through
 * `handler`; attached.ts of each integration calls through it.
 */

import type { AttachHello } from "../../../gen/alys/integration/v1/integration_pb.ts";
import type { Clock, TimerHandle } from "../../kernel/clock.ts";
import { asError, assertNever, Failure, failure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { ClientFrame, DuplexStream } from "./frame.ts";
import { AttachSession, HEARTBEAT_MS, type SessionEffect } from "./session.ts";

export interface BlockPoint {
  readonly height: number;
  readonly hash: Uint8Array;
}

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
}

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: Failure): void;
}

export class AttachHub {
  readonly #parts: AttachHubParts;
  readonly #calls = new Map<bigint, Waiting>();
  readonly #listeners = new Set<(isAttached: boolean) => void>();
  #owner: AttachOwner = { admit: () => undefined, attached: () => {}, detached: () => {} };
  #primary: Line | undefined;
  #epoch = 0;
  #lastCall = 0n;
  #staleAnswers = 0;

  constructor(parts: AttachHubParts) {
    this.#parts = parts;
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
    return this.#staleAnswers;
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

  /** Ends the attachment, for instance because what it says cannot be. */
  end(reason: Failure): void {
    this.#primary?.end(reason);
  }

  /** Serves one stream until it ends. Rejects with the Failure that it ended with. */
  readonly handler = async (stream: DuplexStream): Promise<void> => {
    const line = new Line(stream, this.#parts, {
      greeted: (hello, own) => this.#greeted(hello, own),
      settled: (id, settle) => this.#settled(id, settle),
      ended: (own) => this.#ended(own),
    });
    try {
      await line.serve();
    } finally {
      this.#staleAnswers += line.session.staleAnswers;
    }
  };

  #greeted(hello: AttachHello, line: Line): object | Failure {
    const { genesisHash, name, log } = this.#parts;
    if (hello.genesisHash.length > 0 && !Buffer.from(genesisHash).equals(hello.genesisHash)) {
      return failure("FAILED_PRECONDITION", "ATTACH_OTHER_CHAIN", "the client is on another chain");
    }
    const before = this.#primary;
    const isSame = before !== undefined && before.instanceId === hello.instanceId;
    if (before !== undefined && !isSame && !hello.takeOver) return TAKEN;
    const resumeFrom = this.#owner.admit(hello);
    if (resumeFrom instanceof Failure) return resumeFrom;
    before?.end(TAKEN_OVER);
    line.epoch = ++this.#epoch;
    line.instanceId = hello.instanceId;
    this.#primary = line;
    log.info("attached", { integration: name, instance: hello.instanceId, epoch: this.#epoch });
    return {
      epoch: BigInt(this.#epoch),
      ...(resumeFrom && { resumeFrom: referenceTo(resumeFrom) }),
      heartbeatIntervalMs: HEARTBEAT_MS,
      genesisHash,
    };
  }

  /** After the welcome was sent, so that no call can come before it. */
  #announce(): void {
    this.#owner.attached();
    for (const listener of this.#listeners) listener(true);
  }

  #settled(id: bigint | undefined, settle: (waiting: Waiting) => void): void {
    if (id === undefined) return this.#announce();
    const waiting = this.#calls.get(id);
    this.#calls.delete(id);
    if (waiting !== undefined) settle(waiting);
  }

  #ended(line: Line): void {
    if (this.#primary !== line) return;
    this.#primary = undefined;
    this.#parts.log.warn("detached", { integration: this.#parts.name, epoch: line.epoch });
    this.#owner.detached();
    for (const listener of this.#listeners) listener(false);
  }
}

interface LineEvents {
  greeted(hello: AttachHello, line: Line): object | Failure;
  /** Without an id: the client was let in. */
  settled(id: bigint | undefined, settle: (waiting: Waiting) => void): void;
  ended(line: Line): void;
}

/** One stream with its session: reads, writes, keeps time. */
class Line {
  readonly session: AttachSession;
  epoch = 0;
  instanceId = "";
  readonly #stream: DuplexStream;
  readonly #parts: AttachHubParts;
  readonly #events: LineEvents;
  readonly #end = Promise.withResolvers<void>();
  #timer: TimerHandle | undefined;
  #timerMs = Number.POSITIVE_INFINITY;

  constructor(stream: DuplexStream, parts: AttachHubParts, events: LineEvents) {
    this.#stream = stream;
    this.#parts = parts;
    this.#events = events;
    this.session = new AttachSession(parts.clock.monotonicMs());
  }

  async serve(): Promise<void> {
    this.#schedule();
    const onAbort = (): void => this.end(LEFT);
    this.#stream.signal.addEventListener("abort", onAbort, { once: true });
    void this.#read();
    try {
      await this.#end.promise;
    } finally {
      this.#timer?.cancel();
      this.#stream.signal.removeEventListener("abort", onAbort);
    }
  }

  end(reason: Failure): void {
    this.session.end(reason);
    this.pump();
  }

  /** Carries out what the session wants. */
  pump(): void {
    for (let effects = this.session.take(); effects.length > 0; effects = this.session.take()) {
      for (const effect of effects) this.#perform(effect);
    }
    this.#schedule();
  }

  async #read(): Promise<void> {
    try {
      for await (const frame of this.#stream.requests) {
        this.session.receive(frame as ClientFrame, this.#parts.clock.monotonicMs());
        this.pump();
      }
      // The client said that it has nothing more to say: it leaves in order.
      this.session.end(GOODBYE);
    } catch (thrown) {
      this.session.end(
        thrown instanceof Failure ? thrown : failure("INTERNAL", "ATTACH_BROKEN", asError(thrown).message),
      );
    }
    this.pump();
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case "greeted": {
        const answer = this.#events.greeted(effect.hello, this);
        if (answer instanceof Failure) return this.session.end(answer);
        this.session.welcome(answer, effect.hello, this.#parts.clock.monotonicMs());
        return;
      }
      case "send":
        // The window bounds what can wait in the stream; who cannot send is ended by the stream's signal.
        this.#stream.send(effect.frame).catch(() => {});
        if (effect.frame.message.case === "welcome") this.#events.settled(undefined, () => {});
        return;
      case "answered":
        return this.#events.settled(effect.id, ({ resolve }) => resolve(effect.value));
      case "failed":
        return this.#events.settled(effect.id, ({ reject }) => reject(effect.failure));
      case "ended":
        this.#events.ended(this);
        if (effect.failure === GOODBYE) this.#end.resolve();
        else this.#end.reject(effect.failure);
        return;
      default:
        return assertNever(effect);
    }
  }

  #schedule(): void {
    const dueMs = this.session.nextTickMs();
    if (dueMs === undefined) return this.#timer?.cancel();
    if (this.#timer !== undefined && this.#timerMs <= dueMs) return;
    this.#timer?.cancel();
    this.#timerMs = dueMs;
    const nowMs = this.#parts.clock.monotonicMs();
    this.#timer = this.#parts.clock.setTimer(Math.max(0, dueMs - nowMs), () => {
      this.#timer = undefined;
      this.session.tick(this.#parts.clock.monotonicMs(), () => this.#heartbeat());
      this.pump();
    });
  }

  #heartbeat(): object {
    const { head, final } = this.#parts.progress();
    return { head: referenceTo(head), final: referenceTo(final) };
  }
}

function referenceTo({ height, hash }: BlockPoint): object {
  return { height: BigInt(height), hash };
}

const NONE = failure("UNAVAILABLE", "NOT_ATTACHED", "no process is attached");
const TAKEN = failure("ALREADY_EXISTS", "ATTACH_TAKEN", "another process is attached; ask for a take-over");
const TAKEN_OVER = failure("ABORTED", "ATTACH_TAKEN_OVER", "another process took over");
const LEFT = failure("CANCELLED", "ATTACH_LEFT", "the client left");
const GOODBYE = failure("CANCELLED", "ATTACH_GOODBYE", "the client said goodbye");
