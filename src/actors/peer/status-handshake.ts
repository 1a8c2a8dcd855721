/**
 * Carries the status handshake over the host: the side that dialled asks, the other answers, and both judge what they
 * were told. Also says goodbye. Owned by the PeerActor, whose turns run every callback.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Offence, type PeerInternalService, type PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { GoodbyeReason, GoodbyeSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import { evidenceOf } from "../../p2p/evidence.ts";
import { ProvenFault } from "../../p2p/failures.ts";
import type { Host, HostEvent } from "../../p2p/port.ts";
import {
  NO_HANDSHAKE_COOL_DOWN_MS,
  OTHER_CHAIN_COOL_DOWN_MS,
  STATUS_BYTES_MAX,
  STATUS_DEADLINE_MS,
} from "./config.ts";
import type { Handshake, StatusFault, StatusVerdict } from "./handshake.ts";
import type { ProvenStatus } from "./proven-status.ts";

type RequestEvent = Extract<HostEvent, { type: "request" }>;

/** Names a connection's life (peer-store.ts); undefined when a peer asks before we were told of its connection. */
export type Session = number | undefined;

/** What the greeter tells the actor. */
export interface GreeterEvents {
  greeted(peerId: string, session: Session, status: ProvenStatus, latencyMs: number | undefined): void;
  /** The handshake failed. */
  refused(peerId: string, session: Session, refusal: Refusal): void;
  offended(peerId: string, offence: Offence, detail: string, evidence: Uint8Array): void;
}

/** Why a handshake failed, and what follows. */
export interface Refusal {
  readonly cause: Failure;
  readonly goodbye: GoodbyeReason;
  /** Not dialled again before; undefined: after the usual back-off. */
  readonly coolDownMs: number | undefined;
}

export interface StatusHandshakeParts {
  readonly context: ActorContext<typeof PeerService, typeof PeerInternalService>;
  readonly host: Host;
  readonly handshake: Handshake;
  readonly events: GreeterEvents;
  /** Whether the protocols that the peer announced are another chain's. */
  readonly isOfOtherChain: (peerId: string) => boolean;
}

/** A goodbye is a courtesy: nobody waits longer for it. */
const GOODBYE_DEADLINE_MS = 1_000;

export class StatusHandshake {
  readonly #parts: StatusHandshakeParts;
  /** Peers that are being asked, and in which session: nobody is asked twice at a time. */
  readonly #asking = new Map<string, number>();

  constructor(parts: StatusHandshakeParts) {
    this.#parts = parts;
  }

  /** Asks for a peer's Status and judges it. */
  ask(peerId: string, session: number): void {
    if (this.#asking.get(peerId) === session) return;
    this.#asking.set(peerId, session);
    const { context, host, handshake } = this.#parts;
    const startedMs = context.clock.monotonicMs();
    const exchange = host.request(peerId, "status", handshake.ownStatus(context.clock.nowMs()), {
      firstByteDeadlineMs: STATUS_DEADLINE_MS,
      deadlineMs: STATUS_DEADLINE_MS,
      responseBytesMax: STATUS_BYTES_MAX,
      chunkBytesMax: STATUS_BYTES_MAX,
      chunksMax: 1,
      signal: context.signal,
    });
    context.effect(exchange, (outcome) => {
      if (this.#asking.get(peerId) === session) this.#asking.delete(peerId);
      if (!outcome.ok) return this.#onNoAnswer(peerId, session, outcome.failure);
      const latencyMs = context.clock.monotonicMs() - startedMs;
      this.#judge(peerId, session, outcome.value[0] ?? new Uint8Array(), (verdict, bytes) =>
        this.#conclude(peerId, session, verdict, bytes, latencyMs),
      );
    });
  }

  /**
   * Answers a peer that asks for our Status, after judging the one that it brought: whoever has our answer may ask for
   * more at once, and must find itself known by then.
   */
  onStatus(event: RequestEvent, session: Session): void {
    const { host, handshake, context } = this.#parts;
    const { peerId, handle } = event;
    this.#judge(
      peerId,
      session,
      event.payload,
      (verdict, bytes) => {
        this.#conclude(peerId, session, verdict, bytes, undefined);
        // A peer of another chain learns from ours that it is one.
        const isMalformed = !verdict.ok && verdict.fault.kind === "malformed";
        host.respond(handle, isMalformed ? "invalid-request" : [handshake.ownStatus(context.clock.nowMs())]);
      },
      () => host.respond(handle, "server-error"),
    );
  }

