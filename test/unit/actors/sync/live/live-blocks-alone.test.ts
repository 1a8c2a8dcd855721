/** LiveBlocks, by themselves: one input at a time, and what each of them wants. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Offence } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import type { LiveEffect } from "../../../../../src/actors/sync/effect.ts";
import { LIVE_JOBS_MAX, LiveBlocks } from "../../../../../src/actors/sync/live/live-blocks.ts";
import { SyncMetrics } from "../../../../../src/actors/sync/metrics.ts";
import { blockFault } from "../../../../../src/chain/block-fault.ts";
import { concatBytes } from "../../../../../src/chain/bytes.ts";
import { sha256 } from "../../../../../src/chain/hash.ts";
import { toHex } from "../../../../../src/chain/hex.ts";
import type { SegmentVerdict, ValidatedSegment } from "../../../../../src/chain/validator.ts";
import type { ImportOutcome } from "../../../../../src/integrations/chain/port.ts";
import { failure } from "../../../../../src/kernel/errors.ts";
import { forgeBlocks, hashOf } from "../sync-rig.ts";

const LENGTH = 100;
const { forge, blocks } = forgeBlocks(LENGTH);
const block = (height: number): Uint8Array => blocks[height - 1]!;
const valid = (height: number): SegmentVerdict => ({
  ok: true,
  segment: { bytes: block(height), count: 1 } as ValidatedSegment,
});
const ROOTS = { expected: new Uint8Array(32), actual: new Uint8Array(32).fill(1) };
const IMPORTED = { kind: "imported" } as ImportOutcome;

class World {
  /** Blocks up to this one are the chain's. */
  height = 10;
  final = 0;
  readonly effects: LiveEffect[] = [];
  readonly told: string[] = [];
  readonly metrics = new SyncMetrics();
  readonly live: LiveBlocks;

  constructor() {
    const sets = { authorities: forge.authorities, parentAuthorities: forge.authorities };
    const isKnown = (hash: Uint8Array): boolean =>
      toHex(hash) === toHex(forge.genesis.hash) ||
      blocks.slice(0, this.height).some((each) => toHex(hashOf(each)) === toHex(hash));
    this.live = new LiveBlocks({
      chain: {
        authoritiesAfter: (hash) => (isKnown(hash) ? sets : undefined),
        authoritiesAt: () => forge.authorities,
        isKnown,
        finalHeight: () => this.final,
      },
      metrics: this.metrics,
      driftMs: 500,
      effect: (effect) => void this.effects.push(effect),
      proven: (peerId, { height }) => void this.told.push(`${peerId} has ${height}`),
      approved: (_, { header }) => void this.told.push(`approved ${header.height}`),
      hinted: (peerId, { height }) => void this.told.push(`${peerId} claims ${height}`),
      missing: (_child, _parent, height, peerId) =>
        void this.told.push(`${height} is missing, ask ${peerId}`),
    });
  }

  of<T extends LiveEffect["type"]>(type: T): Extract<LiveEffect, { type: T }>[] {
    return this.effects.filter((effect): effect is Extract<LiveEffect, { type: T }> => effect.type === type);
  }

  get verdicts(): string[] {
    return this.of("verdict").map(({ handle, verdict }) => `${handle} ${verdict}`);
  }

  /** The newest validation ends so. */
  validated(verdict: SegmentVerdict): void {
    this.live.validated(this.of("validateLive").at(-1)!.id, verdict);
  }

  imported(outcome: ImportOutcome): void {
    this.live.imported(this.of("importLive").at(-1)!.id, outcome);
  }
}

