/**
 * Brings a host's events into the turns of an actor. The host tells them synchronously, from inside its own work; an
 * actor that acted there would run beside its mailbox, and a mistake of its would be swallowed instead of crashing it.
 * PeerActor and NetworkActor read the host through this.
 */

import type { Host, HostEvent, HostSnapshot } from "./port.ts";

/** What an actor's context gives: work that comes back in a turn, and the end of its life. */
export interface Turns {
  readonly signal: AbortSignal;
  effect(work: Promise<void>, done: () => void): void;
}

/** Events handled in one piece of work; then other messages of the actor have their turn. */
const EVENTS_A_TURN = 64;

/**
 * Events that wait before those that only inform are dropped: the actor learns the same later. What it must know
 * (connections, requests, gossip) is bounded by the host's own limits and is never dropped.
 */
const WAITING_MAX = 4096;

const INFORMING: ReadonlySet<HostEvent["type"]> = new Set<HostEvent["type"]>([
  "peerDiscovered",
  "peerIdentified",
  "requestEnded",
  "subscriptionChanged",
  "violation",
  "addressesChanged",
]);

/** Reads the host until the actor's life ends; the present is returned, every later event comes in a turn, in order. */
export function readHost(host: Host, turns: Turns, onEvent: (event: HostEvent) => void): HostSnapshot {
  let waiting: HostEvent[] = [];
  let isScheduled = false;
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    turns.effect(Promise.resolve(), run);
  };
  const run = (): void => {
    isScheduled = false;
    const now = waiting.slice(0, EVENTS_A_TURN);
    waiting = waiting.slice(EVENTS_A_TURN);
    if (waiting.length > 0) schedule();
    for (const event of now) onEvent(event);
  };
  const { snapshot, close } = host.subscribe((event) => {
    if (waiting.length >= WAITING_MAX && INFORMING.has(event.type)) return;
    waiting.push(event);
    schedule();
  });
  turns.signal.addEventListener("abort", close, { once: true });
  return snapshot;
}
