/** For each StallKind a situation of the running SyncActor that brings it about, with the fields and words to expect. */

import assert from "node:assert/strict";
import { NetworkInternalService } from "../../../../../gen/alys/network/v1/network_pb.ts";
import {
  NextBlocks,
  RecoveryMode,
  StallKind,
  type StallReason,
  SyncMode,
  SyncService,
  type SyncStatus,
} from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import { ChainForge } from "../../../../../src/chain/forge.ts";
import { HEADER_OFFSET } from "../../../../../src/chain/header.ts";
import { writeUint64 } from "../../../../../src/chain/little-endian.ts";
import type { Validator } from "../../../../../src/chain/validator.ts";
import { failure } from "../../../../../src/kernel/errors.ts";
import { MemoryFileStore } from "../../../../../src/storage/file-store.ts";
import { CheckpointRig } from "../../../integrations/chain/checkpoint/checkpoint-rig.ts";
import {
  type Behaviour,
  forgeBlocks,
  hashOf,
  honest,
  type PeerOptions,
  type RigOptions,
  SyncRig,
  silent,
} from "../sync-rig.ts";

const { startSync, stopSync, pauseSync, getSyncStatus, createCheckpoint, recoverFromCheckpoint } =
  SyncService.method;

type Kind = Exclude<keyof typeof StallKind, "UNSPECIFIED">;

interface Told {
  readonly status: SyncStatus;
  /** What must be among the fields beside the kind. */
  readonly fields: Partial<Omit<StallReason, "$typeName" | "$unknown" | "kind">>;
  readonly words: RegExp;
}

const START_MS = 1_700_000_000_000;
const empty: Behaviour = () => [];
const serving =
  (blocks: readonly Uint8Array[]): Behaviour =>
  (first, count) =>
    honest(first, count, blocks);

export function kindName(kind: StallKind): string {
  return Object.entries(StallKind).find(([, value]) => value === kind)?.[0] ?? String(kind);
}

/** Runs what is asked for and reads the status in its turns, until one is of the kind. */
async function whileAt(rig: SyncRig, kind: StallKind, work: Promise<unknown>): Promise<SyncStatus> {
  work.catch(() => undefined);
  let found: SyncStatus | undefined;
  const read = async (): Promise<void> => {
    for (let turn = 0; turn < 500 && found === undefined; turn++) {
      const { status } = await rig.cell.ref.ask(getSyncStatus, {});
      if (status?.stall?.kind === kind) found = status;
    }
  };
  await rig.ask(read());
  assert(found !== undefined, `it was never ${kindName(kind)}`);
  return found;
}

/** Lets time pass until the status is of the kind. */
async function whileRunning(rig: SyncRig, kind: StallKind, msMax: number): Promise<SyncStatus> {
  for (let ms = 0; ms < msMax; ms += 100) {
    await rig.run(100);
    const status = await rig.status();
    if (status.stall?.kind !== kind) continue;
    await rig.stop();
    return status;
  }
  return assert.fail(`it was never ${kindName(kind)}`);
}

async function statusOf(rig: SyncRig, ms: number): Promise<SyncStatus> {
  await rig.run(ms);
  const status = await rig.status();
  await rig.stop();
  return status;
}

const validatorOf =
  (validateSegment: Validator["validateSegment"]) =>
  (inner: Validator): Validator => ({
    validateSegment,
    verifyApprovals: (checks) => inner.verifyApprovals(checks),
    verifySignatures: (checks) => inner.verifySignatures(checks),
    close: () => inner.close(),
  });

/** Two branches on ten blocks in common: ours of `ours` blocks is followed, and the clock is past both. */
async function forked(ours: number, theirs: number, options: RigOptions = {}) {
  const { forge, blocks } = forgeBlocks(10);
  const other = forge.fork();
  const own = [...blocks, ...Array.from({ length: ours }, () => forge.next())];
  const away = [...blocks, ...Array.from({ length: theirs }, () => other.next({ skippedSlots: 1 }))];
  const rig = new SyncRig(forge, options);
  rig.simulation.clock.advance(400_000);
  rig.connect({ ours: { blocks: own } });
  await rig.run(3_000);
  assert.equal(rig.height, 10 + ours);
  rig.disconnect("ours");
  return { rig, away };
}

/** 130 blocks with a checkpoint of block 30, and its evidence. */
async function sourceOf(isOther = false) {
  const forge = ChainForge.of({ blocks: 130, members: 3, endTimestampMs: START_MS });
  const blocks = Array.from({ length: 130 }, (_, at) =>
    forge.next(isOther && at === 20 ? { transactions: [new Uint8Array(3)] } : {}),
  );
  const files = new MemoryFileStore();
  const rig = new CheckpointRig(forge, files);
  await rig.feed(blocks);
  const { id } = await rig.settle(rig.checkpoints.create(30));
  const evidence = await rig.settle(rig.checkpoints.serve(30, 0));
  assert(evidence !== undefined);
  return { forge, blocks, files, id, evidence };
}

