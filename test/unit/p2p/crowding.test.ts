/** Crowding: how full places are, subnets before addresses. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Crowding, compare } from "../../../src/p2p/crowding.ts";
import type { Origin } from "../../../src/p2p/origin.ts";

const origin = (subnet: string, address: string): Origin => ({ subnet, address }) as Origin;

test("slots are counted by subnet and by address, which may bear the same name", () => {
  const crowding = new Crowding([
    { origin: origin("s", "s") },
    { origin: origin("s", "b") },
    { origin: origin("t", "c") },
  ]);
  assert.deepEqual(crowding.of(origin("s", "s")), [2, 1]);
  assert.deepEqual(crowding.of(origin("s", "new")), [2, 0]);
  assert.deepEqual(crowding.of(origin("t", "c")), [1, 1]);
  assert.deepEqual(crowding.of(origin("new", "new")), [0, 0]);
});

test("the first difference decides, whatever follows; what is missing counts as nothing", () => {
  assert.ok(compare([2, 0], [1, 9]) > 0);
  assert.ok(compare([1, 9], [2, 0]) < 0);
  assert.ok(compare([1, 2], [1, 3]) < 0);
  assert.equal(compare([1, 2], [1, 2]), 0);
  assert.ok(compare([1, 1], [1]) > 0);
  assert.equal(compare([1, 0], [1]), 0);
});
