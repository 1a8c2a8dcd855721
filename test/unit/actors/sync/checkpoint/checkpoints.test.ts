/** Checkpoints through the SyncActor: made by themselves and when asked, proofs, and the four recoveries to their end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Offence } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import { type Checkpoint, RecoveryMode, SyncService } from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import { ChainForge } from "../../../../../src/chain/forge.ts";
import { decodeHistoryProof, verifyHistoryProof } from "../../../../../src/chain/mmr.ts";
import { Failure } from "../../../../../src/kernel/errors.ts";
import { MemoryFileStore } from "../../../../../src/storage/file-store.ts";
import { type Behaviour, forgeBlocks, honest, type RigOptions, SyncRig } from "../sync-rig.ts";

const {
  createCheckpoint,
  listCheckpoints,
  proveBlock,
  recoverFromCheckpoint,
  getOperation,
  cancelOperation,
} = SyncService.method;

const { forge, blocks } = forgeBlocks(400);
/** When forgeBlocks' last block is. */
const START_MS = 1_700_000_000_000;

const reason = (expected: string) => (thrown: unknown) =>
  thrown instanceof Failure && thrown.reason === expected;

async function synced(options: RigOptions = {}): Promise<SyncRig> {
  const rig = new SyncRig(forge, { files: new MemoryFileStore(), ...options });
  rig.connect({ a: { blocks }, b: { blocks } });
  await rig.run(3_000);
  assert.equal(rig.height, 400);
  return rig;
}

async function create(rig: SyncRig, height: number): Promise<Checkpoint> {
  const { checkpoint } = await rig.ask(rig.cell.ref.ask(createCheckpoint, { height: BigInt(height) }));
  assert(checkpoint !== undefined);
  return checkpoint;
}

async function recover(rig: SyncRig, recoveryMode: RecoveryMode, checkpointId: string, validateOnly = false) {
  const request = { checkpointId, recoveryMode, validateOnly, force: true };
  return rig.ask(rig.cell.ref.ask(recoverFromCheckpoint, request));
}

async function operation(rig: SyncRig, id: string | undefined) {
  return (await rig.ask(rig.cell.ref.ask(getOperation, { id: id ?? "" }))).operation;
}

const earliest = (rig: SyncRig): number => rig.chain.snapshot().earliestHeight;
const rolledBack = (rig: SyncRig): boolean =>
  rig.log.records.some(({ message, level }) => message === "rollback below final" && level === "warn");

test("SyncActor makes a checkpoint of every so many final blocks", async () => {
  const files = new MemoryFileStore();
  const rig = await synced({ files, config: { checkpointInterval: 100 } });
  const { checkpoints } = await rig.ask(rig.cell.ref.ask(listCheckpoints, {}));
  assert(checkpoints.length > 0);
  for (const { block } of checkpoints) assert.equal(Number(block?.height) % 100, 0);
  await rig.stop();
});

test("SyncActor lists checkpoints newest first, in pages", async () => {
  const rig = await synced();
  for (const height of [50, 150, 100]) await create(rig, height);
  const first = await rig.ask(rig.cell.ref.ask(listCheckpoints, { pageSize: 2 }));
  assert.deepEqual(
    first.checkpoints.map(({ block }) => block?.height),
    [150n, 100n],
  );
  const rest = await rig.ask(rig.cell.ref.ask(listCheckpoints, { pageToken: first.nextPageToken }));
  assert.deepEqual(
    rest.checkpoints.map(({ block }) => block?.height),
    [50n],
  );
  assert.equal(rest.nextPageToken, "");
  await rig.stop();
});

test("SyncActor proves blocks by the newest checkpoint", async () => {
  const rig = await synced();
  await create(rig, 200);
  const answer = await rig.ask(rig.cell.ref.ask(proveBlock, { by: { case: "height", value: 7n } }));
  assert(verifyHistoryProof(decodeHistoryProof(answer.proof), answer.block!.hash, answer.historyRoot));
  assert.equal(answer.checkpoint?.height, 200n);
  const above = rig.cell.ref.ask(proveBlock, { by: { case: "height", value: 300n } });
  await assert.rejects(rig.ask(above), reason("ABOVE_CHECKPOINT"));
  await rig.stop();
});

