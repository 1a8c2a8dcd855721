/** Certified heads whose ancestors nobody delivers: how long they hold up production, and what speaks for them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ProductionCondition, SyncState } from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import { type Batch, newBatch } from "../../../../../src/actors/sync/range/batch.ts";
import { stallWords } from "../../../../../src/actors/sync/status/stall-words.ts";
import {
  LEFT_ALONE_MS,
  LEFT_ALONE_MS_MAX,
  PASS_MS_MAX,
  UnservableHeads,
  WITHHELD_MAX,
  WITHHELD_MS_MIN,
  WITHHELD_PASSES_MIN,
} from "../../../../../src/actors/sync/target/unservable-heads.ts";
import { forgeSecretKeys } from "../../../../../src/chain/forge.ts";
import { failure } from "../../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../../src/kernel/ports/clock.ts";
import { type Behaviour, forgeBlocks, honest, type RigOptions, SyncRig, silent } from "../sync-rig.ts";

const head = (height: number, seed = 1) => ({
  height,
  slot: height + 10,
  hash: new Uint8Array(32).fill(seed),
});
const TARGET = head(200);
const OWN = head(100, 9);
const STEP_MS = 1_000;

/** The machine with a clock, a front batch and peers that fail at it in turn. */
class Watched {
  readonly clock = new FakeClock(0);
  readonly heads = new UnservableHeads();
  reporters = ["a", "b"];
  isPeersTurn = true;
  target = TARGET;
  front: Batch = newBatch(1, { first: 101, count: 64 });
  /** When the target was excluded, and for how long, milliseconds. */
  readonly left: { readonly atMs: number; readonly forMs: number }[] = [];

  get nowMs(): number {
    return this.clock.monotonicMs();
  }

  fail(peerId: string): void {
    const failedPeers = [...this.front.failedPeers.filter((each) => each !== peerId), peerId];
    this.front = { ...this.front, failedPeers, attempts: this.front.attempts + 1 };
  }

  /** Looks at the target for so long, every peer of `failing` failing at each look. */
  run(ms: number, failing: readonly string[]): void {
    for (let spentMs = 0; spentMs < ms; spentMs += STEP_MS) {
      this.clock.advance(STEP_MS);
      for (const peerId of failing) this.fail(peerId);
      if (this.heads.isLeftAlone(this.target, this.nowMs)) continue;
      const { target, front, reporters, isPeersTurn, nowMs } = this;
      const left = this.heads.observe({ target, front, reporters, isPeersTurn, nowMs });
      if (left !== undefined) this.left.push({ atMs: nowMs, forMs: left.forMs });
    }
  }
}

test("a head that failed at all who report it is left alone after some minutes, longer each time", () => {
  const watched = new Watched();
  watched.run(WITHHELD_MS_MIN, ["a", "b"]);
  assert.deepEqual(watched.left, []);
  watched.run(2 * STEP_MS, ["a", "b"]);
  assert.deepEqual(
    watched.left.map(({ forMs }) => forMs),
    [LEFT_ALONE_MS],
  );
  assert(watched.heads.isLeftAlone(TARGET, watched.nowMs));
  const reason = watched.heads.reason(OWN, [TARGET], watched.nowMs);
  assert(reason !== undefined && reason.retryMs > LEFT_ALONE_MS - 2 * STEP_MS);
  assert.match(
    stallWords(reason),
    /^nobody delivers what leads to the certified head 200 \(block 01010101\): it is no target, tried again in 1\d\d s$/,
  );
  // Tried again with one pass each time, and doubted meanwhile.
  watched.run(24 * 3_600_000, ["a", "b"]);
  const times = watched.left.map(({ forMs }) => forMs);
  assert.deepEqual(
    times.slice(0, 4),
    [1, 2, 4, 8].map((factor) => factor * LEFT_ALONE_MS),
  );
  assert.equal(times.at(-1), LEFT_ALONE_MS_MAX);
  assert(watched.heads.isDoubted(TARGET));
  assert.equal(watched.heads.reason(head(300, 9), [TARGET], watched.nowMs), undefined, "ours is better");
  assert.equal(watched.heads.reason(OWN, [], watched.nowMs), undefined, "nobody reports it any more");
});

test("one who reports it and did not fail yet is waited for, but not for ever", () => {
  const watched = new Watched();
  watched.run(WITHHELD_PASSES_MIN * PASS_MS_MAX - 5 * STEP_MS, ["a"]);
  assert.deepEqual(watched.left, []);
  watched.run(10 * STEP_MS, ["a"]);
  assert.equal(watched.left.length, 1);
});

test("nobody who reports it has the blocks: passes end by time", () => {
  const watched = new Watched();
  watched.reporters = [];
  watched.run(WITHHELD_PASSES_MIN * PASS_MS_MAX - 5 * STEP_MS, ["c"]);
  assert.deepEqual(watched.left, []);
  watched.run(10 * STEP_MS, []);
  assert.equal(watched.left.length, 1);
});

test("what is in the way of our own is no peer's failure", () => {
  const watched = new Watched();
  watched.isPeersTurn = false;
  watched.run(3_600_000, []);
  assert.deepEqual(watched.left, []);
  watched.isPeersTurn = true;
  watched.run(PASS_MS_MAX, []);
  assert.deepEqual(watched.left, []);
});

