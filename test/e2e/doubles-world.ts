/**
 * Two libp2p hosts whose nodes are at hand, so that connections between them can be doubled, closed and reset one by one, and the
 * question whether gossip flows between them.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { gossipsub, StrictNoSign } from "@chainsafe/libp2p-gossipsub";
import { quic } from "@chainsafe/libp2p-quic";
import { identify } from "@libp2p/identify";
import type { Connection, Transport } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom, seededRandom } from "../../src/kernel/ports/random.ts";
import { identityFromSeed } from "../../src/p2p/identity.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { createNode, type Node } from "../../src/p2p/libp2p/node.ts";
import { GOSSIP_DEFAULTS, type HostOptions } from "../../src/p2p/port.ts";
import { topicId } from "../../src/p2p/protocols.ts";
import { enveloped } from "../contract/host-harness.ts";

export type TransportName = "tcp" | "quic";

export const HEARTBEAT_MS = GOSSIP_DEFAULTS.heartbeatMs;

/** Two heartbeats, and as much again for a machine that is busy with other things; a lost stream stayed lost for ever. */
const FLOW_MS_MAX = 4 * HEARTBEAT_MS;

const PATIENCE_MS = 120_000;

const LISTEN: Readonly<Record<TransportName, string>> = {
  tcp: "/ip4/127.0.0.1/tcp/0",
  quic: "/ip4/127.0.0.1/udp/0/quic-v1",
};

let messages = 0;

