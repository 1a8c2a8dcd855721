/** The checkpoints on an embedded chain: making, keeping, proving and serving checkpoints, and the four ways of recovery. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeEvidence } from "../../../../../src/chain/checkpoint/codec.ts";
import { verifyEvidence } from "../../../../../src/chain/checkpoint/evidence.ts";
import { forgeChain, forgeSecretKeys } from "../../../../../src/chain/forge.ts";
import { decodeHistoryProof, verifyHistoryProof } from "../../../../../src/chain/mmr.ts";
import { HistoryNodes } from "../../../../../src/integrations/chain/checkpoint/checkpoint-history.ts";
import {
  findDamage,
  missingHistory,
  planRecovery,
  prependHistory,
  proveHistory,
  recover,
} from "../../../../../src/integrations/chain/checkpoint/checkpoint-recovery.ts";
import type { KeptCheckpoint } from "../../../../../src/integrations/chain/checkpoint/checkpoint-store.ts";
import type { RecoveryMode } from "../../../../../src/integrations/chain/checkpoint/recovery-records.ts";
import { Failure } from "../../../../../src/kernel/errors.ts";
import { MemoryLog } from "../../../../../src/kernel/ports/log.ts";
import { hashOfBlock } from "../segments.ts";
import { CheckpointRig } from "./checkpoint-rig.ts";

const SECRETS = forgeSecretKeys(6);

/** Signed once. */
const BLOCKS = [...forgeChain({ members: 1, blocks: 200 })];

async function grown(count: number): Promise<CheckpointRig> {
  const rig = new CheckpointRig();
  rig.blocks.push(...BLOCKS.slice(0, count));
  await rig.feed(rig.blocks);
  return rig;
}

async function recovered(rig: CheckpointRig, mode: RecoveryMode, checkpointId: string) {
  const log = new MemoryLog();
  const plan = await rig.settle(planRecovery(rig.checkpoints, { checkpointId, mode, isScanned: false }));
  await rig.settle(recover(rig.checkpoints, plan, log));
  return { plan, log };
}

const reason = (expected: string) => (thrown: unknown) =>
  thrown instanceof Failure && thrown.reason === expected;

const warned = (log: MemoryLog): boolean => JSON.stringify(log).includes("rollback below final");

test("CheckpointStore.create() makes one of the last final block, list() tells it, sound() believes it", async () => {
  const rig = await grown(200);
  const kept = await rig.settle(rig.checkpoints.create());
  assert.equal(kept.height, 136);
  assert.match(kept.id, /^136-[0-9a-f]{8}$/);
  assert.deepEqual(await rig.settle(rig.checkpoints.list()), [kept]);
  const sound = await rig.settle(rig.checkpoints.sound(kept.id));
  assert.deepEqual(sound.proven.hash, rig.chain.chain.hashAt(136));
});

test("CheckpointStore.create() refuses blocks that are not final", async () => {
  const rig = await grown(100);
  for (const height of [0, 37, 100])
    await assert.rejects(rig.settle(rig.checkpoints.create(height)), reason("NOT_FINAL"));
});

test("CheckpointStore keeps ten checkpoints, the newest ones", async () => {
  const rig = await grown(200);
  for (let height = 10; height <= 130; height += 10) await rig.settle(rig.checkpoints.create(height));
  const heights = (await rig.settle(rig.checkpoints.list())).map(({ height }) => height);
  assert.deepEqual(heights, [130, 120, 110, 100, 90, 80, 70, 60, 50, 40]);
  assert.equal(rig.files.files.size, 10);
});

test("CheckpointStore.sound() refuses what is not there and any damaged file", async () => {
  const rig = await grown(150);
  const { id } = await rig.settle(rig.checkpoints.create(80));
  await assert.rejects(rig.settle(rig.checkpoints.sound("7-00000000")), reason("CHECKPOINT_NOT_FOUND"));
  const name = `${id}.checkpoint`;
  const bytes = rig.files.files.get(name)!;
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ change;
      rig.files.files.set(name, damaged);
      await assert.rejects(rig.settle(rig.checkpoints.sound(id)), reason("CHECKPOINT_UNSOUND"));
      assert.deepEqual(await rig.settle(rig.checkpoints.list()), []);
    }),
    { numRuns: 25 },
  );
});

test("CheckpointStore.prove() proves every block below the checkpoint, genesis included, and no other", async () => {
  const rig = await grown(200);
  const { id } = await rig.settle(rig.checkpoints.create(130));
  for (const height of [0, 1, 2, 63, 64, 127, 128, 129]) {
    const { proof, hash, historyRoot } = await rig.settle(rig.checkpoints.prove({ height }, id));
    assert(verifyHistoryProof(decodeHistoryProof(proof), hash, historyRoot), `block ${height}`);
    const other = rig.chain.chain.hashAt(height + 1)!;
    assert(!verifyHistoryProof(decodeHistoryProof(proof), other, historyRoot));
  }
  const byHash = await rig.settle(rig.checkpoints.prove({ hash: rig.chain.chain.hashAt(5)! }, ""));
  assert.equal(byHash.height, 5);
  await assert.rejects(rig.settle(rig.checkpoints.prove({ height: 130 }, id)), reason("ABOVE_CHECKPOINT"));
  await assert.rejects(rig.settle(rig.checkpoints.prove({ height: 999 }, id)), reason("BLOCK_NOT_FOUND"));
});

