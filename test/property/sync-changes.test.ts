/**
 * Range synchronisation across changes of the authorities: chains with changes drawn at random (64 blocks apart or
 * more), our own one a fork with changes of its own, batches of any size, peers that answer short, forge blocks or
 * make up a set. It always ends at the head, and nobody honest is ever blamed.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { PeerInfoSchema } from "../../gen/alys/peer/v1/peer_pb.ts";
import { syncConfig } from "../../src/actors/sync/config.ts";
import type { RangeEffect } from "../../src/actors/sync/effect.ts";
import { SyncMetrics } from "../../src/actors/sync/metrics.ts";
import { BlockRequests } from "../../src/actors/sync/range/block-requests.ts";
import { QuotaLedger } from "../../src/actors/sync/range/quota.ts";
import { RangeSync } from "../../src/actors/sync/range/range-sync.ts";
import { SyncPeers } from "../../src/actors/sync/sync-peers.ts";
import { BLOCK_FIXED_LENGTH } from "../../src/chain/block.ts";
import { blockFault } from "../../src/chain/block-fault.ts";
import { BODY_FIELD, BODY_FIXED_LENGTH } from "../../src/chain/body-layout.ts";
import { equalBytes } from "../../src/chain/bytes.ts";
import type { AuthoritySetFacts } from "../../src/chain/facts.ts";
import { HEADER_LENGTH, HEADER_OFFSET, headerHash } from "../../src/chain/header.ts";
import { toHex } from "../../src/chain/hex.ts";
import { readUint64, writeUint32, writeUint64 } from "../../src/chain/little-endian.ts";
import type { SegmentVerdict, ValidatedSegment } from "../../src/chain/validator.ts";
import type { ImportOutcome } from "../../src/integrations/chain/port.ts";
import { type Random, seededRandom } from "../../src/kernel/ports/random.ts";

const FINALITY = 64;

/** A set is a number in the model: that of the block which put it in force, 0 for the first one. */
function setOf(id: number): AuthoritySetFacts {
  const root = new Uint8Array(32);
  writeUint64(root, 0, id);
  return { keys: [], root };
}

interface ModelBlock {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly parentHash: Uint8Array;
  readonly set: number;
  /** In force behind it. */
  readonly setAfter: number;
  readonly parentSet: number;
  readonly bytes: Uint8Array;
}

const LENGTH = BLOCK_FIXED_LENGTH + BODY_FIXED_LENGTH + 16;
/** Where a model block says under which set its parent was approved, and whether it is forged. */
const PARENT_SET = BLOCK_FIXED_LENGTH + BODY_FIXED_LENGTH;
const FORGED = PARENT_SET + 8;

function modelBlock(parent: ModelBlock, fork: number, isChange: boolean): ModelBlock {
  const bytes = new Uint8Array(LENGTH);
  const height = parent.height + 1;
  bytes.set(parent.hash, 0);
  writeUint64(bytes, HEADER_OFFSET.height, height);
  writeUint64(bytes, HEADER_OFFSET.slot, 2 * height + fork);
  bytes.set(setOf(parent.setAfter).root, HEADER_OFFSET.authoritiesRoot);
  writeUint32(bytes, HEADER_LENGTH + 4, LENGTH);
  const end = LENGTH - BLOCK_FIXED_LENGTH;
  const change = isChange ? BODY_FIXED_LENGTH : end;
  writeUint32(bytes, BLOCK_FIXED_LENGTH + 4 * BODY_FIELD.nextAuthorities, change);
  writeUint64(bytes, PARENT_SET, parent.set);
  return {
    height,
    hash: headerHash(bytes.subarray(0, HEADER_LENGTH)),
    parentHash: parent.hash,
    set: parent.setAfter,
    setAfter: isChange ? 2 * height + fork : parent.setAfter,
    parentSet: parent.set,
    bytes,
  };
}

const GENESIS: ModelBlock = {
  height: 0,
  hash: new Uint8Array(32).fill(9),
  parentHash: new Uint8Array(32),
  set: 0,
  setAfter: 0,
  parentSet: 0,
  bytes: new Uint8Array(LENGTH),
};