export async function until(holds: () => boolean, what: string, patienceMs = PATIENCE_MS): Promise<number> {
  const startMs = performance.now();
  while (!holds()) {
    if (performance.now() - startMs > patienceMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - startMs;
}

export class Doubled {
  readonly host: Libp2pHost;
  readonly #transport: TransportName;
  /** What arrived by gossip. */
  readonly heard = new Set<string>();
  /** How often identify has told of a peer: once a connection. */
  identified = 0;
  #node: Node | undefined;

  violations = 0;

  /** Every request is answered with what it brought, or as told; undefined leaves it waiting. */
  constructor(
    seed: number,
    transport: TransportName,
    answer: (payload: Uint8Array) => readonly Uint8Array[] | undefined = (payload) => [payload],
  ) {
    this.#transport = transport;
    this.host = new Libp2pHost({
      identity: identityFromSeed(seededRandom(seed).bytes(32)),
      gate: { allows: () => true },
      clock: realClock,
      random: realRandom,
      log: silentLog,
      createNode: async (options, parts) => {
        // The test dials, also where the host would not.
        const gater = { ...parts.gater, denyDialPeer: () => false, denyDialMultiaddr: () => false };
        this.#node = await createNode(options, { ...parts, gater });
        return this.#node;
      },
    });
    this.host.subscribe((event) => {
      const answered = event.type === "request" ? answer(event.payload) : undefined;
      if (event.type === "request" && answered !== undefined) this.host.respond(event.handle, answered);
      if (event.type === "connectionOpened") this.host.admitPeer(event.connection.peerId, false);
      if (event.type === "violation") this.violations += 1;
      if (event.type === "peerIdentified") this.identified += 1;
      if (event.type !== "gossip") return;
      this.heard.add(Buffer.from(event.data).toString("hex"));
      this.host.verdict(event.handle, "accept");
    });
  }

  async open(): Promise<void> {
    await this.host.open(this.#options());
  }

  #options(): HostOptions {
    return {
      genesisHash: new Uint8Array(32).fill(0x5a),
      listenAddresses: [LISTEN[this.#transport]],
      bootstrapAddresses: [],
      transports: { tcp: this.#transport === "tcp", quic: this.#transport === "quic" },
      encryption: ["tls"],
      mdns: false,
      kadDht: false,
      privateNetwork: true,
      connectionsMax: 50,
      topics: ["blocks", "transactions"],
      protocols: ["status"],
      gossip: { heartbeatMs: HEARTBEAT_MS },
    };
  }

  get node(): Node {
    assert.ok(this.#node !== undefined);
    return this.#node;
  }

  /** A new connection, whatever there is already. */
  async dial(other: Doubled): Promise<void> {
    const addresses = other.host.addresses().map((address) => multiaddr(address));
    await this.node.dial(addresses, { force: true });
  }

  /** Open connections to the other, in the order in which they opened here. */
  to(other: Doubled): Connection[] {
    return this.node
      .getConnections(peerIdFromString(other.host.peerId))
      .filter((connection) => connection.status === "open");
  }

  /** Says something new to all subscribers, and how many it went to. */
  async say(): Promise<{ readonly said: string; readonly recipients: number }> {
    messages += 1;
    const bytes = enveloped(Buffer.from(`message ${messages}`));
    const { recipients } = await this.host.publish("transactions", bytes);
    return { said: Buffer.from(bytes).toString("hex"), recipients };
  }

  subscribers(): number {
    return this.host.stats().gossip.find(({ topic }) => topic === "transactions")?.subscribers ?? 0;
  }
}

/** Says until it is heard; then what is said reaches exactly those that are subscribed. Milliseconds that it took. */
async function flowsTo(from: Doubled, to: Doubled, what: string): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const { said, recipients } = await from.say();
    if (recipients > 0) {
      const isHeard = await until(() => to.heard.has(said), "heard", 150).catch(() => undefined);
      if (isHeard !== undefined) {
        assert.equal(recipients, from.subscribers(), `${what}: what is said reaches the subscribed`);
        return performance.now() - startMs;
      }
    }
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < FLOW_MS_MAX, `${what}: nothing is heard after ${Math.round(tookMs)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Gossip flows both ways within two heartbeats, and reaches all that are subscribed: each other. */
export async function assertFlows(one: Doubled, two: Doubled, what: string): Promise<number> {
  const [there, back] = await Promise.all([
    flowsTo(one, two, `${what}, there`),
    flowsTo(two, one, `${what}, back`),
  ]);
  assert.deepEqual([one.subscribers(), two.subscribers()], [1, 1], what);
  return Math.max(there, back);
}

/** Without a connection, at both ends. */
export async function part(one: Doubled, two: Doubled): Promise<void> {
  await Promise.all([one.host.hangUp(two.host.peerId), two.host.hangUp(one.host.peerId)]);
  await until(() => one.to(two).length === 0 && two.to(one).length === 0, "parted");
}

/** Forwards TCP to a port until it is frozen: then it swallows everything and closes nothing, as a path that is gone does. */
export async function freezingProxy(
  port: number,
): Promise<{ readonly port: number; freeze(): void; close(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    sockets.push(near, far);
    near.pipe(far);
    far.pipe(near);
    for (const socket of [near, far]) socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return {
    port: address.port,
    freeze() {
      for (const socket of sockets) socket.unpipe();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A peer on plain js-libp2p and plain gossipsub, of the same chain and topics. */
export async function plainPeer(transport: TransportName): Promise<PlainPeer> {
  const genesisHash = new Uint8Array(32).fill(0x5a);
  const connect = quic();
  const node = await createLibp2p({
    addresses: { listen: [LISTEN[transport]] },
    transports: transport === "tcp" ? [tcp()] : [(components) => connect(components) as unknown as Transport],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      gossip: gossipsub({
        globalSignaturePolicy: StrictNoSign,
        msgIdFn: (message) => new Uint8Array(createHash("sha256").update(message.data).digest()),
        allowPublishToZeroTopicPeers: true,
        heartbeatInterval: HEARTBEAT_MS,
      }),
    },
  });
  const topic = topicId(genesisHash, "transactions");
  const heard = new Set<string>();
  node.services.gossip.subscribe(topic);
  node.services.gossip.addEventListener("gossipsub:message", ({ detail }) => {
    heard.add(Buffer.from(detail.msg.data).toString("hex"));
  });
  return {
    node,
    heard,
    say: async (data) => (await node.services.gossip.publish(topic, data)).recipients.length,
  };
}

export interface PlainPeer {
  readonly node: Libp2p;
  readonly heard: Set<string>;
  say(data: Uint8Array): Promise<number>;
}
