/**
 * Mode CHECKPOINT: an empty chain begun from a checkpoint that two parties agree on, with every kind of evidence that does
 * not hold, one party alone, nobody at all, and two chains that quorums signed.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkInternalService } from "../../../../../gen/alys/network/v1/network_pb.ts";
import { Offence } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import { SyncMode, SyncService } from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import { decodeEvidence, encodeEvidence } from "../../../../../src/chain/checkpoint/codec.ts";
import type { CheckpointEvidence } from "../../../../../src/chain/checkpoint/evidence.ts";
import { ChainForge, forgeSecretKeys } from "../../../../../src/chain/forge.ts";
import { Failure, failure } from "../../../../../src/kernel/errors.ts";
import { MemoryFileStore } from "../../../../../src/storage/file-store.ts";
import { CheckpointRig } from "../../../integrations/chain/checkpoint/checkpoint-rig.ts";
import { type PeerOptions, type RigOptions, SyncRig } from "../sync-rig.ts";

const { startSync, stopSync, getOperation, cancelOperation } = SyncService.method;

/** When the last block of each chain here is. */
const START_MS = 1_700_000_000_000;
const LENGTH = 400;
/** One member more from 101 on, so that there is a change to prove. */
const OPTIONS = {
  blocks: LENGTH,
  members: 3,
  endTimestampMs: START_MS,
  authorityChanges: [{ height: 100, set: forgeSecretKeys(4) }],
};

interface Source {
  readonly forge: ChainForge;
  readonly blocks: readonly Uint8Array[];
  /** Encoded evidence of the checkpoint at this height. */
  at(height: number): Uint8Array;
}

async function sourceOf(
  forge: ChainForge,
  blocks: readonly Uint8Array[],
  heights: number[],
): Promise<Source> {
  const rig = new CheckpointRig(forge);
  await rig.feed(blocks);
  const byHeight = new Map<number, Uint8Array>();
  for (const height of heights) {
    await rig.settle(rig.checkpoints.create(height));
    byHeight.set(height, (await rig.settle(rig.checkpoints.serve(height, 0)))!);
  }
  return { forge, blocks, at: (height) => byHeight.get(height)! };
}

async function sourceWith(options: typeof OPTIONS | Parameters<typeof ChainForge.of>[0], heights: number[]) {
  const forge = ChainForge.of({ ...options, blocks: LENGTH, endTimestampMs: START_MS });
  const blocks = Array.from({ length: LENGTH }, () => forge.next());
  return await sourceOf(forge, blocks, heights);
}

const source = await sourceWith(OPTIONS, [150, 200, 300]);
const { forge, blocks } = source;

/** What a peer answers on `checkpoint/1`; undefined: that it has none. */
type Offer = (heightMax: number) => Uint8Array | undefined;

/** The highest of these at or below what is asked for. */
const offers =
  (of: Source, ...heights: number[]): Offer =>
  (heightMax) => {
    const height = heights.filter((each) => heightMax === 0 || each <= heightMax).sort((a, b) => b - a)[0];
    return height === undefined ? undefined : of.at(height);
  };

class StartRig extends SyncRig {
  readonly offered = new Map<string, Offer>();
  readonly asked: { peerId: string; heightMax: number }[] = [];

  constructor(options: RigOptions = {}, of: Source = source) {
    super(of.forge, {
      files: new MemoryFileStore(),
      ...options,
      config: { isAutoStart: false, ...options.config },
    });
    this.network.on(NetworkInternalService.method.requestCheckpoint, ({ peerId, heightMax }) => {
      this.asked.push({ peerId, heightMax: Number(heightMax) });
      const evidence = this.offered.get(peerId)?.(Number(heightMax));
      return new Promise((resolve, reject) => {
        this.simulation.clock.setTimer(20, () => {
          if (evidence !== undefined) resolve({ evidence });
          else reject(failure("NOT_FOUND", "RESOURCE_UNAVAILABLE", "it has none"));
        });
      });
    });
  }

  join(peerId: string, offer: Offer, options: Partial<PeerOptions> = {}): void {
    this.offered.set(peerId, offer);
    this.connect({ [peerId]: { blocks, ...options } });
  }

  async begin(request: { checkpointId?: string } = {}) {
    const answer = await this.ask(
      this.cell.ref.ask(startSync, { syncMode: SyncMode.CHECKPOINT, ...request }),
    );
    assert(answer.operation !== undefined);
    return answer.operation;
  }

  async operation(id: string) {
    const { operation } = await this.ask(this.cell.ref.ask(getOperation, { id }));
    assert(operation !== undefined);
    return operation;
  }
}

const reason = (expected: string) => (thrown: unknown) =>
  thrown instanceof Failure && thrown.reason === expected;
