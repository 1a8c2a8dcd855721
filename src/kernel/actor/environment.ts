/**
 * What a cell is given to run in: the ports (time, turns, randomness, log, watchdog), where dead letters go, and its
 * bounds. The composition root makes one; tests make one on a Simulation.
 */
import { CorrelationIds } from "../correlation.ts";
import type { StatusCode } from "../errors.ts";
import type { LaneName } from "../policy.ts";
import { type Clock, realClock } from "../ports/clock.ts";
import { type Log, silentLog } from "../ports/log.ts";
import { type Random, realRandom } from "../ports/random.ts";
import { realScheduler, type Scheduler } from "../ports/scheduler.ts";
import { noWatchdog, type Watchdog } from "../ports/watchdog.ts";
import { DeadLetters } from "./dead-letters.ts";
import type { MessageSeals } from "./freeze.ts";
import type { LaneBounds } from "./mailbox.ts";

/** Told of every message that was handled; for metrics and traces. Must be quick and must not throw. */
export interface HandledObserver {
  /** `code` is undefined when the answer was deferred. `runMs` is the time the handler held the thread. */
  handled(actor: string, method: string, runMs: number, code: StatusCode | "OK" | undefined): void;
}

export interface ActorEnvironment {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly log: Log;
  readonly deadLetters: DeadLetters;
  readonly correlationIds: CorrelationIds;
  readonly watchdog: Watchdog;
  readonly observer?: HandledObserver;
  /** Bounds other than LANE_BOUNDS. */
  readonly lanes?: Partial<Readonly<Record<LaneName, LaneBounds>>>;
  /** Deferred answers outstanding at most; REPLIES_MAX without it. */
  readonly repliesMax?: number;
  /** Present under test: every message is frozen when sent and its bytes compared later. */
  readonly seals?: MessageSeals;
}

/** An environment on the platform's ports, but for those given. */
export function environment(parts: Partial<ActorEnvironment> = {}): ActorEnvironment {
  const clock = parts.clock ?? realClock;
  const random = parts.random ?? realRandom;
  const log = parts.log ?? silentLog;
  return {
    ...parts,
    clock,
    random,
    log,
    scheduler: parts.scheduler ?? realScheduler,
    watchdog: parts.watchdog ?? noWatchdog,
    deadLetters: parts.deadLetters ?? new DeadLetters(clock, log),
    correlationIds: parts.correlationIds ?? new CorrelationIds(random),
  };
}
