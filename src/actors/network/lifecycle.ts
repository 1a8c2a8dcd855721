/**
 * Opening and closing the host: one phase at a time, with the answers of those who wait for it. Owned by the
 * NetworkActor; every step runs in its turns.
 */

import type { NetworkInternalService, NetworkService } from "../../../gen/alys/network/v1/network_pb.ts";
import { NetworkService as Service } from "../../../gen/alys/network/v1/network_pb.ts";
import type { ActorContext } from "../../kernel/actor.ts";
import type { Deferred } from "../../kernel/deferred.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { Host, HostOptions } from "../../p2p/port.ts";
import type { NetworkPhase } from "./status-view.ts";

type Context = ActorContext<typeof NetworkService, typeof NetworkInternalService>;
type StartAnswer = Deferred<typeof NetworkService.method.startNetwork.output>;
type StopAnswer = Deferred<typeof NetworkService.method.stopNetwork.output>;

export interface LifecycleParts {
  readonly context: Context;
  readonly host: Host;
  readonly onPhase: (phase: NetworkPhase) => void;
}

export class Lifecycle {
  readonly #parts: LifecycleParts;
  #phase: NetworkPhase = { name: "stopped" };
  #openedWith: HostOptions | undefined;

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
    if (parts.host.isOpen) this.#phase = { name: "running", startedMs: parts.context.clock.nowMs() };
  }

  get phase(): NetworkPhase {
    return this.#phase;
  }

  /** Opens the host; answers at once when it is open with the same addresses. */
  start(options: HostOptions): StartAnswer | Failure | { peerId: string; listenAddresses: string[] } {
    const { context, host } = this.#parts;
    switch (this.#phase.name) {
      case "running":
        return this.#openedWith === undefined || isSame(this.#openedWith, options)
          ? this.#started()
          : failure(
              "FAILED_PRECONDITION",
              "NETWORK_RUNNING",
              "the network runs with other addresses; stop it first",
            );
      case "starting":
      case "stopping":
        return failure("ABORTED", "NETWORK_BUSY", `the network is ${this.#phase.name}; try again`);
      case "stopped": {
        const answer: StartAnswer = context.deferred(Service.method.startNetwork);
        this.#openedWith = options;
        this.#enter({ name: "starting" });
        context.effect(host.open(options, context.signal), (outcome) => {
          if (outcome.ok) {
            this.#enter({ name: "running", startedMs: context.clock.nowMs() });
            answer.resolve(this.#started());
          } else {
            this.#openedWith = undefined;
            this.#enter({ name: "stopped" });
            context.log.error("network does not open", { reason: outcome.failure.message });
            answer.reject(outcome.failure);
          }
        });
        return answer;
      }
    }
  }

  stop(): StopAnswer | Failure | Record<string, never> {
    const { context, host } = this.#parts;
    if (this.#phase.name === "stopped") return {};
    if (this.#phase.name !== "running") {
      return failure("ABORTED", "NETWORK_BUSY", `the network is ${this.#phase.name}; try again`);
    }
    const answer: StopAnswer = context.deferred(Service.method.stopNetwork);
    this.#enter({ name: "stopping" });
    context.effect(host.close(), (outcome) => {
      this.#openedWith = undefined;
      this.#enter({ name: "stopped" });
      if (outcome.ok) answer.resolve({});
      else answer.reject(outcome.failure);
    });
    return answer;
  }

  #started(): { peerId: string; listenAddresses: string[] } {
    const { host } = this.#parts;
    return { peerId: host.peerId, listenAddresses: [...host.addresses()] };
  }

  #enter(phase: NetworkPhase): void {
    this.#phase = phase;
    this.#parts.onPhase(phase);
  }
}

const isSame = (left: HostOptions, right: HostOptions): boolean =>
  left.listenAddresses.join() === right.listenAddresses.join();
