/**
 * The links of one in-memory host: who is connected, what crossed each link and all of them together, and what the
 * host's listeners hear when one begins or ends. Owned by MemoryHost.
 */

import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import type { EventHub } from "../event-hub.ts";
import { keptOf } from "../kept-connection.ts";
import type { ConnectionInfo, Direction, Traffic, TrafficByProtocol } from "../port.ts";
import { TrafficMeter } from "../traffic.ts";
import type { IdentifyCache } from "./identify-cache.ts";
import { MemoryLink } from "./link.ts";
import type { Listener } from "./network.ts";

/** As the libp2p host: connections above `connectionsMax` that only reserved peers can take. */
const RESERVED_CONNECTIONS = 64;

/** As the real host's: a surplus link is closed by who dialled it, when both sides have long known of both. */
const SURPLUS_OWN_MS = 1000;

export interface MemoryLinksParts {
  readonly ownId: string;
  readonly clock: Clock;
  readonly events: EventHub;
  readonly acquaintances: IdentifyCache;
}

export class MemoryLinks<Remote extends Listener> {
  readonly #parts: MemoryLinksParts;
  readonly #links = new Map<string, MemoryLink<Remote>>();
  readonly #timers = new Set<TimerHandle>();
  #begun = 0;
  readonly #traffic = new TrafficMeter();

  constructor(parts: MemoryLinksParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#links.size;
  }

  /** Whether another one fits beside those that are here and those that are on their way. */
  hasRoom(connectionsMax: number, isReserved: boolean, pending: number): boolean {
    return this.size + pending < connectionsMax + (isReserved ? RESERVED_CONNECTIONS : 0);
  }

  get(id: string): MemoryLink<Remote> | undefined {
    return this.#links.get(id);
  }

  /** The one to that peer that is used; of several, the one that both sides keep. */
  to(peerId: string): MemoryLink<Remote> | undefined {
    return keptOf(this.#parts.ownId, peerId, this.#allTo(peerId));
  }

  #allTo(peerId: string): MemoryLink<Remote>[] {
    const links: MemoryLink<Remote>[] = [];
    for (const link of this.#links.values()) if (link.remote.peerId === peerId) links.push(link);
    return links;
  }

  /** Runs `drop` for the surplus links to that peer that this host dialled and that no request runs on, when it is time. */
  keepOne(peerId: string, drop: (link: MemoryLink<Remote>) => void): void {
    if (this.#allTo(peerId).length < 2) return;
    const timer = this.#parts.clock.setTimer(SURPLUS_OWN_MS, () => {
      this.#timers.delete(timer);
      const kept = this.to(peerId);
      for (const link of this.#allTo(peerId)) {
        const isBusy = link.exchanges.size > 0 || link.cancels.size > 0;
        if (link !== kept && link.isDialledByUs && !isBusy) drop(link);
      }
      if (this.#allTo(peerId).some((link) => link !== kept && link.isDialledByUs)) this.keepOne(peerId, drop);
    });
    this.#timers.add(timer);
  }

  /** Calls off what is planned; the links themselves end one by one. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** A copy, so that links may end while it is walked. */
  all(): MemoryLink<Remote>[] {
    return [...this.#links.values()];
  }

  infos(): ConnectionInfo[] {
    return this.all().map((link) => link.info());
  }

  begin(id: string, remote: Remote, direction: Direction, remoteAddress: string): MemoryLink<Remote> {
    const openedMs = this.#parts.clock.nowMs();
    this.#begun += 1;
    const link = new MemoryLink({ id, remote, direction, remoteAddress, openedMs, ordinal: this.#begun });
    this.#links.set(id, link);
    this.#parts.events.emit({ type: "connectionOpened", connection: link.info() });
    return link;
  }

  /** Does nothing to one that has ended. */
  end(link: MemoryLink<Remote>, reason: "CONNECTION_LOST" | "HOST_CLOSED"): void {
    if (!this.#links.delete(link.id)) return;
    const { peerId } = link.remote;
    const isLastOfPeer = this.to(peerId) === undefined;
    if (isLastOfPeer) this.#parts.acquaintances.forget(peerId);
    link.end(reason);
    this.#parts.events.emit({ type: "connectionClosed", connection: link.info(), isLastOfPeer });
  }

  /** Bytes that crossed a link under a label. */
  count(link: MemoryLink<Remote>, label: string, bytesIn: number, bytesOut: number): void {
    link.traffic.add(label, bytesIn, bytesOut);
    this.#traffic.add(label, bytesIn, bytesOut);
  }

  /** Bytes that came in; nothing when the link has ended meanwhile. */
  countIn(id: string, label: string, bytesIn: number): void {
    const link = this.#links.get(id);
    if (link !== undefined) this.count(link, label, bytesIn, 0);
  }

  /** Of all links, those that have ended included. */
  traffic(): { readonly total: Traffic; readonly byLabel: TrafficByProtocol } {
    return { total: this.#traffic.total(), byLabel: this.#traffic.byLabel() };
  }
}
