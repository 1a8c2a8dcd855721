/** The pending where gossip waits: verdicts and deadlines. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../src/kernel/ports/log.ts";
import { EventHub } from "../../../src/p2p/event-hub.ts";
import { PendingGossip } from "../../../src/p2p/pending-gossip.ts";
import type { MessageHandle } from "../../../src/p2p/port.ts";

function pending() {
  const clock = new FakeClock();
  const events = new EventHub(silentLog);
  const handles: MessageHandle[] = [];
  events.add((event) => {
    if (event.type === "gossip") handles.push(event.handle);
  });
  const made = new PendingGossip(clock, events);
  made.open(500);
  return { clock, handles, pending: made };
}

const noPeers = () => ({ subscribers: 0, meshPeers: [] });

test("judge answers with the verdict, once", async () => {
  const { pending: made, handles, clock } = pending();
  const verdict = made.judge("peer", "blocks", Uint8Array.of(1));
  const [handle] = handles;
  assert.ok(handle !== undefined);
  made.settle(handle, "accept");
  made.settle(handle, "reject");
  assert.equal(await verdict, "accept");
  assert.equal(clock.pendingTimers, 0);
  assert.equal(made.stats(noPeers)[0]?.rejected, 0);
});

test("judge ignores at the deadline and at close", async () => {
  const { pending: made, clock } = pending();
  const late = made.judge("peer", "blocks", Uint8Array.of(1));
  clock.advance(500);
  assert.equal(await late, "ignore");
  const open = made.judge("peer", "blocks", Uint8Array.of(2));
  made.close();
  assert.equal(await open, "ignore");
  assert.deepEqual([made.waiting, clock.pendingTimers], [0, 0]);
});