test("a block of gossip is judged alone under its parent's set, told of to others, and imported", () => {
  const world = new World();
  world.live.gossip("g", "a", block(11));
  const [validation] = world.of("validateLive");
  assert.equal(validation?.block, block(11));
  assert.equal(validation?.sets.basis, "durableParent");
  assert.deepEqual(world.verdicts, []);
  world.validated(valid(11));
  assert.deepEqual(world.verdicts, ["g accept"]);
  assert.deepEqual(world.told, ["approved 11"]);
  assert.equal(world.of("importLive").length, 1);
  world.imported(IMPORTED);
  assert.equal(world.live.jobs, 0);
  assert.equal(world.metrics.get("blocksFollowed"), 1);
});

test("a block that is known, final or accepted already is ignored without being judged", () => {
  const world = new World();
  world.final = 5;
  world.live.gossip("known", "a", block(10));
  world.live.gossip("final", "a", block(5));
  world.live.gossip("first", "a", block(11));
  world.validated(valid(11));
  world.live.gossip("again", "b", block(11));
  assert.deepEqual(world.verdicts, ["known ignore", "final ignore", "first accept", "again ignore"]);
  assert.equal(world.of("validateLive").length, 1);
});

test("an invalid block is rejected and reported once for each sender; its bytes are not judged again", () => {
  const world = new World();
  const fault = blockFault("WRONG_BODY_ROOT", ROOTS);
  world.live.gossip("g1", "a", block(11));
  world.validated({ ok: false, index: 0, fault });
  world.live.gossip("g2", "b", block(11));
  assert.deepEqual(world.verdicts, ["g1 reject", "g2 reject"]);
  assert.equal(world.of("validateLive").length, 1);
  const offences = world.of("offence");
  assert.deepEqual(
    offences.map(({ peerId, offence, evidence }) => [peerId, offence, toHex(evidence)]),
    ["a", "b"].map((peerId) => [peerId, Offence.INVALID_BLOCK, toHex(sha256(block(11)))]),
  );
});

test("a failure of the validator is nobody's: gossip is ignored, our own block is told why", () => {
  const world = new World();
  const broken = failure("UNAVAILABLE", "VALIDATOR_FAILED", "a worker died");
  world.live.gossip("g", "a", block(11));
  world.live.validationFailed(1, broken);
  world.live.own(7, block(11));
  world.live.validationFailed(2, broken);
  assert.deepEqual(world.verdicts, ["g ignore"]);
  assert.deepEqual(world.of("refused"), [{ type: "refused", token: 7, reason: broken }]);
  assert.deepEqual(world.of("offence"), []);
  assert.equal(world.live.jobs, 0);
});

test("a certified block without its parent is held, its sender has that head, and the parent is asked for", () => {
  const world = new World();
  world.live.gossip("g", "a", block(13));
  world.validated(valid(13));
  assert.deepEqual(world.verdicts, ["g ignore"], "it cannot be told on: we could not serve its parent");
  assert.deepEqual(world.told, ["approved 13", "a has 13", "12 is missing, ask a"]);
  assert.equal(world.live.heldBlocks, 1);
  world.live.release();
  assert.deepEqual(world.of("importLive"), [], "its parent is still not here");
  world.height = 12;
  world.live.release();
  assert.equal(world.of("importLive").length, 1);
  assert.equal(world.live.heldBlocks, 0);
});

test("a parent that comes releases a whole run of held blocks, one after the other", () => {
  const world = new World();
  for (const height of [13, 12]) {
    world.live.gossip(`g${height}`, "a", block(height));
    world.validated(valid(height));
  }
  assert.deepEqual(world.told.at(-1), "11 is missing, ask a");
  world.live.fetched("a", block(11));
  world.validated(valid(11));
  for (const height of [11, 12, 13]) {
    world.height = height;
    world.imported(IMPORTED);
  }
  assert.equal(world.of("importLive").length, 3);
  assert.equal(world.live.heldBlocks, 0);
});

test("blocks that are final by now are not held any longer", () => {
  const world = new World();
  world.live.gossip("g", "a", block(13));
  world.validated(valid(13));
  world.final = 13;
  world.live.release();
  assert.equal(world.live.heldBlocks, 0);
  assert.deepEqual(world.of("importLive"), []);
});

