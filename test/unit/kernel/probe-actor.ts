/**
 * An actor whose handlers a test can replace one by one, and a world to run it in: fake clock, stepped turns, a log that
 * remembers, messages frozen.
 */
import assert from "node:assert/strict";
import type { Actor, ActorContext, ActorDefinition } from "../../../src/kernel/actor/actor.ts";
import { type ActorCell, actorCell } from "../../../src/kernel/actor/cell.ts";
import { type ActorEnvironment, environment } from "../../../src/kernel/actor/environment.ts";
import { MessageSeals } from "../../../src/kernel/actor/freeze.ts";
import { Failure, type StatusCode } from "../../../src/kernel/errors.ts";
import { MemoryLog } from "../../../src/kernel/ports/log.ts";
import { Simulation } from "../../../src/kernel/ports/simulation.ts";
import type { Handlers } from "../../../src/kernel/protocol.ts";
import { Topic } from "../../../src/kernel/stream/topic.ts";
import { Transfer } from "../../../src/kernel/stream/transfer.ts";
import type { RunningChild } from "../../../src/kernel/supervision/child.ts";
import { ProbeInternalService, ProbeService } from "./probe.ts";

export type ProbeContext = ActorContext<typeof ProbeService, typeof ProbeInternalService>;
export type ProbeHandlers = Handlers<typeof ProbeService>;
export type ProbeTopic = Topic<typeof ProbeService.method.watchCount>;
export type ProbeActor = Actor<typeof ProbeService, typeof ProbeInternalService>;

export interface ProbeParts {
  readonly handlers?: (context: ProbeContext) => Partial<ProbeHandlers>;
  readonly internal?: (context: ProbeContext) => Partial<Handlers<typeof ProbeInternalService>>;
  readonly topic?: (context: ProbeContext) => ProbeTopic;
  readonly transfer?: (context: ProbeContext) => Transfer<typeof ProbeService.method.readChunks>;
  readonly onStart?: (context: ProbeContext) => void;
  readonly onStop?: (context: ProbeContext) => void;
}

const probeHandlers: ProbeHandlers = {
  control: ({ order }) => ({ result: order }),
  consensus: () => ({ allowed: true }),
  normal: ({ value }) => ({ value: value + 1 }),
  bulk: ({ payload }) => ({ length: payload.length }),
  lossy: () => ({}),
};

export function probeDefinition(
  parts: ProbeParts = {},
): ActorDefinition<typeof ProbeService, typeof ProbeInternalService> {
  return {
    name: "probe",
    service: ProbeService,
    internal: ProbeInternalService,
    create(context): ProbeActor {
      return {
        handlers: { ...probeHandlers, ...parts.handlers?.(context) },
        internal: { poke: () => ({}), ...parts.internal?.(context) },
        streams: {
          watchCount:
            parts.topic?.(context) ??
            new Topic(ProbeService.method.watchCount, {
              snapshot: () => ({ event: { case: "snapshot", value: { value: 0 } } }),
            }),
          readChunks:
            parts.transfer?.(context) ??
            new Transfer(ProbeService.method.readChunks, {
              *open({ chunks }) {
                for (let number = 1; number <= chunks; number++) yield { number };
              },
            }),
        },
        onStart: () => parts.onStart?.(context),
        onStop: () => parts.onStop?.(context),
      };
    },
  };
}

export interface World {
  readonly simulation: Simulation;
  readonly log: MemoryLog;
  readonly environment: ActorEnvironment;
}

export function world(seed = 1, parts: Partial<ActorEnvironment> = {}): World {
  const simulation = new Simulation(seed);
  const log = new MemoryLog();
  const { clock, scheduler, random } = simulation;
  return {
    simulation,
    log,
    environment: environment({ clock, scheduler, random, log, seals: new MessageSeals(), ...parts }),
  };
}

export interface Probe extends World {
  readonly cell: ActorCell<typeof ProbeService, typeof ProbeInternalService>;
  readonly running: RunningChild;
}

/** A probe that runs. */
export function startProbe(parts: ProbeParts = {}, environmentParts: Partial<ActorEnvironment> = {}): Probe {
  const made = world(1, environmentParts);
  const cell = actorCell(probeDefinition(parts), made.environment);
  return { ...made, cell, running: cell.child.start() };
}

/** What a promise came to, without throwing. */
export interface Seen<T> {
  value: T | undefined;
  failure: Failure | undefined;
  isSettled: boolean;
}

export function see<T>(promise: Promise<T>): Seen<T> {
  const seen: Seen<T> = { value: undefined, failure: undefined, isSettled: false };
  promise.then(
    (value) => {
      seen.value = value;
      seen.isSettled = true;
    },
    (thrown) => {
      assert(thrown instanceof Failure, `rejected with ${thrown}`);
      seen.failure = thrown;
      seen.isSettled = true;
    },
  );
  return seen;
}

export function assertFailed(seen: Seen<unknown> | undefined, code: StatusCode, reason: string): void {
  assert.equal(seen?.isSettled, true, "not settled");
  assert.equal(seen.failure?.code, code);
  assert.equal(seen.failure?.reason, reason);
}
