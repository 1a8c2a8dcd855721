/**
 * PauseSync and ResumeSync in each phase of mode CHECKPOINT: while the checkpoint is looked for, between that and the
 * synchronising above it, and while the history behind it is fetched.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkInternalService } from "../../../../../gen/alys/network/v1/network_pb.ts";
import { SyncMode, SyncService, SyncState } from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import { ChainForge } from "../../../../../src/chain/forge.ts";
import { type Failure, failure } from "../../../../../src/kernel/errors.ts";
import { MemoryFileStore } from "../../../../../src/storage/file-store.ts";
import { CheckpointRig } from "../../../integrations/chain/checkpoint/checkpoint-rig.ts";
import { type PeerOptions, SyncRig } from "../sync-rig.ts";

const { startSync, stopSync, pauseSync, resumeSync, getOperation, cancelOperation } = SyncService.method;

const LENGTH = 900;
const CHECKPOINT = 800;

const forge = ChainForge.of({ blocks: LENGTH, members: 3, endTimestampMs: 1_700_000_000_000 });
const blocks = Array.from({ length: LENGTH }, () => forge.next());
const maker = new CheckpointRig(forge);
await maker.feed(blocks);
const { id: made } = await maker.settle(maker.checkpoints.create(CHECKPOINT));
const evidence = (await maker.settle(maker.checkpoints.serve(CHECKPOINT, 0)))!;

class PauseRig extends SyncRig {
  readonly asked: string[] = [];
  /** Peers that have the checkpoint. */
  readonly having = new Set<string>();

  constructor() {
    super(forge, { files: new MemoryFileStore(), config: { isAutoStart: false } });
    this.network.on(NetworkInternalService.method.requestCheckpoint, ({ peerId }) => {
      this.asked.push(peerId);
      return new Promise((resolve, reject) => {
        this.simulation.clock.setTimer(20, () => {
          if (this.having.has(peerId)) resolve({ evidence });
          else reject(failure("NOT_FOUND", "RESOURCE_UNAVAILABLE", "it has none"));
        });
      });
    });
  }

  join(peerId: string, hasIt: boolean, options: Partial<PeerOptions> = {}): void {
    if (hasIt) this.having.add(peerId);
    this.connect({ [peerId]: { blocks, ...options } });
  }

  async begin(): Promise<string> {
    const { operation } = await this.ask(this.cell.ref.ask(startSync, { syncMode: SyncMode.CHECKPOINT }));
    return operation!.id;
  }

  async operation(id: string) {
    return (await this.ask(this.cell.ref.ask(getOperation, { id }))).operation!;
  }

  async pause(): Promise<void> {
    await this.ask(this.cell.ref.ask(pauseSync, { reason: "maintenance" }));
  }

  async resume(): Promise<void> {
    await this.ask(this.cell.ref.ask(resumeSync, {}));
  }

  get sent(): number {
    return this.asked.length + this.requests.length;
  }
}

const reason = (expected: string) => (thrown: Failure) => thrown.reason === expected;

test("while a checkpoint is looked for: nobody is asked, it is said, and the search goes on after it", async () => {
  const rig = new PauseRig();
  rig.join("a", true);
  const id = await rig.begin();
  await rig.run(3_000);
  await rig.pause();
  const { sent } = rig;
  rig.join("b", true);
  await rig.run(120_000);
  assert.equal(rig.sent, sent);
  const { state, isPaused, reason: said, mode } = await rig.status();
  assert.deepEqual([state, isPaused, said], [SyncState.DISCOVERING, true, "paused: maintenance"]);
  assert.equal(mode, SyncMode.CHECKPOINT);
  const { isDone, detail } = await rig.operation(id);
  assert.equal(isDone, false);
  assert.match(detail, /^paused: maintenance; stalled: only a has checkpoint 800/);
  await rig.resume();
  await rig.run(60_000);
  assert.deepEqual([rig.height, rig.chain.snapshot().earliestHeight], [LENGTH, 1]);
  const end = await rig.operation(id);
  assert.deepEqual([end.isDone, end.error], [true, ""]);
  await assert.rejects(rig.resume(), reason("NOT_PAUSED"));
  await rig.stop();
});

test("the time to find a checkpoint in does not run while it is paused", async () => {
  const rig = new PauseRig();
  rig.join("a", false);
  const id = await rig.begin();
  await rig.run(20_000);
  await rig.pause();
  await rig.run(300_000);
  await rig.resume();
  await rig.run(8_000);
  assert.equal((await rig.operation(id)).isDone, false);
  assert.deepEqual([rig.height, rig.requests.length], [0, 0]);
  await rig.run(10_000);
  const { isDone, error } = await rig.operation(id);
  assert(isDone);
  assert.match(error, /synchronising FAST from genesis/);
  assert.equal(rig.height, LENGTH);
  await rig.stop();
});

