/**
 * The pipeline among peers drawn from a seed: silent, empty, short, lying, late and leaving ones, a disk that
 * fails at times and a validator that dies. With one honest peer it always ends at the head, blames liars
 * only, and keeps its bounds at every step.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { PeerInfoSchema } from "../../gen/alys/peer/v1/peer_pb.ts";
import { HEDGES_MAX, syncConfig } from "../../src/actors/sync/config.ts";
import type { RangeEffect } from "../../src/actors/sync/effect.ts";
import { SyncMetrics } from "../../src/actors/sync/metrics.ts";
import { BlockRequests } from "../../src/actors/sync/range/block-requests.ts";
import { QuotaLedger } from "../../src/actors/sync/range/quota.ts";
import { RangeSync } from "../../src/actors/sync/range/range-sync.ts";
import { SyncPeers } from "../../src/actors/sync/sync-peers.ts";
import { BLOCK_FIXED_LENGTH } from "../../src/chain/block.ts";
import { blockFault } from "../../src/chain/block-fault.ts";
import { readUint64, writeUint64 } from "../../src/chain/little-endian.ts";
import type { SegmentVerdict, ValidatedSegment } from "../../src/chain/validator.ts";
import type { ImportOutcome } from "../../src/integrations/chain/port.ts";
import { failure } from "../../src/kernel/errors.ts";
import { type Random, seededRandom } from "../../src/kernel/ports/random.ts";

const TARGET = 700;
const BAD = 200;

type Kind = "honest" | "silent" | "empty" | "short" | "liar" | "late";
const SET = { keys: [], root: new Uint8Array(32) };
const KINDS: readonly Kind[] = ["honest", "silent", "empty", "short", "liar", "late"];

/** A block of the model: its height where a header has it, and a mark when it is forged. */
function modelBlock(height: number, isForged: boolean): Uint8Array {
  const block = new Uint8Array(BLOCK_FIXED_LENGTH + 32);
  writeUint64(block, 32, height);
  if (isForged) block[BAD] = 1;
  return block;
}

const hashAt = (height: number): Uint8Array => {
  const hash = new Uint8Array(32);
  writeUint64(hash, 0, height);
  return hash;
};

interface Pending {
  readonly atMs: number;
  run(): void;
}

class World {
  readonly random: Random;
  readonly peers = new SyncPeers();
  readonly metrics = new SyncMetrics();
  readonly pipeline: RangeSync;
  readonly config = { ...syncConfig(undefined, 2), batchBlocks: 48, maxParallelDownloads: 5 };
  readonly blamed = new Set<string>();
  readonly kinds: readonly Kind[];
  nowMs = 0;
  height = 0;
  inFlight = 0;
  #pending: Pending[] = [];

  constructor(seed: number, kinds: readonly Kind[]) {
    this.random = seededRandom(seed);
    this.kinds = kinds;
    const shared = {
      peers: this.peers,
      metrics: this.metrics,
      effect: (effect: RangeEffect) => this.#perform(effect),
    };
    this.pipeline = new RangeSync({
      ...shared,
      requests: new BlockRequests({ ...shared, quota: new QuotaLedger() }),
      config: { current: this.config },
      chain: {
        authoritiesAfter: () => ({ authorities: SET, parentAuthorities: SET }),
        authoritiesAt: () => SET,
        heightOf: () => undefined,
        readBlockByHash: () => undefined,
      },
      approved: () => undefined,
      progressed: () => undefined,
      served: () => undefined,
    });
    for (const [index] of kinds.entries()) {
      const head = { height: BigInt(TARGET), hash: hashAt(TARGET), slot: BigInt(TARGET) };
      const score = { overall: this.random.integer(100) };
      this.peers.put(create(PeerInfoSchema, { peerId: `${index}`, score, head }), this.nowMs);
    }
  }

  step(): void {
    const head = { height: this.height, slot: this.height, hash: hashAt(this.height) };
    this.pipeline.pump({
      nowMs: this.nowMs,
      head,
      finalHeight: Math.max(0, this.height - 64),
      target: this.height < TARGET ? { height: TARGET, slot: TARGET, hash: hashAt(TARGET) } : undefined,
      isLevel: this.height >= TARGET,
      isTargetConfirmed: true,
      connectedPeers: this.kinds.length,
      heightMax: undefined,
      mode: "FAST",
      finalityDepth: 64,
      mayRequest: true,
      mayProcess: true,
    });
    this.#checkBounds();
    this.nowMs += 10;
    const due = this.#pending.filter(({ atMs }) => atMs <= this.nowMs);
    this.#pending = this.#pending.filter(({ atMs }) => atMs > this.nowMs);
    for (const { run } of due) run();
    assert.deepEqual(this.pipeline.mend(this.nowMs), []);
  }