test("SyncActor without a files refuses all of it", async () => {
  const rig = new SyncRig(forge);
  await assert.rejects(rig.ask(rig.cell.ref.ask(createCheckpoint, {})), reason("NO_CHECKPOINTS"));
  await assert.rejects(rig.ask(rig.cell.ref.ask(listCheckpoints, {})), reason("NO_CHECKPOINTS"));
  await assert.rejects(recover(rig, RecoveryMode.FAST, "1-00000000"), reason("NO_CHECKPOINTS"));
  await rig.stop();
});

test("SyncActor says what a recovery would do and does nothing", async () => {
  const rig = await synced();
  const { id } = await create(rig, 200);
  for (const [mode, deleted] of [
    [RecoveryMode.FAST, 400n],
    [RecoveryMode.SAFE, 400n],
    [RecoveryMode.MINIMAL, 200n],
    [RecoveryMode.FULL, 400n],
  ] as const) {
    const { plan, blocksDeleted, operation: begun, checkpoint } = await recover(rig, mode, id, true);
    assert(plan.includes(id));
    assert.deepEqual([blocksDeleted, begun, checkpoint?.id], [deleted, undefined, id]);
  }
  assert.equal(rig.height, 400);
  await assert.rejects(recover(rig, RecoveryMode.UNSPECIFIED, id), reason("BAD_FIELD"));
  await assert.rejects(recover(rig, RecoveryMode.FAST, ""), reason("BAD_FIELD"));
  await assert.rejects(recover(rig, RecoveryMode.FAST, "9-00000000"), reason("CHECKPOINT_NOT_FOUND"));
  assert.equal(rig.height, 400);
  await rig.stop();
});

test("SyncActor leaves a chain alone of which no block is damaged, in every mode, unless it is forced", async () => {
  const rig = await synced();
  const { id } = await create(rig, 200);
  for (const recoveryMode of [
    RecoveryMode.FAST,
    RecoveryMode.SAFE,
    RecoveryMode.MINIMAL,
    RecoveryMode.FULL,
  ]) {
    const request = { checkpointId: id, recoveryMode };
    const dry = await rig.ask(rig.cell.ref.ask(recoverFromCheckpoint, { ...request, validateOnly: true }));
    assert.equal(dry.needsForce, true);
    const refused = rig.ask(rig.cell.ref.ask(recoverFromCheckpoint, request));
    await assert.rejects(refused, (thrown: unknown) => {
      assert(thrown instanceof Failure);
      assert.equal(thrown.reason, "CHAIN_SOUND");
      assert.match(thrown.message, /no stored block is damaged, and it would .*: \d00 blocks go/);
      return true;
    });
    assert.equal(rig.height, 400);
  }
  const { blocksDeleted } = await recover(rig, RecoveryMode.MINIMAL, id);
  assert.equal(blocksDeleted, 200n);
  await rig.stop();
});

for (const [name, mode] of [
  ["FAST", RecoveryMode.FAST],
  ["SAFE", RecoveryMode.SAFE],
] as const) {
  test(`SyncActor recovers ${name}: forward at once, back-filled from peers, a liar is reported`, async () => {
    const rig = await synced();
    const { id } = await create(rig, 300);
    // Below the checkpoint it gives the first block again and again.
    const liar: Behaviour = (first, count, own) =>
      first < 300 ? Array.from({ length: count }, () => own[0]!) : honest(first, count, own);
    rig.connect({ a: { blocks, behaviour: liar } });
    const { operation: begun } = await recover(rig, mode, id);
    assert.equal(begun?.isDone, false);
    assert.equal(begun?.kind, "RecoverFromCheckpoint");
    assert(rolledBack(rig));
    assert.equal(earliest(rig), mode === RecoveryMode.FAST ? 300 : rig.height + 1);
    await rig.run(20_000);
    assert.equal(rig.height, 400);
    assert.equal(earliest(rig), 1);
    assert.deepEqual(await operation(rig, begun?.id).then((one) => [one?.isDone, one?.error]), [true, ""]);
    const lies = rig.offences().filter(({ offence }) => offence === Offence.WRONG_ANSWER);
    assert.deepEqual(
      lies.map(({ peerId }) => peerId),
      ["a"],
    );
    await rig.stop();
  });
}