test("under a set that nobody here knows, a block is a hint of its sender's head and no offence", () => {
  const world = new World();
  world.live.gossip("g", "a", block(50));
  assert.equal(world.of("validateLive")[0]?.sets.basis, "unknownParent");
  const fault = blockFault("WRONG_AUTHORITIES_ROOT", ROOTS);
  world.validated({ ok: false, index: 0, fault });
  assert.deepEqual(world.verdicts, ["g ignore"]);
  assert.deepEqual(world.told, ["a claims 50"]);
  assert.deepEqual(world.of("offence"), []);
});

test("our own block is answered when it is durable; what is wrong with it is told, and nobody is blamed", () => {
  const world = new World();
  world.live.own(1, block(11));
  world.validated(valid(11));
  world.imported(IMPORTED);
  world.live.own(2, block(10));
  assert.deepEqual(
    world.of("accepted").map(({ token, hash }) => [token, toHex(hash)]),
    [
      [1, toHex(hashOf(block(11)))],
      [2, toHex(hashOf(block(10)))],
    ],
  );
  world.live.own(3, Uint8Array.of(1, 2, 3));
  world.live.own(4, block(13));
  world.validated(valid(13));
  const refused = world.of("refused").map(({ token, reason }) => `${token} ${reason.code} ${reason.reason}`);
  assert.deepEqual(refused, ["3 INVALID_ARGUMENT INVALID_BLOCK", "4 FAILED_PRECONDITION BLOCK_REFUSED"]);
  assert.deepEqual([...world.of("offence"), ...world.of("verdict")], []);
});

test("what an import comes to is told to the producer in its own words", () => {
  const outcomes: [ImportOutcome, string][] = [
    [{ kind: "unknownParent" } as ImportOutcome, "BLOCK_REFUSED"],
    [{ kind: "belowFinal" } as ImportOutcome, "BLOCK_REFUSED"],
    [{ kind: "notNow", failure: failure("UNAVAILABLE", "DISK_FULL", "full") } as ImportOutcome, "DISK_FULL"],
  ];
  for (const [outcome, reason] of outcomes) {
    const world = new World();
    world.live.own(1, block(11));
    world.validated(valid(11));
    world.imported(outcome);
    assert.equal(world.of("refused")[0]?.reason.reason, reason);
  }
});

test("jobs are bounded: beyond, gossip is ignored and our own block told to wait", () => {
  const world = new World();
  world.height = 0;
  for (let height = 1; height <= LIVE_JOBS_MAX; height++) world.live.gossip(`${height}`, "a", block(height));
  world.live.gossip("more", "a", block(LIVE_JOBS_MAX + 1));
  world.live.own(9, block(LIVE_JOBS_MAX + 2));
  assert.deepEqual(world.verdicts, ["more ignore"]);
  assert.equal(world.of("refused")[0]?.reason.reason, "BUSY");
  assert.equal(world.live.jobs, LIVE_JOBS_MAX);
});

test("four aggregates of one block are judged at a time, so that an invalid one keeps no valid one out", () => {
  const world = new World();
  const variants = [1, 2, 3, 4, 5].map((fill) => concatBytes([block(11), Uint8Array.of(fill)]));
  for (const [index, bytes] of variants.entries()) world.live.gossip(`g${index}`, `p${index}`, bytes);
  assert.equal(world.of("validateLive").length, 4);
  assert.deepEqual(world.verdicts, ["g4 ignore"]);
});

test("stopped, it lets go of what is on its way; outcomes that come later are nobody's", () => {
  const world = new World();
  world.live.gossip("g", "a", block(11));
  world.live.gossip("h", "a", block(13));
  world.validated(valid(13));
  world.live.stop();
  assert.deepEqual(world.verdicts, ["h ignore", "g ignore"]);
  assert.equal(world.live.heldBlocks, 0);
  world.live.validated(1, valid(11));
  assert.deepEqual(world.of("importLive"), []);
});
