/**
 * IntegrationService: answers the unary calls of ChainService, EngineService and BridgeService. There is no mailbox behind
 * them: work is pulled from a hub, requests go on to the actors or to other members.
 */

import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { AnyRef, ServedService } from "../control/bind.ts";
import type { ClientFrame } from "../integrations/attach/frame.ts";
import type { AttachHub } from "../integrations/attach/hub.ts";
import { assert, failure } from "../kernel/errors.ts";
import type { UnaryOf } from "../kernel/protocol.ts";
import type { AskOptions } from "../kernel/ref.ts";

/** One function for each unary method of the service. Rejects with a Failure. */
export type Answers<S extends DescService> = {
  readonly [K in keyof UnaryOf<S>]: (
    request: MessageShape<UnaryOf<S>[K]["input"]>,
    options: AskOptions,
  ) => Promise<MessageInitShape<UnaryOf<S>[K]["output"]>>;
};

type PullRequest = Parameters<AttachHub["pulls"]["pull"]>[0];

/** The two answers that all three services have. */
export function workAnswers(hub: AttachHub) {
  return {
    pullWork: async (request: PullRequest, { principal = "", signal, deadlineMs }: AskOptions) => {
      const answer = await hub.pulls.pull(request, { principal, signal, deadlineMs });
      return { ...answer, frames: [...answer.frames] as never[] };
    },
    completeWork: async (
      request: {
        readonly instanceId: string;
        readonly epoch: bigint;
        readonly frames: readonly object[];
      },
      { principal = "" }: AskOptions,
    ) => {
      const frames = request.frames as readonly ClientFrame[];
      return { receipts: [...(await hub.pulls.complete({ ...request, frames }, { principal }))] };
    },
  };
}

/** The service as the listener serves it: streams by the hub, unary calls by `answers`. */
export function servedBy<S extends DescService>(
  service: S,
  hub: AttachHub,
  answers: Answers<S>,
): ServedService {
  const untyped = answers as unknown as Readonly<
    Record<string, (request: object, options: AskOptions) => Promise<object>>
  >;
  const ref: AnyRef = {
    service,
    name: service.name,
    ask: (method: DescMethod, request: object, options: AskOptions = {}) => {
      const answer = untyped[method.localName];
      assert(answer !== undefined, `${service.name} has an answer to ${method.name}`);
      return answer(request, options);
    },
    watch: () => {
      throw failure("UNIMPLEMENTED", "NO_ACTOR", `no actor serves ${service.typeName} in this node`);
    },
  };
  return { service, ref, attach: hub.handler };
}
