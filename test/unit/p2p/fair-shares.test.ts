/** FairShares: equal shares of what is scarce, by the wants of the last second. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FairShares, levelOf } from "../../../src/p2p/fair-shares.ts";

/** So many requests of a peer at a moment; how many lay within its share. */
const take = (shares: FairShares, peerId: string, count: number, nowMs: number): number => {
  let within = 0;
  for (let index = 0; index < count; index++) if (shares.take(peerId, nowMs)) within++;
  return within;
};

test("in the first second nobody is held back: nothing is known of what others want", () => {
  const shares = new FairShares(10);
  assert.equal(take(shares, "a", 100, 0), 100);
});

test("a second later each has the level at which the last second's wants fill what there is", () => {
  const shares = new FairShares(10);
  take(shares, "greedy", 100, 0);
  take(shares, "modest", 2, 999);
  // 2 of 10 are the modest one's, the other 8 the greedy one's.
  assert.equal(take(shares, "greedy", 100, 1_000), 8);
  assert.equal(take(shares, "modest", 100, 1_000), 8);
  assert.equal(shares.take("new", 1_000), true);
});

test("within a second the level stays; wants are counted whether or not they were let in", () => {
  const shares = new FairShares(10);
  take(shares, "a", 100, 0);
  take(shares, "b", 100, 0);
  assert.equal(take(shares, "a", 100, 1_000), 5);
  assert.equal(take(shares, "a", 1, 1_999), 0, "its share of this second is used up");
  take(shares, "b", 100, 1_999);
  assert.equal(take(shares, "a", 100, 2_000), 5, "all that was wanted counts, not what was let in");
});

test("where the last second wanted less than there is, nobody is held back", () => {
  const shares = new FairShares(10);
  take(shares, "a", 10, 0);
  assert.equal(take(shares, "a", 100, 1_000), 100);
});

test("wants of two seconds ago say nothing of now", () => {
  const near = new FairShares(10);
  take(near, "a", 100, 0);
  assert.equal(take(near, "a", 100, 1_999), 10);
  const far = new FairShares(10);
  take(far, "a", 100, 0);
  assert.equal(take(far, "a", 100, 2_000), 100);
});

test("past 8,192 peers a further one has its share uncounted, and those that are counted keep theirs", () => {
  const shares = new FairShares(8_192);
  for (let index = 0; index < 8_192; index++) take(shares, `peer-${index}`, 2, 0);
  for (let index = 0; index < 8_192; index++) shares.take(`peer-${index}`, 1_000);
  assert.equal(take(shares, "one more", 50, 1_000), 50);
  assert.equal(shares.take("peer-0", 1_000), false);
});

test("levelOf() divides what is left among those that want more, and never below one", () => {
  assert.equal(levelOf([], 10), Number.POSITIVE_INFINITY);
  assert.equal(levelOf([3, 3, 4], 10), Number.POSITIVE_INFINITY);
  assert.equal(levelOf([3, 3, 5], 10), 4);
  assert.equal(levelOf([100, 1, 100], 11), 5);
  assert.equal(levelOf([9, 9, 9], 2), 1);
  assert.equal(levelOf([9, 9], 5), 3);
});
