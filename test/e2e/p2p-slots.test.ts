/**
 * Slots for inbound connections over real sockets: silence, one address and one identity take no more than their share, and
 * newcomers and members find room meanwhile.
 */

import assert from "node:assert/strict";
import { createConnection, type Socket } from "node:net";
import { afterEach, describe, test } from "node:test";
import { quic } from "@chainsafe/libp2p-quic";
import { generateKeyPair } from "@libp2p/crypto/keys";
import { identify } from "@libp2p/identify";
import type { PrivateKey } from "@libp2p/interface";
import { type TCPSocketOptions, tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p, type Libp2pOptions } from "libp2p";
import type { HostOptions } from "../../src/p2p/port.ts";
import { eventually, failureOf, options, Watched } from "../contract/host-harness.ts";
import { tcpHarness } from "./bare-peer.ts";

const SILENT = 700;
const DIAL_MS = 20_000;

describe("inbound slots", () => {
  const closing: (() => unknown)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function host(changes: Partial<HostOptions> = {}): Promise<Watched> {
    const watched = new Watched(tcpHarness);
    await watched.host.open(options(tcpHarness, changes));
    closing.push(() => watched.host.close());
    return watched;
  }

  async function stranger(
    changes: {
      localAddress?: string;
      privateKey?: PrivateKey;
      transports?: Libp2pOptions["transports"];
    } = {},
  ): Promise<Libp2p> {
    const { localAddress, privateKey, transports } = changes;
    const node = await createLibp2p({
      ...(privateKey === undefined ? {} : { privateKey }),
      addresses: { listen: [] },
      // The options go to the socket as they are.
      transports: transports ?? [tcp({ dialOpts: { localAddress } as TCPSocketOptions })],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      connectionGater: { denyDialMultiaddr: () => false },
      connectionMonitor: { enabled: false },
      connectionManager: { reconnectRetries: 0 },
      services: { identify: identify() },
    });
    closing.push(() => node.stop());
    return node;
  }

  function addressesOf(watched: Watched) {
    return watched.host.addresses().map((address) => multiaddr(address));
  }

  function connectedTo(watched: Watched, node: Libp2p): number {
    const peerId = node.peerId.toString();
    return watched.host.connections().filter((connection) => connection.peerId === peerId).length;
  }

  /** Dials with one connection more than there are, and waits until the host has it. */
  async function join(watched: Watched, node: Libp2p): Promise<void> {
    const before = connectedTo(watched, node);
    await node.dial(addressesOf(watched), { signal: AbortSignal.timeout(DIAL_MS), force: true });
    await eventually(() => connectedTo(watched, node) > before, "the host has the connection");
  }

  async function silence(watched: Watched, count: number): Promise<Socket[]> {
    const port = Number(watched.host.addresses()[0]?.split("/")[4]);
    return await Promise.all(
      Array.from({ length: count }, () => {
        const socket = createConnection({ host: "127.0.0.1", port });
        socket.on("error", () => undefined);
        closing.push(() => socket.destroy());
        return new Promise<Socket>((resolve) => socket.once("connect", () => resolve(socket)));
      }),
    );
  }

  test("700 silent connections keep no newcomer out, and are ended before a handshake would be", async () => {
    const watched = await host();
    const sockets = await silence(watched, SILENT);
    await join(watched, await stranger());
    await join(watched, await stranger({ localAddress: "127.8.8.8" }));
    await eventually(() => sockets.every((socket) => socket.closed), "every silent connection is ended");
  });

  test("one identity has two connections, whatever it opens, and others find room", async () => {
    const watched = await host({ connectionsMax: 8 });
    const greedy = await stranger();
    for (let count = 0; count < 2; count++) await join(watched, greedy);
    await Promise.all(
      Array.from({ length: 18 }, () =>
        greedy.dial(addressesOf(watched), { signal: AbortSignal.timeout(DIAL_MS), force: true }).then(
          (connection) => eventually(() => connection.status !== "open", "a third connection is closed"),
          () => undefined,
        ),
      ),
    );
    assert.equal(connectedTo(watched, greedy), 2);
    await join(watched, await stranger());
  });

  test("a host full from one address gives a slot to who comes from elsewhere, and to a member", async () => {
    const watched = await host({ connectionsMax: 8 });
    const crowd = await Promise.all(Array.from({ length: 7 }, () => stranger()));
    for (const node of crowd) await join(watched, node);
    const eighth = await stranger();
    await eighth.dial(addressesOf(watched), { signal: AbortSignal.timeout(DIAL_MS) }).catch(() => undefined);
    await eventually(() => eighth.getConnections().length === 0, "the eighth of that address is refused");
    const elsewhere = await stranger({ localAddress: "127.8.8.8" });
    await join(watched, elsewhere);
    await eventually(() => watched.host.connections().length === 7, "one of the crowd gave its slot");
    assert.equal(connectedTo(watched, crowd[0]!), 1, "the long-known one is kept");
    const member = await stranger();
    watched.host.protectPeers(new Set([member.peerId.toString()]));
    await silence(watched, SILENT);
    await join(watched, member);
    assert.equal(watched.host.connections().length, 8);
  });

  test("the bound on connections holds for dials, too", async () => {
    const watched = await host({ connectionsMax: 1 });
    await join(watched, await stranger());
    const other = await host();
    const dial = watched.host.dial(other.id, other.host.addresses(), { deadlineMs: DIAL_MS });
    const failure = await failureOf(dial);
    assert.equal(failure.reason, "HOST_BUSY");
    assert.match(failure.message, /max_connections/);
  });

  test("over QUIC one identity has two connections as well", async () => {
    const watched = await host({
      listenAddresses: ["/ip4/127.0.0.1/udp/0/quic-v1"],
      transports: { tcp: false, quic: true },
    });
    const privateKey = await generateKeyPair("Ed25519");
    const transports = [quic()] as unknown as NonNullable<Libp2pOptions["transports"]>;
    const nodes = await Promise.all(Array.from({ length: 3 }, () => stranger({ privateKey, transports })));
    for (const node of nodes.slice(0, 2)) {
      await node.dial(addressesOf(watched), { signal: AbortSignal.timeout(DIAL_MS) });
    }
    await eventually(() => connectedTo(watched, nodes[0]!) === 2, "two connections are open");
    const third = nodes[2]!;
    await third.dial(addressesOf(watched), { signal: AbortSignal.timeout(DIAL_MS) }).catch(() => undefined);
    await eventually(() => third.getConnections().length === 0, "the third is closed");
    assert.equal(connectedTo(watched, third), 2);
  });
});