test("paused before an answer comes: it is kept, and neither side of the checkpoint is asked for", async () => {
  const rig = new PauseRig();
  rig.join("a", true);
  rig.join("b", true);
  await rig.begin();
  await rig.run(5);
  assert(rig.asked.length > 0);
  await rig.pause();
  const { sent } = rig;
  await rig.run(30_000);
  assert.equal(rig.sent, sent);
  assert.equal(rig.height, 0);
  await rig.resume();
  await rig.run(60_000);
  assert.equal(rig.height, LENGTH);
  assert.equal(rig.asked.filter((peerId) => peerId === "a").length, 1, "what it answered counts");
  await rig.stop();
});

test("paused while the history behind it is fetched: that stands still too", async () => {
  const rig = new PauseRig();
  const slowly: PeerOptions["behaviour"] = (first, count) =>
    blocks.slice(first - 1, first - 1 + Math.min(count, 4));
  rig.join("a", true, { behaviour: slowly });
  rig.join("b", true, { behaviour: slowly });
  const id = await rig.begin();
  const isUnderWay = () => rig.height >= CHECKPOINT && rig.chain.snapshot().earliestHeight < CHECKPOINT - 200;
  for (let turn = 0; turn < 2_000 && !isUnderWay(); turn++) await rig.run(20);
  const before = rig.chain.snapshot().earliestHeight;
  assert(before > 1 && before < CHECKPOINT);
  await rig.pause();
  await rig.run(1_000);
  const { sent } = rig;
  const { earliestHeight } = rig.chain.snapshot();
  await rig.run(60_000);
  assert.equal(rig.sent, sent);
  assert.equal(rig.chain.snapshot().earliestHeight, earliestHeight);
  assert.match((await rig.operation(id)).detail, /^paused: maintenance; begun from checkpoint 800-/);
  await rig.resume();
  await rig.run(120_000);
  assert.equal(rig.chain.snapshot().earliestHeight, 1);
  assert.equal((await rig.operation(id)).error, "");
  await rig.stop();
});

test("a paused search is ended by CancelOperation, by StopSync and by another mode, and the pause with it", async () => {
  const rig = new PauseRig();
  rig.join("a", true);
  const first = await rig.begin();
  await rig.pause();
  const { operation } = await rig.ask(rig.cell.ref.ask(cancelOperation, { id: first }));
  assert.deepEqual([operation?.isDone, operation?.error], [true, "cancelled"]);
  assert.equal((await rig.status()).isPaused, false);
  await assert.rejects(rig.pause(), reason("NOT_RUNNING"));
  const second = await rig.begin();
  await rig.pause();
  await rig.ask(rig.cell.ref.ask(stopSync, { reason: "enough" }));
  assert.equal((await rig.operation(second)).error, "stopped: enough");
  const { sent } = rig;
  await rig.run(10_000);
  assert.equal(rig.sent, sent);
  await rig.begin();
  await rig.pause();
  await rig.ask(rig.cell.ref.ask(startSync, { syncMode: SyncMode.FAST }));
  assert.equal((await rig.status()).isPaused, false);
  await rig.run(10_000);
  assert.equal(rig.height, LENGTH);
  await rig.stop();
});

test("paused while a checkpoint of our own disk is adopted: synchronising begins paused", async () => {
  const rig = new PauseRig();
  const files = new MemoryFileStore();
  const before = new CheckpointRig(forge, files);
  await before.feed(blocks);
  await before.settle(before.checkpoints.create(CHECKPOINT));
  const named = new SyncRig(forge, { files, config: { isAutoStart: false } });
  named.connect({ a: { blocks } });
  const begun = named.cell.ref.ask(startSync, { syncMode: SyncMode.CHECKPOINT, checkpointId: made });
  const paused = named.cell.ref.ask(pauseSync, { reason: "" });
  await named.ask(begun);
  await named.ask(paused);
  await named.run(10_000);
  assert.deepEqual([named.height, named.requests.length], [CHECKPOINT, 0]);
  const status = await named.status();
  assert.deepEqual([status.isPaused, status.reason, status.mode], [true, "paused", SyncMode.CHECKPOINT]);
  await named.ask(named.cell.ref.ask(resumeSync, {}));
  await named.run(30_000);
  assert.equal(named.height, LENGTH);
  await named.stop();
  await rig.stop();
});
