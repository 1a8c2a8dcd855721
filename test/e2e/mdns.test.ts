/** Two real hosts on one network find each other by multicast alone. Where multicast does not work, the test says so. */

import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { afterEach, describe, test } from "node:test";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { GENESIS, type HostHarness, Hosts } from "../contract/host-harness.ts";

const MDNS_GROUP = "224.0.0.251";
const PROBE_MS = 1_500;

const harness: HostHarness = {
  create: (identity, gate) =>
    new Libp2pHost({ identity, gate, clock: realClock, random: realRandom, log: silentLog }),
  // Multicast tells the addresses of the local network: on loopback alone there is nothing to tell.
  listenAddresses: ["/ip4/0.0.0.0/tcp/0"],
  transports: { tcp: true, quic: false },
  deafAddress: "/ip4/127.0.0.1/tcp/9",
};

/** Why a datagram to the group does not come back to this machine; undefined when it does. */
async function multicastProblem(): Promise<string | undefined> {
  const sockets: Socket[] = [];
  try {
    const receiver = createSocket({ type: "udp4", reuseAddr: true });
    const sender = createSocket("udp4");
    sockets.push(receiver, sender);
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve("a datagram to the group does not come back"), PROBE_MS);
      const settle = (problem: string | undefined): void => {
        clearTimeout(timer);
        resolve(problem);
      };
      for (const socket of sockets) socket.once("error", (error) => settle(error.message));
      receiver.once("message", () => settle(undefined));
      receiver.bind(0, () => {
        try {
          receiver.addMembership(MDNS_GROUP);
          sender.send("alys", receiver.address().port, MDNS_GROUP, (error) => {
            if (error !== null) settle(error.message);
          });
        } catch (error) {
          settle((error as Error).message);
        }
      });
    });
  } finally {
    for (const socket of sockets) socket.close();
  }
}

describe("mDNS", () => {
  const hosts = new Hosts(harness);
  afterEach(() => hosts.closeAll());

  test("two hosts of one chain discover each other, and one of another chain is not heard of", async (t) => {
    const problem = await multicastProblem();
    if (problem !== undefined) return t.skip(`multicast is not available here: ${problem}`);
    const other = await hosts.start({ mdns: true, genesisHash: GENESIS.map((byte) => byte ^ 1) });
    const one = await hosts.start({ mdns: true });
    const two = await hosts.start({ mdns: true });
    const found = await one.until("peerDiscovered", ({ peerId }) => peerId === two.id);
    assert.equal(found.source, "mdns");
    await two.until("peerDiscovered", ({ peerId }) => peerId === one.id);
    const connection = await one.host.dial(two.id, found.addresses, { deadlineMs: 5_000 });
    assert.equal(connection.peerId, two.id);
    const strangers = [...one.events, ...two.events].filter(
      (event) => event.type === "peerDiscovered" && event.peerId === other.id,
    );
    assert.deepEqual(strangers, []);
  });
});