test("HistoryNodes gives the same proofs from remembered runs as from hashes", async () => {
  const hash = (height: number): Uint8Array => {
    const bytes = new Uint8Array(32).fill(7);
    new DataView(bytes.buffer).setUint32(0, height);
    return bytes;
  };
  const hashesBetween = (first: number, count: number): Uint8Array =>
    new Uint8Array(Buffer.concat(Array.from({ length: count }, (_, index) => hash(first + index))));
  const plain = new HistoryNodes({ hashesBetween }, hash(0));
  const ready = new HistoryNodes({ hashesBetween }, hash(0));
  let pauses = 0;
  const pause = async (): Promise<void> => void pauses++;
  await ready.prepare(80_000, pause);
  assert.equal(pauses, 1);
  for (const [index, count] of [
    [0, 70_001],
    [4095, 70_001],
    [4096, 12_289],
    [69_999, 70_001],
  ] as const) {
    assert.deepEqual(ready.proof(index, count), plain.proof(index, count));
    assert.deepEqual(ready.peaks(count), plain.peaks(count));
  }
});

test("CheckpointStore.serve() answers the newest at or below a height with the changes that the asker lacks", async () => {
  const rig = new CheckpointRig({
    members: 3,
    authorityChanges: [{ height: 60, set: SECRETS.slice(0, 4) }],
  });
  await rig.grow(200);
  for (const height of [50, 90, 120]) await rig.settle(rig.checkpoints.create(height));
  const genesis = { firstHeight: 1, authorities: rig.forge.genesis.authorities };
  const heightOf = async (heightMax: number): Promise<number | undefined> => {
    const bytes = await rig.settle(rig.checkpoints.serve(heightMax, 0));
    const evidence = bytes && decodeEvidence(bytes);
    const verdict = evidence && verifyEvidence(evidence, genesis, rig.chain.facts);
    return verdict?.ok ? verdict.proven.header.height : undefined;
  };
  assert.deepEqual(
    [await heightOf(0), await heightOf(100), await heightOf(50), await heightOf(49)],
    [120, 90, 50, undefined],
  );
  const known = decodeEvidence((await rig.settle(rig.checkpoints.serve(0, 60)))!);
  assert.equal(known?.changes.length, 0);
});

test("recovery FAST stands on the checkpoint at once, serves from it, goes on, and back-fills", async () => {
  const rig = await grown(200);
  const kept = await rig.settle(rig.checkpoints.create(100));
  const { log, plan } = await recovered(rig, "FAST", kept.id);
  const { chain } = rig.chain;
  assert.equal(plan.blocksDeleted, 200);
  assert(warned(log));
  assert.deepEqual([chain.snapshot().head.height, chain.snapshot().earliestHeight], [100, 100]);
  assert.deepEqual(chain.snapshot().final, { height: 100, hash: kept.hash });
  await rig.feed(rig.blocks.slice(100, 180));
  assert.equal(chain.snapshot().head.height, 180);
  rig.restart(9);
  assert.equal(rig.chain.chain.snapshot().head.height, 180);
  assert.equal(missingHistory(rig.checkpoints), 99);
  await rig.settle(prependHistory(rig.checkpoints, rig.blocks.slice(40, 99)));
  assert.equal(rig.chain.chain.snapshot().earliestHeight, 41);
  await rig.settle(prependHistory(rig.checkpoints, rig.blocks.slice(0, 40)));
  await rig.settle(proveHistory(rig.checkpoints, 180));
  assert.deepEqual(
    rig.chain.chain.readRange(1, 200, 1 << 30).map(hashOfBlock),
    rig.blocks.slice(0, 180).map(hashOfBlock),
  );
  await rig.feed(rig.blocks.slice(180));
  assert.equal((await rig.settle(rig.checkpoints.create(120))).height, 120);
});

test("recovery SAFE serves nothing until the history is back and proven, over a restart too", async () => {
  const rig = await grown(200);
  const kept = await rig.settle(rig.checkpoints.create(100));
  await recovered(rig, "SAFE", kept.id);
  const earliest = (): number => rig.chain.chain.snapshot().earliestHeight;
  assert.equal(earliest(), 101);
  await rig.feed(rig.blocks.slice(100, 150));
  assert.equal(earliest(), 151);
  rig.restart();
  assert.equal(earliest(), 151);
  await rig.settle(prependHistory(rig.checkpoints, rig.blocks.slice(0, 99)));
  assert.equal(earliest(), 151);
  await rig.settle(proveHistory(rig.checkpoints, 150));
  assert.equal(earliest(), 1);
  rig.restart();
  assert.equal(earliest(), 1);
});

