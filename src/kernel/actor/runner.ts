/**
 * Runs the messages of one actor: answers the expired without running them, hands the others to their handlers, judges
 * what these return, enters deferred answers, counts, and reports who was slow. What crashes it is told to the cell.
 */

import { workFor } from "../cause.ts";
import { asError, assert, Failure, type StatusCode } from "../errors.ts";
import type { Log } from "../ports/log.ts";
import { ACTOR_STOPPED, deadlineExceeded } from "./answers.ts";
import { Deferred } from "./deferred.ts";
import type { Envelope } from "./envelope.ts";
import type { ActorEnvironment } from "./environment.ts";
import { RecentEvents } from "./recent-events.ts";
import { ReplyTable } from "./replies.ts";
import { toReply } from "./reply.ts";

/** A handler that held the thread longer than this is reported afterwards. A consensus deadline is 200 to 500 ms. */
const SLOW_HANDLER_MS = 100;

/** Counters since the cell was made. */
export interface CellCounts {
  handled: number;
  refused: number;
  dropped: number;
  expired: number;
  crashes: number;
  /** Handlers and own work that held the thread longer than 100 ms. */
  slow: number;
}

export interface RunnerParts {
  readonly name: string;
  readonly log: Log;
  readonly environment: ActorEnvironment;
  readonly counts: CellCounts;
  /** Answers a message that will not run. */
  abandon(envelope: Envelope, reason: Failure, cause: "expired"): void;
  crash(error: Error, during: Envelope | undefined): void;
  isRunning(): boolean;
}

type Code = StatusCode | "OK" | undefined;

export class Runner {
  readonly replies: ReplyTable;
  readonly recent: RecentEvents;
  readonly #parts: RunnerParts;
  readonly #environment: ActorEnvironment;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#environment = parts.environment;
    this.replies = new ReplyTable(parts.environment.clock, parts.environment.repliesMax);
    this.recent = new RecentEvents(parts.environment.clock);
  }

  /** Runs a message or own work; answers the monotonic time after it. */
  run(item: Envelope | (() => void), nowMs: number): number {
    if (typeof item === "function") {
      this.#runOwn(item);
      const afterMs = this.#environment.clock.monotonicMs();
      if (afterMs - nowMs >= SLOW_HANDLER_MS) this.#reportSlow(undefined, afterMs - nowMs);
      return afterMs;
    }
    workFor(item);
    const code = this.#runMessage(item, nowMs);
    const afterMs = this.#environment.clock.monotonicMs();
    if (afterMs - nowMs >= SLOW_HANDLER_MS) this.#reportSlow(item, afterMs - nowMs);
    workFor(undefined);
    this.#environment.observer?.handled(this.#parts.name, item.entry.name, afterMs - nowMs, code);
    return afterMs;
  }

  #runOwn(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#parts.crash(asError(thrown), undefined);
    }
  }

  /** Runs one message; returns the code of its answer, undefined when there is none yet. */
  #runMessage(envelope: Envelope, nowMs: number): Code {
    if (envelope.isSettled) return "CANCELLED";
    const { entry } = envelope;
    if (envelope.deadlineMs <= nowMs) {
      this.#parts.abandon(envelope, deadlineExceeded(entry.name), "expired");
      return "DEADLINE_EXCEEDED";
    }
    this.#parts.counts.handled += 1;
    this.recent.add(entry.name, nowMs, envelope);
    try {
      assert(entry.run !== undefined, "no handler");
      return this.#answer(envelope, entry.run(envelope.request, envelope));
    } catch (thrown) {
      this.#parts.crash(asError(thrown), envelope);
      return "INTERNAL";
    }
  }

  #answer(envelope: Envelope, returned: unknown): Code {
    if (returned instanceof Deferred) {
      this.#defer(envelope, returned as Deferred<never>);
      return undefined;
    }
    const reply = toReply(envelope.entry, returned);
    const isFailure = reply instanceof Failure;
    if (!isFailure) this.#environment.seals?.seal(reply, `${envelope.entry.name} response`);
    envelope.answer(reply);
    return isFailure ? reply.code : "OK";
  }

  #defer(envelope: Envelope, deferred: Deferred<never>): void {
    const { method, name } = envelope.entry;
    assert(deferred.output === method.output, `${name} returned the Deferred of another method`);
    // The handler itself may have stopped or crashed the actor, or the caller left while it ran.
    if (!this.#parts.isRunning()) envelope.giveUp(ACTOR_STOPPED);
    if (envelope.isSettled) {
      deferred.expire();
      return;
    }
    this.replies.enter(envelope, deferred, (reply) => {
      try {
        this.#answer(envelope, reply);
      } catch (thrown) {
        this.#parts.crash(asError(thrown), envelope);
      }
    });
  }

  #reportSlow(envelope: Envelope | undefined, runMs: number): void {
    const { log, counts } = this.#parts;
    counts.slow += 1;
    if (envelope === undefined) log.warn("slow own work", { runMs });
    else log.warn("slow handler", { method: envelope.entry.name, runMs });
  }
}
