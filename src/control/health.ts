/**
 * The standard health service: one entry for each service and "" for the server as a whole. Whoever owns
 * the board says what is serving; `Watch` always ends up with the newest status; a shut-down board stays
 * NOT_SERVING.
 */
import { create, type DescMethod } from "@bufbuild/protobuf";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  Health,
  type HealthCheckRequest,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { failure } from "../kernel/errors.ts";
import { type CallHost, type StreamReaction, streamCall, unaryCall } from "./calls.ts";
import { encodeResponse } from "./codec.ts";
import type { Outgoing } from "./stream.ts";

/**
 * What serves and what does not. Shared between the composition root, which knows, and the listener, which
 * tells.
 */
export class HealthBoard {
  readonly #statuses = new Map<string, Status>([["", Status.SERVING]]);
  readonly #listeners = new Set<(service: string) => void>();
  #isShutDown = false;

  /** Says whether a service (full name, or "" for the server) takes calls. Ignored after `shutDown`. */
  set(service: string, isServing: boolean): void {
    if (!this.#isShutDown) this.#put(service, isServing ? Status.SERVING : Status.NOT_SERVING);
  }

  /** Makes the service known, serving unless something else was said before. */
  add(service: string): void {
    if (!this.#statuses.has(service)) this.set(service, true);
  }

  get(service: string): Status | undefined {
    return this.#statuses.get(service);
  }

  entries(): [service: string, status: Status][] {
    return [...this.#statuses];
  }

  /** Everything is NOT_SERVING from now on. */
  shutDown(): void {
    for (const service of this.#statuses.keys()) this.#put(service, Status.NOT_SERVING);
    this.#isShutDown = true;
  }

  /** Calls `listener` at each change until the returned function is called. */
  listen(listener: (service: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  #put(service: string, status: Status): void {
    if (this.#statuses.get(service) === status) return;
    this.#statuses.set(service, status);
    for (const listener of this.#listeners) listener(service);
  }
}

/** grpc-js handlers of the health service, by local name. */
export function healthHandlers(board: HealthBoard, host: CallHost): UntypedServiceImplementation {
  const { check, list, watch } = Health.method;
  return {
    check: unaryCall(check, host, (request) => {
      const { service } = request as HealthCheckRequest;
      const status = board.get(service);
      if (status === undefined) throw failure("NOT_FOUND", "UNKNOWN_SERVICE", `unknown service ${service}`);
      return { status };
    }),
    list: unaryCall(list, host, () => ({
      statuses: Object.fromEntries(
        board.entries().map(([service, status]) => [service, create(HealthCheckResponseSchema, { status })]),
      ),
    })),
    watch: streamCall(watch, host, (request, _incoming, outgoing) =>
      watchStatus(watch, board, (request as HealthCheckRequest).service, outgoing),
    ),
  };
}

/** Sends the status and its changes; a slow reader is spared what it missed and gets the newest. */
function watchStatus(
  method: DescMethod,
  board: HealthBoard,
  service: string,
  outgoing: Outgoing,
): StreamReaction {
  let sent: Status | undefined;
  let hasRoom = true;
  const update = (): void => {
    const status = board.get(service) ?? Status.SERVICE_UNKNOWN;
    if (!hasRoom || status === sent) return;
    sent = status;
    hasRoom = outgoing.send(encodeResponse(method, { status }));
  };
  const stop = board.listen((changed) => {
    if (changed === service) update();
  });
  update();
  return {
    onRoom() {
      hasRoom = true;
      update();
    },
    onClosed: stop,
  };
}