test("SyncActor recovers MINIMAL: the chain up to the checkpoint stays and the rest comes again", async () => {
  const rig = await synced();
  const { id } = await create(rig, 300);
  rig.disconnect("a");
  rig.disconnect("b");
  const { operation: begun, blocksDeleted } = await recover(rig, RecoveryMode.MINIMAL, id);
  assert.deepEqual([begun?.isDone, blocksDeleted, rig.height, earliest(rig)], [true, 100n, 300, 1]);
  assert(rolledBack(rig));
  const requestsBefore = rig.requests.length;
  rig.connect({ c: { blocks } });
  await rig.run(5_000);
  assert.equal(rig.height, 400);
  assert.equal(Math.min(...rig.requests.slice(requestsBefore).map(({ first }) => first)), 301);
  await rig.stop();
});

test("SyncActor recovers FULL: all comes again, every block verified, and is held against the checkpoint", async () => {
  const rig = await synced();
  const { id } = await create(rig, 300);
  const requestsBefore = rig.requests.length;
  const { operation: begun } = await recover(rig, RecoveryMode.FULL, id);
  assert.equal(begun?.isDone, false);
  await rig.run(10_000);
  assert.equal(rig.height, 400);
  assert.equal(Math.min(...rig.requests.slice(requestsBefore).map(({ first }) => first)), 1);
  assert.deepEqual(await operation(rig, begun?.id).then((one) => [one?.isDone, one?.error]), [true, ""]);
  await rig.stop();
});

test("SyncActor stops after FULL when the peers' chain has another block than the checkpoint", async () => {
  const origin = ChainForge.of({ blocks: 400, members: 3, endTimestampMs: START_MS });
  const one = Array.from({ length: 400 }, () => origin.next());
  const rig = new SyncRig(origin, { files: new MemoryFileStore() });
  rig.connect({ a: { blocks: one } });
  await rig.run(3_000);
  const { id } = await create(rig, 300);
  rig.disconnect("a");
  const { operation: begun } = await recover(rig, RecoveryMode.FULL, id);
  const second = ChainForge.of({ blocks: 400, members: 3, endTimestampMs: START_MS });
  const away = Array.from({ length: 400 }, (_, index) =>
    second.next(index === 250 ? { transactions: [] } : {}),
  );
  rig.connect({ c: { blocks: away } });
  await rig.run(10_000);
  const ended = await operation(rig, begun?.id);
  assert.equal(ended?.isDone, true);
  assert.match(ended?.error ?? "", /another block 300/);
  await rig.stop();
});

test("SyncActor's back-fill waits for peers, can be cancelled, and goes on after a restart", async () => {
  const files = new MemoryFileStore();
  const rig = await synced({ files });
  const { id } = await create(rig, 300);
  rig.disconnect("a");
  rig.disconnect("b");
  const { operation: begun } = await recover(rig, RecoveryMode.FAST, id);
  await rig.run(10_000);
  assert.deepEqual([rig.height, earliest(rig)], [300, 300]);
  const { operation: ended } = await rig.ask(rig.cell.ref.ask(cancelOperation, { id: begun?.id ?? "" }));
  assert.deepEqual([ended?.isDone, ended?.error], [true, "cancelled"]);
  await rig.stop();
  rig.disk.crash();
  const next = new SyncRig(forge, { files, disk: rig.disk });
  next.connect({ c: { blocks } });
  await next.run(20_000);
  assert.deepEqual([next.height, earliest(next)], [400, 1]);
  await next.stop();
});
