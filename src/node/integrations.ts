/**
 * The integrations in the supervision tree: started before the network supervisor, one for one. What they stand for is
 * opened by resources.ts and outlives every actor, so a child here cannot be started again in place: one that fails ends
 * the node in order, to be started anew by whoever runs it. A store whose writer died has lost what was not flushed, and nobody
 * can know whether its last answer was: only opening it again tells. A validator that can make no workers judges no block
 * any more. The chain, the engine and the bridge have nothing of their own that could end.
 */

import type { ActorEnvironment } from "../kernel/actor/environment.ts";
import type { Failure } from "../kernel/errors.ts";
import { BACKOFF_AT_ONCE } from "../kernel/supervision/restart.ts";
import { Supervisor, type SupervisorEvent } from "../kernel/supervision/supervisor.ts";

/** In the order in which they depend on each other. */
const INTEGRATIONS = ["store", "chain", "validator", "engine", "bridge"] as const;

/** Their resources are closed after the tree; here is nothing to wait for. */
const STOP_DEADLINE_MS = 100;

/** By child, a promise that resolves with the reason when it failed for good. */
export type IntegrationDeaths = Readonly<Partial<Record<(typeof INTEGRATIONS)[number], Promise<Failure>>>>;

export function integrationsSupervisor(
  { clock, random, log }: Pick<ActorEnvironment, "clock" | "random" | "log">,
  onEvent: (event: SupervisorEvent) => void,
  deaths: IntegrationDeaths,
): Supervisor {
  const children = INTEGRATIONS.map((id) => ({
    id,
    start: () => ({ stop: async () => {}, ...(deaths[id] === undefined ? {} : { crashed: deaths[id] }) }),
    restart: "permanent" as const,
    intensity: 0,
    periodMs: 60_000,
    backoff: BACKOFF_AT_ONCE,
    stopDeadlineMs: STOP_DEADLINE_MS,
  }));
  return new Supervisor("one_for_one", children, { name: "integrations", clock, random, log, onEvent });
}
