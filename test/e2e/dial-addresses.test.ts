/**
 * Dials of a real host at addresses that others named: one that is wrong costs itself alone, those that swallow what is sent to
 * them hide no good one, and names are resolved for TCP and QUIC alike.
 */

import assert from "node:assert/strict";
import { createSocket, type Socket as Datagrams } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, test } from "node:test";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { identityFromSeed } from "../../src/p2p/identity.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import type { DialAttempt } from "../../src/p2p/port.ts";
import { failureOf, type HostHarness, Hosts } from "../contract/host-harness.ts";

/** Of a whole dial, as `peer.connection_timeout_ms` has it. */
const DEADLINE_MS = 10_000;

const harness: HostHarness = {
  create: (identity, gate) =>
    new Libp2pHost({ identity, gate, clock: realClock, random: realRandom, log: silentLog }),
  listenAddresses: ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"],
  transports: { tcp: true, quic: true },
  deafAddress: "/ip4/127.0.0.1/tcp/9",
};

/** Places where a connection begins and never goes on: nothing that is sent there is answered. */
class Swallowers {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket | Datagrams>();

  /** Accepts connections and says nothing. */
  async tcp(): Promise<string> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `/ip4/127.0.0.1/tcp/${(server.address() as { port: number }).port}`;
  }

  /** Takes datagrams and answers none. */
  async quic(): Promise<string> {
    const socket = createSocket("udp4");
    this.#sockets.add(socket);
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return `/ip4/127.0.0.1/udp/${socket.address().port}/quic-v1`;
  }

  close(): void {
    for (const server of this.#servers.splice(0)) server.close();
    for (const socket of this.#sockets) {
      if ("destroy" in socket) socket.destroy();
      else socket.close();
    }
    this.#sockets.clear();
  }
}

const stranger = identityFromSeed(new Uint8Array(32).fill(77)).peerId;
const portOf = (addresses: readonly string[], kind: string): string =>
  addresses.find((address) => address.startsWith(kind))?.split("/")[4] ?? "";

describe("dialling what others named", () => {
  const hosts = new Hosts(harness);
  const swallowers = new Swallowers();
  afterEach(async () => {
    swallowers.close();
    await hosts.closeAll();
  });

  test("addresses that end in somebody else's id, or that nothing dials, cost themselves alone", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    const attempts: DialAttempt[] = [];
    const good = two.host.addresses()[0] ?? "";
    const bad = [
      `/ip4/127.0.0.1/tcp/9/p2p/${stranger}`,
      "/dnsaddr/no-such.invalid",
      "/unix/%2Ftmp%2Fnobody",
      "/ip4/127.0.0.1/tcp/1/ws",
      "nonsense",
    ];
    const connection = await one.host.dial(two.id, [...bad, good], {
      deadlineMs: DEADLINE_MS,
      onAttempt: (attempt) => void attempts.push(attempt),
    });
    assert.equal(connection.peerId, two.id);
    assert.deepEqual(
      attempts.map(({ address, cause }) => [address, cause?.reason]),
      [...bad.map((address) => [address, "ADDRESS_INVALID"]), [good, undefined]],
    );
    const none = await failureOf(one.host.dial(stranger, bad.slice(1), { deadlineMs: DEADLINE_MS }));
    assert.equal(none.reason, "ADDRESS_INVALID");
    assert.match(none.message, /dnsaddr.*only tcp and udp\/quic-v1/);
  });

  test("addresses that swallow everything, in front of the good one, do not hide it", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    const dead = [
      await swallowers.tcp(),
      await swallowers.quic(),
      await swallowers.tcp(),
      await swallowers.quic(),
      await swallowers.tcp(),
      await swallowers.tcp(),
    ];
    const good = two.host.addresses()[0] ?? "";
    const failed: string[] = [];
    const connection = await one.host.dial(two.id, [...dead, good], {
      deadlineMs: DEADLINE_MS,
      onAttempt: ({ address, cause }) => void (cause === undefined || failed.push(address)),
    });
    assert.equal(connection.peerId, two.id);
    assert.ok(!failed.includes(good) && failed.every((address) => dead.includes(address)));
    assert.deepEqual(one.host.connections().length, 1, "the others were cancelled");
  });

  test("a dial at dead addresses alone ends at its deadline, and each of them is told of", async () => {
    const one = await hosts.start();
    const dead = [await swallowers.tcp(), await swallowers.quic()];
    const failed: string[] = [];
    const failure = await failureOf(
      one.host.dial(stranger, dead, {
        deadlineMs: 1_500,
        onAttempt: ({ address }) => void failed.push(address),
      }),
    );
    assert.equal(failure.reason, "DIAL_DEADLINE");
    assert.deepEqual(failed.sort(), [...dead].sort());
  });

  for (const [kind, name] of [
    ["dns", "localhost"],
    ["dns4", "localhost"],
  ] as const)
    test(`/${kind} is resolved and dialled over TCP and over QUIC`, async () => {
      const [one, two] = [await hosts.start(), await hosts.start()];
      const tcp = `/${kind}/${name}/tcp/${portOf(two.host.addresses(), "/ip4/127.0.0.1/tcp")}`;
      const quic = `/${kind}/${name}/udp/${portOf(two.host.addresses(), "/ip4/127.0.0.1/udp")}/quic-v1`;
      for (const [address, transport] of [
        [tcp, "tcp"],
        [quic, "quic"],
      ] as const) {
        const connection = await one.host.dial(two.id, [`${address}/p2p/${two.id}`], {
          deadlineMs: DEADLINE_MS,
        });
        assert.equal(connection.transport, transport);
        await one.host.hangUp(two.id);
        await one.until("connectionClosed");
      }
    });

  test("a name that is not resolved is told of by name, and costs itself alone", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    const wrong = "/dns4/no-such-name.invalid/udp/4/quic-v1";
    const failure = await failureOf(one.host.dial(stranger, [wrong], { deadlineMs: DEADLINE_MS }));
    assert.equal(failure.reason, "DIAL_FAILED");
    assert.match(failure.message, /no-such-name\.invalid/);
    const good = two.host.addresses()[0] ?? "";
    const connection = await one.host.dial(two.id, [wrong, good], { deadlineMs: DEADLINE_MS });
    assert.equal(connection.peerId, two.id);
  });
});