/** An empty node in mode CHECKPOINT whose peers offer this evidence. */
async function beginning(offers: Readonly<Record<string, Uint8Array>>, files = new MemoryFileStore()) {
  const { forge, blocks } = await sourceOf();
  const rig = new SyncRig(forge, { files, config: { isAutoStart: false } });
  rig.network.on(NetworkInternalService.method.requestCheckpoint, ({ peerId }) => {
    const evidence = offers[peerId];
    return evidence === undefined
      ? Promise.reject(failure("NOT_FOUND", "RESOURCE_UNAVAILABLE", "it has none"))
      : Promise.resolve({ evidence });
  });
  rig.connect(Object.fromEntries(Object.keys(offers).map((peerId) => [peerId, { blocks }])));
  return { rig, begun: () => rig.cell.ref.ask(startSync, { syncMode: SyncMode.CHECKPOINT }) };
}

/** A node that has its chain and a checkpoint of block 300. */
async function withCheckpoint() {
  const { forge, blocks } = forgeBlocks(400);
  const rig = new SyncRig(forge, { files: new MemoryFileStore() });
  rig.connect({ a: { blocks } });
  await rig.run(3_000);
  const { checkpoint } = await rig.ask(rig.cell.ref.ask(createCheckpoint, { height: 300n }));
  assert(checkpoint !== undefined);
  const recover = (recoveryMode: RecoveryMode) =>
    rig.cell.ref.ask(recoverFromCheckpoint, { checkpointId: checkpoint.id, recoveryMode, force: true });
  return { rig, recover, id: checkpoint.id };
}

