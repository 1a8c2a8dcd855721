/**
 * SupervisionTree: the supervisors of a node. The root watches over the actors that speak for the node, the integrations, and
 * the network's supervisor with the actors below it; what happens to any child is told to whoever watches supervision.
 */

import { ChildState, SupervisorInternalService } from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import type { ActorEnvironment } from "../kernel/actor/environment.ts";
import { realClock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { Ref } from "../kernel/ref.ts";
import type { ChildSpec, RunningChild } from "../kernel/supervision/child.ts";
import { BACKOFF_AT_ONCE } from "../kernel/supervision/restart.ts";
import {
  type Escalation,
  Supervisor,
  type SupervisorEvent,
  supervisorChild,
} from "../kernel/supervision/supervisor.ts";
import { type ActorParts, type NodeCells, superviseActors } from "./actor-system.ts";
import { type Integrations, integrationsSupervisor } from "./integrations.ts";

export interface SupervisionTreeParts {
  readonly run: ActorEnvironment;
  readonly log: Log;
  readonly cells: NodeCells;
  readonly actorParts: ActorParts;
  /** What stands below without being an actor. */
  readonly integrations: Integrations;
  /** The actors that speak for the node, started before all others. */
  readonly system: Readonly<Record<"supervisor" | "node", { start(): RunningChild }>>;
  /** Where changes are told to whoever watches supervision. */
  readonly supervisor: Ref<typeof SupervisorInternalService>;
  /** Told of everything, first. */
  onEvent(event: SupervisorEvent): void;
}

/** The actors below it have a second each, the host two. */
const NETWORK_STOP_DEADLINE_MS = 4_000;
const SYSTEM_STOP_DEADLINE_MS = 500;

const STATES: Readonly<Record<SupervisorEvent["kind"], ChildState>> = {
  started: ChildState.RUNNING,
  start_failed: ChildState.BACKING_OFF,
  crashed: ChildState.BACKING_OFF,
  finished: ChildState.STOPPED,
  stopped: ChildState.STOPPED,
  killed: ChildState.STOPPED,
  restart_scheduled: ChildState.BACKING_OFF,
  escalated: ChildState.STOPPED,
};

export class SupervisionTree {
  readonly root: Supervisor;
  readonly #parts: SupervisionTreeParts;
  /** Of this life: a supervisor that is restarted is another one. */
  #actors: Supervisor;
  #integrations: Supervisor;

  constructor(parts: SupervisionTreeParts) {
    this.#parts = parts;
    this.#actors = this.#superviseActors();
    this.#integrations = this.#superviseIntegrations();
    const { run, log, system } = parts;
    this.root = new Supervisor(
      "one_for_one",
      [
        systemChild("supervisor", () => system.supervisor.start()),
        systemChild("node", () => system.node.start()),
        systemChild(
          "integrations",
          supervisorChild(() => (this.#integrations = this.#superviseIntegrations())),
        ),
        // Once it gave up nothing below can be trusted: its escalation ends the node.
        {
          ...systemChild(
            "network-supervisor",
            supervisorChild(() => (this.#actors = this.#superviseActors())),
          ),
          stopDeadlineMs: NETWORK_STOP_DEADLINE_MS,
        },
      ],
      { clock: realClock, random: run.random, log, onEvent: this.#onEvent, name: "root" },
    );
  }

  /** Resolves with the reason when the root gives up: the node has to end. */
  get gaveUp(): Promise<string> {
    return this.root.escalated.then(describe);
  }

  /** The supervisor that has this child; the network's where nobody has it. */
  supervisorOf(childId: string): Supervisor {
    const holds = ({ children }: Supervisor): boolean => children.includes(childId);
    return [this.root, this.#integrations].find(holds) ?? this.#actors;
  }

  #superviseActors(): Supervisor {
    const { cells, actorParts, run } = this.#parts;
    return superviseActors(cells, actorParts, run, this.#onEvent);
  }

  #superviseIntegrations(): Supervisor {
    const { run, integrations } = this.#parts;
    return integrationsSupervisor(run, this.#onEvent, integrations);
  }

  readonly #onEvent = (event: SupervisorEvent): void => {
    const { supervisor } = this.#parts;
    this.#parts.onEvent(event);
    // The root's own children include the actor that would be told.
    if (event.supervisor === "root") return;
    const reason = event.error?.message ?? "";
    supervisor.tell(SupervisorInternalService.method.reportSupervision, {
      change: { id: event.childId, state: STATES[event.kind], reason },
    });
  };
}

function systemChild(id: string, start: ChildSpec["start"]): ChildSpec {
  return {
    id,
    start,
    restart: "permanent",
    intensity: id === "network-supervisor" || id === "integrations" ? 0 : 3,
    periodMs: 60_000,
    backoff: BACKOFF_AT_ONCE,
    stopDeadlineMs: SYSTEM_STOP_DEADLINE_MS,
  };
}

const describe = ({ supervisor, childId, failure }: Escalation): string =>
  `${supervisor} gave up on ${childId}: ${failure.message}`;