/** Continues the chain; a change stands at each height that is 64 above the one before it. */
function extend(chain: readonly ModelBlock[], last: number, fork: number, changes: readonly number[]) {
  const blocks = [...chain];
  const wanted = new Set(changes);
  let newest = blocks.findLast(({ set, setAfter }) => set !== setAfter)?.height ?? -FINALITY;
  while (blocks.length <= last) {
    const height = blocks.length;
    const isChange = wanted.has(height) && height >= newest + 64;
    if (isChange) newest = height;
    blocks.push(modelBlock(blocks[height - 1]!, fork, isChange));
  }
  return blocks;
}

/** The chain port as the pipeline sees it. */
class ModelChain {
  readonly #known = new Map<string, ModelBlock>();
  canonical: ModelBlock[];

  constructor(blocks: readonly ModelBlock[]) {
    this.canonical = [...blocks];
    for (const block of blocks) this.#known.set(toHex(block.hash), block);
  }

  get head(): ModelBlock {
    return this.canonical.at(-1)!;
  }
  get finalHeight(): number {
    return Math.max(0, this.head.height - FINALITY);
  }
  authoritiesAfter(hash: Uint8Array) {
    const block = this.#known.get(toHex(hash));
    return block && { authorities: setOf(block.setAfter), parentAuthorities: setOf(block.set) };
  }
  authoritiesAt(height: number): AuthoritySetFacts {
    return setOf(this.canonical[height]?.set ?? this.head.setAfter);
  }
  heightOf(hash: Uint8Array): number | undefined {
    const block = this.#known.get(toHex(hash));
    return block && this.canonical[block.height] === block ? block.height : undefined;
  }
  readBlockByHash(hash: Uint8Array) {
    const block = this.#known.get(toHex(hash));
    return block && { height: block.height, bytes: block.bytes, isCanonical: true };
  }

  import(blocks: readonly Uint8Array[]): ImportOutcome {
    const first = readUint64(blocks[0]!, HEADER_OFFSET.height, "height");
    let parent = this.#known.get(toHex(blocks[0]!.subarray(0, 32)));
    if (parent === undefined) return { kind: "unknownParent", parentHash: new Uint8Array(32), height: first };
    if (this.#parting(parent) < this.finalHeight) return { kind: "belowFinal", height: first };
    let isNew = false;
    for (const [index, bytes] of blocks.entries()) {
      const fork = readUint64(bytes, HEADER_OFFSET.slot, "slot") - 2 * (parent.height + 1);
      const change = bytes[BLOCK_FIXED_LENGTH + 4 * BODY_FIELD.nextAuthorities] === BODY_FIXED_LENGTH;
      const block: ModelBlock = modelBlock(parent, fork, change);
      if (!equalBytes(block.bytes, bytes)) {
        const faulty = { expected: block.hash, actual: bytes.subarray(0, 32) };
        return { kind: "invalid", index, fault: blockFault("WRONG_AUTHORITIES_ROOT", faulty) };
      }
      parent = this.#known.get(toHex(block.hash)) ?? block;
      if (parent === block) {
        isNew = true;
        this.#known.set(toHex(block.hash), block);
      }
    }
    if (!isNew) return { kind: "known" };
    return parent.height > this.head.height ? this.#adopt(parent) : { kind: "side" };
  }

  #adopt(head: ModelBlock): ImportOutcome {
    const path: ModelBlock[] = [];
    for (let at = head; this.heightOf(at.hash) === undefined; at = this.#known.get(toHex(at.parentHash))!) {
      path.push(at);
    }
    this.canonical = [...this.canonical.slice(0, path.at(-1)!.height), ...path.reverse()];
    return { kind: "imported", head: { height: head.height } as never };
  }

  #parting(block: ModelBlock): number {
    let at = block;
    while (this.heightOf(at.hash) === undefined) at = this.#known.get(toHex(at.parentHash))!;
    return at.height;
  }
}

type Kind = "honest" | "short" | "liar" | "rooter";
const KINDS: readonly Kind[] = ["honest", "short", "liar", "rooter"];

