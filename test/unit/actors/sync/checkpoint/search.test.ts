/** CheckpointSearch, by itself: whom it asks and when, what two parties are, and how it ends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Offence } from "../../../../../gen/alys/peer/v1/peer_pb.ts";
import { CheckpointSearch } from "../../../../../src/actors/sync/checkpoint/search.ts";
import type { CheckpointAnswer } from "../../../../../src/actors/sync/checkpoint/search-outcome.ts";
import { decodeEvidence } from "../../../../../src/chain/checkpoint/codec.ts";
import { ChainForge } from "../../../../../src/chain/forge.ts";
import { sha256 } from "../../../../../src/chain/hash.ts";
import type { KeptCheckpoint } from "../../../../../src/integrations/chain/checkpoint/checkpoint-store.ts";
import { failure } from "../../../../../src/kernel/errors.ts";
import { CheckpointRig } from "../../../integrations/chain/checkpoint/checkpoint-rig.ts";
import { Asking, TIMING } from "../asking.ts";

const LENGTH = 300;
const ROUND_MS = 500;

/** A chain with checkpoints at these heights, each as a peer's sound answer. */
async function source(seed: number, ...heights: number[]) {
  const forge = ChainForge.of({ blocks: LENGTH, seed, members: 3, endTimestampMs: 1_700_000_000_000 });
  const blocks = Array.from({ length: LENGTH }, () => forge.next());
  const rig = new CheckpointRig(forge);
  await rig.feed(blocks);
  const answers = new Map<number, Extract<CheckpointAnswer, { type: "sound" }>>();
  for (const height of heights) {
    const { id } = await rig.settle(rig.checkpoints.create(height));
    const bytes = await rig.settle(rig.checkpoints.serve(height, 0));
    const evidence = bytes && decodeEvidence(bytes);
    assert(bytes !== undefined && evidence !== undefined);
    const verdict = await rig.settle(rig.checkpoints.judge(evidence));
    assert(verdict.ok);
    answers.set(height, { type: "sound", id, evidence, proven: verdict.proven, digest: sha256(bytes) });
  }
  const at = (height: number) => {
    const answer = answers.get(height);
    assert(answer !== undefined);
    return answer;
  };
  return { blocks, at };
}

const main = await source(1, 100, 200);
const other = await source(2, 100);
const HEAD = main.blocks.at(-1)!;
const NONE: CheckpointAnswer = {
  type: "failed",
  failure: failure("NOT_FOUND", "RESOURCE_UNAVAILABLE", "it has none"),
};

class World extends Asking {
  readonly search = new CheckpointSearch(this);
  isPaused = false;

  constructor(peers: readonly string[], wanted?: { id: string; height: number }, ownHeight = 0) {
    super();
    for (const peerId of peers) this.join(peerId, HEAD);
    this.search.begin({ wanted, ownHeight }, this.nowMs);
    this.move();
  }

  move(): void {
    this.search.move(this.nowMs, this.isPaused);
  }

  /** Time passes, a tick each half second. */
  wait(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.move()) this.nowMs += ROUND_MS;
  }

  get asked(): string[] {
    return this.of("askCheckpoint").map(({ peerId, heightMax }) => `${peerId} ${heightMax}`);
  }

  /** What the peer was asked last is answered so. */
  answer(peerId: string, answer: CheckpointAnswer): void {
    const asks = this.of("askCheckpoint").filter((each) => each.peerId === peerId);
    const { askId } = asks.at(-1)!;
    this.search.answered(askId, answer, this.nowMs);
    this.move();
  }

  /** The newest request for blocks is answered from a chain. */
  deliver(blocks: readonly Uint8Array[]): void {
    const { requestId, first, count } = this.last("request");
    this.search.blocksCame(requestId, blocks.slice(first - 1, first - 1 + count), TIMING);
    this.move();
  }
}

