/**
 * Judgement: what an offence costs, and what follows when a reputation is spent. The penalties and thresholds are
 * reputation.ts's, whether anybody is punished at all is penalty-brake.ts's; this carries the consequences out. Owned by the
 * PeerActor.
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Ban,
  type MassPenalty,
  MassPenaltySchema,
  Offence,
  type PeerInternalService,
  type PeerService,
  type WatchPeersResponseSchema,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import { fromHex, toHex } from "../../chain/hex.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import type { Current } from "../../kernel/settings.ts";
import { publicAddressOf } from "../../p2p/address.ts";
import { digestIn } from "../../p2p/evidence.ts";
import type { Host } from "../../p2p/port.ts";
import type { BanTable } from "./ban-table.ts";
import type { PeerActorConfig } from "./config.ts";
import type { KnownPeer } from "./known/known-peer.ts";
import type { PeerStore } from "./peer-store.ts";
import { PenaltyBrake } from "./penalty-brake.ts";
import { consequenceOf, forgiven, OffenceMemory, penalised, penaltyOf, reputationAt } from "./reputation.ts";

export interface PenaltyPolicyParts {
  readonly context: ActorContext<typeof PeerService, typeof PeerInternalService>;
  readonly config: Current<PeerActorConfig>;
  readonly host: Host;
  readonly bans: BanTable;
  readonly book: PeerStore;
  readonly publish: (event: NonNullable<MessageInitShape<typeof WatchPeersResponseSchema>["event"]>) => void;
  /** Its reputation changed. */
  readonly scoreChanged: (peer: KnownPeer) => void;
  readonly onBanned: (peerId: string) => void;
  /** Says goodbye to a peer whose reputation is spent, and keeps it away for a while. */
  readonly dismiss: (peer: KnownPeer) => void;
  /** A member signed two blocks of one slot: it loses its privileges. */
  readonly distrust: (peer: KnownPeer, evidence: Uint8Array) => void;
}

/** Of evidence that comes from outside only so much tells two cases apart: more than a digest. */
const EVIDENCE_KEY_BYTES = 64;

/** The range in which gossip takes our judgement. */
const APPLICATION_SCORE_MIN = -100;

/** Alarms kept to be asked for; the oldest goes. */
const ALARMS_MAX = 16;

/** Offences that are about bytes, of which several peers can have sent the same. */
const ABOUT_BYTES: ReadonlySet<Offence> = new Set([
  Offence.INVALID_BLOCK,
  Offence.MALFORMED_MESSAGE,
  Offence.FALSE_HEAD,
  Offence.WRONG_ANSWER,
]);

/** What a peer is accused of. */
export interface Charge {
  readonly reason: string;
  readonly offence: Offence;
  readonly evidence: Uint8Array;
}

export class PenaltyPolicy {
  readonly #parts: PenaltyPolicyParts;
  readonly #offences = new OffenceMemory();
  readonly #brake = new PenaltyBrake();
  #alarms: MassPenalty[] = [];
  #isUnsavedTold = false;

  constructor(parts: PenaltyPolicyParts) {
    this.#parts = parts;
  }

  /** Penalties that were held back, newest last. */
  get alarms(): readonly MassPenalty[] {
    return this.#alarms;
  }

  onOffence(peerId: string, offence: Offence, detail: string, evidence: Uint8Array): void {
    const { context, book } = this.#parts;
    const nowMs = context.clock.monotonicMs();
    const charge: Charge = { reason: detail, offence, evidence };
    const digest = ABOUT_BYTES.has(offence) ? digestIn(evidence) : undefined;
    // Before anything is left out as a repetition: who else sent it is the question here.
    if (digest !== undefined && this.#isBraked(peerId, digest, charge)) return;
    if (!this.#offences.isNew(peerId, offence, toHex(evidence.subarray(0, EVIDENCE_KEY_BYTES)), nowMs))
      return;
    const peer = book.ensure(peerId);
    context.log.warn("peer offended", { peer: peerId, offence, detail, evidence });
    if (offence === Offence.EQUIVOCATION) this.#parts.distrust(peer, evidence);
    const penalty = penaltyOf(offence);
    if (digest !== undefined) this.#brake.applied(digest, { peerId, penalty, atMs: nowMs });
    this.penalise(peer, penalty, charge);
  }

  /** Whether nobody is punished for these bytes. The first time what was applied is taken back and the alarm is raised. */
  #isBraked(peerId: string, digest: string, charge: Charge): boolean {
    const { book, context, publish } = this.#parts;
    const nowMs = context.clock.monotonicMs();
    const link = book.get(peerId)?.link;
    const isConnected = link?.state === "connected" || link?.state === "handshaking";
    const origin = isConnected ? publicAddressOf(link.connection.remoteAddress)?.subnet : undefined;
    const decision = this.#brake.hear({ peerId, digest, origin }, nowMs);
    if (decision.kind === "punish") return false;
    if (!decision.isNew) return true;
    const { offence, reason } = charge;
    for (const { peerId: id, penalty, atMs } of decision.taken) {
      this.#offences.forget(id, offence);
      this.#takeBack(id, digest, penalty, atMs);
    }
    const peers = decision.accused;
    const message =
      "several peers would be punished for identical bytes: none is, this node may be the one that is wrong";
    context.log.error(message, { alarm: "mass_penalty", offence, detail: reason, digest, peers });
    const value = create(MassPenaltySchema, {
      offence,
      detail: reason,
      digest: fromHex(digest),
      peerIds: [...peers],
      raised: timestampFromMs(context.clock.nowMs()),
    });
    this.#alarms = [...this.#alarms, value].slice(-ALARMS_MAX);
    publish({ case: "massPenalty", value });
    return true;
  }

  #takeBack(peerId: string, digest: string, penalty: number, atMs: number): void {
    const { bans, book, context, publish } = this.#parts;
    const nowMs = context.clock.monotonicMs();
    const peer = book.get(peerId);
    if (peer !== undefined) {
      peer.reputation = forgiven(peer.reputation, penalty, atMs, nowMs);
      // Sent away or not dialled for the penalty that is gone.
      peer.refusedUntilMs = 0;
      peer.notBeforeMs = 0;
      this.#parts.scoreChanged(peer);
    }
    const ban = bans.find(peerId);
    if (ban === undefined || !ABOUT_BYTES.has(ban.offence) || digestIn(ban.evidence) !== digest) return;
    this.#watchWrite(bans.lift(peerId).stored);
    publish({ case: "unbanned", value: peerId });
  }

