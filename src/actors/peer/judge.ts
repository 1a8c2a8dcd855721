/**
 * Judgement: what an offence costs, and what follows when a reputation is spent. The penalties and thresholds are
 * reputation.ts's; this carries the consequences out. Owned by the PeerActor.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Ban,
  Offence,
  type PeerInternalService,
  type PeerService,
  type WatchPeersResponseSchema,
} from "../../../gen/alys/peer/v1/peer_pb.ts";
import { toHex } from "../../chain/hex.ts";
import type { ActorContext } from "../../kernel/actor.ts";
import type { Host } from "../../p2p/port.ts";
import type { BanTable } from "./ban-table.ts";
import type { PeerActorConfig } from "./config.ts";
import type { KnownPeer, PeerBook } from "./peer-book.ts";
import { consequenceOf, OffenceMemory, penalised, penaltyOf, reputationAt } from "./reputation.ts";

export interface JudgeParts {
  readonly context: ActorContext<typeof PeerService, typeof PeerInternalService>;
  readonly config: PeerActorConfig;
  readonly host: Host;
  readonly bans: BanTable;
  readonly book: PeerBook;
  readonly publish: (event: NonNullable<MessageInitShape<typeof WatchPeersResponseSchema>["event"]>) => void;
  readonly onBanned: (peerId: string) => void;
  /** Says goodbye to a peer whose reputation is spent, and keeps it away for a while. */
  readonly dismiss: (peer: KnownPeer) => void;
  /** A member signed two blocks of one slot: it loses its privileges. */
  readonly distrust: (peer: KnownPeer, evidence: Uint8Array) => void;
}

/** Of evidence that comes from outside only so much tells two cases apart. */
const EVIDENCE_KEY_BYTES = 64;

/** The range in which gossip takes our judgement. */
const APPLICATION_SCORE_MIN = -100;

/** What is held against a peer. */
export interface Charge {
  readonly reason: string;
  readonly offence: Offence;
  readonly evidence: Uint8Array;
}

export class Judge {
  readonly #parts: JudgeParts;
  readonly #offences = new OffenceMemory();

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  onOffence(peerId: string, offence: Offence, detail: string, evidence: Uint8Array): void {
    const { context, book } = this.#parts;
    const nowMs = context.clock.monotonicMs();
    if (!this.#offences.isNew(peerId, offence, toHex(evidence.subarray(0, EVIDENCE_KEY_BYTES)), nowMs))
      return;
    const peer = book.ensure(peerId);
    context.log.warn("peer offended", { peer: peerId, offence, detail, evidence });
    if (offence === Offence.EQUIVOCATION) this.#parts.distrust(peer, evidence);
    this.penalise(peer, penaltyOf(offence), { reason: detail, offence, evidence });
  }

  /** Lowers a reputation and draws the consequence. */
  penalise(peer: KnownPeer, penalty: number, charge: Charge): void {
    const { context, config } = this.#parts;
    const nowMs = context.clock.monotonicMs();
    peer.reputation = penalised(peer.reputation, penalty, nowMs);
    const isFederation = peer.memberKey !== undefined || peer.isReserved;
    switch (consequenceOf(peer.reputation, nowMs, isFederation)) {
      case "ban": {
        const put = this.putBan(peer.peerId, charge, config.banDurationMs);
        if (put !== undefined) context.effect(put.stored, () => {});
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
    const { bans, book, context, host, publish, onBanned } = this.#parts;
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
    onBanned(peerId);
    context.effect(host.hangUp(peerId), () => {});
    return put;
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