class World {
  readonly random: Random;
  readonly peers = new SyncPeers();
  readonly chain: ModelChain;
  readonly pipeline: RangeSync;
  readonly blamed = new Set<string>();
  readonly kinds: readonly Kind[];
  readonly theirs: readonly ModelBlock[];
  nowMs = 0;
  #pending: { readonly atMs: number; run(): void }[] = [];

  constructor(
    seed: number,
    kinds: readonly Kind[],
    own: readonly ModelBlock[],
    theirs: readonly ModelBlock[],
    batchBlocks: number,
  ) {
    this.random = seededRandom(seed);
    this.kinds = kinds;
    this.theirs = theirs;
    this.chain = new ModelChain(own);
    const shared = {
      peers: this.peers,
      metrics: new SyncMetrics(),
      effect: (effect: RangeEffect) => this.#perform(effect),
    };
    this.pipeline = new RangeSync({
      ...shared,
      requests: new BlockRequests({ ...shared, quota: new QuotaLedger() }),
      config: { current: { ...syncConfig(undefined, 2), batchBlocks } },
      chain: this.chain,
      approved: () => undefined,
      progressed: () => undefined,
      served: () => undefined,
    });
    const { height, hash } = theirs.at(-1)!;
    for (const index of kinds.keys()) {
      const head = { height: BigInt(height), hash, slot: BigInt(height) };
      this.peers.put(
        create(PeerInfoSchema, { peerId: `${index}`, score: { overall: this.random.integer(100) }, head }),
        this.nowMs,
      );
    }
  }

  get isDone(): boolean {
    return this.chain.head.height === this.theirs.length - 1;
  }

  step(): void {
    const { head } = this.chain;
    const { height, hash } = this.theirs.at(-1)!;
    const target = this.isDone ? undefined : { height, slot: height, hash };
    this.pipeline.pump({
      nowMs: this.nowMs,
      head: { height: head.height, slot: head.height, hash: head.hash },
      finalHeight: this.chain.finalHeight,
      target,
      isLevel: target === undefined,
      isTargetConfirmed: true,
      connectedPeers: this.kinds.length,
      heightMax: undefined,
      mode: "FAST",
      finalityDepth: FINALITY,
      mayRequest: true,
      mayProcess: true,
    });
    this.nowMs += 10;
    const due = this.#pending.filter(({ atMs }) => atMs <= this.nowMs);
    this.#pending = this.#pending.filter(({ atMs }) => atMs > this.nowMs);
    for (const { run } of due) run();
    assert.deepEqual(this.pipeline.mend(this.nowMs), []);
    this.#checkSets();
  }

  /** Nothing behind a change is looked at before the change is durable, and each batch is under one set. */
  #checkSets(): void {
    for (const batch of this.pipeline.batches) {
      if (batch.state !== "validating" && batch.state !== "importing") continue;
      for (const slot of batch.slots.slice(0, -1)) assert.equal(slot.isBarrier, false);
    }
  }

  #after(delayMs: number, run: () => void): void {
    this.#pending.push({ atMs: this.nowMs + delayMs, run });
  }

  #perform(effect: RangeEffect): void {
    switch (effect.type) {
      case "request":
        return this.#serve(effect);
      case "validate":
        return this.#after(10 + this.random.integer(60), () =>
          this.pipeline.validated(effect.ticket, verdictOn(effect), this.nowMs),
        );
      case "import": {
        const { blocks } = effect.segment as unknown as { blocks: Uint8Array[] };
        return this.#after(20, () =>
          this.pipeline.imported(effect.ticket, this.chain.import(blocks), this.nowMs),
        );
      }
      case "offence":
        this.blamed.add(effect.peerId);
        return;
      default:
        return;
    }
  }

  #serve({ requestId, peerId, first, count }: Extract<RangeEffect, { type: "request" }>): void {
    const kind = this.kinds[Number(peerId)]!;
    const length = kind === "short" ? 1 + this.random.integer(count) : count;
    const blocks = this.theirs.slice(first, first + length).map(({ bytes }) => bytes);
    const at = this.random.integer(Math.max(1, blocks.length));
    if (kind === "liar") blocks[at] = blocks[at]!.with(FORGED, 1);
    if (kind === "rooter") {
      // Sets and parents that nobody has: from the first block on, or from another one.
      for (let index = this.random.integer(2) * at; index < blocks.length; index++) {
        blocks[index] = blocks[index]!.slice();
        blocks[index]!.fill(7, 0, 32).fill(8, HEADER_OFFSET.authoritiesRoot, HEADER_OFFSET.historyRoot);
      }
    }
    const timing = { latencyMs: 1, durationMs: 2, bytes: 3 };
    this.#after(20 + this.random.integer(100), () =>
      this.pipeline.answered(requestId, blocks, timing, this.nowMs),
    );
  }
}

