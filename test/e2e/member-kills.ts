/**
 * Registers the test that kills members without warning, again and again: the others go on, the killed one comes back
 * and catches up, and nobody ever signs two blocks for one slot.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pause } from "../../src/cli/localnet/processes.ts";
import { seededRandom } from "../../src/kernel/ports/random.ts";
import {
  assertNobodySignedTwice,
  connectTo,
  eventually,
  heightOf,
  prepareNetwork,
  statusOf,
  votesOf,
} from "./local-network.ts";

const BLOCKS = 200;
/** Two slots: every instant of a slot, and of every member's turn, can be hit. */
const INSTANT_MS_MAX = 4_000;
/** Blocks that the others must make meanwhile: 2 to 4 s with every third slot empty, 10 s more while one still listens. */
const BLOCKS_WITHOUT = 1;
const PROGRESS_DEADLINE_MS = 120_000;
const CATCH_UP_DEADLINE_MS = 120_000;

export function testMemberKills(kills: number, seed: number): void {
  const name = `a member that is killed ${kills} times comes back, and nobody signs two blocks for one slot`;
  test(name, async (t) => {
    const random = seededRandom(seed);
    t.diagnostic(`seed ${seed}`);
    const network = await prepareNetwork(t, 3, BLOCKS);
    await network.startMembers();
    await network.start("observer");
    const observer = connectTo(t, network.observer);
    const members = network.members.map((plan) => ({ plan, connection: connectTo(t, plan) }));
    const observerAt = (height: number) => async () => (await heightOf(observer)) >= height;
    await eventually("the observer follows", PROGRESS_DEADLINE_MS, observerAt(BLOCKS + 2));

    for (let kill = 0; kill < kills; kill++) {
      await pause(random.integer(INSTANT_MS_MAX));
      const { plan, connection } = members[kill % members.length]!;
      await network.process(plan.name).kill();
      const height = (await heightOf(observer)) + BLOCKS_WITHOUT;
      await eventually(`kill ${kill}: blocks without ${plan.name}`, PROGRESS_DEADLINE_MS, observerAt(height));
      const before = await heightOf(observer);
      await network.start(plan.name);
      const isBack = async () => (await heightOf(connection)) >= before;
      await eventually(`kill ${kill}: ${plan.name} catches up`, CATCH_UP_DEADLINE_MS, isBack);
    }

    const end = (await heightOf(observer)) + 3;
    await eventually("all go on together", PROGRESS_DEADLINE_MS, observerAt(end));
    const votes = votesOf(network);
    assert.ok(assertNobodySignedTwice(votes) >= 2 * (end - BLOCKS));
    const followed = (await statusOf(observer))?.blocksFollowed ?? 0n;
    assert.ok(followed > 0n, "the observer followed live");
  });
}
