/** Rates of gossip: what is looked at a second, of one peer and of all; and that no relay that keeps to them is ever cut. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { GossipRates } from "../../../src/p2p/gossip-rates.ts";
import { PeerMeter } from "../../../src/p2p/peer-meter.ts";

/** How many of so many messages a second, over so many seconds, pass. */
function passed(seconds: number, perSecond: number, take: (nowMs: number, index: number) => boolean): number {
  let count = 0;
  for (let index = 0; index < seconds * perSecond; index += 1)
    if (take((index * 1000) / perSecond, index)) count += 1;
  return count;
}

test("a peer is heard 64 transactions a second and 256 at once, a reserved one twice that", () => {
  const rates = new GossipRates();
  const heard = (peerId: string, isReserved: boolean): number =>
    passed(10, 2_000, (nowMs) => rates.takeOfPeer(peerId, "transactions", 1_024, isReserved, nowMs));
  assert.ok(Math.abs(heard("one", false) - (256 + 640)) <= 2);
  assert.ok(Math.abs(heard("member", true) - (512 + 1_280)) <= 2);
});

test("many peers together leave a quarter of all to reserved ones", () => {
  const rates = new GossipRates();
  const ordinary = passed(10, 4_000, (nowMs) => rates.takeOfAll("transactions", 100, false, nowMs));
  assert.ok(Math.abs(ordinary - 0.75 * (2_048 + 5_120)) <= 2, `${ordinary}`);
  const reserved = passed(1, 100, (nowMs) => rates.takeOfAll("transactions", 100, true, 10_000 + nowMs));
  assert.equal(reserved, 100);
});

test("bytes are bounded as messages are", () => {
  const rates = new GossipRates();
  const large = passed(10, 50, (nowMs) => rates.takeOfPeer("one", "transactions", 1_000_000, false, nowMs));
  assert.ok(large >= 4 && large <= 5, `${large}`);
});

test("the rates of many peers are forgotten once they owe nothing", () => {
  const rates = new GossipRates();
  for (let index = 0; index < 4_096; index += 1) rates.takeOfPeer(`${index}`, "blocks", 1, false, 0);
  assert.equal(rates.takeOfPeer("one more", "blocks", 1, false, 0), false);
  assert.equal(rates.takeOfPeer("one more", "blocks", 1, false, 1_000), true);
});

test("a relay of the most that all others may send is within the meter, each message twice", () => {
  const rates = new GossipRates();
  const meter = new PeerMeter();
  for (let index = 0; index < 60_000; index += 1) {
    const nowMs = index / 2;
    if (!rates.takeOfAll("transactions", 1_024, true, nowMs)) continue;
    assert.ok(meter.take("gossipTransactions", 1, nowMs) && meter.take("gossipTransactions", 1, nowMs));
    assert.ok(meter.take("gossipBytes", 2 * 1_200, nowMs));
    assert.ok(meter.take("gossipRpcs", 4, nowMs));
    assert.ok(meter.take("gossipIds", 6, nowMs));
  }
});
