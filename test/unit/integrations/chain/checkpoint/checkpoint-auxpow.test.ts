/**
 * Checkpoints of chains with AuxPoW: of which blocks they are, what of their evidence is judged, and that a chain begun from
 * one judges the next AuxPoW by the checkpoint's own, over restarts, rollbacks and where its range lies below.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { splitBlock } from "../../../../../src/chain/block.ts";
import { decodeEvidence, encodeEvidence } from "../../../../../src/chain/checkpoint/codec.ts";
import type { AuxPowEvidence, CheckpointEvidence } from "../../../../../src/chain/checkpoint/evidence.ts";
import { verifyEvidence } from "../../../../../src/chain/checkpoint/evidence.ts";
import type { ForgeOptions } from "../../../../../src/chain/forge.ts";
import { cutSegments } from "../../../../../src/chain/segment.ts";
import {
  missingHistory,
  planRecovery,
  prependHistory,
  proveHistory,
  recover,
} from "../../../../../src/integrations/chain/checkpoint/checkpoint-recovery.ts";
import type { RecoveryMode } from "../../../../../src/integrations/chain/checkpoint/recovery-records.ts";
import { LINEAGE_KEY } from "../../../../../src/integrations/chain/embedded/opening.ts";
import { Failure } from "../../../../../src/kernel/errors.ts";
import { MemoryLog } from "../../../../../src/kernel/ports/log.ts";
import { CheckpointRig } from "./checkpoint-rig.ts";

/** Every tenth block carries one; it covers all below it, unless told. */
const MINED: ForgeOptions = { members: 1, auxpowEvery: 10 };

const reason = (expected: string) => (thrown: unknown) =>
  thrown instanceof Failure && thrown.reason === expected;

async function mined(count: number): Promise<CheckpointRig> {
  const rig = new CheckpointRig(MINED);
  await rig.grow(count);
  return rig;
}

async function recovered(rig: CheckpointRig, mode: RecoveryMode, checkpointId: string): Promise<void> {
  const plan = await rig.settle(planRecovery(rig.checkpoints, { checkpointId, mode, isScanned: false }));
  await rig.settle(recover(rig.checkpoints, plan, new MemoryLog()));
}

const head = (rig: CheckpointRig): number => rig.chain.chain.snapshot().head.height;

test("create() makes one of the newest final block that carries an AuxPoW, and of no other block", async () => {
  const rig = await mined(250);
  // 180 carries the newest that is buried under 64, which makes final what it covers.
  assert.equal(rig.chain.chain.snapshot().final.height, 179);
  const kept = await rig.settle(rig.checkpoints.create());
  assert.equal(kept.height, 170);
  assert.equal(rig.checkpoints.dueHeight(100), 170);
  assert.equal((await rig.settle(rig.checkpoints.create(50))).height, 50);
  await assert.rejects(rig.settle(rig.checkpoints.create(51)), reason("NO_AUXPOW"));
  await assert.rejects(rig.settle(rig.checkpoints.create(180)), reason("NOT_FINAL"));
  const { proven } = await rig.settle(rig.checkpoints.sound(kept.id));
  assert.deepEqual(proven.lastAuxPow, rig.chain.chain.lineage.auxpows[0]);
  assert.equal(proven.lastAuxPow.rangeEndHeight, 169);
});

test("create() refuses while no AuxPoW is final", async () => {
  const rig = await mined(70);
  assert.equal(rig.checkpoints.dueHeight(1), undefined);
  await assert.rejects(rig.settle(rig.checkpoints.create()), reason("NOT_FINAL"));
});

test("verifyEvidence() refuses each fault of the AuxPoW by its name", async () => {
  const rig = await mined(200);
  await rig.settle(rig.checkpoints.create(60));
  await rig.settle(rig.checkpoints.create(100));
  const known = { firstHeight: 1, authorities: rig.forge.genesis.authorities };
  const at = async (height: number): Promise<CheckpointEvidence> =>
    decodeEvidence((await rig.settle(rig.checkpoints.serve(height, 0)))!)!;
  const evidence = await at(100);
  const other = await at(60);
  const fault = (auxpow: AuxPowEvidence | undefined): string => {
    const verdict = verifyEvidence({ ...evidence, auxpow }, known, rig.chain.facts);
    return verdict.ok ? "none" : verdict.fault;
  };
  const good = evidence.auxpow!;
  assert.equal(fault(good), "none");
  assert.equal(fault(undefined), "AUXPOW_MISSING");
  assert.equal(fault(other.auxpow), "AUXPOW_BODY");
  assert.equal(fault({ ...good, header: { ...good.header, bits: good.header.bits - 1 } }), "AUXPOW_BODY");
  assert.equal(fault({ ...good, bodyProof: good.bodyProof.slice(32) }), "AUXPOW_BODY");
  assert.equal(fault({ ...good, rangeEndInclusion: other.auxpow!.rangeEndInclusion }), "AUXPOW_RANGE");
  const { index, count } = good.rangeEndInclusion;
  assert.deepEqual([index, count], [99, 100]);
  assert.equal(
    fault({ ...good, rangeEndInclusion: { ...good.rangeEndInclusion, index: 98 } }),
    "AUXPOW_RANGE",
  );
  const harder = { ...rig.chain.facts, pow: { ...rig.chain.facts.pow, chainId: 7 } };
  const verdict = verifyEvidence(evidence, known, harder);
  assert.deepEqual(verdict, { ok: false, fault: "AUXPOW_WORK" });
});

