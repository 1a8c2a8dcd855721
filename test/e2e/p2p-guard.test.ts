/**
 * What stands below the protocols of the chain, against bare libp2p peers: nothing is served before the handshake, the DHT
 * answers FIND_NODE and keeps nothing, and a peer that opens more than it may is cut and reported.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";
import type { Connection, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import type { Libp2p } from "libp2p";
import { chainTag, protocolId } from "../../src/p2p/protocols.ts";
import { eventually, GENESIS, options, Watched } from "../contract/host-harness.ts";
import { muxerOf } from "../hostile/muxer.ts";
import { field, framed, KAD, kademlia } from "../hostile/wire.ts";
import { barePeer, tcpHarness } from "./bare-peer.ts";

const KADEMLIA = `/alys/${chainTag(GENESIS)}/kad/1`;
const PING = "/ipfs/ping/1.0.0";
const GOSSIP = "/meshsub/1.2.0";
const PUSH = "/ipfs/id/push/1.0.0";

describe("a host below its own protocols", () => {
  let watched: Watched;
  const bare: Libp2p[] = [];

  before(async () => {
    watched = new Watched(tcpHarness);
    watched.admits = false;
    await watched.host.open(options(tcpHarness, { kadDht: true }));
  });
  afterEach(async () => {
    await Promise.all(bare.splice(0).map((node) => node.stop()));
  });
  after(() => watched.host.close());

  async function stranger(): Promise<{ readonly node: Libp2p; readonly connection: Connection }> {
    const node = await barePeer();
    bare.push(node);
    const connection = await node.dial(watched.host.addresses().map((address) => multiaddr(address)));
    return { node, connection };
  }

  /** A stranger that counts as greeted. */
  async function acquaintance(): Promise<{ readonly node: Libp2p; readonly connection: Connection }> {
    const made = await stranger();
    const peerId = made.node.peerId.toString();
    await watched.until("peerIdentified", ({ identity }) => identity.peerId === peerId);
    watched.host.admitPeer(peerId, false);
    return made;
  }

  /** Resolves with the first answer on the stream, or undefined when it ends without one. */
  function answerOn(stream: Stream): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      stream.addEventListener("message", ({ data }) => resolve(Buffer.from(data.subarray())), { once: true });
      stream.addEventListener("close", () => resolve(undefined), { once: true });
    });
  }

  async function ask(
    connection: Connection,
    protocol: string,
    bytes: Uint8Array,
  ): Promise<Buffer | undefined> {
    const stream = await connection.newStream(protocol);
    const answer = answerOn(stream);
    stream.send(bytes);
    return await answer;
  }

  const early = [
    [PING, randomBytes(32)],
    [KADEMLIA, kademlia(KAD.findNode, randomBytes(32))],
    [GOSSIP, framed(field(1, Buffer.concat([field(1, 1), field(2, "t")])))],
    [PUSH, framed(field(6, "agent"))],
    [protocolId(GENESIS, "blocks-by-range"), framed(Buffer.of(8, 1, 16, 1))],
    [protocolId(GENESIS, "federation"), framed(randomBytes(100))],
  ] as const;
  test("serves nothing before the handshake", async () => {
    const seen = watched.events.length;
    await Promise.all(
      early.map(async ([protocol, bytes]) => {
        const { connection } = await stranger();
        assert.equal(await ask(connection, protocol, bytes), undefined, protocol);
      }),
    );
    const served = watched.events
      .slice(seen)
      .filter(({ type }) => type === "request" || type === "gossip" || type === "subscriptionChanged");
    assert.deepEqual(served, []);
  });

  test("serves a stream that came before the handshake once that is done", async () => {
    const { node, connection } = await stranger();
    const answer = ask(connection, PING, Buffer.alloc(32, 7));
    await watched.until("connectionOpened", ({ connection }) => connection.peerId === node.peerId.toString());
    watched.host.admitPeer(node.peerId.toString(), false);
    assert.deepEqual(await answer, Buffer.alloc(32, 7));
  });

  test("answers FIND_NODE with connected peers that greeted, and keeps nothing for others", async () => {
    const [asker, other] = [await acquaintance(), await acquaintance()];
    const otherId = Buffer.from(other.node.peerId.toMultihash().bytes);
    const answer = await ask(asker.connection, KADEMLIA, kademlia(KAD.findNode, otherId));
    assert.ok(answer !== undefined, "the question is answered");
    assert.ok(answer.includes(otherId), "the other peer is told");
    const { bytes } = other.node.getMultiaddrs()[0]!.decapsulate("/p2p");
    assert.ok(answer.includes(Buffer.from(bytes)), "with its address");
    const askerId = Buffer.from(asker.node.peerId.toMultihash().bytes);
    assert.ok(!answer.includes(askerId), "the asker itself is not");
    const provider = field(9, field(1, otherId));
    const record = field(3, Buffer.concat([field(1, "/pk/x"), field(2, randomBytes(64))]));
    const refused = [
      kademlia(KAD.addProvider, randomBytes(34), provider),
      kademlia(KAD.putValue, randomBytes(34), record),
      kademlia(KAD.getValue, randomBytes(34)),
      kademlia(KAD.getProviders, randomBytes(34)),
      kademlia(KAD.findNode, randomBytes(1024)),
      kademlia(KAD.findNode, new Uint8Array()),
    ];
    for (const question of refused) {
      assert.equal(await ask(asker.connection, KADEMLIA, question), undefined);
    }
    assert.equal(asker.connection.status, "open");
  });

  test("tells addresses of nobody who has left", async () => {
    const [asker, gone] = [await acquaintance(), await acquaintance()];
    const goneId = gone.node.peerId;
    await gone.node.stop();
    await watched.until("connectionClosed", ({ connection }) => connection.peerId === goneId.toString());
    const question = kademlia(KAD.findNode, goneId.toMultihash().bytes);
    const answer = await ask(asker.connection, KADEMLIA, question);
    // The key is repeated in the answer; it is in no peer of it.
    assert.equal(
      answer?.indexOf(goneId.toMultihash().bytes),
      answer?.lastIndexOf(goneId.toMultihash().bytes),
    );
  });

  test("cuts and reports a peer that opens bare streams without end", async () => {
    const { node, connection } = await acquaintance();
    const peerId = node.peerId.toString();
    const muxer = muxerOf(connection);
    for (let opened = 0; opened < 1000 && connection.status === "open"; opened++) {
      const stream = await muxer.createStream();
      stream.abort(new Error("gone"));
      if (opened % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const overrun = await watched.until("overrun", (event) => event.peerId === peerId);
    assert.equal(overrun.measure, "namelessStreams");
    await eventually(() => connection.status !== "open", "the connection is cut");
  });

  test("cuts and reports a peer that opens streams of a protocol without end", async () => {
    const { node, connection } = await acquaintance();
    const peerId = node.peerId.toString();
    while (connection.status === "open") {
      const stream = await connection.newStream(PING).catch(() => undefined);
      stream?.abort(new Error("gone"));
    }
    const overrun = await watched.until("overrun", (event) => event.peerId === peerId);
    assert.equal(overrun.measure, "streams");
  });

  test("cuts and reports a peer whose frames carry nothing", async () => {
    const { node, connection } = await acquaintance();
    const peerId = node.peerId.toString();
    const muxer = muxerOf(connection);
    for (let index = 0; index < 40_000 && connection.status === "open"; index++) {
      muxer.sendFrame?.({ type: 1, flag: 0, streamID: 99_999, length: 1 });
      if (index % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const overrun = await watched.until("overrun", (event) => event.peerId === peerId);
    assert.equal(overrun.measure, "frames");
    await eventually(() => connection.status !== "open", "the connection is cut");
  });

  test("dials nobody whom a peer merely names in the DHT", async () => {
    const named = await stranger();
    const namedAddress = named.node.getMultiaddrs()[0]!.decapsulate("/p2p");
    await named.connection.close();
    const { node } = await stranger();
    await node.handle(KADEMLIA, (stream) => {
      stream.addEventListener("message", () => {
        const peer = Buffer.concat([
          field(1, named.node.peerId.toMultihash().bytes),
          field(2, namedAddress.bytes),
        ]);
        stream.send(kademlia(KAD.findNode, randomBytes(32), field(8, peer)));
      });
    });
    const peerId = node.peerId.toString();
    watched.host.admitPeer(peerId, false);
    const inbound = named.node.getConnections().length;
    await watched.host.findPeers(16, { deadlineMs: 3_000 }).catch(() => []);
    assert.ok(named.node.getConnections().length <= inbound, "the named peer was not dialled");
  });
});
