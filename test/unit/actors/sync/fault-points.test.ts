/**
 * Every named point on the way from a peer to the disk: the process is killed there, what was not flushed is lost (or some
 * of it is not), and the next process finds a sound chain, goes on above it, and ends where an undisturbed one ends.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChainForge } from "../../../../src/chain/forge.ts";
import type { Validator } from "../../../../src/chain/validator.ts";
import type { EmbeddedChain } from "../../../../src/integrations/chain/embedded/embedded.ts";
import type { ChainPort } from "../../../../src/integrations/chain/port.ts";
import { MemoryDisk } from "../../../../src/storage/memory.ts";
import { forgeBlocks, hashOf, honest, SyncRig } from "./sync-rig.ts";

/** In the order in which a block passes them. A point that is added to the code belongs here. */
const FAULT_POINTS = [
  "a range is asked for",
  "an answer is on its way",
  "a segment goes to a worker",
  "a verdict is given",
  "a segment is handed to the chain",
  "a write waits for the disk",
  "a write is about to be flushed",
  "a write is flushed and nobody knows",
  "an import is told",
] as const;

type FaultPoint = (typeof FAULT_POINTS)[number];

/** How often a point is passed before the kill: at the start, amid the pipeline, towards the end. */
const PASSES = [1, 2, 4];

/** Kills once, at the given pass of the given point: the disk loses what waits but for the survivors. */
class Killer {
  readonly disk: MemoryDisk;
  readonly passed = new Map<FaultPoint, number>();
  hasKilled = false;
  readonly #at: FaultPoint | undefined;
  readonly #pass: number;
  readonly #survivors: number;

  constructor(at: FaultPoint | undefined, pass: number, survivors: number, disk = new MemoryDisk()) {
    this.#at = at;
    this.#pass = pass;
    this.#survivors = survivors;
    this.disk = disk;
    const enqueue = disk.enqueue.bind(disk);
    disk.enqueue = (waiting) => {
      enqueue(waiting);
      this.hit("a write waits for the disk");
    };
    const flushNext = disk.flushNext.bind(disk);
    disk.flushNext = () => {
      const isWrite = disk.pendingWrites > 0;
      if (isWrite) this.hit("a write is about to be flushed");
      flushNext();
      if (isWrite) this.hit("a write is flushed and nobody knows");
    };
  }

