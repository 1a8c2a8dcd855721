/**
 * GreetingWait: requests of peers of which this actor has not heard yet that they finished the handshake. The PeerActor
 * answers a Status first and tells of the peer after it, and a request on another stream is as fast as that news. Bounded;
 * time is an argument. Owned by Inbound.
 */

import type { HostEvent } from "../../p2p/port.ts";

type RequestEvent = Extract<HostEvent, { type: "request" }>;

/** News between two actors under load take some turns; a peer that has not greeted by then has not greeted. */
export const GREETING_WAIT_MS = 2_000;

/** Requests that wait, of one peer and in all. At the bound one is refused as if its time were over. */
const WAITING_PER_PEER_MAX = 4;
const WAITING_MAX = 64;

interface Waiting {
  readonly event: RequestEvent;
  readonly untilMs: number;
}

export class GreetingWait {
  /** In the order in which they came. */
  #waiting: Waiting[] = [];

  /** False when there is no room. */
  add(event: RequestEvent, nowMs: number): boolean {
    const own = this.#waiting.filter((waiting) => waiting.event.peerId === event.peerId).length;
    if (own >= WAITING_PER_PEER_MAX || this.#waiting.length >= WAITING_MAX) return false;
    this.#waiting.push({ event, untilMs: nowMs + GREETING_WAIT_MS });
    return true;
  }

  /** Takes out those of peers that are known now. */
  takeIf(isKnown: (peerId: string) => boolean): readonly RequestEvent[] {
    return this.#take(({ event }) => isKnown(event.peerId));
  }

  /** Takes out those whose time is over. */
  takeLate(nowMs: number): readonly RequestEvent[] {
    return this.#take(({ untilMs }) => untilMs <= nowMs);
  }

  #take(isMeant: (waiting: Waiting) => boolean): readonly RequestEvent[] {
    if (this.#waiting.length === 0) return [];
    const taken = this.#waiting.filter(isMeant);
    if (taken.length > 0) this.#waiting = this.#waiting.filter((waiting) => !isMeant(waiting));
    return taken.map(({ event }) => event);
  }
}
