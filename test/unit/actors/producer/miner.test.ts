/** A federation whose chain requires AuxPoW lives by its own work, and stands still without it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mineFor } from "../../../../src/actors/producer/miner.ts";
import { expectedTries } from "../../../../src/chain/auxpow/mine.ts";
import { carriedAuxPow, parseBlock } from "../../../../src/chain/block.ts";
import type { ChildTemplate } from "../../../../src/integrations/chain/port.ts";
import { FederationRig, type Member } from "./federation-rig.ts";

const CHAIN = { auxpowEvery: 1, maxBlocksWithoutPow: 8 };

function auxpowHeights({ chain }: Member): number[] {
  const { height } = chain.snapshot().head;
  const heights = Array.from({ length: height }, (_, index) => index + 1);
  return heights.filter((at) => carriedAuxPow(parseBlock(chain.readBlock(at)!).body) !== undefined);
}

test("members mine every fourth block's AuxPoW, and the chain goes on beyond its limit without one", async () => {
  const rig = new FederationRig(3, 1, { mineAuxPowEvery: 4 }, CHAIN);
  await rig.start();
  await rig.slots(30);
  const [one] = rig.members;
  const { head } = one!.chain.snapshot();
  assert.ok(head.height >= 28, `height ${head.height}`);
  const heights = auxpowHeights(one!);
  assert.ok(heights.length >= 6, String(heights));
  for (const [index, height] of heights.entries()) assert.equal(height - (heights[index - 1] ?? 0), 4);
  let mined = 0n;
  for (const member of rig.members) mined += (await member.status()).auxpowsMined;
  assert.equal(mined, BigInt(heights.length));
});

test("without a miner the chain stands still at its limit, and says why", async () => {
  const rig = new FederationRig(3, 1, {}, CHAIN);
  await rig.start();
  await rig.slots(20);
  const [one] = rig.members;
  assert.equal(one!.chain.snapshot().head.height, CHAIN.maxBlocksWithoutPow);
  assert.match((await one!.status()).lastRefusal, /AuxPoW/i);
});

test("mineFor leaves work alone that is not trivial, ranges that are not held, and chains that require none", () => {
  const rig = new FederationRig(1, 1, {}, CHAIN);
  const { chain } = rig.members[0]!;
  const hash = new Uint8Array(32).fill(1);
  const template = (bits: number): ChildTemplate => ({
    ...chain.childTemplate(),
    height: 10,
    lastAuxPow: { carrierHeight: 0, rangeEndHeight: 0, bits },
  });
  const { facts } = chain;
  const pow = { ...facts.pow, powNoRetargeting: true };
  const held = { facts: { ...facts, pow }, hashAt: () => hash };
  const easy = 0x2100_ffff;
  assert.ok(mineFor(template(easy), 4, held));
  assert.equal(mineFor(template(easy), 0, held), undefined);
  // Overdue at 8 blocks, although the next one is not due yet by its interval.
  assert.ok(mineFor(template(easy), 1_000, held));
  assert.equal(mineFor(template(0x1d00_ffff), 4, held), undefined);
  assert.ok(expectedTries(0x1d00_ffff) > 4e9);
  assert.equal(mineFor(template(easy), 4, { ...held, hashAt: () => undefined }), undefined);
  const none = { ...held, facts: { ...held.facts, maxBlocksWithoutPow: 0 } };
  assert.equal(mineFor(template(easy), 4, none), undefined);
  assert.equal(mineFor({ ...template(easy), lastAuxPow: undefined }, 4, held), undefined);
});
