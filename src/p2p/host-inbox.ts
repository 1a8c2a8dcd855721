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
export const EVENTS_A_TURN = 64;

/**
 * Bytes of requests and messages handled in one piece of work: decoding and hashing them takes some milliseconds a megabyte. At
 * the bound the rest waits for its turn; a single larger one is handled alone.
 */
export const EVENT_BYTES_A_TURN = 1024 * 1024;

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
    const count = countForTurn(waiting);
    const now = waiting.slice(0, count);
    waiting = waiting.slice(count);
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

/** How many of the events that wait make up one piece of work: at least one. */
function countForTurn(waiting: readonly HostEvent[]): number {
  let bytes = 0;
  let count = 0;
  for (const event of waiting) {
    bytes += bytesOf(event);
    if (count >= EVENTS_A_TURN || (count > 0 && bytes > EVENT_BYTES_A_TURN)) return count;
    count += 1;
  }
  return count;
}

function bytesOf(event: HostEvent): number {
  if (event.type === "gossip") return event.data.length;
  return event.type === "request" ? event.payload.length : 0;
}
