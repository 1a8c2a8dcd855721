/**
 * The NetworkSupervisor's voice: answers the tree, restarts on an operator's word, lists dead letters, and tells every
 * start, crash and restart. The supervisors themselves are the kernel's; this actor only reaches them through what the
 * composition root hands in.
 */

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  Fault,
  SupervisorInternalService,
  SupervisorService,
} from "../../../gen/alys/supervisor/v1/supervisor_pb.ts";
import type { Actor, ActorContext, ActorDefinition } from "../../kernel/actor.ts";
import type { SupervisorTree } from "../../kernel/child.ts";
import type { DeadLetters } from "../../kernel/dead-letters.ts";
import type { Failure } from "../../kernel/errors.ts";
import { failure } from "../../kernel/errors.ts";
import { type Handlers, later } from "../../kernel/protocol.ts";
import { Topic } from "../../kernel/topic.ts";
import { treeView } from "./tree-view.ts";

type Public = typeof SupervisorService;
type Internal = typeof SupervisorInternalService;

export interface SupervisorActorParts {
  tree(): SupervisorTree;
  /** Restarts a child by its supervisor's strategy; a Failure says why not. */
  restart(id: string): Promise<Failure | undefined>;
  /** Makes an actor fail as if it had thrown; false when there is none of this id. */
  crash(id: string): boolean;
  readonly deadLetters: DeadLetters;
  readonly isFaultInjectionAllowed: boolean;
}

const DEAD_LETTERS_DEFAULT = 100;
const DEAD_LETTERS_MAX = 1_000;

export function supervisorActor(parts: SupervisorActorParts): ActorDefinition<Public, Internal> {
  return {
    name: "supervisor",
    service: SupervisorService,
    internal: SupervisorInternalService,
    create: (context) => makeActor(context, parts),
  };
}

function makeActor(
  context: ActorContext<Public, Internal>,
  parts: SupervisorActorParts,
): Actor<Public, Internal> {
  const topic = new Topic(SupervisorService.method.watchSupervision, {
    snapshot: () => ({ event: { case: "snapshot" as const, value: treeView(parts.tree()) } }),
  });
  const handlers: Handlers<Public> = {
    getTree: () => ({ root: treeView(parts.tree()) }),
    restartActor: ({ id, reason }) => {
      context.log.warn("an operator restarts an actor", { child: id, reason });
      const answer = context.deferred(SupervisorService.method.restartActor);
      context.effect(parts.restart(id), (outcome) => {
        if (!outcome.ok) answer.reject(outcome.failure);
        else if (outcome.value !== undefined) answer.reject(outcome.value);
        else answer.resolve({ epoch: epochOf(parts.tree(), id) });
      });
      return answer;
    },
    stopActor: later("a single actor cannot be stopped yet; RestartActor and NodeService.Shutdown work"),
    listDeadLetters: ({ pageSize }) => {
      const count = pageSize === 0 ? DEAD_LETTERS_DEFAULT : Math.min(pageSize, DEAD_LETTERS_MAX);
      const newest = parts.deadLetters.recent().slice(-count).reverse();
      return {
        total: BigInt(parts.deadLetters.total),
        deadLetters: newest.map((letter) => ({
          actor: letter.actor,
          method: letter.method,
          reason: letter.cause,
          time: timestampFromMs(letter.timeMs),
          correlationId: letter.correlationId,
        })),
      };
    },
    injectFault: ({ id, fault }) => {
      if (!parts.isFaultInjectionAllowed) {
        const message = "fault injection is off; supervision.allow_fault_injection turns it on";
        return failure("FAILED_PRECONDITION", "FAULTS_NOT_ALLOWED", message);
      }
      if (fault !== Fault.CRASH)
        return failure("INVALID_ARGUMENT", "FAULT_UNKNOWN", "no such fault", { field: "fault" });
      if (!parts.crash(id))
        return failure("NOT_FOUND", "NO_SUCH_CHILD", `no actor is named ${id}`, { field: "id" });
      return {};
    },
  };
  return {
    handlers,
    internal: {
      reportSupervision: ({ change }) => {
        if (change !== undefined) topic.publish({ event: { case: "change", value: change } });
        return {};
      },
    },
    streams: { watchSupervision: topic },
    onStart: () => {},
    onStop: () => {},
  };
}

function epochOf(tree: SupervisorTree, id: string): bigint {
  for (const child of tree.children) {
    if (child.id === id) return BigInt(child.epoch ?? 0);
    const below = child.supervisor === undefined ? 0n : epochOf(child.supervisor, id);
    if (below > 0n) return below;
  }
  return 0n;
}