const lowest = (rig: SyncRig): number => Math.min(...rig.requests.map(({ first }) => first));
const earliest = (rig: SyncRig): number => rig.chain.snapshot().earliestHeight;
const accused = (rig: SyncRig): string[] =>
  rig
    .offences()
    .filter(({ offence }) => offence === Offence.WRONG_ANSWER)
    .map(({ peerId }) => peerId);

/** Everything is there, and nothing of it was verified from genesis on before the head was reached. */
async function assertBegun(rig: StartRig, id: string, height: number): Promise<void> {
  await rig.run(20_000);
  assert.equal(rig.height, LENGTH);
  assert.equal(earliest(rig), 1);
  const { isDone, error, detail } = await rig.operation(id);
  assert.deepEqual([isDone, error], [true, ""]);
  assert.match(detail, new RegExp(`checkpoint ${height}-`));
  const forward = rig.requests.findIndex(({ first }) => first === height + 1);
  const back = rig.requests.findIndex(({ first, count }) => first < height && first + count <= height);
  assert(forward >= 0 && back >= 0, "the chain grew in both directions");
}

test("two peers that deliver the same checkpoint: adopted, followed above, back-filled behind", async () => {
  const rig = new StartRig();
  rig.join("a", offers(source, 300));
  rig.join("b", offers(source, 300));
  const { id, kind } = await rig.begin();
  assert.equal(kind, "StartSync");
  assert.equal((await rig.status()).mode, SyncMode.CHECKPOINT);
  await assertBegun(rig, id, 300);
  assert.equal((await rig.status()).mode, SyncMode.CHECKPOINT);
  assert.deepEqual(accused(rig), []);
  await rig.stop();
});

test("the second peer has an older one, and its chain goes through the newer: it counts", async () => {
  const rig = new StartRig();
  rig.join("a", offers(source, 300));
  rig.join("b", offers(source, 150));
  const { id } = await rig.begin();
  await assertBegun(rig, id, 300);
  await rig.stop();
});

test("the second peer has none, and its chain goes through it: it counts", async () => {
  const rig = new StartRig();
  rig.join("a", offers(source, 200));
  rig.join("b", offers(source));
  const { id } = await rig.begin();
  await assertBegun(rig, id, 200);
  await rig.stop();
});

test("one party alone is not believed: stalled with the reason until another one comes", async () => {
  const rig = new StartRig();
  rig.join("a", offers(source, 300), { remoteAddress: "/ip4/198.51.7.1/tcp/1" });
  rig.join("b", offers(source, 300), { remoteAddress: "/ip4/198.51.99.2/tcp/1" });
  const { id } = await rig.begin();
  await rig.run(60_000);
  assert.deepEqual([rig.height, rig.requests.length], [0, 0]);
  assert.match((await rig.status()).reason, /stalled: only a has checkpoint 300/);
  assert.match((await rig.operation(id)).detail, /a second party has to confirm it/);
  rig.join("c", offers(source, 300), { remoteAddress: "/ip4/203.0.113.1/tcp/1" });
  await assertBegun(rig, id, 300);
  await rig.stop();
});

test("a peer whose chain does not go through it confirms nothing", async () => {
  const rig = new StartRig();
  rig.join("a", offers(source, 300));
  const other = new ChainForge({ members: 3, seed: 9, signEvery: 1_000 });
  rig.join("b", offers(source), { blocks: Array.from({ length: LENGTH }, () => other.next()) });
  await rig.begin();
  await rig.run(40_000);
  assert.equal(rig.height, 0);
  assert.match((await rig.status()).reason, /stalled: only a/);
  await rig.stop();
});

test("nobody has one in time: FAST from genesis, said in the operation and the log", async () => {
  const rig = new StartRig();
  rig.join("a", offers(source));
  rig.join("b", offers(source));
  const { id } = await rig.begin();
  await rig.run(25_000);
  assert.equal(rig.height, 0);
  assert.equal((await rig.status()).reason, "asking peers for a checkpoint");
  await rig.run(20_000);
  assert.deepEqual([rig.height, lowest(rig)], [LENGTH, 1]);
  const { isDone, error, detail } = await rig.operation(id);
  assert(isDone);
  assert.match(error, /no peer delivered a checkpoint within 30 s: synchronising FAST/);
  assert.equal(detail, error);
  assert(rig.log.records.some(({ level, message }) => level === "warn" && message === error));
  assert.equal((await rig.status()).mode, SyncMode.FAST);
  await rig.stop();
});

const changed = (height: number, change: (evidence: CheckpointEvidence) => Partial<CheckpointEvidence>) => {
  const evidence = decodeEvidence(source.at(height))!;
  return encodeEvidence({ ...evidence, ...change(evidence) });
};
const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte));
const foreign = await sourceWith({ ...OPTIONS, seed: 2, authorityChanges: [] }, [300]);