  #checkBounds(): void {
    assert.ok(this.pipeline.requestsInFlight <= 2 * this.config.maxParallelDownloads + HEDGES_MAX);
    assert.ok(this.pipeline.bytesBuffered <= this.config.bufferBytesMax);
    for (const peer of this.peers.all()) assert.ok(peer.requestsInFlight <= 2);
    const inFlight = [...this.peers.all()].reduce((sum, peer) => sum + peer.requestsInFlight, 0);
    assert.equal(inFlight, this.pipeline.requestsInFlight);
  }

  #after(delayMs: number, run: () => void): void {
    this.#pending.push({ atMs: this.nowMs + delayMs, run });
  }

  #perform(effect: RangeEffect): void {
    const delayMs = 10 + this.random.integer(60);
    switch (effect.type) {
      case "request":
        return this.#serve(effect);
      case "validate":
        return this.#after(delayMs, () => {
          if (this.random.integer(40) === 0) {
            const died = failure("UNAVAILABLE", "DIED", "worker died");
            return this.pipeline.validationFailed(effect.ticket, died, this.nowMs);
          }
          this.pipeline.validated(effect.ticket, verdictOn(effect.blocks), this.nowMs);
        });
      case "import":
        // In order, as the chain does: decided when it is submitted, told later.
        return this.#import(effect.segment, (outcome) =>
          this.#after(20, () => this.pipeline.imported(effect.ticket, outcome, this.nowMs)),
        );
      case "offence":
        this.blamed.add(effect.peerId);
        return;
      case "cancel":
      case "slowPeer":
      case "performance":
        return;
    }
  }

  #serve(effect: Extract<RangeEffect, { type: "request" }>): void {
    const { requestId, peerId, first, count } = effect;
    const kind = this.kinds[Number(peerId)]!;
    const timing = { latencyMs: 1, durationMs: 2, bytes: 3 };
    const answer = (length: number, isForged = false) => {
      const badAt = this.random.integer(length);
      const blocks = Array.from({ length }, (_, index) =>
        modelBlock(first + index, isForged && index === badAt),
      );
      this.pipeline.answered(requestId, blocks, timing, this.nowMs);
    };
    const late = failure("DEADLINE_EXCEEDED", "LATE", "late");
    switch (kind) {
      case "honest":
        return this.#after(20 + this.random.integer(100), () => answer(count));
      case "late":
        return this.#after(400 + this.random.integer(500), () => answer(count));
      case "short":
        return this.#after(50, () => answer(1 + this.random.integer(count)));
      case "empty":
        return this.#after(50, () => this.pipeline.answered(requestId, [], timing, this.nowMs));
      case "liar":
        return this.#after(50, () => answer(count, true));
      case "silent":
        return this.#after(1_000, () => this.pipeline.requestFailed(requestId, late, this.nowMs));
    }
  }

  #import(segment: ValidatedSegment, tell: (outcome: ImportOutcome) => void): void {
    if (this.random.integer(50) === 0) {
      return tell({ kind: "notNow", failure: failure("RESOURCE_EXHAUSTED", "DISK_FULL", "full") });
    }
    const parent = segment.first.height - 1;
    if (parent > this.height) {
      return tell({ kind: "unknownParent", parentHash: hashAt(parent), height: segment.first.height });
    }
    if (segment.last.height <= this.height) return tell({ kind: "known" });
    this.height = segment.last.height;
    tell({ kind: "imported", head: { height: this.height } as never });
  }
}

function verdictOn(blocks: readonly Uint8Array[]): SegmentVerdict {
  const firstHeight = readUint64(blocks[0]!, 32, "height");
  const index = blocks.findIndex((block) => block[BAD] === 1);
  if (index >= 0) return { ok: false, index, fault: blockFault("PARENT_APPROVAL_MISSING", { height: 1 }) };
  const hashes = new Uint8Array(32 * blocks.length);
  for (let at = 0; at < blocks.length; at++) hashes.set(hashAt(firstHeight + at), 32 * at);
  const first = { height: firstHeight };
  const last = { height: firstHeight + blocks.length - 1 };
  const firstParentHash = hashAt(firstHeight - 1);
  return { ok: true, segment: { count: blocks.length, first, last, hashes, firstParentHash } as never };
}

test("the pipeline reaches the head whenever one peer is honest, and blames liars only", () => {
  const kinds = fc.array(fc.constantFrom(...KINDS), { maxLength: 6 });
  fc.assert(
    fc.property(fc.integer(), kinds, (seed, others) => {
      const world = new World(seed, ["honest", ...others]);
      for (let steps = 0; world.height < TARGET; steps++) {
        assert.ok(steps < 60_000, `stuck at ${world.height}: ${world.pipeline.reason}`);
        world.step();
      }
      for (const peerId of world.blamed) assert.equal(world.kinds[Number(peerId)], "liar");
    }),
    { numRuns: 60 },
  );
});
