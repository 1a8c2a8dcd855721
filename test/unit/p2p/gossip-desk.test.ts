/** The desk where gossip waits: verdicts and deadlines. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../src/kernel/clock.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { EventHub } from "../../../src/p2p/event-hub.ts";
import { GossipDesk } from "../../../src/p2p/gossip-desk.ts";
import type { MessageHandle } from "../../../src/p2p/port.ts";

function desk() {
  const clock = new FakeClock();
  const events = new EventHub(silentLog);
  const handles: MessageHandle[] = [];
  events.add((event) => {
    if (event.type === "gossip") handles.push(event.handle);
  });
  const made = new GossipDesk(clock, events);
  made.open(500);
  return { clock, handles, desk: made };
}

const noPeers = () => ({ subscribers: 0, meshPeers: [] });

test("judge answers with the verdict, once", async () => {
  const { desk: made, handles, clock } = desk();
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
  const { desk: made, clock } = desk();
  const late = made.judge("peer", "blocks", Uint8Array.of(1));
  clock.advance(500);
  assert.equal(await late, "ignore");
  const open = made.judge("peer", "blocks", Uint8Array.of(2));
  made.close();
  assert.equal(await open, "ignore");
  assert.deepEqual([made.waiting, clock.pendingTimers], [0, 0]);
});