test("recovery MINIMAL rolls back to the newest sound checkpoint at or below the damage", async () => {
  const rig = await grown(200);
  const kept: KeptCheckpoint[] = [];
  for (const height of [60, 90, 120]) kept.push(await rig.settle(rig.checkpoints.create(height)));
  const name = `${kept[1]!.id}.checkpoint`;
  const good = rig.files.files.get(name)!;
  const damagedFile = good.slice();
  damagedFile[300]! ^= 1;
  rig.files.files.set(name, damagedFile);
  // Another block lies where block 110 was.
  const read = rig.chain.store.readRange.bind(rig.chain.store);
  rig.chain.store.readRange = (first, count, bytesMax) =>
    read(first, count, bytesMax).map((block, index) => (first + index === 110 ? rig.blocks[5]! : block));
  assert.equal(await rig.settle(findDamage(rig.checkpoints)), 110);
  const { plan, log } = await recovered(rig, "MINIMAL", "");
  assert.equal(plan.damagedHeight, 110);
  assert.equal(plan.checkpoint.kept.height, 60);
  assert(warned(log));
  const { head, earliestHeight, final } = rig.chain.chain.snapshot();
  assert.deepEqual([head.height, earliestHeight, final.height], [60, 1, 0]);
  rig.chain.store.readRange = read;
  await rig.feed(rig.blocks.slice(60));
  assert.equal(rig.chain.chain.snapshot().head.height, 200);
  assert.equal(await rig.settle(findDamage(rig.checkpoints)), undefined);
});

test("recovery MINIMAL without a sound checkpoint below the damage touches nothing", async () => {
  const rig = await grown(150);
  const work = planRecovery(rig.checkpoints, { checkpointId: "", mode: "MINIMAL", isScanned: true });
  await assert.rejects(rig.settle(work), reason("NO_SOUND_CHECKPOINT"));
  assert.equal(rig.chain.chain.snapshot().head.height, 150);
});

test("recovery FULL empties the chain, which then takes blocks from genesis on", async () => {
  const rig = await grown(200);
  const kept = await rig.settle(rig.checkpoints.create(100));
  const { log } = await recovered(rig, "FULL", kept.id);
  assert(warned(log));
  assert.deepEqual(rig.chain.chain.snapshot().head.hash, rig.forge.genesis.hash);
  rig.restart();
  await rig.feed(rig.blocks);
  assert.deepEqual(rig.chain.chain.hashAt(100), kept.hash);
  assert.equal(rig.files.files.size, 1);
});

test("a plan of any mode with a damaged checkpoint is refused and the chain stays", async () => {
  const rig = await grown(150);
  const { id } = await rig.settle(rig.checkpoints.create(80));
  const bytes = rig.files.files.get(`${id}.checkpoint`)!;
  bytes[500]! ^= 4;
  for (const mode of ["FAST", "SAFE", "FULL"] as const) {
    const work = planRecovery(rig.checkpoints, { checkpointId: id, mode, isScanned: false });
    await assert.rejects(rig.settle(work), reason("CHECKPOINT_UNSOUND"));
  }
  assert.equal(rig.chain.chain.snapshot().head.height, 150);
});

test("prependHistory() refuses blocks that do not lead to what is there", async () => {
  const rig = await grown(200);
  const kept = await rig.settle(rig.checkpoints.create(100));
  await recovered(rig, "FAST", kept.id);
  const other = new CheckpointRig({ members: 1, seed: 2 });
  await other.grow(99);
  const torn = rig.blocks[98]!.slice();
  torn[torn.length - 150]! ^= 1;
  for (const blocks of [
    other.blocks,
    rig.blocks.slice(0, 98),
    [...rig.blocks.slice(0, 50), ...rig.blocks.slice(51, 99)],
    [torn],
    [new Uint8Array(5)],
    [],
  ]) {
    await assert.rejects(rig.settle(prependHistory(rig.checkpoints, blocks)), reason("WRONG_HISTORY"));
  }
  assert.equal(missingHistory(rig.checkpoints), 99);
});

test("a crash at any write of a recovery leaves a chain that opens", async () => {
  for (const mode of ["FAST", "SAFE", "MINIMAL", "FULL"] as const) {
    for (let survivors = 0; survivors < 5; survivors++) {
      const rig = await grown(200);
      const kept = await rig.settle(rig.checkpoints.create(100));
      const plan = await rig.settle(
        planRecovery(rig.checkpoints, { checkpointId: kept.id, mode, isScanned: false }),
      );
      recover(rig.checkpoints, plan, new MemoryLog()).catch(() => undefined);
      for (let step = 0; step < survivors; step++) {
        await Promise.resolve();
        rig.chain.scheduler.step();
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      }
      rig.restart(1);
      const { head } = rig.chain.chain.snapshot();
      assert([0, 100, 200].includes(head.height), `${mode} ${survivors}: ${head.height}`);
      await rig.feed(rig.blocks.slice(head.height));
      assert.equal(rig.chain.chain.snapshot().head.height, 200);
    }
  }
});