function verdictOn({ blocks, sets }: Extract<RangeEffect, { type: "validate" }>): SegmentVerdict {
  for (const [index, block] of blocks.entries()) {
    const actual = block.subarray(HEADER_OFFSET.authoritiesRoot, HEADER_OFFSET.historyRoot);
    const expected = sets.authorities.root;
    const before = index === 0 ? undefined : headerHash(blocks[index - 1]!.subarray(0, HEADER_LENGTH));
    if (before !== undefined && !equalBytes(before, block.subarray(0, 32))) {
      const fault = blockFault("BROKEN_LINK", { expected: before, actual: block.subarray(0, 32) });
      return { ok: false, index, fault };
    }
    if (!equalBytes(actual, expected)) {
      return { ok: false, index, fault: blockFault("WRONG_AUTHORITIES_ROOT", { expected, actual }) };
    }
    const parentRoot = setOf(readUint64(block, PARENT_SET, "set")).root;
    const parentSet = index === 0 ? sets.parentAuthorities : sets.authorities;
    if (!equalBytes(parentRoot, parentSet.root)) {
      return { ok: false, index, fault: blockFault("BAD_APPROVAL_SIGNATURE", { of: "parent" }) };
    }
    if (block[FORGED] === 1) {
      return { ok: false, index, fault: blockFault("BAD_APPROVAL_SIGNATURE", { of: "own" }) };
    }
  }
  const hashes = new Uint8Array(32 * blocks.length);
  for (const [at, block] of blocks.entries()) {
    hashes.set(headerHash(block.subarray(0, HEADER_LENGTH)), 32 * at);
  }
  const segment = { count: blocks.length, hashes, firstParentHash: blocks[0]!.subarray(0, 32), blocks };
  return { ok: true, segment: segment as unknown as ValidatedSegment };
}

/** Heights from distances between changes, 64 at least. */
const changes = fc
  .tuple(fc.integer({ min: 1, max: 150 }), fc.array(fc.integer({ min: 64, max: 150 }), { maxLength: 10 }))
  .map(([first, gaps]) => {
    const heights = [first];
    for (const gap of gaps) heights.push(heights.at(-1)! + gap);
    return heights;
  });

test("any chain with changes syncs under any batch size, and nobody honest is blamed", () => {
  const others = fc.array(fc.constantFrom(...KINDS), { maxLength: 4 });
  const own = fc.record({
    common: fc.integer({ min: 0, max: 300 }),
    fork: fc.integer({ min: 0, max: FINALITY - 1 }),
    forkChange: fc.integer({ min: 1, max: FINALITY }),
  });
  const batchBlocks = fc.integer({ min: 1, max: 600 });
  fc.assert(
    fc.property(fc.integer(), others, own, changes, batchBlocks, (seed, kinds, mine, heights, batch) => {
      const main = extend([GENESIS], 700, 1, heights);
      const { common, fork, forkChange } = mine;
      const forked = extend(main.slice(0, common + 1), common + fork, 0, [common + forkChange]);
      const world = new World(seed, ["honest", ...kinds], forked, main, batch);
      for (let steps = 0; !world.isDone; steps++) {
        assert.ok(steps < 60_000, `stuck at ${world.chain.head.height}: ${world.pipeline.reason}`);
        world.step();
      }
      assert.deepEqual(world.chain.head.hash, main.at(-1)?.hash);
      for (const peerId of world.blamed) assert.match(world.kinds[Number(peerId)]!, /liar|rooter/);
    }),
    { numRuns: 60 },
  );
});