export const SITUATIONS: Readonly<Record<Kind, () => Promise<Told>>> = {
  NOT_STARTED: async () => {
    const rig = new SyncRig(forgeBlocks(1).forge, { config: { isAutoStart: false } });
    return { status: await statusOf(rig, 100), fields: {}, words: /^not started$/ };
  },
  STOPPED: async () => {
    const rig = new SyncRig(forgeBlocks(1).forge);
    await rig.ask(rig.cell.ref.ask(stopSync, { reason: "a test" }));
    return { status: await statusOf(rig, 100), fields: { note: "a test" }, words: /^stopped: a test$/ };
  },
  HEIGHT_REACHED: async () => {
    const { forge, blocks } = forgeBlocks(200);
    const rig = new SyncRig(forge, { config: { isAutoStart: false } });
    rig.connect({ a: { blocks } });
    await rig.ask(rig.cell.ref.ask(startSync, { targetHeight: 70n }));
    const words = /^stopped: height 70 is reached$/;
    return { status: await statusOf(rig, 3_000), fields: { height: 70n }, words };
  },
  RECOVERING: async () => {
    const { rig, recover, id } = await withCheckpoint();
    const status = await whileAt(rig, StallKind.RECOVERING, recover(RecoveryMode.MINIMAL));
    await rig.stop();
    return { status, fields: { checkpointId: id }, words: /^stopped: recovering from checkpoint 300-/ };
  },
  RECOVERY_CONTRADICTED: async () => {
    const { rig, recover, id } = await withCheckpoint();
    rig.disconnect("a");
    await rig.ask(recover(RecoveryMode.FULL));
    const twin = ChainForge.of({ blocks: 400, members: 3, endTimestampMs: START_MS });
    const away = Array.from({ length: 400 }, (_, at) => twin.next(at === 250 ? { transactions: [] } : {}));
    rig.connect({ b: { blocks: away } });
    const words = /^stopped: the chain synchronised again has another block 300 than checkpoint 300-/;
    return { status: await statusOf(rig, 10_000), fields: { height: 300n, checkpointId: id }, words };
  },
  SEARCHING_CHECKPOINT: async () => {
    const { rig, begun } = await beginning({});
    await rig.ask(begun());
    return { status: await statusOf(rig, 5_000), fields: {}, words: /^asking peers for a checkpoint$/ };
  },
  CHECKPOINT_UNCONFIRMED: async () => {
    const { evidence } = await sourceOf();
    const { rig, begun } = await beginning({ a: evidence });
    await rig.ask(begun());
    const words = /^stalled: only a has checkpoint 30, a second party has to confirm it$/;
    return { status: await statusOf(rig, 5_000), fields: { height: 30n, peerId: "a" }, words };
  },
  ADOPTING_CHECKPOINT: async () => {
    const { files, id } = await sourceOf();
    const { rig } = await beginning({}, files);
    const request = { syncMode: SyncMode.CHECKPOINT, checkpointId: id };
    const begun = rig.cell.ref.ask(startSync, request);
    const status = await whileAt(rig, StallKind.ADOPTING_CHECKPOINT, begun);
    await rig.stop();
    return { status, fields: { checkpointId: id }, words: /^adopting checkpoint 30-/ };
  },
  CHECKPOINTS_CONFLICT: async () => {
    const [one, other] = [await sourceOf(), await sourceOf(true)];
    const { rig, begun } = await beginning({ a: one.evidence, b: other.evidence });
    await rig.ask(begun());
    const words = /^stopped: quorums signed two blocks 30: b has another checkpoint than a$/;
    return { status: await statusOf(rig, 5_000), fields: { height: 30n, peerId: "b" }, words };
  },
  CHECKPOINT_FAILED: async () => {
    const { files, id } = await sourceOf();
    files.names = () => Promise.reject(failure("INTERNAL", "FILE_READ_FAILED", "no such device"));
    const { rig } = await beginning({}, files);
    const request = { syncMode: SyncMode.CHECKPOINT, checkpointId: id };
    await rig.ask(rig.cell.ref.ask(startSync, request));
    const words = /^stopped: no such device$/;
    return { status: await statusOf(rig, 100), fields: { code: "FILE_READ_FAILED" }, words };
  },
  PAUSED: async () => {
    const rig = new SyncRig(forgeBlocks(1).forge);
    await rig.ask(rig.cell.ref.ask(pauseSync, { reason: "maintenance" }));
    const words = /^paused: maintenance$/;
    return { status: await statusOf(rig, 100), fields: { note: "maintenance" }, words };
  },
  CHAIN_AWAY: async () => {
    const unavailable = failure("UNAVAILABLE", "CHAIN_ACTOR_DIVERGED", "the ChainActor is on another chain");
    const rig = new SyncRig(forgeBlocks(1).forge, {
      chain: (inner) =>
        new Proxy(inner, {
          get(target, name) {
            if (name === "snapshot") return () => ({ ...target.snapshot(), isAvailable: false, unavailable });
            const member: unknown = Reflect.get(target, name, target);
            return typeof member === "function" ? member.bind(target) : member;
          },
        }),
    });
    const words = /^the ChainActor is on another chain$/;
    return { status: await statusOf(rig, 100), fields: { code: "CHAIN_ACTOR_DIVERGED" }, words };
  },
  CHECKING_STORE: async () => {
    const { forge, blocks } = forgeBlocks(200);
    const rig = new SyncRig(forge);
    rig.connect({ a: { blocks } });
    await rig.run(3_000);
    const { status } = await rig.ask(rig.cell.ref.ask(startSync, { syncMode: SyncMode.RECOVERY }));
    assert(status !== undefined);
    await rig.stop();
    return { status, fields: { height: 1n }, words: /^checking the store: at height 1$/ };
  },
  STORE_DAMAGED: async () => {
    const { forge, blocks } = forgeBlocks(100);
    let isDamaged = false;
    const rig = new SyncRig(forge, {
      chain: (inner) =>
        new Proxy(inner, {
          get(target, name) {
            if (name === "readRange" && isDamaged) return () => [];
            const member: unknown = Reflect.get(target, name, target);
            return typeof member === "function" ? member.bind(target) : member;
          },
        }),
    });
    rig.connect({ a: { blocks } });
    await rig.run(3_000);
    isDamaged = true;
    await rig.ask(rig.cell.ref.ask(startSync, { syncMode: SyncMode.RECOVERY }));
    const words = /^the store is damaged at height 1: the block is missing$/;
    return { status: await statusOf(rig, 100), fields: { height: 1n, code: "BLOCK_MISSING" }, words };
  },
  REORGANIZATION_UNCONFIRMED: async () => {
    const { rig, away } = await forked(10, 20);
    rig.connect({ b: { blocks: away } });
    const words = /^waiting for a second peer to confirm the reorganization to 30: only one is connected$/;
    return { status: await statusOf(rig, 5_000), fields: { height: 30n }, words };
  },
  VALIDATION_FAILED: async () => {
    const { forge, blocks } = forgeBlocks(64);
    const rig = new SyncRig(forge, {
      validator: validatorOf(() => Promise.reject(new Error("worker died"))),
    });
    rig.connect({ a: { blocks } });
    const fields = { code: "VALIDATOR_FAILED", attempts: 1 };
    return { status: await statusOf(rig, 300), fields, words: /^validation failed: worker died$/ };
  },
  IMPORT_REFUSED: async () => {
    const { forge, blocks } = forgeBlocks(64);
    const rig = new SyncRig(forge);
    rig.disk.isFull = true;
    rig.connect({ a: { blocks } });
    const fields = { code: "DISK_FULL", attempts: 1 };
    return { status: await statusOf(rig, 300), fields, words: /disk is full$/ };
  },
  BLOCK_NOT_YET_VALID: async () => {
    const { forge, blocks } = forgeBlocks(64);
    const rig = new SyncRig(forge);
    rig.skewMs = -10_000_000;
    rig.connect({ a: { blocks } });
    const fields = { code: "FUTURE_TIMESTAMP", attempts: 1 };
    return { status: await statusOf(rig, 300), fields, words: /^timestamp \d+ ms is later than \d+ ms$/ };
  },
  TARGET_BELOW_FINAL: async () => {
    const { rig, away } = await forked(40, 60, { finalityDepth: 8 });
    rig.connect({ b: { blocks: away }, c: { blocks: away } });
    return { status: await statusOf(rig, 5_000), fields: {}, words: /parts from ours below/ };
  },
  TARGET_NOT_BETTER: async () => {
    const { rig, away } = await forked(10, 10);
    // Its head is as high as ours and claims an earlier slot; what it serves up to there is a branch that is worse than ours.
    const last = away[19]!.slice();
    writeUint64(last, HEADER_OFFSET.slot, 1);
    const peer: PeerOptions = { blocks: [...away.slice(0, 19), last], behaviour: serving(away) };
    rig.connect({ b: peer, c: peer });
    const words = /^the target's chain was not better than ours after all$/;
    const status = await whileRunning(rig, StallKind.TARGET_NOT_BETTER, 5_000);
    return { status, fields: {}, words };
  },
  TARGET_FOREIGN_AUTHORITIES: async () => {
    const { forge, blocks } = forgeBlocks(10);
    const foreign = ChainForge.of({ blocks: 30, members: 4, seed: 7, endTimestampMs: START_MS });
    const away = Array.from({ length: 30 }, () => foreign.next());
    const rig = new SyncRig(forge);
    rig.connect({ a: { blocks } });
    await rig.run(3_000);
    rig.connect({ b: { blocks: away }, c: { blocks: away } });
    const words = /^the target's chain is under authorities that do not follow from ours$/;
    const status = await whileRunning(rig, StallKind.TARGET_FOREIGN_AUTHORITIES, 30_000);
    return { status, fields: {}, words };
  },
  HEAD_UNSERVED: async () => {
    const { forge, blocks } = forgeBlocks(200);
    const rig = new SyncRig(forge);
    const most = blocks.slice(0, 150);
    rig.connect({ a: { blocks: most }, b: { blocks, behaviour: serving(most) } });
    const head = { height: 200n, blockHash: hashOf(blocks.at(-1)!) };
    return {
      status: await statusOf(rig, 600_000),
      fields: head,
      words: /it is no target, (tried|being tried) again/,
    };
  },
  NO_VALID_BLOCKS: async () => {
    const { forge, blocks } = forgeBlocks(300);
    const rig = new SyncRig(forge);
    rig.connect({ a: { blocks, behaviour: empty }, b: { blocks, behaviour: empty } });
    const status = await whileRunning(rig, StallKind.NO_VALID_BLOCKS, 60_000);
    return {
      status,
      fields: { height: 1n },
      words: /^no peer delivers valid blocks from height 1 on, after \d+/,
    };
  },
  HEAD_STANDS_STILL: async () => {
    const { forge, blocks } = forgeBlocks(300);
    const rig = new SyncRig(forge, { config: { requestDeadlineMs: 120_000 } });
    rig.connect({ a: { blocks, behaviour: silent } });
    const fields = { nextBlocks: NextBlocks.DOWNLOADING };
    const words = /^stalled: the head stands still for \d+ s, the next blocks are being downloaded$/;
    return { status: await statusOf(rig, 25_000), fields, words };
  },
  FOLLOWING_UNPROVEN_HEAD: async () => {
    const foreign = ChainForge.of({ blocks: 30, members: 4, seed: 7, endTimestampMs: START_MS });
    const blocks = Array.from({ length: 30 }, () => foreign.next());
    const rig = new SyncRig(forgeBlocks(1).forge);
    rig.connect({ a: { blocks, isUnproven: true, behaviour: silent } });
    const fields = { height: 30n, blockHash: hashOf(blocks.at(-1)!) };
    const words = /^following the chain towards height 30 \(block [0-9a-f]{8}\), which is claimed under/;
    return { status: await statusOf(rig, 1_000), fields, words };
  },
  NO_PROVEN_HEAD: async () => {
    const rig = new SyncRig(forgeBlocks(1).forge);
    return { status: await statusOf(rig, 100), fields: {}, words: /^no peer has proven a head yet$/ };
  },
  HEAD_OLD: async () => {
    const { forge, blocks } = forgeBlocks(10);
    const rig = new SyncRig(forge);
    rig.connect({ a: { blocks } });
    const words = /^nobody has a better head, and ours is \d+ ms old$/;
    return { status: await statusOf(rig, 600_000), fields: {}, words };
  },
};
