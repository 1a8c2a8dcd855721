/**
 * The links of one in-memory host: who is connected, what crossed each link and all of them together, and what the
 * host's listeners hear when one begins or ends. Owned by MemoryHost.
 */

import type { Clock } from "../../kernel/clock.ts";
import type { EventHub } from "../event-hub.ts";
import type { ConnectionInfo, Direction, Traffic, TrafficByProtocol } from "../port.ts";
import { TrafficMeter } from "../traffic.ts";
import type { Acquaintances } from "./acquaintances.ts";
import { MemoryLink } from "./link.ts";
import type { Listener } from "./network.ts";

export interface MemoryLinksParts {
  readonly clock: Clock;
  readonly events: EventHub;
  readonly acquaintances: Acquaintances;
}

export class MemoryLinks<Remote extends Listener> {
  readonly #parts: MemoryLinksParts;
  readonly #links = new Map<string, MemoryLink<Remote>>();
  readonly #traffic = new TrafficMeter();

  constructor(parts: MemoryLinksParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#links.size;
  }

  get(id: string): MemoryLink<Remote> | undefined {
    return this.#links.get(id);
  }

  /** The oldest one to that peer. */
  to(peerId: string): MemoryLink<Remote> | undefined {
    for (const link of this.#links.values()) if (link.remote.peerId === peerId) return link;
    return undefined;
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
    const link = new MemoryLink({ id, remote, direction, remoteAddress, openedMs });
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
