/**
 * Opening and closing the host: one phase at a time, with the answers of those who wait for it. Owned by the
 * NetworkActor; every step runs in its turns. What the operator wants outlives the actor: a crash neither opens a
 * network that was stopped nor forgets one that was started.
 */

import { create, toBinary } from "@bufbuild/protobuf";
import {
  type NetworkInternalService,
  type NetworkService,
  NetworkService as Service,
} from "../../../gen/alys/network/v1/network_pb.ts";
import { GoodbyeReason, GoodbyeSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import type { Deferred } from "../../kernel/actor/deferred.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { BlockPrecheck, Host, HostOptions } from "../../p2p/port.ts";
import type { NetworkPhase } from "./status-view.ts";

type Context = ActorContext<typeof NetworkService, typeof NetworkInternalService>;
type StartAnswer = Deferred<typeof NetworkService.method.startNetwork.output>;
type StopAnswer = Deferred<typeof NetworkService.method.stopNetwork.output>;

/** The word of the operator, and the order of what is done to the host; made once, for all incarnations. */
export class HostSwitch {
  /** How the host is to be open; undefined: it is to be closed, or nobody said anything yet. */
  wanted: HostOptions | undefined;
  isStopped = false;
  openedMs = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Runs when all that was begun before has ended, by this incarnation or an earlier one. */
  next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => {});
    return result;
  }
}

export interface LifecycleParts {
  readonly context: Context;
  readonly host: Host;
  readonly power: HostSwitch;
  /** How the host looks at blocks; not the operator's to choose. */
  readonly precheck: BlockPrecheck;
  readonly onPhase: (phase: NetworkPhase) => void;
}

/** For the goodbyes to all peers together, before the host closes. */
const GOODBYE_DEADLINE_MS = 1_000;

export class Lifecycle {
  readonly #parts: LifecycleParts;
  #phase: NetworkPhase = { name: "stopped" };

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
    if (parts.host.isOpen) this.#phase = { name: "running", startedMs: parts.power.openedMs };
  }

  get phase(): NetworkPhase {
    return this.#phase;
  }

  /** At the start of an incarnation: what the operator asked for last, or what the configuration says. */
  resume(configured: HostOptions | undefined): void {
    const { host, power } = this.#parts;
    if (power.isStopped || host.isOpen) return;
    const options = power.wanted ?? configured;
    if (options !== undefined) this.start(options);
  }

  /** Opens the host; answers at once when it is open with the same addresses. */
  start(options: HostOptions): StartAnswer | Failure | { peerId: string; listenAddresses: string[] } {
    const { context, host, power, precheck } = this.#parts;
    switch (this.#phase.name) {
      case "running":
        if (power.wanted === undefined || isSame(power.wanted, options)) return this.#started();
        return failure(
          "FAILED_PRECONDITION",
          "NETWORK_RUNNING",
          "the network runs with other addresses; stop it first",
        );
      case "starting":
      case "stopping":
        return failure("ABORTED", "NETWORK_BUSY", `the network is ${this.#phase.name}; try again`);
      case "stopped": {
        const answer: StartAnswer = context.deferred(Service.method.startNetwork);
        power.wanted = options;
        power.isStopped = false;
        this.#enter({ name: "starting" });
        const opened = power.next(async () => {
          if (!host.isOpen) await host.open({ ...options, precheck }, context.signal);
        });
        context.effect(opened, (outcome) => this.#onOpened(outcome.ok ? undefined : outcome.failure, answer));
        return answer;
      }
    }
  }

  /** Says goodbye to all peers and closes the host. */
  stop(): StopAnswer | Failure | Record<string, never> {
    const { context, host, power } = this.#parts;
    if (this.#phase.name === "starting" || this.#phase.name === "stopping") {
      return failure("ABORTED", "NETWORK_BUSY", `the network is ${this.#phase.name}; try again`);
    }
    power.isStopped = true;
    power.wanted = undefined;
    if (this.#phase.name === "stopped") return {};
    const answer: StopAnswer = context.deferred(Service.method.stopNetwork);
    this.#enter({ name: "stopping" });
    const closed = power.next(async () => {
      await sayGoodbye(host);
      await host.close();
    });
    context.effect(closed, (outcome) => {
      this.#enter({ name: "stopped" });
      if (outcome.ok) answer.resolve({});
      else answer.reject(outcome.failure);
    });
    return answer;
  }

  /** The host closed without being asked to; its supervisor sees to it. */
  onHostClosed(): void {
    if (this.#phase.name === "running" && !this.#parts.host.isOpen) this.#enter({ name: "stopped" });
  }

  #onOpened(cause: Failure | undefined, answer: StartAnswer): void {
    const { context, host, power } = this.#parts;
    if (cause === undefined && host.isOpen) {
      power.openedMs = context.clock.nowMs();
      this.#enter({ name: "running", startedMs: power.openedMs });
      answer.resolve(this.#started());
      return;
    }
    const reason = cause ?? failure("UNAVAILABLE", "NETWORK_CLOSED", "the network closed as it opened");
    // Addresses that cannot be opened are not tried again by themselves.
    power.wanted = undefined;
    this.#enter({ name: "stopped" });
    context.log.error("network does not open", { reason: reason.message });
    answer.reject(reason);
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

/** So that peers know that we come back. Whoever does not take it in time is closed all the same. */
async function sayGoodbye(host: Host): Promise<void> {
  const reason = GoodbyeReason.SHUTDOWN;
  const payload = toBinary(GoodbyeSchema, create(GoodbyeSchema, { reason }));
  const peerIds = new Set(host.connections().map(({ peerId }) => peerId));
  await Promise.allSettled(
    [...peerIds].map((peerId) =>
      host.request(peerId, "goodbye", payload, {
        firstByteDeadlineMs: GOODBYE_DEADLINE_MS,
        deadlineMs: GOODBYE_DEADLINE_MS,
        responseBytesMax: 64,
        chunkBytesMax: 64,
        chunksMax: 1,
      }),
    ),
  );
}

const isSame = (left: HostOptions, right: HostOptions): boolean =>
  [...left.listenAddresses].sort().join() === [...right.listenAddresses].sort().join();
