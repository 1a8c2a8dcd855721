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
import type { Actor, ActorContext, ActorDefinition } from "../../kernel/actor/actor.ts";
import type { DeadLetter, DeadLetters } from "../../kernel/actor/dead-letters.ts";
import type { Failure } from "../../kernel/errors.ts";
import { failure } from "../../kernel/errors.ts";
import type { Handlers } from "../../kernel/protocol.ts";
import { Topic } from "../../kernel/stream/topic.ts";
import type { SupervisorTree } from "../../kernel/supervision/child.ts";
import type { LoopLagSummary } from "../../kernel/supervision/health.ts";
import { type AttachmentOf, treeView } from "./tree-view.ts";

type Public = typeof SupervisorService;
type Internal = typeof SupervisorInternalService;

/** Ways to fail on an operator's word. */
export type FaultKind = "crash" | "suspend" | "resume" | "hang";

export interface SupervisorActorParts {
  tree(): SupervisorTree;
  lag(): LoopLagSummary;
  /** Who is attached, of children that another process can do the work of. */
  readonly attachmentOf?: AttachmentOf | undefined;
  /** Restarts a child by its supervisor's strategy; a Failure says why not. */
  restart(id: string): Promise<Failure | undefined>;
  /** Stops a child, and those that depend on it, until it is restarted. */
  stop(id: string): Promise<Failure | undefined>;
  /** Makes an actor fail; false when there is none of this id. */
  inject(id: string, fault: FaultKind): boolean;
  readonly deadLetters: DeadLetters;
  readonly isFaultInjectionAllowed: boolean;
}

const FAULTS: ReadonlyMap<Fault, FaultKind> = new Map([
  [Fault.CRASH, "crash"],
  [Fault.SUSPEND, "suspend"],
  [Fault.RESUME, "resume"],
  [Fault.HANG, "hang"],
]);

/** Nobody could start it again: the order to do so would come to itself. */
const ESSENTIAL = "supervisor";

const DEAD_LETTERS_DEFAULT = 100;
/** Dead letters in one answer; whoever asks for more gets this many. */
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
  const view = () => treeView(parts.tree(), parts.lag(), parts.attachmentOf);
  const topic = new Topic(SupervisorService.method.watchSupervision, {
    snapshot: () => ({ event: { case: "snapshot" as const, value: view() } }),
  });
  const letters = new Topic(SupervisorService.method.watchDeadLetters, {
    snapshot: () => ({ event: { case: "snapshot" as const, value: newestLetters(parts.deadLetters, 0) } }),
    afterSkip: "changes",
  });
  return {
    handlers: handlersOf(context, parts, view),
    internal: {
      reportSupervision: ({ change }) => {
        if (change !== undefined) topic.publish({ event: { case: "change", value: change } });
        return {};
      },
    },
    streams: { watchSupervision: topic, watchDeadLetters: letters },
    onStart: () => {
      const leave = parts.deadLetters.observe((letter) => {
        letters.publish({ event: { case: "deadLetter", value: letterView(letter) } });
      });
      context.signal.addEventListener("abort", leave, { once: true });
    },
    onStop: () => {},
  };
}

function handlersOf(
  context: ActorContext<Public, Internal>,
  parts: SupervisorActorParts,
  view: () => ReturnType<typeof treeView>,
): Handlers<Public> {
  return {
    getTree: () => ({ root: view() }),
    restartActor: ({ id, reason }) => {
      context.log.warn("an operator restarts an actor", { child: id, reason });
      const answer = context.deferred(SupervisorService.method.restartActor);
      context.effect(parts.restart(id), (outcome) => {
        const refusal = outcome.ok ? outcome.value : outcome.failure;
        if (refusal !== undefined) answer.reject(refusal);
        else answer.resolve({ epoch: epochOf(parts.tree(), id) });
      });
      return answer;
    },
    stopActor: ({ id, reason }) => {
      if (id === ESSENTIAL) return CANNOT_STOP_ITSELF;
      context.log.warn("an operator stops an actor", { child: id, reason });
      const answer = context.deferred(SupervisorService.method.stopActor);
      context.effect(parts.stop(id), (outcome) => {
        const refusal = outcome.ok ? outcome.value : outcome.failure;
        if (refusal !== undefined) answer.reject(refusal);
        else answer.resolve({});
      });
      return answer;
    },
    listDeadLetters: ({ pageSize }) => newestLetters(parts.deadLetters, pageSize),
    injectFault: ({ id, fault }) => {
      if (!parts.isFaultInjectionAllowed) {
        const message = "fault injection is off; supervision.allow_fault_injection turns it on";
        return failure("FAILED_PRECONDITION", "FAULTS_NOT_ALLOWED", message);
      }
      const kind = FAULTS.get(fault);
      if (kind === undefined)
        return failure("INVALID_ARGUMENT", "FAULT_UNKNOWN", "no such fault", { field: "fault" });
      context.log.warn("an operator injects a fault", { child: id, fault: kind });
      if (!parts.inject(id, kind))
        return failure("NOT_FOUND", "NO_SUCH_CHILD", `no actor is named ${id}`, { field: "id" });
      return {};
    },
  };
}

const CANNOT_STOP_ITSELF = failure(
  "FAILED_PRECONDITION",
  "CANNOT_STOP_ITSELF",
  "the supervisor's own actor could not be started again",
  { field: "id" },
);

/** `pageSize` 0 means the default. */
function newestLetters(deadLetters: DeadLetters, pageSize: number) {
  const count = pageSize === 0 ? DEAD_LETTERS_DEFAULT : Math.min(pageSize, DEAD_LETTERS_MAX);
  const newest = deadLetters.recent().slice(-count).reverse();
  return { total: BigInt(deadLetters.total), deadLetters: newest.map(letterView) };
}

const letterView = (letter: DeadLetter) => ({
  actor: letter.actor,
  method: letter.method,
  reason: letter.cause,
  time: timestampFromMs(letter.timeMs),
  correlationId: letter.correlationId,
});

function epochOf(tree: SupervisorTree, id: string): bigint {
  for (const child of tree.children) {
    if (child.id === id) return BigInt(child.epoch ?? 0);
    const below = child.supervisor === undefined ? 0n : epochOf(child.supervisor, id);
    if (below > 0n) return below;
  }
  return 0n;
}