const BAD: Record<string, readonly [fault: string, bytes: Uint8Array]> = {
  "a proof with a wrong hash": [
    "LATER_INCLUSION",
    changed(300, ({ inclusion }) => ({ inclusion: { ...inclusion, path: inclusion.path.map(flipped) } })),
  ],
  "bytes that end too early": ["MALFORMED", source.at(300).slice(0, -40)],
  "no bytes at all": ["MALFORMED", new Uint8Array()],
  "peaks of another height": [
    "HISTORY_ROOT",
    changed(300, ({ checkpoint }) => ({
      checkpoint: { ...checkpoint, peaks: decodeEvidence(source.at(200))!.checkpoint.peaks },
    })),
  ],
  "another height's header under the right proof": [
    "LATER_INCLUSION",
    changed(300, () => ({ checkpoint: decodeEvidence(source.at(200))!.checkpoint })),
  ],
  "a later header too near": [
    "LATER_TOO_LOW",
    changed(300, () => ({ laterHeader: blocks[330]!.slice(0, 184) })),
  ],
  "an approval of another header": [
    "APPROVAL",
    changed(300, ({ checkpoint, laterApproval }) => ({
      checkpoint: { ...checkpoint, approval: laterApproval },
    })),
  ],
  "a later approval of another header": [
    "LATER_APPROVAL",
    changed(300, ({ checkpoint }) => ({ laterApproval: checkpoint.approval })),
  ],
  "a change left out": ["CHANGES_INCOMPLETE", changed(300, () => ({ changes: [] }))],
  "a checkpoint of another federation": ["APPROVAL", foreign.at(300)],
};

for (const [name, [fault, bytes]] of Object.entries(BAD)) {
  test(`${name}: refused as ${fault}, its sender reported, nothing touched, the next ones asked`, async () => {
    const rig = new StartRig();
    rig.join("liar", () => bytes);
    const { id } = await rig.begin();
    await rig.run(10_000);
    assert.equal(rig.height, 0);
    assert.equal(rig.disk.chain.extent.head, 0);
    assert.deepEqual(accused(rig), ["liar"]);
    const told = rig.log.records.find(({ message }) => message === "a peer's checkpoint does not hold");
    assert.equal(told?.fields["fault"], fault);
    assert.equal(rig.asked.filter(({ peerId }) => peerId === "liar").length, 1, "it is asked no more");
    rig.join("a", offers(source, 300));
    rig.join("b", offers(source, 300));
    await assertBegun(rig, id, 300);
    assert.deepEqual(accused(rig), ["liar"]);
    await rig.stop();
  });
}

test("one above what was asked for is refused, and its sender's earlier word counts no more", async () => {
  const rig = new StartRig();
  rig.join("a", (heightMax) => source.at(heightMax === 0 ? 150 : 300));
  rig.join("b", offers(source, 200));
  await rig.begin();
  await rig.run(5_000);
  assert.deepEqual([rig.height, accused(rig)], [0, ["a"]]);
  await rig.stop();
});

test("a replayed older one than ours on disk is refused; its sender may have no newer one", async () => {
  const files = new MemoryFileStore();
  const before = new CheckpointRig(forge, files);
  await before.feed(blocks);
  await before.settle(before.checkpoints.create(300));
  const rig = new StartRig({ files });
  rig.join("a", offers(source, 200));
  rig.join("b", offers(source, 200));
  await rig.begin();
  await rig.run(10_000);
  assert.deepEqual([rig.height, accused(rig)], [0, []]);
  assert(rig.log.records.some(({ message }) => message === "a peer's checkpoint is older than ours"));
  rig.join("c", offers(source, 300));
  rig.join("d", offers(source, 300));
  await rig.run(20_000);
  assert.equal(rig.height, LENGTH);
  await rig.stop();
});

test("a witness that gives another block than the checkpoint's is no witness", async () => {
  const rig = new StartRig();
  rig.join("a", offers(source, 300), {
    behaviour: (first, count, own) => own.slice(first, first + count),
  });
  rig.join("b", offers(source, 300));
  rig.join("c", offers(source, 300));
  const { id } = await rig.begin();
  await assertBegun(rig, id, 300);
  assert(accused(rig).includes("a"));
  await rig.stop();
});

