/**
 * Every named point of making a checkpoint, beginning from one and recovering: the process is killed there, the disk loses
 * what was not flushed (or some of it), and the next process ends where an undisturbed one ends, with nothing left over.
 * The points of download and import are in fault-points.test.ts.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { RecoveryMode, SyncMode, SyncService } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import {
  ADOPTED_KEY,
  AWAITED_KEY,
  RECOVERY_KEY,
  WITHHELD_KEY,
} from "../../../../src/integrations/chain/checkpoint/recovery-records.ts";
import { type FileStore, MemoryFileStore } from "../../../../src/storage/file-store.ts";
import { MemoryDisk } from "../../../../src/storage/memory.ts";
import type { WriteRequest } from "../../../../src/storage/writes.ts";
import { CheckpointRig } from "../../integrations/chain/checkpoint/checkpoint-rig.ts";
import { type Behaviour, forgeBlocks, hashOf, honest, SyncRig } from "./sync-rig.ts";

/** Writes to the database, in the order in which they come. A write that is added to recovery belongs here. */
const WRITES = [
  "a recovery is put on record",
  "side blocks go",
  "blocks go",
  "a checkpoint is adopted",
  "a rollback ends",
  "an emptying ends",
  "history is put behind",
  "the history may be served",
  "the chain was held against its checkpoint",
] as const;
type Write = (typeof WRITES)[number];

/** Of each write. */
const MOMENTS = [
  "it waits for the disk",
  "it is about to be flushed",
  "it is flushed and nobody knows",
] as const;
type Moment = (typeof MOMENTS)[number];

/** Of the search for a checkpoint to begin from, before anything is written. */
const SEARCH_POINTS = [
  "a checkpoint is asked for",
  "its evidence is on its way",
  "its block is asked for",
  "its file is about to be written",
  "its file is written and nobody knows",
] as const;

/** Of a checkpoint's file. */
const FILE_POINTS = [
  "nothing is written yet",
  "half of it is written beside",
  "it is written beside and not renamed",
  "it is renamed and the oldest is not gone",
  "all is done and nobody knows",
] as const;

function nameOf(request: WriteRequest): Write | undefined {
  switch (request.kind) {
    case "pruneSide":
      return "side blocks go";
    case "truncate":
      return "blocks go";
    case "prepend":
      return "history is put behind";
    case "append":
      return request.batch.meta.some(([key, value]) => key === ADOPTED_KEY && value !== undefined)
        ? "a checkpoint is adopted"
        : undefined;
    case "entries": {
      const entries = new Map(request.entries);
      if (entries.get(RECOVERY_KEY) !== undefined) return "a recovery is put on record";
      if (entries.get(AWAITED_KEY) !== undefined) return "an emptying ends";
      if (entries.has(RECOVERY_KEY)) return "a rollback ends";
      if (entries.has(WITHHELD_KEY)) return "the history may be served";
      return entries.has(AWAITED_KEY) ? "the chain was held against its checkpoint" : undefined;
    }
    default:
      return undefined;
  }
}

/** Kills once, at the first pass of a moment of a write: the disk loses what waits but for the survivors. */
class Killer {
  readonly disk: MemoryDisk;
  readonly passed = new Set<Write>();
  hasKilled = false;
  isArmed = false;
  readonly #waiting: (Write | undefined)[] = [];
  readonly #write: Write | undefined;
  readonly #moment: Moment;
  readonly #survivors: number;

  constructor(disk: MemoryDisk, write: Write | undefined, moment: Moment, survivors: number) {
    this.disk = disk;
    this.#write = write;
    this.#moment = moment;
    this.#survivors = survivors;
    const enqueue = disk.enqueue.bind(disk);
    disk.enqueue = (waiting) => {
      const name = nameOf(waiting.request);
      enqueue(waiting);
      this.#waiting.push(name);
      this.#hit(name, "it waits for the disk");
    };
    const flushNext = disk.flushNext.bind(disk);
    disk.flushNext = () => {
      const name = this.#waiting[0];
      this.#hit(name, "it is about to be flushed");
      this.#waiting.shift();
      flushNext();
      this.#hit(name, "it is flushed and nobody knows");
    };
  }