test("one ancestor delivered and all begins anew; a block too late for its height is none", () => {
  const watched = new Watched();
  watched.run(WITHHELD_MS_MIN - 10 * STEP_MS, ["a", "b"]);
  watched.heads.served({ height: 150, slot: 160 });
  watched.run(WITHHELD_MS_MIN, ["a", "b"]);
  assert.deepEqual(watched.left, []);
  // Slots rise with each height: with this one the target's slot could not be reached.
  watched.heads.served({ height: 150, slot: 161 });
  watched.heads.served({ height: 201, slot: 170 });
  watched.run(2 * STEP_MS, ["a", "b"]);
  assert.equal(watched.left.length, 1);
  watched.heads.served({ height: 101, slot: 101 });
  assert.equal(watched.heads.isDoubted(TARGET), false);
  assert.equal(watched.heads.isLeftAlone(TARGET, watched.nowMs), false);
});

test("a chain that grows is never left alone; what is remembered is bounded, and doubted heads longest", () => {
  const watched = new Watched();
  watched.run(WITHHELD_MS_MIN + 2 * STEP_MS, ["a", "b"]);
  assert.equal(watched.left.length, 1);
  for (let height = 201; height < 201 + 2 * WITHHELD_MAX; height++) {
    watched.target = { height, slot: height + 10, hash: new Uint8Array(32).fill(2).fill(height, 4, 8) };
    watched.run(10 * STEP_MS, ["a", "b"]);
  }
  assert.equal(watched.left.length, 1);
  assert(watched.heads.isDoubted(TARGET));
});

const [first, second, third] = forgeSecretKeys(3, 1).map(({ publicKey }) => publicKey);
const QUIET = { headAgeMsMax: 1_000_000_000, emergencyTimeoutMs: 1_000_000_000 };
const OWN_MEMBER: RigOptions = { ownMemberKey: first!, config: QUIET };
const upTo =
  (height: number): Behaviour =>
  (from, count, blocks) =>
    honest(from, count, blocks.slice(0, height));

/** Two members at height 150, and a stranger that shows the certified head 200. */
function withStranger(behaviour: Behaviour) {
  const { forge, blocks } = forgeBlocks(200);
  const rig = new SyncRig(forge, OWN_MEMBER);
  const members = blocks.slice(0, 150);
  rig.connect({ b: { blocks: members, memberKey: second! }, c: { blocks: members, memberKey: third! } });
  rig.connect({ far: { blocks, behaviour } });
  return { rig, blocks };
}

const conditions = async (rig: SyncRig) =>
  (await rig.production()).unmet.map(({ condition }) => condition as ProductionCondition);

for (const [name, behaviour] of Object.entries<Behaviour>({
  "answers empty": upTo(150),
  "is silent": silent,
  "is always busy": () => failure("RESOURCE_EXHAUSTED", "LIMITED", "slow down"),
})) {
  test(`who shows a certified head and ${name} holds up production for some minutes only`, async () => {
    const { rig } = withStranger(behaviour);
    await rig.run(60_000);
    assert.equal(rig.height, 150);
    assert((await conditions(rig)).includes(ProductionCondition.LAG));
    await rig.run(600_000);
    const { state, target, reason, canProduceBlocks } = await rig.status();
    assert.deepEqual([state, target?.height, canProduceBlocks], [SyncState.SYNCED, 150n, true]);
    assert.match(reason, /^nobody delivers what leads to the certified head 200/);
    assert.deepEqual(await conditions(rig), []);
    assert(rig.log.records.some(({ message }) => message.startsWith("nobody delivers what leads to")));
    assert.deepEqual(rig.offences(), []);
    await rig.stop();
  });
}

test("it is tried again, which production does not wait for, and taken when its ancestors come", async () => {
  const { rig, blocks } = withStranger(upTo(150));
  await rig.run(400_000);
  assert.deepEqual(await conditions(rig), []);
  const { length } = rig.requests;
  for (let second = 0; second < 1_800; second += 5) {
    await rig.run(5_000);
    assert.deepEqual(await conditions(rig), []);
  }
  const again = rig.requests.slice(length);
  assert(again.length > 0 && again.every(({ peerId }) => peerId === "far"));
  assert(again.length < 40, `${again.length} requests in half an hour`);
  rig.connect({ far: { blocks } });
  await rig.run(3_600_000);
  assert.equal(rig.height, 200);
  assert.equal((await rig.status()).reason, "");
  await rig.stop();
});

test("a head whose ancestors one of two delivers, however slowly, holds up production", async () => {
  const { rig, blocks } = withStranger(upTo(150));
  let served = 150;
  rig.connect({ slow: { blocks, behaviour: (from, count, own) => upTo(served)(from, count, own) } });
  for (let minutes = 0; minutes < 40; minutes++) {
    served++;
    await rig.run(60_000);
    assert.equal((await rig.status()).target?.height, 200n);
    if (served <= 185) assert((await conditions(rig)).includes(ProductionCondition.LAG));
  }
  assert.equal(rig.height, served);
  await rig.stop();
});

test("a chain of others that grows does not speak for a head that is withheld", async () => {
  const { forge, blocks: common } = forgeBlocks(150);
  const other = forge.fork();
  const blocks = [...common, ...Array.from({ length: 50 }, () => other.next({ skippedSlots: 0 }))];
  const rig = new SyncRig(forge, OWN_MEMBER);
  await rig.run(200_000);
  rig.connect({ far: { blocks, behaviour: upTo(150) } });
  let ours = [...common];
  const join = () =>
    rig.connect({ b: { blocks: ours, memberKey: second! }, c: { blocks: ours, memberKey: third! } });
  join();
  await rig.run(10_000);
  assert((await conditions(rig)).includes(ProductionCondition.LAG));
  for (let turn = 0; turn < 30; turn++) {
    ours = [...ours, forge.next({ skippedSlots: turn === 0 ? 80 : 5 })];
    join();
    await rig.run(12_000);
  }
  assert.equal(rig.height, 180);
  assert.equal((await rig.status()).target?.height, 180n);
  assert.deepEqual(await conditions(rig), []);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});
