/**
 * Carries the status handshake over the host: the side that dialled asks, the other answers, and both judge what they
 * were told. Also says goodbye. Owned by the PeerActor, whose turns run every callback.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Offence, type PeerInternalService, type PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { GoodbyeReason, GoodbyeSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { sha256 } from "../../chain/hash.ts";
import type { ActorContext } from "../../kernel/actor.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import { faultOf } from "../../p2p/failures.ts";
import type { Host, HostEvent } from "../../p2p/port.ts";
import { OTHER_CHAIN_COOL_DOWN_MS, STATUS_BYTES_MAX, STATUS_DEADLINE_MS } from "./config.ts";
import type { Handshake, ProvenStatus, StatusFault, StatusVerdict } from "./handshake.ts";

type RequestEvent = Extract<HostEvent, { type: "request" }>;

/** What the greeter tells the actor. */
export interface GreeterEvents {
  greeted(peerId: string, status: ProvenStatus, latencyMs: number | undefined): void;
  /** The handshake failed: hang up, and do not come back before the cool-down. */
  refused(peerId: string, cause: Failure, goodbye: GoodbyeReason, coolDownMs: number | undefined): void;
  offended(peerId: string, offence: Offence, detail: string, evidence: Uint8Array): void;
  left(peerId: string, reason: GoodbyeReason): void;
}

export interface GreeterParts {
  readonly context: ActorContext<typeof PeerService, typeof PeerInternalService>;
  readonly host: Host;
  readonly handshake: Handshake;
  readonly events: GreeterEvents;
}

/** A goodbye is a courtesy: nobody waits longer for it. */
const GOODBYE_DEADLINE_MS = 1_000;

export class Greeter {
  readonly #parts: GreeterParts;

  constructor(parts: GreeterParts) {
    this.#parts = parts;
  }

  /** Asks for a peer's Status and judges it. */
  ask(peerId: string): void {
    const { context, host, handshake, events } = this.#parts;
    const startedMs = context.clock.monotonicMs();
    const exchange = host.request(peerId, "status", handshake.ownStatus(), {
      firstByteDeadlineMs: STATUS_DEADLINE_MS,
      deadlineMs: STATUS_DEADLINE_MS,
      responseBytesMax: STATUS_BYTES_MAX,
      chunkBytesMax: STATUS_BYTES_MAX,
      chunksMax: 1,
      signal: context.signal,
    });
    context.effect(exchange, (outcome) => {
      if (outcome.ok) {
        const latencyMs = context.clock.monotonicMs() - startedMs;
        return this.#judge(peerId, outcome.value[0] ?? new Uint8Array(), latencyMs);
      }
      const cause = outcome.failure;
      if (cause.reason === "PROTOCOL_UNSUPPORTED") return this.#refuse(peerId, { kind: "other chain" });
      if (faultOf(cause) === "peer") {
        events.offended(
          peerId,
          Offence.MALFORMED_MESSAGE,
          cause.message,
          new TextEncoder().encode(cause.reason),
        );
      }
      events.refused(peerId, cause, GoodbyeReason.HANDSHAKE_FAILED, undefined);
    });
  }

  /** Answers a peer that asks for our Status, and judges the one that it brought. */
  onStatus(event: RequestEvent): void {
    this.#parts.host.respond(event.handle, [this.#parts.handshake.ownStatus()]);
    this.#judge(event.peerId, event.payload, undefined);
  }

  onGoodbye(event: RequestEvent): void {
    this.#parts.host.respond(event.handle, []);
    try {
      this.#parts.events.left(event.peerId, fromBinary(GoodbyeSchema, event.payload).reason);
    } catch {
      this.#parts.events.left(event.peerId, GoodbyeReason.UNSPECIFIED);
    }
  }

  /** Says goodbye and closes all connections to a peer. */
  async dismiss(peerId: string, reason: GoodbyeReason): Promise<void> {
    const { host } = this.#parts;
    const payload = toBinary(GoodbyeSchema, create(GoodbyeSchema, { reason }));
    try {
      await host.request(peerId, "goodbye", payload, {
        firstByteDeadlineMs: GOODBYE_DEADLINE_MS,
        deadlineMs: GOODBYE_DEADLINE_MS,
        responseBytesMax: 64,
        chunkBytesMax: 64,
        chunksMax: 1,
      });
    } catch {
      // A peer that does not take the goodbye is closed all the same.
    }
    await host.hangUp(peerId);
  }

  #judge(peerId: string, bytes: Uint8Array, latencyMs: number | undefined): void {
    const { context, handshake, events } = this.#parts;
    const judged = handshake.judge(peerId, bytes, context.clock.nowMs());
    context.effect(judged, (outcome) => {
      if (!outcome.ok) {
        // Our validator is overloaded or closing: nobody's fault but ours, the next exchange tries again.
        context.log.warn("a status could not be judged", { peer: peerId, reason: outcome.failure.message });
        return;
      }
      const verdict: StatusVerdict = outcome.value;
      if (verdict.ok) return events.greeted(peerId, verdict.status, latencyMs);
      if (verdict.fault.kind === "false head" || verdict.fault.kind === "malformed") {
        const offence = verdict.fault.kind === "false head" ? Offence.FALSE_HEAD : Offence.MALFORMED_MESSAGE;
        events.offended(peerId, offence, `status: ${verdict.fault.kind}`, sha256(bytes));
      }
      this.#refuse(peerId, verdict.fault);
    });
  }

  #refuse(peerId: string, fault: StatusFault): void {
    const { message, goodbye, coolDownMs } = REFUSALS[fault.kind];
    const detail = fault.kind === "malformed" ? `${message}: ${fault.detail}` : message;
    const cause = failure("FAILED_PRECONDITION", "HANDSHAKE_REFUSED", `${peerId} ${detail}`);
    this.#parts.events.refused(peerId, cause, goodbye, coolDownMs);
  }
}

interface Refusal {
  readonly message: string;
  readonly goodbye: GoodbyeReason;
  readonly coolDownMs: number | undefined;
}

const REFUSALS: Readonly<Record<StatusFault["kind"], Refusal>> = {
  malformed: {
    message: "sent a malformed status",
    goodbye: GoodbyeReason.HANDSHAKE_FAILED,
    coolDownMs: undefined,
  },
  "other chain": {
    message: "is of another chain",
    goodbye: GoodbyeReason.OTHER_CHAIN,
    coolDownMs: OTHER_CHAIN_COOL_DOWN_MS,
  },
  "no common version": {
    message: "speaks no protocol version of ours",
    goodbye: GoodbyeReason.NO_COMMON_VERSION,
    coolDownMs: OTHER_CHAIN_COOL_DOWN_MS,
  },
  "false head": {
    message: "claims a head whose approval does not verify",
    goodbye: GoodbyeReason.HANDSHAKE_FAILED,
    coolDownMs: undefined,
  },
  "unknown authorities": {
    message: "has a head under a set of authorities that we do not know",
    goodbye: GoodbyeReason.HANDSHAKE_FAILED,
    coolDownMs: undefined,
  },
};