  /** Lowers a reputation and draws the consequence. */
  penalise(peer: KnownPeer, penalty: number, charge: Charge): void {
    const { context, config } = this.#parts;
    const nowMs = context.clock.monotonicMs();
    peer.reputation = penalised(peer.reputation, penalty, nowMs);
    this.#parts.scoreChanged(peer);
    const isFederation = peer.memberKey !== undefined || peer.isReserved;
    switch (consequenceOf(peer.reputation, nowMs, isFederation)) {
      case "ban": {
        const put = this.putBan(peer.peerId, charge, config.current.banDurationMs);
        if (put === undefined) this.#shutOut(peer, config.current.banDurationMs);
        else this.#watchWrite(put.stored);
        return;
      }
      case "disconnect":
        return this.#parts.dismiss(peer);
      case "none":
        return;
    }
  }

  /** Bans at once: no goodbye is waited for. Undefined when the table is full. */
  putBan(
    peerId: string,
    charge: Charge,
    durationMs: number,
  ): { readonly ban: Ban; readonly stored: Promise<void> } | undefined {
    const { bans, book, context, publish } = this.#parts;
    const link = book.get(peerId)?.link;
    const isConnected = link?.state === "connected" || link?.state === "handshaking";
    const remoteAddress = isConnected ? link.connection.remoteAddress : undefined;
    const put = bans.put({ peerId, ...charge, durationMs, remoteAddress });
    if (put === undefined) {
      context.log.error("the table of bans is full", { peer: peerId });
      return undefined;
    }
    context.log.warn("peer is banned", { peer: peerId, reason: charge.reason });
    publish({ case: "banned", value: put.ban });
    this.#cutOff(peerId);
    return put;
  }

  /** There is no room for a ban: the peer goes all the same, and is not let in while its record in the book lasts. */
  #shutOut(peer: KnownPeer, durationMs: number): void {
    const untilMs = this.#parts.context.clock.monotonicMs() + durationMs;
    peer.refusedUntilMs = Math.max(peer.refusedUntilMs, untilMs);
    peer.notBeforeMs = Math.max(peer.notBeforeMs, untilMs);
    this.#cutOff(peer.peerId);
  }

  #cutOff(peerId: string): void {
    const { context, host, onBanned } = this.#parts;
    onBanned(peerId);
    context.effect(host.hangUp(peerId), () => {});
  }

  /** Tells once that bans cannot be stored, however many; the table tries again by itself. */
  #watchWrite(stored: Promise<void>): void {
    const { context } = this.#parts;
    context.effect(stored, (outcome) => {
      if (!outcome.ok && !this.#isUnsavedTold) {
        const reason = outcome.failure.message;
        context.log.error("bans are not stored; this is tried again", { reason });
      }
      this.#isUnsavedTold = !outcome.ok;
    });
  }

  /** Whether the sentence of an address does not count for this peer. */
  isExempt(peerId: string): boolean {
    const peer = this.#parts.book.get(peerId);
    return peer !== undefined && (peer.isReserved || peer.isBootstrap || peer.memberKey !== undefined);
  }

  /** What gossip takes into its own score: 0 is neutral. */
  applicationScore(peerId: string): number {
    const peer = this.#parts.book.get(peerId);
    if (peer === undefined || peer.isReserved || peer.memberKey !== undefined) return 0;
    return Math.max(
      APPLICATION_SCORE_MIN,
      reputationAt(peer.reputation, this.#parts.context.clock.monotonicMs()),
    );
  }
}
