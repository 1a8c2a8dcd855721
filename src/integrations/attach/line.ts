/**
 * Line: one attachment with its session, whichever way its frames travel: carries out what the session wants and keeps
 * its time. A stream and a process that pulls differ in their carrier alone. AttachHub decides who is let in.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AttachHeartbeatSchema,
  AttachHello,
  AttachWelcomeSchema,
} from "../../../gen/alys/integration/v1/integration_pb.ts";
import { assertNever, Failure, failure } from "../../kernel/errors.ts";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import type { ClientFrame, NodeFrame } from "./frame.ts";
import { NoticeQueue } from "./notices.ts";
import { AttachSession, type SessionEffect } from "./session.ts";

export type Welcome = MessageInitShape<typeof AttachWelcomeSchema>;
export type Heartbeat = MessageInitShape<typeof AttachHeartbeatSchema>;

/** How frames reach the client. */
export interface Carrier {
  /** Who attaches, as the control plane knows it. */
  readonly principal: string;
  readonly isPulled: boolean;
  /** A call, the welcome, or a heartbeat. */
  send(frame: NodeFrame, session: AttachSession): void;
  /** Notices wait in the line. */
  noticed(): void;
  /** The client shows at this moment that it lives, by waiting for us. */
  isListening(): boolean;
}

export interface LineEvents {
  greeted(hello: AttachHello, line: Line): Welcome | Failure;
  /** The client was let in and knows it. */
  welcomed(): void;
  answered(id: bigint, value: unknown): void;
  failed(id: bigint, reason: Failure): void;
  /** The client said where it stands. */
  reported(line: Line): void;
  ended(line: Line): void;
  /** What a heartbeat says. */
  heartbeat(): Heartbeat;
}

export class Line {
  readonly session: AttachSession;
  readonly notices = new NoticeQueue();
  readonly carrier: Carrier;
  /** What the hub knows the attachment by; 0 and empty until it is let in. */
  epoch = 0;
  instanceId = "";
  /** The client named its instance itself; the hub made a name for one that did not. */
  isNamed = false;
  /** The welcome's fields. */
  welcome: Welcome = {};
  /** When it was let in, Unix milliseconds. */
  sinceMs = 0;
  /** Why it ended; undefined while it lives. */
  failure: Failure | undefined;
  readonly #clock: Clock;
  readonly #events: LineEvents;
  readonly #end = Promise.withResolvers<Failure>();
  #timer: TimerHandle | undefined;
  #timerMs = Number.POSITIVE_INFINITY;

  constructor(carrier: Carrier, clock: Clock, events: LineEvents) {
    this.carrier = carrier;
    this.#clock = clock;
    this.#events = events;
    this.session = new AttachSession(clock.monotonicMs());
    this.#schedule();
  }

  /** Resolves with the reason when it is over. */
  get ended(): Promise<Failure> {
    return this.#end.promise;
  }

  /** True for the instance that is attached here. Without a name it cannot be told from another one without a name. */
  isOf(instanceId: string): boolean {
    return this.isNamed && this.instanceId === instanceId;
  }

  receive(frame: ClientFrame): void {
    this.session.receive(frame, this.#clock.monotonicMs());
    this.pump();
  }

  notify(kind: string, value: object): void {
    if (!this.session.isAttached) return;
    this.notices.push(kind, value);
    this.carrier.noticed();
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

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case "greeted": {
        const answer = this.#events.greeted(effect.hello, this);
        if (answer instanceof Failure) return this.session.end(answer);
        this.welcome = answer;
        this.sinceMs = this.#clock.nowMs();
        this.session.welcome(answer, effect.hello, this.#clock.monotonicMs());
        return;
      }
      case "send":
        this.carrier.send(effect.frame, this.session);
        if (effect.frame.message.case === "welcome") this.#events.welcomed();
        return;
      case "answered":
        return this.#events.answered(effect.id, effect.value);
      case "failed":
        return this.#events.failed(effect.id, effect.failure);
      case "reported":
        return this.#events.reported(this);
      case "ended":
        this.failure = effect.failure;
        this.#events.ended(this);
        this.#end.resolve(effect.failure);
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
    this.#timer = this.#clock.setTimer(Math.max(0, dueMs - this.#clock.monotonicMs()), () => {
      this.#timer = undefined;
      const nowMs = this.#clock.monotonicMs();
      if (this.carrier.isListening()) this.session.hear(nowMs);
      this.session.tick(nowMs, () => this.#events.heartbeat());
      this.pump();
    });
  }
}

/** How a client ends its attachment in order: it half-closes its stream. */
export const GOODBYE = failure("CANCELLED", "ATTACH_GOODBYE", "the client said goodbye");
