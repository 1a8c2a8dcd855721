/**
 * NetworkSupervisor: the tree over host, peer, network, sync and producer, and the policies by which they are restarted.
 * rest_for_one in this order: each depends on those before it, so a fault in scoring drops no connection. The composition
 * root makes the cells; this only says how they hang together.
 */

import type { DescService } from "@bufbuild/protobuf";
import type { ActorCell } from "../kernel/actor/cell.ts";
import { failure } from "../kernel/errors.ts";
import type { ChildSpec, RunningChild } from "../kernel/supervision/child.ts";
import { BACKOFF_AT_ONCE, type Backoff, type SlotAlignment } from "../kernel/supervision/restart.ts";
import { Supervisor, type SupervisorParts } from "../kernel/supervision/supervisor.ts";
import type { Host } from "../p2p/port.ts";

export type AnyCell = Pick<ActorCell<DescService, DescService>, "name" | "child" | "crash" | "isRunning">;

export interface NetworkSupervisorParts extends Omit<SupervisorParts, "name"> {
  readonly host: Host;
  readonly peer: AnyCell;
  readonly network: AnyCell;
  readonly sync: AnyCell;
  readonly producer: AnyCell;
  /** Set for members: delayed restarts wait for the beginning of a slot. */
  readonly alignment: SlotAlignment | undefined;
  /** Instead of each child's own policy; for benchmarks of restarts. */
  readonly policy?: RestartPolicy;
}

/** Within one second everybody stops, in reverse; the whole node within five. */
const STOP_DEADLINE_MS = 1_000;

/** The host closes streams and connections of up to a thousand peers. */
const HOST_STOP_DEADLINE_MS = 2_000;

export interface RestartPolicy {
  readonly intensity: number;
  readonly periodMs: number;
  readonly backoff: Backoff;
}

/** host 3 / 300 s; peer 3 / 300 s after 5 s; network 5 / 60 s at once; sync and producer 5 / 600 s after 1 s · 2^n. */
const POLICIES = {
  host: { intensity: 3, periodMs: 300_000, backoff: BACKOFF_AT_ONCE },
  peer: {
    intensity: 3,
    periodMs: 300_000,
    backoff: { firstMs: 5_000, baseMs: 5_000, factor: 2, maxMs: 30_000 },
  },
  network: { intensity: 5, periodMs: 60_000, backoff: BACKOFF_AT_ONCE },
  sync: {
    intensity: 5,
    periodMs: 600_000,
    backoff: { firstMs: 1_000, baseMs: 2_000, factor: 2, maxMs: 30_000 },
  },
  producer: {
    intensity: 5,
    periodMs: 600_000,
    backoff: { firstMs: 1_000, baseMs: 2_000, factor: 2, maxMs: 30_000 },
  },
} as const satisfies Readonly<Record<string, RestartPolicy>>;

export function networkSupervisor(parts: NetworkSupervisorParts): Supervisor {
  const { alignment } = parts;
  const policyOf = (own: RestartPolicy): RestartPolicy => {
    const policy = parts.policy ?? own;
    return alignment === undefined ? policy : { ...policy, backoff: { ...policy.backoff, alignment } };
  };
  const actor = (cell: AnyCell, policy: RestartPolicy): ChildSpec => ({
    id: cell.name,
    start: () => cell.child.start(),
    restart: "permanent",
    stopDeadlineMs: STOP_DEADLINE_MS,
    ...policyOf(policy),
  });
  const children: readonly ChildSpec[] = [
    {
      id: "host",
      start: () => startHost(parts.host),
      restart: "permanent",
      stopDeadlineMs: HOST_STOP_DEADLINE_MS,
      ...(parts.policy ?? POLICIES.host),
    },
    actor(parts.peer, POLICIES.peer),
    actor(parts.network, POLICIES.network),
    actor(parts.sync, POLICIES.sync),
    actor(parts.producer, POLICIES.producer),
  ];
  return new Supervisor("rest_for_one", children, { ...parts, name: "network-supervisor" });
}

/** The host starts idle: the NetworkActor opens it. It counts as crashed when it dies without being asked to. */
function startHost(host: Host): RunningChild {
  let report: (cause: unknown) => void = () => {};
  const crashed = new Promise<unknown>((resolve) => {
    report = resolve;
  });
  const subscription = host.subscribe((event) => {
    if (event.type === "failed") report(failure("UNAVAILABLE", "HOST_FAILED", event.message));
  });
  return {
    crashed,
    stop: async () => {
      subscription.close();
      await host.close();
    },
  };
}