  /** Judges again what a greeted peer told, now that the authorities have changed. */
  judgeAgain(peerId: string, session: number, status: ProvenStatus): void {
    const { context, handshake } = this.#parts;
    context.effect(handshake.judgeAgain(peerId, status, context.clock.nowMs()), (outcome) => {
      const claim = status.unproven?.header ?? new Uint8Array();
      if (outcome.ok) return this.#conclude(peerId, session, outcome.value, claim, undefined);
      // The next Status is judged under the new set by itself.
      context.log.warn("a status could not be judged", { peer: peerId, reason: outcome.failure.message });
    });
  }

  /** Takes a goodbye; why the peer leaves. */
  onGoodbye(event: RequestEvent): GoodbyeReason {
    this.#parts.host.respond(event.handle, []);
    try {
      return fromBinary(GoodbyeSchema, event.payload).reason;
    } catch {
      return GoodbyeReason.UNSPECIFIED;
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

  #onNoAnswer(peerId: string, session: number, cause: Failure): void {
    const { events } = this.#parts;
    if (cause.reason === "PROTOCOL_UNSUPPORTED") {
      const kind = this.#parts.isOfOtherChain(peerId) ? "other chain" : "no handshake";
      return events.refused(peerId, session, refusalOf(peerId, { kind }));
    }
    if (cause instanceof ProvenFault) {
      events.offended(peerId, Offence.MALFORMED_MESSAGE, cause.message, cause.evidence);
    }
    const goodbye = GoodbyeReason.HANDSHAKE_FAILED;
    events.refused(peerId, session, { cause, goodbye, coolDownMs: undefined });
  }

  #judge(
    peerId: string,
    session: Session,
    bytes: Uint8Array,
    done: (verdict: StatusVerdict, bytes: Uint8Array) => void,
    unable: () => void = () => {},
  ): void {
    const { context, handshake, events } = this.#parts;
    const { clock } = context;
    const received = { unixMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    const judged = handshake.judge(peerId, bytes, received);
    context.effect(judged, (outcome) => {
      if (outcome.ok) return done(outcome.value, bytes);
      // Our validator is overloaded or closing: nobody's fault but ours, the next exchange tries again.
      context.log.warn("a status could not be judged", { peer: peerId, reason: outcome.failure.message });
      unable();
      const goodbye = GoodbyeReason.HANDSHAKE_FAILED;
      events.refused(peerId, session, { cause: outcome.failure, goodbye, coolDownMs: undefined });
    });
  }

  #conclude(
    peerId: string,
    session: Session,
    verdict: StatusVerdict,
    bytes: Uint8Array,
    latencyMs: number | undefined,
  ): void {
    const { events } = this.#parts;
    if (verdict.ok) return events.greeted(peerId, session, verdict.status, latencyMs);
    const { fault } = verdict;
    const detail = `status: ${fault.kind}`;
    // Of a false head the claim alone is the evidence: whoever tells the same head tells the same.
    if (fault.kind === "false head") {
      events.offended(peerId, Offence.FALSE_HEAD, detail, evidenceOf(fault.claim));
    } else if (fault.kind === "malformed") {
      events.offended(peerId, Offence.MALFORMED_MESSAGE, detail, evidenceOf(bytes));
    }
    events.refused(peerId, session, refusalOf(peerId, fault));
  }
}

/** The name of a reason; of one that a newer peer knows, its number. */
export const goodbyeName = (reason: GoodbyeReason): string =>
  Object.entries(GoodbyeReason).find(([, value]) => value === reason)?.[0] ?? String(reason);

function refusalOf(peerId: string, fault: { readonly kind: RefusalKind; readonly detail?: string }): Refusal {
  const { message, goodbye, coolDownMs } = REFUSALS[fault.kind];
  const detail = fault.kind === "malformed" ? `${message}: ${fault.detail}` : message;
  const cause = failure("FAILED_PRECONDITION", "HANDSHAKE_REFUSED", `${peerId} ${detail}`);
  return { cause, goodbye, coolDownMs };
}

type RefusalKind = StatusFault["kind"] | "no handshake";

const REFUSALS: Readonly<Record<RefusalKind, Omit<Refusal, "cause"> & { readonly message: string }>> = {
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
  "no handshake": {
    message: "does not answer the status protocol of this chain",
    goodbye: GoodbyeReason.HANDSHAKE_FAILED,
    coolDownMs: NO_HANDSHAKE_COOL_DOWN_MS,
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
};
