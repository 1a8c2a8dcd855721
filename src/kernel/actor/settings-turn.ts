/** Settings that change while an actor runs: each change is taken in by a turn of its own. */

import type { Settings } from "../settings.ts";
import type { Outcome } from "./actor.ts";

/** What of an actor's context a change of settings needs. */
interface Turns {
  readonly signal: AbortSignal;
  effect<W>(work: Promise<W>, done: (outcome: Outcome<W>) => void): void;
}

/** Hands each change to `taken` in a turn of the actor, until it stops. */
export function onSettings<T>(context: Turns, settings: Settings<T>, taken: (settings: T) => void): void {
  const { signal } = context;
  const changes = settings.subscribe((changed) => {
    if (!signal.aborted)
      context.effect(Promise.resolve(changed), (outcome) => outcome.ok && taken(outcome.value));
  });
  signal.addEventListener("abort", () => changes.close(), { once: true });
}
