/**
 * The integrations in the supervision tree: started before the network supervisor, one for one. What they stand for is
 * opened by resources.ts and outlives every actor. A store whose writer died is opened again in place, and the chain stands again on
 * what is durable; when that fails, or happens too often, the supervisor gives up, and the node ends in order. A validator that can
 * make no workers judges no block any more: it has tried again by itself until then, so the node ends. The chain, the engine and the
 * bridge have nothing of their own that could end: what is attached to them comes and goes, and the tree says so.
 */

import type { ActorEnvironment } from "../kernel/actor/environment.ts";
import type { Failure } from "../kernel/errors.ts";
import type { ChildSpec, RunningChild } from "../kernel/supervision/child.ts";
import { BACKOFF_AT_ONCE } from "../kernel/supervision/restart.ts";
import { Supervisor, type SupervisorEvent } from "../kernel/supervision/supervisor.ts";

/** Their resources are closed after the tree; here is nothing to wait for. */
const STOP_DEADLINE_MS = 100;
/** A writer that died inside a transaction left the database's lock behind: a new one waits for it for ever. */
const REOPEN_DEADLINE_MS = 10_000;
/** Times in an hour that the store is opened again. A fault that comes back so often is not mended by that. */
const REOPENED_MAX = 3;
const REOPENED_PERIOD_MS = 3_600_000;

/** What the integrations are to their supervisor. */
export interface Integrations {
  readonly store: {
    /** Resolves with the reason when it can write no more; another promise after `reopen`. */
    readonly died: Promise<Failure>;
    /** Opens it again, and lets the chain stand on what is durable. */
    reopen(): Promise<void>;
  };
  readonly validator: { readonly gaveUp: Promise<Failure> };
}

export function integrationsSupervisor(
  { clock, random, log }: Pick<ActorEnvironment, "clock" | "random" | "log">,
  onEvent: (event: SupervisorEvent) => void,
  { store, validator }: Integrations,
): Supervisor {
  let isOpen = true;
  const startStore = async (): Promise<RunningChild> => {
    if (!isOpen) await store.reopen();
    isOpen = false;
    return { stop: stopNothing, crashed: store.died };
  };
  const bounds = {
    intensity: REOPENED_MAX,
    periodMs: REOPENED_PERIOD_MS,
    startDeadlineMs: REOPEN_DEADLINE_MS,
  };
  // In the order in which they depend on each other.
  const children: readonly ChildSpec[] = [
    { ...child("store", startStore), ...bounds },
    child("chain"),
    child("validator", () => ({ stop: stopNothing, crashed: validator.gaveUp })),
    child("engine"),
    child("bridge"),
  ];
  return new Supervisor("one_for_one", children, { name: "integrations", clock, random, log, onEvent });
}

/** One that ends the supervisor when it fails. */
function child(id: string, start: ChildSpec["start"] = () => ({ stop: stopNothing })): ChildSpec {
  return {
    id,
    start,
    restart: "permanent",
    intensity: 0,
    periodMs: 60_000,
    backoff: BACKOFF_AT_ONCE,
    stopDeadlineMs: STOP_DEADLINE_MS,
  };
}

async function stopNothing(): Promise<void> {}