test("two checkpoints of one height that quorums signed: nothing is believed, and an operator is told", async () => {
  const twin = ChainForge.of(OPTIONS);
  const away = Array.from({ length: LENGTH }, (_, index) =>
    twin.next(index === 250 ? { transactions: [] } : {}),
  );
  const other = await sourceOf(twin, away, [300]);
  const rig = new StartRig();
  rig.join("a", offers(source, 300));
  rig.join("b", offers(other, 300), { blocks: away });
  const { id } = await rig.begin();
  await rig.run(5_000);
  assert.deepEqual([rig.height, accused(rig)], [0, []]);
  const { isDone, error } = await rig.operation(id);
  assert(isDone);
  assert.match(error, /quorums signed two blocks 300/);
  assert(rig.log.records.some(({ level }) => level === "error"));
  await rig.stop();
});

test("a chain that has blocks is not begun again; the same request again is the same operation", async () => {
  const rig = new StartRig();
  rig.join("a", offers(source, 300));
  const first = await rig.begin();
  assert.equal((await rig.begin()).id, first.id);
  rig.join("b", offers(source, 300));
  await assertBegun(rig, first.id, 300);
  const { operation } = await rig.ask(rig.cell.ref.ask(startSync, { syncMode: SyncMode.UNSPECIFIED }));
  assert.equal(operation?.isDone, false);
  // It has been begun so and goes on.
  assert.equal((await rig.begin()).id, operation?.id);
  await rig.ask(rig.cell.ref.ask(stopSync, { reason: "test" }));
  await assert.rejects(rig.begin(), reason("CHAIN_NOT_EMPTY"));
  await rig.stop();
});

test("a search is ended by CancelOperation, by StopSync and by another mode", async () => {
  const rig = new StartRig();
  rig.join("a", offers(source, 300));
  const first = await rig.begin();
  const { operation } = await rig.ask(rig.cell.ref.ask(cancelOperation, { id: first.id }));
  assert.deepEqual([operation?.isDone, operation?.error], [true, "cancelled"]);
  const second = await rig.begin();
  await rig.ask(rig.cell.ref.ask(stopSync, { reason: "enough" }));
  assert.equal((await rig.operation(second.id)).error, "stopped: enough");
  rig.join("b", offers(source, 300));
  await rig.run(20_000);
  assert.equal(rig.height, 0);
  rig.disconnect("b");
  const third = await rig.begin();
  await rig.ask(rig.cell.ref.ask(startSync, { syncMode: SyncMode.FAST }));
  assert.equal((await rig.operation(third.id)).error, "replaced by another one");
  await rig.run(10_000);
  assert.deepEqual([rig.height, lowest(rig)], [LENGTH, 1]);
  await rig.stop();
});

test("a checkpoint that is named: from our own disk without peers, else that one of peers alone", async () => {
  const files = new MemoryFileStore();
  const before = new CheckpointRig(forge, files);
  await before.feed(blocks);
  const { id: checkpointId } = await before.settle(before.checkpoints.create(200));
  const rig = new StartRig({ files });
  await rig.begin({ checkpointId });
  await rig.run(100);
  assert.deepEqual([rig.height, rig.asked.length], [200, 0]);
  await rig.stop();
  const next = new StartRig();
  next.join("a", offers(source, 200, 300));
  next.join("b", offers(source, 200, 300));
  const { id } = await next.begin({ checkpointId });
  await assertBegun(next, id, 200);
  await next.stop();
  const bad = next.cell.ref.ask(startSync, { checkpointId: "nonsense" });
  await assert.rejects(next.ask(bad));
});

test("configured mode CHECKPOINT begins an empty chain so and goes on with what it has", async () => {
  const files = new MemoryFileStore();
  const config = { mode: "CHECKPOINT", isAutoStart: true } as const;
  const rig = new StartRig({ config, files });
  rig.join("a", offers(source, 300));
  rig.join("b", offers(source, 300));
  await rig.run(20_000);
  assert.deepEqual([rig.height, earliest(rig)], [LENGTH, 1]);
  await rig.stop();
  rig.disk.crash();
  const next = new StartRig({ config, files, disk: rig.disk });
  next.join("a", offers(source, 300));
  await next.run(5_000);
  assert.deepEqual([next.height, next.asked.length], [LENGTH, 0]);
  assert.equal((await next.status()).mode, SyncMode.CHECKPOINT);
  await next.stop();
});

test("a chain that requires AuxPoW is begun so too, where ranges begin below the checkpoint as well", async () => {
  const mined = ChainForge.of({ blocks: LENGTH, members: 3, endTimestampMs: START_MS, auxpowEvery: 10 });
  const all = Array.from({ length: LENGTH }, (_, index) =>
    mined.next((index + 1) % 10 === 0 ? { auxpow: { covers: 9 } } : {}),
  );
  const of = await sourceOf(mined, all, [200]);
  const rig = new StartRig({}, of);
  rig.join("a", offers(of, 200), { blocks: all });
  rig.join("b", offers(of, 200), { blocks: all });
  const { id } = await rig.begin();
  await assertBegun(rig, id, 200);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});
