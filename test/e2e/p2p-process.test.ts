/** What only a whole process shows: it ends by itself after its hosts closed, and hosts with all transports find each other. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { afterEach, describe, test } from "node:test";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { eventually, failureOf, type HostHarness, Hosts } from "../contract/host-harness.ts";

const harness: HostHarness = {
  create: (identity, gate) =>
    new Libp2pHost({ identity, gate, clock: realClock, random: realRandom, log: silentLog }),
  listenAddresses: ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"],
  transports: { tcp: true, quic: true },
  deafAddress: "/ip4/127.0.0.1/tcp/9",
};

describe("hosts with TCP and QUIC", () => {
  const hosts = new Hosts(harness);
  afterEach(() => hosts.closeAll());

  test("either transport connects, and is told from the other", async () => {
    const [one, two, three] = [await hosts.start(), await hosts.start(), await hosts.start()];
    const addresses = two.host.addresses();
    const tcp = addresses.filter((address) => address.includes("/tcp/"));
    const quic = addresses.filter((address) => address.includes("/quic-v1"));
    assert.deepEqual([tcp.length > 0, quic.length > 0], [true, true]);
    assert.equal((await one.host.dial(two.id, tcp, { deadlineMs: 5000 })).transport, "tcp");
    assert.equal((await three.host.dial(two.id, quic, { deadlineMs: 5000 })).transport, "quic");
    await eventually(() => two.host.connections().length === 2, "both are connected");
    assert.deepEqual(
      two.host
        .connections()
        .map(({ transport }) => transport)
        .toSorted(),
      ["quic", "tcp"],
    );
    const { trafficByTransport } = two.host.stats();
    assert.ok((trafficByTransport["tcp"]?.bytesIn ?? 0) > 0);
    await eventually(
      () => (two.host.stats().trafficByTransport["quic"]?.bytesIn ?? 0) > 0,
      "QUIC is counted",
    );
  });

  test("a host on a public network opens with its stricter parameters", async () => {
    const one = await hosts.start({ privateNetwork: false, encryption: ["tls", "noise"] });
    assert.equal(one.host.isOpen, true);
  });

  test("a ban holds on every transport and port", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    two.gate.banned.add(one.id);
    for (const address of two.host.addresses()) {
      await one.host.dial(two.id, [address], { deadlineMs: 5000 }).catch(() => {});
      await eventually(() => one.host.connections().length === 0, `${address} is refused`);
    }
    await one.host.close();
    await one.host.open({ ...(await optionsOf()), listenAddresses: ["/ip4/127.0.0.1/tcp/0"] });
    await one.host.dial(two.id, two.host.addresses(), { deadlineMs: 5000 }).catch(() => {});
    await eventually(() => one.host.connections().length === 0, "the other port is refused");
    assert.equal(two.count("connectionOpened"), 0);
  });

  test("the DHT finds peers of peers, and says when it is off", async () => {
    const changes = { kadDht: true };
    const [one, hub, two] = [
      await hosts.start(changes),
      await hosts.start(changes),
      await hosts.start(changes),
    ];
    await hosts.join(one, hub);
    await hosts.join(two, hub);
    const found = Promise.withResolvers<void>();
    void (async () => {
      for (let attempt = 0; attempt < 20; attempt += 1) {
        const peer = await one.host.findPeer(two.id, { deadlineMs: 1000 });
        if (peer !== undefined) return found.resolve();
      }
      return found.reject(new Error("never found"));
    })();
    await found.promise;
    const walked = await one.host.findPeers(5, { deadlineMs: 3000 });
    assert.ok(walked.some(({ peerId }) => peerId === hub.id || peerId === two.id));
    const off = await hosts.start();
    assert.equal((await failureOf(off.host.findPeers(1, { deadlineMs: 100 }))).reason, "LOOKUP_DISABLED");
  });
});

async function optionsOf() {
  const { options } = await import("../contract/host-harness.ts");
  return options(harness);
}

test("a process whose hosts closed ends by itself within two seconds", async () => {
  const script = `
    import { realClock } from "./src/kernel/ports/clock.ts";
    import { silentLog } from "./src/kernel/ports/log.ts";
    import { realRandom } from "./src/kernel/ports/random.ts";
    import { identityFromSeed } from "./src/p2p/identity.ts";
    import { Libp2pHost } from "./src/p2p/libp2p/host.ts";
    const create = () => new Libp2pHost({ identity: identityFromSeed(realRandom.bytes(32)), gate: { allows: () => true },
      clock: realClock, random: realRandom, log: silentLog });
    const options = { genesisHash: new Uint8Array(32), listenAddresses: ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"],
      bootstrapAddresses: [], transports: { tcp: true, quic: true }, encryption: ["tls", "noise"], mdns: true, kadDht: true,
      privateNetwork: true, connectionsMax: 10, topics: ["blocks"], protocols: ["status"] };
    const one = create(), two = create(), three = create();
    for (const host of [one, two, three]) await host.open(options);
    two.subscribe((event) => { if (event.type === "request") two.respond(event.handle, [event.payload]); });
    const pick = (kind) => two.addresses().filter((address) => address.includes(kind));
    await one.dial(two.peerId, pick("/tcp/"), { deadlineMs: 5000 });
    await three.dial(two.peerId, pick("quic"), { deadlineMs: 5000 });
    const limits = { firstByteDeadlineMs: 5000, deadlineMs: 5000, responseBytesMax: 100, chunkBytesMax: 100, chunksMax: 1 };
    for (const host of [one, three]) await host.request(two.peerId, "status", new Uint8Array(3), limits);
    await one.publish("blocks", new Uint8Array(3));
    await Promise.all([one.close(), two.close(), three.close()]);
    process.send?.("closed");
    process.disconnect?.();
  `;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const closedMs = new Promise<number>((resolve) => child.on("message", () => resolve(performance.now())));
  const code = await new Promise<number | null>((resolve) => child.on("exit", resolve));
  const endMs = performance.now();
  assert.equal(code, 0);
  const lastedMs = endMs - (await closedMs);
  assert.ok(lastedMs < 2000, `ended ${lastedMs} ms after its hosts closed`);
});
