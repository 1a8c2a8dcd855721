/** The desk where gossip waits: verdicts, deadlines, bounds. */

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

test("a flood of transactions is ignored at the bound and leaves blocks their room", async () => {
  const { desk: made, handles } = desk();
  for (let index = 0; index < 2048; index += 1) void made.judge("peer", "transactions", Uint8Array.of(1));
  assert.equal(await made.judge("peer", "transactions", Uint8Array.of(2)), "ignore");
  assert.equal(handles.length, 2048);
  const block = made.judge("peer", "blocks", new Uint8Array(2 * 1024 * 1024));
  assert.equal(handles.length, 2049);
  made.settle(handles.at(-1) as MessageHandle, "accept");
  assert.equal(await block, "accept");
  made.close();
});

test("blocks are bounded in bytes", async () => {
  const { desk: made, handles } = desk();
  const large = new Uint8Array(2 * 1024 * 1024);
  for (let index = 0; index < 33; index += 1) void made.judge("peer", "blocks", large);
  assert.equal(handles.length, 32);
  made.close();
});
