/**
 * Gossip of hostile peers, on bare libp2p, against a real host with an honest peer beside it: what is in no canonical envelope is
 * reported and its sender cut, floods of control messages are cut, floods of transactions are left unheard, and what the honest peer
 * sends is heard all the while.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";
import type { Connection, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import type { Libp2p } from "libp2p";
import { topicId } from "../../src/p2p/protocols.ts";
import {
  enveloped,
  eventually,
  GENESIS,
  judgeAll,
  options,
  PATIENCE_MS,
  Watched,
} from "../contract/host-harness.ts";
import { pour } from "../hostile/peer.ts";
import { control, field, framed, publication, subscription } from "../hostile/wire.ts";
import { barePeer, tcpHarness } from "./bare-peer.ts";

const BLOCKS = topicId(GENESIS, "blocks");
const TRANSACTIONS = topicId(GENESIS, "transactions");

interface Hostile {
  readonly id: string;
  readonly connection: Connection;
  readonly stream: Stream;
}

describe("the intake of gossip", () => {
  let watched: Watched;
  let honest: Watched;
  const bare: Libp2p[] = [];

  before(async () => {
    [watched, honest] = [new Watched(tcpHarness), new Watched(tcpHarness)];
    watched.admits = false;
    judgeAll(watched, "accept");
    await watched.host.open(options(tcpHarness));
    await honest.host.open(options(tcpHarness));
    await honest.host.dial(watched.id, watched.host.addresses(), { deadlineMs: PATIENCE_MS });
    await watched.until("connectionOpened", ({ connection }) => connection.peerId === honest.id);
    watched.host.admitPeer(honest.id, false);
    await honest.until(
      "subscriptionChanged",
      ({ peerId, topic }) => peerId === watched.id && topic === "blocks",
    );
  });
  afterEach(() => Promise.all(bare.splice(0).map((node) => node.stop())));
  after(() => Promise.all([watched.host.close(), honest.host.close()]));

  async function hostile(): Promise<Hostile> {
    const node = await barePeer();
    bare.push(node);
    const connection = await node.dial(watched.host.addresses().map((address) => multiaddr(address)));
    const id = node.peerId.toString();
    await watched.until("peerIdentified", ({ identity }) => identity.peerId === id);
    watched.host.admitPeer(id, false);
    const stream = await connection.newStream("/meshsub/1.2.0");
    stream.send(subscription([BLOCKS, TRANSACTIONS]));
    return { id, connection, stream };
  }

  /** Sends until the host cuts the peer, or so often; whether it was cut. */
  async function flood({ connection, stream }: Hostile, number: number, make: (index: number) => Uint8Array) {
    for (let index = 0; index < number; index += 1) {
      if (!(await pour(stream, make(index)))) break;
      if (index % 64 === 63) await new Promise((resolve) => setImmediate(resolve));
    }
    return () => connection.status !== "open";
  }

  async function honestIsHeard(): Promise<void> {
    const block = enveloped(randomBytes(1_000));
    await honest.host.publish("blocks", block);
    await watched.until(
      "gossip",
      ({ peerId, data }) => peerId === honest.id && Buffer.compare(data, block) === 0,
    );
  }

  function heardOf(id: string): number {
    return watched.events.filter((event) => event.type === "gossip" && event.peerId === id).length;
  }

  const known = enveloped(randomBytes(443));
  const malformed: readonly (readonly [string, (index: number) => Uint8Array])[] = [
    [
      "copies with an unknown field",
      (index) => publication(BLOCKS, [Buffer.concat([known, field(15, index + 1)])]),
    ],
    ["padding", () => publication(BLOCKS, [Buffer.concat([known, field(15, randomBytes(2_000_000))])])],
    [
      "authors",
      (index) => {
        const message = Buffer.concat([field(1, randomBytes(38)), field(2, known), field(4, BLOCKS)]);
        return framed(field(2, Buffer.concat([message, field(9, index)])));
      },
    ],
  ];
  for (const [what, make] of malformed) {
    test(`${what}: nothing is heard, each is reported with its bytes, and the peer is cut`, async () => {
      const attacker = await hostile();
      const isCut = await flood(attacker, 1_000, make);
      await honestIsHeard();
      await eventually(isCut, "the attacker is cut");
      await watched.until("overrun", ({ peerId }) => peerId === attacker.id);
      const reported = watched.events.filter(
        (event) => event.type === "violation" && event.peerId === attacker.id,
      );
      assert.ok(reported.length >= 8 && reported.length <= 40, `${reported.length} reports`);
      for (const event of reported) {
        assert.ok(event.type === "violation" && event.kind === "message-malformed");
        assert.ok((event.evidence?.length ?? 0) > 32);
      }
      assert.equal(heardOf(attacker.id), 0);
    });
  }

  test("control messages without end: the peer is cut", async () => {
    const attacker = await hostile();
    const graft = control(field(3, field(1, BLOCKS)), field(4, field(1, BLOCKS)));
    const isCut = await flood(attacker, 2_000, () => graft);
    await honestIsHeard();
    await eventually(isCut, "the attacker is cut");
    const { measure } = await watched.until("overrun", ({ peerId }) => peerId === attacker.id);
    assert.equal(measure, "gossipControls");
  });

  test("ids without end: the peer is cut", async () => {
    const attacker = await hostile();
    const ids = Array.from({ length: 1_000 }, () => field(1, randomBytes(20)));
    const want = control(field(2, Buffer.concat(ids)));
    const isCut = await flood(attacker, 400, () => want);
    await honestIsHeard();
    await eventually(isCut, "the attacker is cut");
    const { measure } = await watched.until("overrun", ({ peerId }) => peerId === attacker.id);
    assert.equal(measure, "gossipIds");
  });

  test("transactions above the rate are left unheard and cost nothing; an honest peer's are heard", async () => {
    const attacker = await hostile();
    const isCut = await flood(attacker, 2_000, () =>
      publication(TRANSACTIONS, [enveloped(randomBytes(100))]),
    );
    const transaction = enveloped(randomBytes(100));
    await honest.host.publish("transactions", transaction);
    await watched.until("gossip", ({ data }) => Buffer.compare(data, transaction) === 0);
    await honestIsHeard();
    const ignored = (): number => watched.host.stats().gossip[1]?.ignored ?? 0;
    await eventually(() => ignored() > 0, "some are left unheard");
    assert.ok(heardOf(attacker.id) >= 256, `${heardOf(attacker.id)} heard`);
    assert.equal(isCut(), false);
    assert.equal(
      watched.events.filter((event) => event.type === "overrun" && event.peerId === attacker.id).length,
      0,
    );
  });

  test("an honest peer is never reported", () => {
    const blamed = watched.events.filter(
      (event) => (event.type === "violation" || event.type === "overrun") && event.peerId === honest.id,
    );
    assert.deepEqual(blamed, []);
    assert.ok((watched.host.stats().gossipScores[honest.id] ?? -1) >= 0);
  });
});
