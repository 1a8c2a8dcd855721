/**
 * An honest peer that cancels its requests at every moment of them, over real TCP and QUIC: the responder reports nothing.
 * And a peer that sends garbage on the gossip protocol is named, by whole messages alone.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { yamux } from "@libp2p/yamux";
import { createLibp2p, type Libp2p } from "libp2p";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom, seededRandom } from "../../src/kernel/ports/random.ts";
import { digestIn } from "../../src/p2p/evidence.ts";
import { encodeRequest } from "../../src/p2p/framing.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { eventually, type HostHarness, options, REQUEST, Watched } from "../contract/host-harness.ts";

const harness = (transport: "tcp" | "quic"): HostHarness => ({
  create: (identity, gate) =>
    new Libp2pHost({ identity, gate, clock: realClock, random: realRandom, log: silentLog }),
  listenAddresses: [transport === "tcp" ? "/ip4/127.0.0.1/tcp/0" : "/ip4/127.0.0.1/udp/0/quic-v1"],
  transports: { tcp: transport === "tcp", quic: transport === "quic" },
  deafAddress: "/ip4/127.0.0.1/tcp/9",
});

/** Requests cancelled after 0 to 8 ms: while the stream opens, while the request is sent, while it is answered. */
const CANCELLED = 150;
const CANCELLED_WITHIN_MS = 8;

for (const transport of ["tcp", "quic"] as const) {
  test(`requests that are cancelled at any moment over ${transport} are no violation`, async () => {
    const [one, two] = [new Watched(harness(transport)), new Watched(harness(transport))];
    await two.host.open(options(harness(transport)));
    await one.host.open({ ...options(harness(transport)), listenAddresses: [] });
    try {
      await one.host.dial(two.id, two.host.addresses(), { deadlineMs: 10_000 });
      two.host.subscribe((event) => {
        if (event.type === "request")
          setTimeout(() => two.host.respond(event.handle, [new Uint8Array(10)]), 2);
      });
      const random = seededRandom(7);
      let cancelled = 0;
      for (let index = 0; index < CANCELLED; index += 1) {
        const controller = new AbortController();
        const timer = setTimeout(() => controller.abort(), random.next() * CANCELLED_WITHIN_MS);
        const payload = new Uint8Array(32);
        await one.host
          .request(two.id, "blocks-by-range", payload, { ...REQUEST, signal: controller.signal })
          .catch(() => {
            cancelled += 1;
          });
        clearTimeout(timer);
        // Below the rate that an honest peer keeps to.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.ok(cancelled > 10, `${cancelled} were cancelled`);
      await eventually(() => two.host.stats().requestsServing === 0, "all exchanges are over");
      assert.equal(two.count("violation"), 0);
      assert.equal(one.count("violation"), 0);
    } finally {
      await one.host.close();
      await two.host.close();
    }
  });
}

describe("garbage on the gossip protocol", () => {
  const MESHSUB = "/meshsub/1.2.0";
  let watched: Watched;
  let bare: Libp2p;

  before(async () => {
    watched = new Watched(harness("tcp"));
    await watched.host.open(options(harness("tcp")));
    bare = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [tls(), noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
    });
    const { multiaddr } = await import("@multiformats/multiaddr");
    await bare.dial(multiaddr(watched.host.addresses()[0] ?? ""));
  });
  after(async () => {
    await bare.stop();
    await watched.host.close();
  });

  test("is told with its bytes; what is cut off in the middle is not", async () => {
    const [connection] = bare.getConnections();
    const half = await connection!.newStream(MESHSUB);
    half.send(Uint8Array.of(40, 1, 2, 3));
    half.abort(new Error("gone"));
    const stream = await connection!.newStream(MESHSUB);
    // A field of the schema with a length beyond the message.
    stream.send(encodeRequest(Uint8Array.of(0x12, 0x7f, 1, 2, 3)));
    const violation = await watched.until("violation", ({ kind }) => kind === "message-malformed");
    assert.equal(violation.peerId, bare.peerId.toString());
    assert.equal(violation.protocol, "gossip");
    assert.ok(digestIn(violation.evidence) !== undefined);
    assert.equal(watched.count("violation"), 1);
  });
});
