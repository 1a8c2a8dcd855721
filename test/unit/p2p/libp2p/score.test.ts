/** Gossip scores: an honest peer never falls below zero, and what lowers it is the application's word. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decayOver, SCORE_THRESHOLDS, scoreParams } from "../../../../src/p2p/libp2p/score.ts";

const TOPICS = { blocks: "/alys/00/blocks/1", transactions: "/alys/00/transactions/1" };
const params = scoreParams({
  slotDurationMs: 2000,
  privateNetwork: false,
  applicationScore: () => 0,
  topicIds: TOPICS,
});
const blocks = params.topics[TOPICS.blocks];
assert.ok(blocks !== undefined);

/** The part of the score that blocks earn, after so many slots with so many first deliveries. */
function scoreAfter(slots: number, deliversEach: number): number {
  let deliveries = 0;
  for (let slot = 0; slot < slots; slot += 1) {
    if (deliversEach > 0 && slot % deliversEach === 0) {
      deliveries = Math.min(blocks?.firstMessageDeliveriesCap ?? 0, deliveries + 1);
    }
    deliveries *= blocks?.firstMessageDeliveriesDecay ?? 0;
  }
  const timeInMesh = Math.min(slots, blocks?.timeInMeshCap ?? 0) * (blocks?.timeInMeshWeight ?? 0);
  const positive = timeInMesh + deliveries * (blocks?.firstMessageDeliveriesWeight ?? 0);
  return positive;
}

test("an hour of one block each slot leaves no honest peer below zero, silent ones included", () => {
  for (const deliversEach of [1, 2, 8, 100, 0]) {
    for (let slots = 1; slots <= 1800; slots += 7) assert.ok(scoreAfter(slots, deliversEach) >= 0);
  }
});

test("the most that can be earned is the cap, and the worst reputation undoes it", () => {
  const best = scoreAfter(1800, 1);
  assert.ok(best <= params.topicScoreCap + 1e-9 && best > params.topicScoreCap - 2);
  assert.ok(best - 100 < SCORE_THRESHOLDS.gossipThreshold);
});

test("a rejected message costs nothing here: the penalty is the application's, which can take it back", () => {
  for (const topic of Object.values(params.topics)) assert.equal(topic?.invalidMessageDeliveriesWeight, 0);
  assert.equal(params.appSpecificWeight, 1);
});

test("peers that deliver stand above those that do not, so grafting can tell them apart", () => {
  assert.ok(scoreAfter(300, 8) > scoreAfter(300, 0) + 2);
});

test("decay takes a counter to one percent in so many intervals", () => {
  assert.ok(Math.abs(decayOver(100) ** 100 - 0.01) < 1e-9);
});