  #hit(name: Write | undefined, moment: Moment): void {
    if (!this.isArmed || name === undefined) return;
    this.passed.add(name);
    if (this.hasKilled || name !== this.#write || moment !== this.#moment) return;
    this.hasKilled = true;
    this.#waiting.length = 0;
    this.disk.crash({ survivors: this.#survivors });
  }
}

const LENGTH = 200;
const AT = 120;
const { forge, blocks } = forgeBlocks(LENGTH);

async function runUntil(rig: SyncRig, what: string, isDone: () => boolean): Promise<void> {
  for (let step = 0; step < 2_000 && !isDone(); step++) await rig.run(20);
  assert.ok(isDone(), `${what}: it came to no end`);
}

const isWhole = (rig: SyncRig): boolean => rig.height === LENGTH && rig.chain.snapshot().earliestHeight === 1;

/** Every block is there, on the one below; nothing of a recovery is left. */
function assertEnded(rig: SyncRig, name: string): void {
  let parent = rig.chain.facts.genesisHash;
  for (let at = 1; at <= LENGTH; at++) {
    const block = rig.chain.readBlock(at);
    assert.ok(block !== undefined, `${name}: block ${at} is missing`);
    assert.deepEqual(block.slice(0, 32), parent, `${name}: block ${at} stands on another one`);
    parent = hashOf(block);
    assert.equal(rig.chain.heightOf(parent), at);
  }
  for (const key of [RECOVERY_KEY, AWAITED_KEY, WITHHELD_KEY])
    assert.equal(rig.disk.chain.entry("meta", key), undefined, `${name}: ${key} is left`);
  assert.deepEqual(rig.offences(), [], name);
}

const MODES = {
  FAST: RecoveryMode.FAST,
  SAFE: RecoveryMode.SAFE,
  MINIMAL: RecoveryMode.MINIMAL,
  FULL: RecoveryMode.FULL,
};

const PASSED: Record<keyof typeof MODES, readonly Write[]> = {
  FAST: [...WRITES.slice(0, 4), "history is put behind", "the history may be served"],
  SAFE: [...WRITES.slice(0, 4), "history is put behind", "the history may be served"],
  MINIMAL: [...WRITES.slice(0, 3), "a rollback ends"],
  FULL: [...WRITES.slice(0, 3), "an emptying ends", "the chain was held against its checkpoint"],
};

/** A checkpoint of the chain, on a file store of its own. */
async function filesWith(
  height: number,
): Promise<{ fileStore: MemoryFileStore; id: string; evidence: Uint8Array }> {
  const maker = new CheckpointRig(forge);
  await maker.feed(blocks);
  const { id } = await maker.settle(maker.checkpoints.create(height));
  const evidence = await maker.settle(maker.checkpoints.serve(height, 0));
  return { fileStore: maker.files, id, evidence: evidence! };
}
const { fileStore: pristine, id: checkpointId, evidence } = await filesWith(AT);
const filesCopy = (): MemoryFileStore => {
  const fileStore = new MemoryFileStore();
  for (const [name, bytes] of pristine.files) fileStore.files.set(name, bytes.slice());
  return fileStore;
};

/** Brings a synced node to the kill, gives what is left of it. */
async function killedIn(
  mode: keyof typeof MODES,
  killer: Killer,
  fileStore: FileStore,
  name: string,
): Promise<void> {
  const rig = new SyncRig(forge, { disk: killer.disk, files: fileStore as MemoryFileStore });
  rig.connect({ a: { blocks } });
  await runUntil(rig, name, () => rig.height === LENGTH);
  killer.isArmed = true;
  const request = { checkpointId, recoveryMode: MODES[mode], validateOnly: false, force: true };
  rig.cell.ref.ask(SyncService.method.recoverFromCheckpoint, request).catch(() => undefined);
  await runUntil(rig, name, () => killer.hasKilled);
}

for (const mode of ["FAST", "SAFE", "MINIMAL", "FULL"] as const) {
  test(`killed at every point of a recovery ${mode}, a node carries it to its end after the restart`, async () => {
    for (const write of PASSED[mode]) {
      for (const [index, moment] of MOMENTS.entries()) {
        const name = `${mode}, ${write}, ${moment}`;
        const killer = new Killer(new MemoryDisk(), write, moment, index % 2);
        const fileStore = filesCopy();
        await killedIn(mode, killer, fileStore, name);
        killer.isArmed = false;
        const next = new SyncRig(forge, { disk: killer.disk, files: fileStore });
        assert([0, AT, LENGTH].includes(next.height) || next.height > AT, `${name}: ${next.height}`);
        next.connect({ a: { blocks }, b: { blocks } });
        await runUntil(next, name, () => isWhole(next) && nothingRuns(next));
        assertEnded(next, name);
        await next.stop();
      }
    }
  });
}

/** The records of a recovery are gone: it has ended. */
function nothingRuns(rig: SyncRig): boolean {
  return [RECOVERY_KEY, AWAITED_KEY, WITHHELD_KEY].every(
    (key) => rig.disk.chain.entry("meta", key) === undefined,
  );
}

type SearchPoint = (typeof SEARCH_POINTS)[number];

class BeginningRig extends SyncRig {
  constructor(
    disk: MemoryDisk,
    fileStore: MemoryFileStore,
    hit: (point: SearchPoint) => void = () => undefined,
  ) {
    super(forge, { disk, files: fileStore, config: { mode: "CHECKPOINT" } });
    this.network.on(NetworkInternalService.method.requestCheckpoint, () => {
      hit("a checkpoint is asked for");
      return new Promise((resolve) => {
        this.simulation.clock.setTimer(20, () => {
          hit("its evidence is on its way");
          resolve({ evidence });
        });
      });
    });
    const write = fileStore.write.bind(fileStore);
    fileStore.write = async (name, bytes) => {
      hit("its file is about to be written");
      await write(name, bytes);
      hit("its file is written and nobody knows");
    };
  }
}

test("killed at every point of the search for a checkpoint, a node looks for one again and begins", async () => {
  for (const point of SEARCH_POINTS) {
    let hasKilled = false;
    const disk = new MemoryDisk();
    const fileStore = new MemoryFileStore();
    const hit = (passed: SearchPoint): void => {
      if (passed !== point || hasKilled) return;
      hasKilled = true;
      disk.crash();
    };
    const first = new BeginningRig(disk, fileStore, hit);
    const behaviour: Behaviour = (from, count, all) => {
      hit("its block is asked for");
      return honest(from, count, all);
    };
    first.connect({ a: { blocks, behaviour }, b: { blocks, behaviour } });
    await runUntil(first, point, () => hasKilled);
    const files = new MemoryFileStore();
    const isWritten = point === "its file is written and nobody knows";
    if (isWritten) for (const [name, bytes] of fileStore.files) files.files.set(name, bytes);
    assert.equal(files.files.size, isWritten ? 1 : 0, point);
    const next = new BeginningRig(disk, files);
    assert.equal(next.height, 0, point);
    next.connect({ a: { blocks }, b: { blocks } });
    await runUntil(next, point, () => isWhole(next) && nothingRuns(next));
    assertEnded(next, point);
    assert.equal(files.files.size, 1, point);
    await next.stop();
  }
});

test("killed at every point of beginning from a checkpoint of peers, a node has begun after the restart", async () => {
  for (const write of PASSED.FAST) {
    for (const [index, moment] of MOMENTS.entries()) {
      const name = `${write}, ${moment}`;
      const killer = new Killer(new MemoryDisk(), write, moment, index % 2);
      killer.isArmed = true;
      const fileStore = new MemoryFileStore();
      const first = new BeginningRig(killer.disk, fileStore);
      first.connect({ a: { blocks }, b: { blocks } });
      await runUntil(first, name, () => killer.hasKilled);
      killer.isArmed = false;
      const next = new BeginningRig(killer.disk, fileStore);
      next.connect({ a: { blocks }, b: { blocks } });
      await runUntil(next, name, () => isWhole(next) && nothingRuns(next));
      assertEnded(next, name);
      assert.equal((await next.status()).mode === SyncMode.UNSPECIFIED, false);
      await next.stop();
    }
  }
});

/** A file store that is killed at a point of a write, as files.ts writes: beside, flushed, renamed. */
class KilledFileStore implements FileStore {
  readonly inner = new MemoryFileStore();
  readonly #at: (typeof FILE_POINTS)[number];
  hasKilled = false;

  constructor(at: (typeof FILE_POINTS)[number]) {
    this.#at = at;
  }

  names(): Promise<string[]> {
    return this.inner.names();
  }

  read(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    return this.inner.read(name, bytesMax);
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    if (this.hasKilled) return await never();
    const isBeside = this.#at === FILE_POINTS[1] || this.#at === FILE_POINTS[2];
    if (this.#at === FILE_POINTS[1])
      this.inner.files.set(`${name}.partial`, bytes.slice(0, bytes.length / 2));
    if (this.#at === FILE_POINTS[2]) this.inner.files.set(`${name}.partial`, bytes.slice());
    if (!isBeside && this.#at !== FILE_POINTS[0]) await this.inner.write(name, bytes);
    if (this.#at === FILE_POINTS[4]) return;
    this.hasKilled = true;
    return await never();
  }

  async remove(name: string): Promise<void> {
    await this.inner.remove(name);
    if (this.#at === FILE_POINTS[4]) {
      this.hasKilled = true;
      return await never();
    }
  }
}

/** The process is gone. */
const never = (): Promise<never> => new Promise(() => undefined);

test("killed at every point of writing a checkpoint, the next process has the old ones or the new one too, all whole", async () => {
  for (const point of FILE_POINTS) {
    const fileStore = new KilledFileStore(point);
    const maker = new CheckpointRig(forge, fileStore.inner);
    await maker.feed(blocks);
    for (let height = 10; height <= 100; height += 10) await maker.settle(maker.checkpoints.create(height));
    const dying = new CheckpointRig(forge, fileStore as unknown as MemoryFileStore);
    await dying.feed(blocks);
    dying.checkpoints.create(130).catch(() => undefined);
    for (let turn = 0; turn < 200 && !fileStore.hasKilled; turn++) {
      await dying.chain.scheduler.runUntilIdle();
      dying.chain.clock.advance(1);
    }
    assert(fileStore.hasKilled, point);
    const next = new CheckpointRig(forge, fileStore.inner);
    await next.feed(blocks);
    const kept = await next.settle(next.checkpoints.list());
    const isNew = kept[0]?.height === 130;
    assert.equal(isNew, FILE_POINTS.indexOf(point) >= 3, point);
    for (const { id } of kept) assert.equal((await next.settle(next.checkpoints.sound(id))).kept.id, id);
    await next.settle(next.checkpoints.create(130));
    const heights = (await next.settle(next.checkpoints.list())).map(({ height }) => height);
    assert.deepEqual(heights, [130, 100, 90, 80, 70, 60, 50, 40, 30, 20], point);
  }
});

test("every fault point is passed", async () => {
  const passed = new Set<Write>();
  for (const mode of ["FAST", "MINIMAL", "FULL"] as const) {
    const killer = new Killer(new MemoryDisk(), undefined, MOMENTS[0], 0);
    const rig = new SyncRig(forge, { disk: killer.disk, files: filesCopy() });
    rig.connect({ a: { blocks } });
    await runUntil(rig, mode, () => rig.height === LENGTH);
    killer.isArmed = true;
    const request = { checkpointId, recoveryMode: MODES[mode], force: true };
    await rig.ask(rig.cell.ref.ask(SyncService.method.recoverFromCheckpoint, request));
    await runUntil(rig, mode, () => isWhole(rig) && nothingRuns(rig));
    await rig.run(100);
    assert.deepEqual([...killer.passed].sort(), [...PASSED[mode]].sort(), mode);
    for (const write of killer.passed) passed.add(write);
    await rig.stop();
  }
  assert.deepEqual(
    WRITES.filter((write) => !passed.has(write)),
    [],
  );
});
