/**
 * Peers that break the rules of streams: a bare libp2p node against our host, once as the one that asks, once as the one that
 * answers. Every breach ends in a typed failure or a reported violation, and the connection lives on.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Stream } from "@libp2p/interface";
import type { Libp2p } from "libp2p";
import { DIGEST_LENGTH, digestIn } from "../../src/p2p/evidence.ts";
import { faultOf } from "../../src/p2p/failures.ts";
import { encodeChunk, encodeEnd, encodeRequest } from "../../src/p2p/framing.ts";
import { protocolId } from "../../src/p2p/protocols.ts";
import { eventually, failureOf, GENESIS, options, REQUEST, Watched } from "../contract/host-harness.ts";
import { barePeer, tcpHarness } from "./bare-peer.ts";

const STATUS = protocolId(GENESIS, "status");

describe("a hostile peer", () => {
  let watched: Watched;
  let bare: Libp2p;
  let misbehave: (stream: Stream) => void = () => {};

  before(async () => {
    watched = new Watched(tcpHarness);
    await watched.host.open(options(tcpHarness));
    bare = await barePeer("tls", "is silent");
    await bare.handle(STATUS, (stream) => misbehave(stream));
    await watched.host.dial(
      bare.peerId.toString(),
      bare.getMultiaddrs().map((address) => address.toString()),
      { deadlineMs: 5000 },
    );
    await eventually(() => bare.getConnections().length === 1, "the bare node knows its connection");
  });
  after(async () => {
    await watched.host.close();
    await bare.stop();
  });

  /** Sends bytes as a request and waits for the end of the stream. */
  async function ask(bytes: Uint8Array, closesHalf = false): Promise<void> {
    const [connection] = bare.getConnections();
    assert.ok(connection !== undefined);
    const stream = await connection.newStream(STATUS);
    const closed = new Promise<void>((resolve) => stream.addEventListener("close", () => resolve()));
    stream.addEventListener("message", () => {});
    stream.send(bytes);
    if (closesHalf) await stream.close().catch(() => {});
    await closed;
  }

  const breaches = [
    ["announces more than the protocol allows", Uint8Array.of(0xff, 0xff, 0x7f), false, "request-too-large"],
    ["sends a length without end", Uint8Array.of(0x80, 0x80, 0x80, 0x80, 1), false, "request-malformed"],
    ["pads its length", Uint8Array.of(0x81, 0x00, 1), false, "request-malformed"],
    ["sends bytes after its request", Uint8Array.of(1, 1, 2), false, "request-malformed"],
  ] as const;
  for (const [what, bytes, closesHalf, kind] of breaches) {
    test(`that ${what} is cut off and reported`, async () => {
      const seen = watched.count("violation");
      await ask(bytes, closesHalf);
      const violation = await watched.until("violation", (event) => event.kind === kind);
      assert.equal(violation.peerId, bare.peerId.toString());
      assert.ok(digestIn(violation.evidence) !== undefined && violation.evidence.length > DIGEST_LENGTH);
      assert.equal(watched.count("violation"), seen + 1);
      assert.equal(watched.host.connections().length, 1);
    });
  }

  test("that resets its stream after its request frees its place", async () => {
    const [connection] = bare.getConnections();
    const stream = await connection?.newStream(STATUS);
    stream?.send(encodeRequest(Uint8Array.of(1)));
    await watched.until("request");
    stream?.abort(new Error("no longer wanted"));
    await watched.until("requestEnded", ({ outcome }) => outcome === "closed");
    assert.equal(watched.host.stats().requestsServing, 0);
  });

  test("that closes its half, or resets, in the middle of its request proves nothing", async () => {
    const [seen, asked, over] = [
      watched.count("violation"),
      watched.count("request"),
      watched.count("requestEnded"),
    ];
    await ask(Uint8Array.of(10, 1, 2), true);
    const [connection] = bare.getConnections();
    const stream = await connection!.newStream(STATUS);
    stream.send(Uint8Array.of(10, 1, 2));
    stream.abort(new Error("changed its mind"));
    // The next exchange shows that both are over.
    const last = await connection!.newStream(STATUS);
    last.send(encodeRequest(Uint8Array.of(1)));
    await eventually(() => watched.count("request") > asked, "a whole request is announced");
    last.abort(new Error("no longer wanted"));
    await eventually(() => watched.count("requestEnded") > over, "and over");
    assert.equal(watched.count("violation"), seen);
    assert.equal(watched.host.stats().requestsServing, 0);
  });

  const chunk = encodeChunk(Uint8Array.of(1, 2, 3));
  const answers: readonly (readonly [string, (stream: Stream) => void, string, string])[] = [
    ["an unknown status", (stream) => stream.send(Uint8Array.of(6)), "RESPONSE_MALFORMED", "peer"],
    [
      "no varint",
      (stream) => stream.send(Uint8Array.of(0, 0x80, 0x80, 0x80, 0x80)),
      "RESPONSE_MALFORMED",
      "peer",
    ],
    [
      "a huge length and nothing",
      (stream) => stream.send(Uint8Array.of(0, 0xff, 0xff, 0xff, 0x7f)),
      "RESPONSE_TOO_LARGE",
      "peer",
    ],
    [
      "bytes after the end",
      (stream) => stream.send(Buffer.concat([chunk, encodeEnd(), chunk])),
      "RESPONSE_MALFORMED",
      "peer",
    ],
    [
      "half a chunk and its half closed",
      (stream) => {
        stream.send(chunk.subarray(0, 3));
        void stream.close().catch(() => {});
      },
      "RESPONSE_TRUNCATED",
      "network",
    ],
    [
      "a whole chunk but no end",
      (stream) => {
        stream.send(chunk);
        void stream.close().catch(() => {});
      },
      "RESPONSE_TRUNCATED",
      "network",
    ],
    ["a reset", (stream) => stream.abort(new Error("no")), "STREAM_RESET", "network"],
    ["too many chunks", (stream) => void floodWith(stream, chunk), "RESPONSE_TOO_MANY", "peer"],
    [
      "an overlong reason",
      (stream) => stream.send(Uint8Array.of(2, 0xff, 0x7f)),
      "RESPONSE_TOO_LARGE",
      "peer",
    ],
  ];
  for (const [what, act, reason, fault] of answers) {
    test(`that answers with ${what} fails the request with ${reason}`, async () => {
      misbehave = (stream) => {
        stream.addEventListener("message", () => {});
        act(stream);
      };
      const asked = watched.host.request(bare.peerId.toString(), "status", Uint8Array.of(1), REQUEST);
      const failed = await failureOf(asked);
      assert.equal(failed.reason, reason);
      assert.equal(faultOf(failed), fault);
      assert.equal(watched.host.connections().length, 1);
    });
  }

  test("that speaks another encryption is not connected", async () => {
    const other = await barePeer("noise", "is silent");
    const addresses = other.getMultiaddrs().map((address) => address.toString());
    const refused = await failureOf(
      watched.host.dial(other.peerId.toString(), addresses, { deadlineMs: 3000 }),
    );
    assert.ok(["DIAL_FAILED", "DIAL_DEADLINE"].includes(refused.reason), refused.reason);
    await other.stop();
  });
});

async function floodWith(stream: Stream, chunk: Uint8Array): Promise<void> {
  try {
    for (let index = 0; index < 100; index += 1) {
      if (!stream.send(chunk)) await stream.onDrain({ signal: AbortSignal.timeout(2000) });
    }
  } catch {
    // Cut off, as it should be.
  }
}