test("evidence with an AuxPoW keeps its meaning on the wire, and no byte of it can be changed", async () => {
  const rig = await mined(150);
  await rig.settle(rig.checkpoints.create(70));
  const bytes = (await rig.settle(rig.checkpoints.serve(0, 0)))!;
  const known = { firstHeight: 1, authorities: rig.forge.genesis.authorities };
  assert.deepEqual(encodeEvidence(decodeEvidence(bytes)!), bytes);
  for (let at = 0; at < bytes.length; at += 7) {
    const damaged = bytes.slice();
    damaged[at]! ^= 0x10;
    const decoded = decodeEvidence(damaged);
    if (decoded === undefined || Buffer.compare(encodeEvidence(decoded), bytes) === 0) continue;
    assert(!verifyEvidence(decoded, known, rig.chain.facts).ok, `byte ${at}`);
  }
});

for (const mode of ["FAST", "SAFE"] as const) {
  test(`recovery ${mode} goes on with the checkpoint's AuxPoW as the last one`, async () => {
    const rig = await mined(250);
    const kept = await rig.settle(rig.checkpoints.create(150));
    await recovered(rig, mode, kept.id);
    assert.equal(head(rig), 150);
    assert.deepEqual(
      rig.chain.chain.lineage.auxpows.map(({ carrierHeight }) => carrierHeight),
      [150],
    );
    await rig.feed(rig.blocks.slice(150, 175));
    assert.equal(head(rig), 175);
    assert.equal(rig.chain.chain.snapshot().final.height, 150);
    rig.restart(20);
    assert.equal(head(rig), 175);
    await rig.settle(prependHistory(rig.checkpoints, rig.blocks.slice(0, 149)));
    await rig.settle(proveHistory(rig.checkpoints, 175));
    await rig.feed(rig.blocks.slice(175));
    assert.equal(head(rig), 250);
    assert.equal(rig.chain.chain.snapshot().final.height, 179);
    assert.equal((await rig.settle(rig.checkpoints.create())).height, 170);
  });
}

test("a chain begun from a checkpoint is final up to it, however little of the history is back", async () => {
  const rig = await mined(250);
  const kept = await rig.settle(rig.checkpoints.create(150));
  await recovered(rig, "FAST", kept.id);
  await rig.settle(prependHistory(rig.checkpoints, rig.blocks.slice(40, 149)));
  rig.restart(9);
  assert.equal(rig.chain.chain.snapshot().earliestHeight, 41);
  assert.deepEqual(rig.chain.chain.snapshot().final, { height: 150, hash: kept.hash });
});

test("without the record of the lineage it is found again from the checkpoint on", async () => {
  const rig = await mined(250);
  const kept = await rig.settle(rig.checkpoints.create(150));
  await recovered(rig, "FAST", kept.id);
  await rig.feed(rig.blocks.slice(150, 200));
  const before = rig.chain.chain.lineage;
  await rig.settle(rig.chain.store.writeMeta(new Map([[LINEAGE_KEY, undefined]])));
  rig.restart(9);
  assert.deepEqual(rig.chain.chain.lineage.auxpows.at(-1), before.auxpows.at(-1));
  await rig.feed(rig.blocks.slice(200));
  assert.equal(head(rig), 250);
});

test("recovery MINIMAL on a chain begun from a checkpoint goes back to that one's AuxPoW", async () => {
  const rig = await mined(250);
  for (const height of [100, 150]) await rig.settle(rig.checkpoints.create(height));
  const [newest, older] = await rig.settle(rig.checkpoints.list());
  await recovered(rig, "FAST", older!.id);
  await rig.feed(rig.blocks.slice(100));
  for (const { id, height } of [newest!, older!]) {
    await recovered(rig, "MINIMAL", id);
    assert.equal(head(rig), height);
    rig.restart(9);
    assert.equal(rig.chain.chain.lineage.auxpows.at(-1)?.carrierHeight, height);
  }
  await rig.feed(rig.blocks.slice(100));
  assert.equal(head(rig), 250);
});

test("an AuxPoW whose range begins below the checkpoint waits for the history and blames nobody", async () => {
  const rig = new CheckpointRig(MINED);
  const blocks = Array.from({ length: 200 }, (_, index) =>
    // Mined for a while before it was found: it covers all but the newest blocks.
    rig.forge.next((index + 1) % 10 === 0 ? { auxpow: { covers: 8 } } : {}),
  );
  rig.blocks.push(...blocks);
  await rig.feed(blocks);
  const kept = await rig.settle(rig.checkpoints.create());
  await recovered(rig, "FAST", kept.id);
  const rest = cutSegments(blocks.slice(kept.height));
  const refused = await rig.chain.import(rest[0]!, "SEGMENT");
  assert.equal(refused.kind === "invalid" && refused.fault.code, "AUXPOW_RANGE_UNKNOWN");
  assert.equal(refused.kind === "invalid" && refused.fault.isInvalid, false);
  const { proven } = await rig.settle(rig.checkpoints.sound(kept.id));
  const missing = missingHistory(rig.checkpoints);
  await rig.settle(prependHistory(rig.checkpoints, blocks.slice(proven.lastAuxPow.rangeEndHeight, missing)));
  await rig.feed(blocks.slice(kept.height));
  assert.equal(head(rig), 200);
  assert.equal(splitBlock(blocks[199]!).header.length, 184);
});
