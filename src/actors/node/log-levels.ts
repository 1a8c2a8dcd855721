/**
 * Log levels that were set for a while: each returns to what it was before the first of them, however many came on top.
 * The NodeActor sets levels through it; the composition root hands in who knows the logs.
 */

import { failure } from "../../kernel/errors.ts";
import type { TimerHandle } from "../../kernel/ports/clock.ts";

export interface LogLevelParts {
  /** Actors whose level can be set. */
  actors(): readonly string[];
  /** Sets a level of one actor, or of all; undefined when there is no such level. Answers the level before. */
  set(actor: string | undefined, level: string): string | undefined;
  /** Runs in a turn of the actor. */
  after(delayMs: number, run: () => void): TimerHandle;
}

interface Passing {
  readonly before: string;
  readonly timer: TimerHandle;
}

export class LogLevels {
  readonly #parts: LogLevelParts;
  /** Levels that return, by actor, "" for all: never more than there are actors. */
  readonly #passing = new Map<string, Passing>();

  constructor(parts: LogLevelParts) {
    this.#parts = parts;
  }

  /** `lifetimeMs` 0 means for ever. */
  set(actor: string, level: string, lifetimeMs: number) {
    const { actors, set, after } = this.#parts;
    if (actor !== "" && !actors().includes(actor)) {
      const text = `there is no actor "${actor}"; there are ${actors().join(", ")}`;
      return failure("NOT_FOUND", "ACTOR_UNKNOWN", text, { field: "actor" });
    }
    const target = actor === "" ? undefined : actor;
    const previousLevel = set(target, level);
    if (previousLevel === undefined) {
      const text = `"${level}" is no log level`;
      return failure("INVALID_ARGUMENT", "LOG_LEVEL_UNKNOWN", text, { field: "level" });
    }
    const passing = this.#passing.get(actor);
    this.forget(actor);
    if (lifetimeMs > 0) {
      const before = passing?.before ?? previousLevel;
      const timer = after(lifetimeMs, () => {
        this.#passing.delete(actor);
        set(target, before);
      });
      this.#passing.set(actor, { before, timer });
    }
    return { previousLevel };
  }

  /** What was set for a while stays as it is now; "" for all, because a level of all is one of each. */
  forget(actor: string): void {
    for (const [name, { timer }] of [...this.#passing]) {
      if (actor !== "" && name !== actor) continue;
      timer.cancel();
      this.#passing.delete(name);
    }
  }
}
