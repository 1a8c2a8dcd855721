/**
 * The periodic work on connections: refreshing statuses, ending roles and handshakes that are over their time, saving,
 * pruning. Owned by the PeerActor, whose timers call it; what follows from it is done by Connections.
 */

import type { PeerInternalService, PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import type { Current } from "../../kernel/settings.ts";
import type { BanTable } from "./ban-table.ts";
import type { PeerActorConfig } from "./config.ts";
import type { KnownPeer } from "./known/known-peer.ts";
import type { PeerStore } from "./peer-store.ts";
import { choosePruned } from "./slots.ts";

export interface MaintenanceParts {
  readonly context: ActorContext<typeof PeerService, typeof PeerInternalService>;
  readonly config: Current<PeerActorConfig>;
  readonly bans: BanTable;
  readonly book: PeerStore;
  readonly ask: (peerId: string, session: number) => void;
  readonly onRoleEnded: (peer: KnownPeer) => void;
  readonly onUnbanned: (peerId: string) => void;
  readonly prune: (peer: KnownPeer) => void;
}

/** Between two questions for one peer's Status: half of what the protocol's limits let us ask. */
const STATUS_GAP_MS = 3_000;

/** A peer that dialled us asks by itself; when it has not for this many intervals, we ask. */
const STALE_INTERVALS = 2;

export class Maintenance {
  readonly #parts: MaintenanceParts;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  /** Asks peers for their Status: those that we dialled (the others ask themselves), or everybody. */
  refreshAll(isEverybody: boolean): void {
    const { book, config, onRoleEnded } = this.#parts;
    const { clock } = this.#parts.context;
    const nowMs = clock.monotonicMs();
    // Members that are away are looked at, too.
    for (const peer of new Set([...book.connected(), ...book.index.reserved()])) {
      const { link } = peer;
      if (link.state !== "connected") {
        // Of one that is away: it shows a newer delegation when it is back.
        if (peer.memberKey !== undefined && peer.memberUntilMs <= clock.nowMs()) book.endMembership(peer);
        continue;
      }
      const { status, connection } = link;
      if (status.memberKey !== undefined && status.memberUntilMs <= clock.nowMs()) onRoleEnded(peer);
      const isStale = nowMs - status.receivedAtMs >= STALE_INTERVALS * config.current.statusIntervalMs;
      if (isEverybody || isStale || connection.direction === "outbound") this.refresh(peer.peerId);
    }
  }

  /** Asks one peer, unless it was asked just now. */
  refresh(peerId: string): void {
    const { book, context, ask } = this.#parts;
    const peer = book.get(peerId);
    if (peer?.link.state !== "connected") return;
    const nowMs = context.clock.monotonicMs();
    if (nowMs - peer.askedMs < STATUS_GAP_MS) return;
    peer.askedMs = nowMs;
    ask(peerId, peer.link.session);
  }

  /** Forgets bans that ended, saves the book, prunes what is too much. */
  checkHealth(): void {
    const { book, bans, context, config, onUnbanned, prune } = this.#parts;
    const ended = bans.removeExpired();
    for (const peerId of ended.peerIds) onUnbanned(peerId);
    context.effect(Promise.all([ended.stored, book.save()]), (outcome) => {
      if (outcome.ok) return;
      const reason = outcome.failure.message;
      // Both are tried again at the next check, bans at the next ban too.
      if (bans.unsaved.count > 0)
        context.log.error("bans are not stored", { waiting: bans.unsaved.count, reason });
      else context.log.warn("peers are not saved", { reason });
    });
    for (const peer of choosePruned(book.connected(), config.current.peersMax)) prune(peer);
  }
}
