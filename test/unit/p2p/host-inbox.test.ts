/** What the actors handle of a host in one turn is bounded in events and in bytes, whatever one peer sends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EVENT_BYTES_A_TURN, EVENTS_A_TURN, readHost } from "../../../src/p2p/host-inbox.ts";
import type { Host, HostEvent, MessageHandle } from "../../../src/p2p/port.ts";

/** Runs what was deferred turn by turn; answers what each turn handled. */
function turnsOf(events: readonly HostEvent[]): HostEvent[][] {
  const deferred: (() => void)[] = [];
  let emit: (event: HostEvent) => void = () => {};
  const host = {
    subscribe(listener: (event: HostEvent) => void) {
      emit = listener;
      return { snapshot: undefined, close: () => {} };
    },
  };
  let handled: HostEvent[] = [];
  const turns = {
    signal: new AbortController().signal,
    effect: (_work: Promise<void>, done: () => void) => void deferred.push(done),
  };
  readHost(host as unknown as Host, turns, (event) => handled.push(event));
  for (const event of events) emit(event);
  const seen: HostEvent[][] = [];
  for (let run = deferred.shift(); run !== undefined; run = deferred.shift()) {
    handled = [];
    run();
    seen.push(handled);
  }
  return seen;
}

function gossip(handle: number, bytes: number): HostEvent {
  const data = new Uint8Array(bytes);
  return {
    type: "gossip",
    epoch: 1,
    handle: String(handle) as MessageHandle,
    peerId: "peer",
    topic: "blocks",
    data,
    header: undefined,
    deadlineMs: 0,
  };
}

test("readHost hands on at most EVENTS_A_TURN small events in one turn, in order", () => {
  const events = Array.from({ length: 1_000 }, (_, index) => gossip(index, 1));
  const turns = turnsOf(events);
  assert.ok(turns.every((handled) => handled.length <= EVENTS_A_TURN));
  assert.deepEqual(turns.flat(), events);
});

test("readHost hands on at most EVENT_BYTES_A_TURN in one turn, or one larger event alone", () => {
  const sizes = [10, 2 * EVENT_BYTES_A_TURN, 10, EVENT_BYTES_A_TURN / 2, EVENT_BYTES_A_TURN / 2, 10];
  const turns = turnsOf(sizes.map((bytes, index) => gossip(index, bytes)));
  const bytesOf = (handled: readonly HostEvent[]): number[] =>
    handled.map((event) => (event.type === "gossip" ? event.data.length : 0));
  assert.deepEqual(turns.map(bytesOf), [
    [10],
    [2 * EVENT_BYTES_A_TURN],
    [10, EVENT_BYTES_A_TURN / 2],
    [EVENT_BYTES_A_TURN / 2, 10],
  ]);
});