test("the newest that two parties deliver is kept with its block", () => {
  const world = new World(["a", "b"]);
  assert.deepEqual(world.asked, ["a 0", "b 0"]);
  world.answer("a", main.at(200));
  assert.deepEqual(world.of("request"), [], "everybody who was asked is heard first");
  world.answer("b", main.at(200));
  const { peerId, first, count, deadlineMs } = world.last("request");
  assert.deepEqual([peerId, first, count, deadlineMs], ["a", 200, 1, 8_000]);
  world.deliver(main.blocks);
  assert.deepEqual(world.last("keepCheckpoint").block, main.blocks[199]);
  const kept = { id: main.at(200).id, height: 200 } as KeptCheckpoint;
  world.search.kept(kept);
  assert.deepEqual(world.of("searchEnded"), [{ type: "searchEnded", outcome: { type: "found", kept } }]);
  assert.deepEqual(world.of("offence"), []);
  world.wait(60_000);
  assert.equal(world.asked.length, 2, "it has ended");
});

test("one party alone is not believed, and the status says for whom it waits", () => {
  const world = new World(["a"]);
  world.answer("a", main.at(200));
  assert.deepEqual(world.last("searchTold").reason, {
    type: "checkpointUnconfirmed",
    height: 200,
    peerId: "a",
  });
  world.wait(120_000);
  assert.deepEqual(world.of("searchEnded"), [], "one that waits for its second party waits on");
  assert.deepEqual(world.of("request"), []);
});

test("peers of one subnet are one party", () => {
  const world = new World([]);
  world.join("a", HEAD, { address: "/ip4/81.2.3.4/tcp/1" });
  world.join("b", HEAD, { address: "/ip4/81.2.3.5/tcp/1" });
  world.move();
  world.wait(ROUND_MS);
  world.answer("a", main.at(200));
  world.answer("b", main.at(200));
  assert.deepEqual(world.of("request"), []);
  assert.equal(world.last("searchTold").reason.type, "checkpointUnconfirmed");
});

test("a peer without a checkpoint confirms one by showing that its chain goes through it", () => {
  const world = new World(["a", "b"]);
  world.answer("a", main.at(200));
  world.answer("b", NONE);
  assert.deepEqual(world.asked.at(-1), "b 200", "it is asked for that very one first");
  world.answer("b", NONE);
  const { peerId, first, count } = world.last("request");
  assert.deepEqual([peerId, first], ["b", 200]);
  assert.ok(count > 64, "up to the later header that a quorum signed");
  world.deliver(main.blocks);
  assert.deepEqual(
    [world.last("request").first, world.last("request").count],
    [200, 1],
    "now its block is fetched",
  );
});

test("blocks that do not lead up confirm nothing, and are no offence", () => {
  const world = new World(["a", "b"]);
  world.answer("a", main.at(200));
  world.answer("b", NONE);
  world.answer("b", NONE);
  world.deliver(other.blocks);
  assert.equal(world.of("request").length, 1);
  assert.deepEqual(world.of("offence"), []);
});

test("what does not hold is reported with its digest, and its sender asked no more; after 30 s it is given up", () => {
  const world = new World(["liar"]);
  const digest = sha256(Uint8Array.of(1));
  world.answer("liar", { type: "unsound", fault: "APPROVAL", digest });
  assert.deepEqual(world.of("offence"), [
    {
      type: "offence",
      peerId: "liar",
      offence: Offence.WRONG_ANSWER,
      detail: "a checkpoint that does not hold: APPROVAL",
      evidence: digest,
    },
  ]);
  world.wait(31_000);
  assert.equal(world.asked.length, 1);
  const { outcome } = world.last("searchEnded");
  assert(outcome.type === "none");
  assert.match(outcome.reason, /within 30 s \(what 1 of them delivered does not hold\)/);
});

test("a liar's earlier word counts no more", () => {
  const world = new World(["a", "b"]);
  world.answer("b", main.at(200));
  world.answer("a", main.at(200));
  world.deliver(other.blocks);
  // a served another block than its checkpoint's.
  world.search.kept(undefined);
  assert.equal(world.last("offence").detail, "a checkpoint that does not hold: BLOCK");
  assert.equal(world.last("offence").peerId, world.of("request")[0]?.peerId);
  world.wait(ROUND_MS);
  assert.equal(world.last("searchTold").reason.type, "checkpointUnconfirmed", "one party is left");
});

