/**
 * The part of the hosts' contract that is about requests, their limits, and gossip. Registered by host.ts.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChainForge } from "../../src/chain/forge.ts";
import { readHeader } from "../../src/chain/header.ts";
import type { Failure } from "../../src/kernel/errors.ts";
import { faultOf } from "../../src/p2p/failures.ts";
import type { BlockPrecheck, Host, ResponseError } from "../../src/p2p/port.ts";

import {
  answerAll,
  enveloped,
  eventually,
  failureOf,
  type Hosts,
  judgeAll,
  REQUEST,
} from "./host-harness.ts";
export function requestTests(hosts: Hosts): void {
  test("request brings the chunks in order and counts their bytes", async () => {
    const [one, two] = await hosts.pair();
    const chunks = [new Uint8Array(300_000).fill(1), new Uint8Array(0), new Uint8Array(70_000).fill(2)];
    answerAll(two, () => chunks);
    const seen: number[] = [];
    const onChunk = (chunk: Uint8Array): void => void seen.push(chunk.length);
    const payload = new Uint8Array(60).fill(9);
    const answer = await one.host.request(two.id, "blocks-by-range", payload, { ...REQUEST, onChunk });
    assert.deepEqual(answer, chunks);
    assert.deepEqual(seen, [300_000, 0, 70_000]);
    const { payload: asked, peerId } = await two.until("request");
    assert.deepEqual([peerId, asked], [one.id, payload]);
    const ended = await two.until("requestEnded");
    assert.equal(ended.outcome, "answered");
    assert.ok(ended.bytesOut >= 370_000);
    const traffic = one.host.stats().trafficByProtocol["blocks-by-range"];
    assert.ok(traffic !== undefined && traffic.bytesIn >= 370_000 && traffic.bytesOut >= 60);
    const [connection] = one.host.connections();
    assert.ok((connection?.traffic["blocks-by-range"]?.bytesIn ?? 0) >= 370_000);
    assert.ok((connection?.bytesIn ?? 0) >= 370_000);
  });

  test("an empty answer is an empty list, and a generator is an answer", async () => {
    const [one, two] = await hosts.pair();
    answerAll(two, async function* (payload) {
      for (const byte of payload) yield Uint8Array.of(byte);
    });
    assert.deepEqual(await one.host.request(two.id, "status", Uint8Array.of(), REQUEST), []);
    const answer = await one.host.request(two.id, "status", Uint8Array.of(4, 5), REQUEST);
    assert.deepEqual(answer, [Uint8Array.of(4), Uint8Array.of(5)]);
  });

  test("each error of the responder arrives as its own failure", async () => {
    const [one, two] = await hosts.pair();
    const errors: ResponseError[] = [
      "invalid-request",
      "server-error",
      "resource-unavailable",
      "rate-limited",
    ];
    answerAll(two, (payload) => errors[payload[0] ?? 0] ?? []);
    const reasons: string[] = [];
    for (const index of errors.keys()) {
      reasons.push(
        (await failureOf(one.host.request(two.id, "status", Uint8Array.of(index), REQUEST))).reason,
      );
    }
    assert.deepEqual(reasons, [
      "PEER_INVALID_REQUEST",
      "PEER_SERVER_ERROR",
      "PEER_RESOURCE_UNAVAILABLE",
      "PEER_RATE_LIMITED",
    ]);
  });

  test("a source of chunks that fails half-way never looks like a whole answer", async () => {
    const [one, two] = await hosts.pair();
    answerAll(two, function* () {
      yield Uint8Array.of(1);
      throw new Error("the disk is gone");
    });
    const cut = await failureOf(one.host.request(two.id, "status", Uint8Array.of(), REQUEST));
    assert.ok(["STREAM_RESET", "RESPONSE_TRUNCATED"].includes(cut.reason), cut.reason);
    assert.equal(faultOf(cut), "network");
    assert.equal((await two.until("requestEnded")).outcome, "closed");
  });

  test("two chains have no protocol in common", async () => {
    const one = await hosts.start();
    const two = await hosts.start({ genesisHash: new Uint8Array(32).fill(0x77) });
    await hosts.join(one, two);
    const refused = await failureOf(one.host.request(two.id, "status", Uint8Array.of(), REQUEST));
    assert.equal(refused.reason, "PROTOCOL_UNSUPPORTED");
    assert.equal(two.count("request"), 0);
    assert.equal(one.count("subscriptionChanged"), 0);
  });

  test("a connection that goes fails what is under way on it", async () => {
    const [one, two] = await hosts.pair();
    const pending = failureOf(one.host.request(two.id, "status", Uint8Array.of(), REQUEST));
    await two.until("request");
    await two.host.close();
    const lost = await pending;
    assert.equal(faultOf(lost), "network");
    assert.equal(lost.isRetryable, true);
  });

  test("a stale handle does nothing", async () => {
    const [one, two] = await hosts.pair();
    answerAll(two, () => [Uint8Array.of(1)]);
    await one.host.request(two.id, "status", Uint8Array.of(), REQUEST);
    const { handle } = await two.until("request");
    two.host.respond(handle, [Uint8Array.of(2)]);
    two.host.verdict("12345" as Parameters<Host["verdict"]>[0], "accept");
  });
}

export function requestLimitTests(hosts: Hosts): void {
  const refusals = [
    ["RESPONSE_TOO_LARGE", "a chunk that is too large", { chunkBytesMax: 99 }],
    ["RESPONSE_TOO_LARGE", "an answer that is too large", { responseBytesMax: 250 }],
    ["RESPONSE_TOO_MANY", "one chunk too many", { chunksMax: 2 }],
  ] as const;
  for (const [reason, what, limits] of refusals) {
    test(`request refuses ${what}`, async () => {
      const [one, two] = await hosts.pair();
      answerAll(two, () => [new Uint8Array(100), new Uint8Array(100), new Uint8Array(100)]);
      const asked = one.host.request(two.id, "status", Uint8Array.of(), { ...REQUEST, ...limits });
      const refused = await failureOf(asked);
      assert.equal(refused.reason, reason);
      assert.equal(faultOf(refused), "peer");
    });
  }

  test("a responder that never begins costs the first-byte deadline and hears that we left", async () => {
    const [one, two] = await hosts.pair();
    const asked = one.host.request(two.id, "status", Uint8Array.of(), {
      ...REQUEST,
      firstByteDeadlineMs: 300,
    });
    assert.equal((await failureOf(asked)).reason, "FIRST_BYTE_DEADLINE");
    assert.equal((await two.until("requestEnded")).outcome, "closed");
    assert.equal(two.host.stats().requestsServing, 0);
  });

  test("a responder that stalls after a chunk costs the whole deadline, and its source is closed", async () => {
    const [one, two] = await hosts.pair();
    const released = Promise.withResolvers<void>();
    let isClosed = false;
    answerAll(two, async function* () {
      try {
        yield Uint8Array.of(1);
        await released.promise;
        yield Uint8Array.of(2);
      } finally {
        isClosed = true;
      }
    });
    const asked = one.host.request(two.id, "status", Uint8Array.of(), { ...REQUEST, deadlineMs: 400 });
    assert.equal((await failureOf(asked)).reason, "RESPONSE_DEADLINE");
    assert.equal((await two.until("requestEnded")).outcome, "closed");
    released.resolve();
    await eventually(() => isClosed, "the generator is closed");
  });

  test("an aborted request is cancelled at both ends", async () => {
    const [one, two] = await hosts.pair();
    const controller = new AbortController();
    const signal = controller.signal;
    const pending = failureOf(one.host.request(two.id, "status", Uint8Array.of(), { ...REQUEST, signal }));
    await two.until("request");
    controller.abort();
    assert.equal((await pending).reason, "REQUEST_CANCELLED");
    assert.equal((await two.until("requestEnded")).outcome, "closed");
  });

  test("a request longer than its protocol allows is not sent", async () => {
    const [one, two] = await hosts.pair();
    const refused = await failureOf(one.host.request(two.id, "goodbye", new Uint8Array(65), REQUEST));
    assert.equal(refused.reason, "REQUEST_TOO_LARGE");
    assert.equal(two.count("request"), 0);
  });

  test("more requests than a protocol's burst are answered rate limited, then cut off", async () => {
    const [one, two] = await hosts.pair();
    answerAll(two, () => []);
    const reasons: string[] = [];
    for (let index = 0; index < 8; index += 1) {
      const asked = one.host.request(two.id, "goodbye", Uint8Array.of(index), REQUEST);
      reasons.push(
        await asked.then(
          () => "answered",
          (cause: Failure) => cause.reason,
        ),
      );
    }
    assert.deepEqual(reasons.slice(0, 2), ["answered", "answered"]);
    assert.equal(reasons[2], "PEER_RATE_LIMITED");
    await two.until("violation", ({ kind }) => kind === "rate-limited");
    assert.equal(two.count("request"), 2);
    assert.ok(two.host.stats().rateLimited >= 6);
  });
}

export function gossipTests(hosts: Hosts): void {
  test("publish reaches subscribers, and what is accepted is passed on", async () => {
    const [one, two, three] = [await hosts.start(), await hosts.start(), await hosts.start()];
    await hosts.joinGossip(one, two);
    await hosts.joinGossip(two, three);
    judgeAll(two, "accept");
    judgeAll(three, "accept");
    const block = enveloped(new Uint8Array(5000).fill(3));
    assert.deepEqual(await one.host.publish("blocks", block), { recipients: 1 });
    const heard = await three.until("gossip");
    assert.equal(heard.peerId, two.id);
    assert.deepEqual([heard.topic, heard.data], ["blocks", block]);
    const [blocks] = two.host.stats().gossip;
    assert.equal(blocks?.accepted, 1);
    assert.deepEqual(await one.host.publish("blocks", block), { recipients: 0 });
  });

  test("what is rejected or ignored goes no further, and what it costs is the application's to say", async () => {
    const [one, two, three] = [await hosts.start(), await hosts.start(), await hosts.start()];
    await hosts.joinGossip(one, two);
    await hosts.joinGossip(two, three);
    const verdicts = new Map<number, "accept" | "ignore" | "reject">([
      [1, "ignore"],
      [2, "reject"],
      [3, "reject"],
      [4, "accept"],
    ]);
    two.host.subscribe((event) => {
      if (event.type === "gossip")
        two.host.verdict(event.handle, verdicts.get(event.data.at(-1) ?? 0) ?? "ignore");
    });
    judgeAll(three, "accept");
    const scores: number[] = [];
    for (const first of verdicts.keys()) {
      await one.host.publish("blocks", enveloped(new Uint8Array(100).fill(first)));
      await two.until("gossip", ({ data }) => data.at(-1) === first);
      // The router keeps a computed score for one heartbeat.
      await new Promise((resolve) => setTimeout(resolve, 250));
      scores.push(two.host.stats().gossipScores[one.id] ?? 0);
    }
    await three.until("gossip", ({ data }) => data.at(-1) === 4);
    assert.equal(three.count("gossip"), 1);
    for (const score of scores) assert.ok(score >= 0, `${scores}`);
    const [blocks] = two.host.stats().gossip;
    assert.deepEqual([blocks?.ignored, blocks?.rejected, blocks?.accepted], [1, 2, 1]);
  });

  test("a message without a verdict is ignored at its deadline", async () => {
    const one = await hosts.start();
    const two = await hosts.start({ gossip: { heartbeatMs: 200, verdictDeadlineMs: 100 } });
    await hosts.joinGossip(one, two);
    await one.host.publish("transactions", enveloped(Uint8Array.of(1, 2)));
    const { handle } = await two.until("gossip");
    await eventually(() => two.host.stats().messagesWaiting === 0, "the message expires");
    two.host.verdict(handle, "accept");
    const transactions = two.host.stats().gossip.find(({ topic }) => topic === "transactions");
    assert.deepEqual([transactions?.expired, transactions?.accepted], [1, 0]);
  });

  test("what is in no canonical envelope is reported with its bytes, and what is in one is heard after it", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    await hosts.joinGossip(one, two);
    judgeAll(two, "accept");
    const plain = enveloped(new Uint8Array(443).fill(5));
    const copies = [
      Uint8Array.of(...plain, 0x78, 1),
      Uint8Array.of(...plain, ...plain),
      Uint8Array.of(0x0a, 0xbb, 0x83, 0x00, ...new Uint8Array(443).fill(5)),
    ];
    for (const copy of copies) {
      await one.host.publish("blocks", copy);
      const isOfCopy = (evidence: Uint8Array): boolean =>
        Buffer.compare(evidence.subarray(32), copy.subarray(0, evidence.length - 32)) === 0;
      const violation = await two.until("violation", ({ evidence }) => isOfCopy(evidence));
      assert.deepEqual(
        [violation.peerId, violation.protocol, violation.kind],
        [one.id, "gossip", "message-malformed"],
      );
    }
    assert.equal(two.count("gossip"), 0);
    await one.host.publish("blocks", plain);
    await two.until("gossip", ({ data }) => Buffer.compare(data, plain) === 0);
    const [blocks] = two.host.stats().gossip;
    assert.deepEqual([blocks?.rejected, blocks?.accepted], [3, 1]);
  });

  test("a block that is known at a precheck is not announced; nor is it remembered", async () => {
    let kind: "known" | "fresh" = "known";
    const precheck: BlockPrecheck = () => (kind === "known" ? { kind } : { kind, block: undefined });
    const [one, two, three] = [await hosts.start(), await hosts.start({ precheck }), await hosts.start()];
    await hosts.joinGossip(one, two);
    await hosts.joinGossip(three, two);
    judgeAll(two, "accept");
    const block = enveloped(new Uint8Array(300).fill(8));
    await one.host.publish("blocks", block);
    await eventually(() => two.host.stats().gossip[0]?.ignored === 1, "the block is ignored");
    assert.equal(two.count("gossip"), 0);
    kind = "fresh";
    await three.host.publish("blocks", block);
    const heard = await two.until("gossip");
    assert.deepEqual([heard.peerId, heard.data], [three.id, block]);
    assert.deepEqual([two.count("violation"), two.host.stats().gossip[0]?.accepted], [0, 1]);
  });

  test("the header that the precheck read comes with the block", async () => {
    const header = readHeader(new ChainForge().next());
    const precheck: BlockPrecheck = () => ({ kind: "fresh", block: undefined, header });
    const [one, two] = [await hosts.start(), await hosts.start({ precheck })];
    await hosts.joinGossip(one, two);
    judgeAll(two, "accept");
    await one.host.publish("blocks", enveloped(new Uint8Array(300).fill(9)));
    assert.equal((await two.until("gossip")).header, header);
  });

  test("publish refuses what is too large for its topic", async () => {
    const one = await hosts.start();
    const refused = await failureOf(one.host.publish("transactions", new Uint8Array(2 * 1024 * 1024)));
    assert.equal(refused.reason, "PUBLISH_FAILED");
    assert.deepEqual(await one.host.publish("transactions", Uint8Array.of(7)), { recipients: 0 });
  });
}
