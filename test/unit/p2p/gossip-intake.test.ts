/** The intake of gossip: what is let in, what leaves no trace, and that no flood keeps a new block out. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../src/kernel/ports/log.ts";
import { EventHub } from "../../../src/p2p/event-hub.ts";
import { messageId } from "../../../src/p2p/gossip-envelope.ts";
import { type Arrival, GossipIntake } from "../../../src/p2p/gossip-intake.ts";
import { PendingGossip } from "../../../src/p2p/pending-gossip.ts";
import type { BlockPrecheck, TopicName } from "../../../src/p2p/port.ts";
import { enveloped, failureOf } from "../../contract/host-harness.ts";

/** First byte 0: malformed, 1: known, 2: stale; the rest is new. The next four tell blocks apart. */
const precheck: BlockPrecheck = (block) => {
  const hash = Buffer.from(block.subarray(1, 5)).toString("hex");
  if (block[0] === 0) return { kind: "malformed" };
  if (block[0] === 1) return { kind: "known" };
  return { kind: block[0] === 2 ? "stale" : "fresh", block: hash };
};

function doorway() {
  const clock = new FakeClock();
  const pending = new PendingGossip(clock, new EventHub(silentLog));
  const intake = new GossipIntake(clock, pending);
  intake.open(precheck);
  const seen = new Set<string>();
  let number = 0;
  const arrive = (peerId: string, topic: TopicName, data: Uint8Array, isReserved = false) => {
    const isSeen = (id: Uint8Array): boolean => seen.has(Buffer.from(id).toString("hex"));
    const arrival: Arrival = { peerId, topic, topicId: topic, data, isReserved, isSeen };
    return intake.enter(arrival);
  };
  const block = (kind: number, length = 400): Uint8Array => {
    number += 1;
    const content = new Uint8Array(length);
    content[0] = kind;
    new DataView(content.buffer).setUint32(1, number);
    return enveloped(content);
  };
  const counts = (topic: number) => pending.stats(() => ({ subscribers: 0, meshPeers: [] }))[topic];
  return { clock, intake, arrive, block, seen, counts };
}

test("what is malformed takes no place, whatever is inside", () => {
  const { arrive, block, counts } = doorway();
  const padded = Buffer.concat([block(3), Uint8Array.of(0x78, 1)]);
  for (let index = 0; index < 1_000; index += 1)
    assert.equal(arrive("hostile", "blocks", padded).kind, "malformed");
  assert.equal(arrive("hostile", "blocks", block(0)).kind, "malformed");
  assert.deepEqual(arrive("hostile", "blocks", new Uint8Array(3_000_000)), {
    kind: "malformed",
    fault: "message-too-large",
  });
  assert.equal(arrive("hostile", "blocks", block(3)).kind, "inside");
  assert.equal(counts(0)?.rejected, 1_002);
});

test("a known block takes no place, and a message that was seen counts for nothing", () => {
  const { arrive, block, seen, counts, clock } = doorway();
  for (let index = 0; index < 100; index += 1) {
    assert.equal(arrive("peer", "blocks", block(1)).kind, "ignored");
    clock.advance(100);
  }
  assert.equal(counts(0)?.ignored, 100);
  const data = block(3);
  assert.equal(arrive("peer", "blocks", data).kind, "inside");
  seen.add(Buffer.from(messageId("blocks", data)).toString("hex"));
  assert.equal(arrive("another", "blocks", data).kind, "seen");
  assert.equal(counts(0)?.ignored, 100);
});

test("floods of blocks that do not look new, and of transactions, never keep a new block out", () => {
  const { arrive, block, clock, intake } = doorway();
  for (let second = 0; second < 20; second += 1) {
    for (let peer = 0; peer < 40; peer += 1) {
      for (let index = 0; index < 50; index += 1) {
        arrive(`hostile ${peer}`, "blocks", block(2));
        arrive(`hostile ${peer}`, "transactions", block(3));
      }
    }
    const entry = arrive("honest", "blocks", block(3, 1_000_000));
    assert.equal(entry.kind, "inside", `second ${second}`);
    clock.advance(1_000);
    if (entry.kind === "inside") intake.leave(entry.queued);
  }
});

test("what we publish is bounded as what others send is, so that we pass on no more than peers take", async () => {
  const { intake, clock } = doorway();
  for (let index = 0; index < 2_048; index += 1) intake.checkPublished("transactions", 100);
  const failed = async (): Promise<void> => intake.checkPublished("transactions", 100);
  assert.equal((await failureOf(failed())).reason, "HOST_BUSY");
  clock.advance(1_000);
  intake.checkPublished("transactions", 100);
  const large = async (): Promise<void> => intake.checkPublished("blocks", 3_000_000);
  assert.equal((await failureOf(large())).reason, "PUBLISH_FAILED");
});