test("two sound ones of one height are a contradiction that only an operator can end", () => {
  const world = new World(["a", "b"]);
  world.answer("a", main.at(100));
  world.answer("b", other.at(100));
  const conflict = { type: "checkpointsConflict", height: 100, peerId: "b", others: ["a"] } as const;
  assert.deepEqual(world.last("searchEnded").outcome, { type: "conflict", conflict });
});

test("the one that is named is wanted and no other, and never above its height", () => {
  const world = new World(["a", "b"], { id: main.at(100).id, height: 100 });
  assert.deepEqual(world.asked, ["a 100", "b 100"]);
  world.answer("a", other.at(100));
  world.answer("b", main.at(200));
  assert.equal(world.last("offence").detail, "a checkpoint that does not hold: ABOVE_WANTED");
  assert.equal(world.last("offence").peerId, "b");
  assert.deepEqual(world.last("searchTold").reason, { type: "searchingCheckpoint" });
});

test("one older than ours does not help, and is no lie", () => {
  const world = new World(["a", "b"], undefined, 150);
  world.answer("a", main.at(100));
  world.answer("b", main.at(100));
  assert.equal(world.of("warning").length, 2);
  assert.deepEqual(world.of("offence"), []);
  assert.deepEqual(world.last("searchTold").reason, { type: "searchingCheckpoint" });
});

test("while it is paused nobody is asked, and the time to find one does not run", () => {
  const world = new World([]);
  world.isPaused = true;
  world.join("a", HEAD);
  world.wait(300_000);
  assert.deepEqual(world.asked, []);
  assert.deepEqual(world.of("searchEnded"), []);
  world.isPaused = false;
  world.wait(ROUND_MS);
  assert.deepEqual(world.asked, ["a 0"]);
  world.answer("a", NONE);
  world.wait(28_000);
  assert.deepEqual(world.of("searchEnded"), []);
  world.wait(3_000);
  if (world.of("searchEnded").length === 0) world.answer("a", NONE);
  world.wait(1_000);
  assert.equal(world.last("searchEnded").outcome.type, "none");
});

test("four are asked at once, each again after 15 s", () => {
  const world = new World(["a", "b", "c", "d", "e"]);
  assert.deepEqual(world.asked, ["a 0", "b 0", "c 0", "d 0"]);
  for (const peerId of ["a", "b", "c", "d"]) world.answer(peerId, NONE);
  world.wait(ROUND_MS);
  assert.deepEqual(world.asked.at(-1), "e 0");
  world.answer("e", NONE);
  world.wait(14_000);
  assert.equal(world.asked.length, 5);
  world.wait(1_000);
  assert.deepEqual(world.asked.slice(5), ["a 0", "b 0", "c 0", "d 0"]);
});

test("a failure of our own disk ends it as such", () => {
  const world = new World(["a", "b"]);
  world.answer("a", main.at(200));
  world.answer("b", main.at(200));
  world.deliver(main.blocks);
  const full = failure("RESOURCE_EXHAUSTED", "DISK_FULL", "no space left");
  world.search.kept(full);
  assert.deepEqual(world.last("searchEnded").outcome, { type: "failed", failure: full });
});

test("ended by an operator it has no outcome, and what comes later is nobody's", () => {
  const world = new World(["a", "b"]);
  world.answer("a", main.at(200));
  world.search.end();
  world.answer("b", main.at(200));
  world.wait(60_000);
  assert.deepEqual([...world.of("searchEnded"), ...world.of("request")], []);
  assert.ok(world.quota.has("b", "checkpoint", world.nowMs), "its request was counted as ended");
});

test("a peer that goes while it delivers blocks does not hold up the search", () => {
  const world = new World(["a", "b", "c"]);
  world.answer("a", main.at(200));
  world.answer("b", main.at(200));
  world.answer("c", main.at(200));
  const first = world.last("request");
  world.search.peerGone(first.peerId);
  world.peers.remove(first.peerId);
  world.move();
  assert.deepEqual(world.of("cancel"), [{ type: "cancel", requestId: first.requestId }]);
  assert.notEqual(world.last("request").peerId, first.peerId);
});