  hit(point: FaultPoint): void {
    const passed = (this.passed.get(point) ?? 0) + 1;
    this.passed.set(point, passed);
    if (this.hasKilled || point !== this.#at || passed !== this.#pass) return;
    this.hasKilled = true;
    this.disk.crash({ survivors: this.#survivors });
  }

  /** A process on this disk that passes the points. */
  rig(forge: ChainForge): SyncRig {
    return new SyncRig(forge, {
      disk: this.disk,
      validator: (inner) => this.#watchValidator(inner),
      chain: (inner) => this.#watchChain(inner),
    });
  }

  /** A peer that passes them too. */
  peer(rig: SyncRig, blocks: readonly Uint8Array[], score = 50) {
    return {
      blocks,
      score,
      behaviour: (first: number, count: number, all: readonly Uint8Array[]) => {
        this.hit("a range is asked for");
        // Set before the rig's own, and so due before it.
        rig.simulation.clock.setTimer(20, () => this.hit("an answer is on its way"));
        return honest(first, count, all);
      },
    };
  }

  #watchValidator(inner: Validator): Validator {
    return {
      validateSegment: async (input, signal) => {
        this.hit("a segment goes to a worker");
        const verdict = await inner.validateSegment(input, signal);
        this.hit("a verdict is given");
        return verdict;
      },
      verifyApprovals: (checks) => inner.verifyApprovals(checks),
      verifySignatures: (checks) => inner.verifySignatures(checks),
      close: () => inner.close(),
    };
  }

  #watchChain(inner: EmbeddedChain): ChainPort {
    return new Proxy(inner, {
      get: (target, name) => {
        if (name === "importSegment") {
          return async (segment: Parameters<ChainPort["importSegment"]>[0]) => {
            this.hit("a segment is handed to the chain");
            const outcome = await target.importSegment(segment);
            this.hit("an import is told");
            return outcome;
          };
        }
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  }
}

/** Every block builds on the one below, and the index agrees. */
function assertSound(rig: SyncRig): void {
  const { chain, height } = rig;
  let parent = chain.facts.genesisHash;
  for (let at = 1; at <= height; at++) {
    const block = chain.readBlock(at);
    assert.ok(block !== undefined, `block ${at} is missing`);
    assert.deepEqual(block.slice(0, 32), parent, `block ${at} stands on another one`);
    parent = hashOf(block);
    assert.deepEqual(chain.hashAt(at), parent);
    assert.equal(chain.heightOf(parent), at);
  }
  assert.equal(chain.readBlock(height + 1), undefined, "a block lies above the head");
}

async function runUntil(rig: SyncRig, isDone: () => boolean): Promise<void> {
  for (let step = 0; step < 1_000 && !isDone(); step++) await rig.run(20);
  assert.ok(isDone(), "it came to no end");
}

test("killed at every point of download and import, a node goes on from a sound chain to the same head", async () => {
  const { forge, blocks } = forgeBlocks(260);
  for (const point of FAULT_POINTS) {
    for (const pass of PASSES) {
      const survivors = pass % 3;
      const killer = new Killer(point, pass, survivors);
      const first = killer.rig(forge);
      first.connect({ a: killer.peer(first, blocks), b: killer.peer(first, blocks) });
      await runUntil(first, () => killer.hasKilled);
      const name = `${point}, pass ${pass}, ${survivors} survivors`;
      const second = new SyncRig(forge, { disk: killer.disk });
      assertSound(second);
      const resumed = second.height;
      assert.ok(resumed < 260, name);
      second.connect({ a: { blocks } });
      await runUntil(second, () => second.height === 260);
      assertSound(second);
      assert.deepEqual(second.chain.snapshot().head.hash, hashOf(blocks[259]!), name);
      assert.ok(
        second.requests.every(({ first: from }) => from > resumed),
        `${name}: what was durable was asked for again`,
      );
      assert.deepEqual(second.offences(), [], name);
      await second.stop();
    }
  }
});

test("killed while it changes over to a better chain, a node has the old one or the new one, never a mix", async () => {
  const { forge, blocks } = forgeBlocks(100);
  const fork = forge.fork();
  const ours = [...blocks, ...Array.from({ length: 20 }, () => forge.next())];
  const theirs = [...blocks, ...Array.from({ length: 30 }, () => fork.next({ skippedSlots: 1 }))];
  const atDisk = FAULT_POINTS.slice(4);
  for (const point of atDisk) {
    for (const survivors of [0, 1]) {
      const before = new SyncRig(forge);
      before.simulation.clock.advance(400_000);
      before.connect({ a: { blocks: ours } });
      await runUntil(before, () => before.height === 120);
      await before.stop();
      before.disk.crash();
      const killer = new Killer(point, 1, survivors, before.disk);
      const during = killer.rig(forge);
      during.simulation.clock.advance(400_000);
      during.connect({ b: killer.peer(during, theirs), c: killer.peer(during, theirs) });
      await runUntil(during, () => killer.hasKilled);
      const after = new SyncRig(forge, { disk: killer.disk });
      after.simulation.clock.advance(400_000);
      const name = `${point}, ${survivors} survivors`;
      assertSound(after);
      assert.ok(after.height >= 120, `${name}: the head fell to ${after.height}`);
      const head = after.chain.readBlock(after.height)!;
      const chain = after.height === 120 && Buffer.compare(head, ours[119]!) === 0 ? ours : theirs;
      assert.deepEqual(hashOf(head), hashOf(chain[after.height - 1]!), name);
      after.connect({ b: { blocks: theirs }, c: { blocks: theirs } });
      await runUntil(after, () => after.height === 130);
      assertSound(after);
      await after.stop();
    }
  }
});

test("every fault point is passed", async () => {
  const { forge, blocks } = forgeBlocks(200);
  const killer = new Killer(undefined, 0, 0);
  const rig = killer.rig(forge);
  rig.connect({ a: killer.peer(rig, blocks) });
  await runUntil(rig, () => rig.height === 200);
  assert.deepEqual(
    FAULT_POINTS.filter((point) => !killer.passed.has(point)),
    [],
  );
  await rig.stop();
});
