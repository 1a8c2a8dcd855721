/**
 * What every host does, whatever carries it. `hostContract` registers the suite for an implementation; each test opens
 * hosts of its own and closes them.
 */

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { faultOf } from "../../src/p2p/failures.ts";

import {
  enveloped,
  eventually,
  failureOf,
  type HostHarness,
  Hosts,
  judgeAll,
  options,
  PATIENCE_MS,
  REQUEST,
  Watched,
} from "./host-harness.ts";
import { gossipTests, requestLimitTests, requestTests } from "./host-requests.ts";

export function hostContract(name: string, harness: HostHarness): void {
  describe(`${name}: Host`, () => {
    const hosts = new Hosts(harness);
    afterEach(() => hosts.closeAll());
    lifeTests(hosts, harness);
    dialTests(hosts, harness);
    requestTests(hosts);
    requestLimitTests(hosts);
    gossipTests(hosts);
  });
}

function lifeTests(hosts: Hosts, harness: HostHarness): void {
  test("open and close begin and end an epoch and keep the identity", async () => {
    const one = await hosts.start();
    assert.equal(one.host.isOpen, true);
    assert.ok(one.host.addresses().length > 0);
    assert.ok(one.host.addresses().every((address) => address.endsWith(`/p2p/${one.id}`)));
    await one.host.close();
    await one.host.close();
    assert.equal(one.host.isOpen, false);
    await one.host.open(options(harness));
    const { snapshot } = one.host.subscribe(() => {});
    assert.equal(snapshot.epoch, 2);
    assert.deepEqual(
      one.events.map(({ type }) => type).filter((type) => type !== "addressesChanged"),
      ["opened", "closed", "opened"],
    );
  });

  test("open rejects when an address cannot be listened on, and can be tried again", async () => {
    const one = await hosts.start();
    const taken = (one.host.addresses()[0] ?? "").split("/p2p/")[0] ?? "";
    const other = new Watched(harness);
    const refused = await failureOf(other.host.open(options(harness, { listenAddresses: [taken] })));
    assert.equal(refused.reason, "LISTEN_FAILED");
    assert.equal(other.host.isOpen, false);
    await other.host.open(options(harness));
    await other.host.close();
  });

  test("a closed host answers HOST_CLOSED", async () => {
    const [one, two] = await hosts.pair();
    const pending = failureOf(one.host.request(two.id, "status", Uint8Array.of(1), REQUEST));
    await two.until("request");
    await one.host.close();
    assert.equal((await pending).reason, "HOST_CLOSED");
    const refused = await failureOf(one.host.publish("blocks", Uint8Array.of(1)));
    assert.equal(refused.reason, "HOST_CLOSED");
    assert.equal(refused.isRetryable, true);
  });

  test("bootstrap addresses are reported, not dialled", async () => {
    const seed = await hosts.start();
    const address = seed.host.addresses()[0] ?? "";
    const one = await hosts.start({ bootstrapAddresses: [address] });
    const found = await one.until("peerDiscovered", ({ source }) => source === "bootstrap");
    assert.deepEqual([found.peerId, found.addresses], [seed.id, [address]]);
    assert.equal(one.host.connections().length, 0);
  });

  test("sign makes what verifyPeerSignature accepts for this peer only", async () => {
    const [one, two] = [new Watched(harness), new Watched(harness)];
    const bytes = Uint8Array.of(1, 2, 3);
    const signature = one.host.sign(bytes);
    assert.equal(two.host.verifyPeerSignature(one.id, bytes, signature), true);
    assert.equal(two.host.verifyPeerSignature(two.id, bytes, signature), false);
    assert.equal(two.host.verifyPeerSignature(one.id, Uint8Array.of(1, 2), signature), false);
    assert.equal(two.host.verifyPeerSignature("nobody", bytes, signature), false);
    assert.equal(two.host.verifyPeerSignature(one.id, bytes, signature.subarray(1)), false);
  });
}

function dialTests(hosts: Hosts, harness: HostHarness): void {
  test("dial connects both sides and tells each what the other is", async () => {
    const [one, two] = await hosts.pair();
    const opened = await two.until("connectionOpened");
    assert.equal(opened.connection.peerId, one.id);
    assert.equal(opened.connection.direction, "inbound");
    const { identity } = await two.until("peerIdentified");
    assert.equal(identity.agentVersion, "contract/1");
    assert.ok(identity.protocols.includes("/alys/5a5a5a5a/status/1"));
    const { snapshot } = one.host.subscribe(() => {});
    assert.deepEqual(
      snapshot.connections.map(({ peerId, direction }) => [peerId, direction]),
      [[two.id, "outbound"]],
    );
    const again = await one.host.dial(two.id, two.host.addresses(), { deadlineMs: PATIENCE_MS });
    assert.equal(again.id, snapshot.connections[0]?.id);
    assert.ok((await one.host.ping(two.id, { deadlineMs: PATIENCE_MS })) >= 0);
  });

  test("dial without a peer id connects whoever answers", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    const bare = two.host.addresses().map((address) => address.split("/p2p/")[0] ?? "");
    const connection = await one.host.dial(undefined, bare, { deadlineMs: PATIENCE_MS });
    assert.equal(connection.peerId, two.id);
  });

  test("dial refuses another peer than the one asked for, and addresses where nobody is", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    const stranger = new Watched(harness);
    const bare = two.host.addresses().map((address) => address.split("/p2p/")[0] ?? "");
    const wrong = await failureOf(one.host.dial(stranger.id, bare, { deadlineMs: PATIENCE_MS }));
    assert.equal(wrong.reason, "DIAL_FAILED");
    const nobody = await failureOf(one.host.dial(stranger.id, [harness.deafAddress], { deadlineMs: 1500 }));
    assert.ok(["DIAL_FAILED", "DIAL_DEADLINE"].includes(nobody.reason), nobody.reason);
    assert.equal(faultOf(nobody), "network");
    const nonsense = await failureOf(one.host.dial(undefined, ["/nonsense"], { deadlineMs: 1000 }));
    assert.equal(nonsense.reason, "ADDRESS_INVALID");
    assert.equal(one.host.connections().length, 0);
  });

  test("the gate refuses a banned peer in both directions at once", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    one.gate.banned.add(two.id);
    const refused = await failureOf(one.host.dial(two.id, two.host.addresses(), { deadlineMs: PATIENCE_MS }));
    assert.equal(refused.reason, "GATE_REFUSED");
    await two.host.dial(one.id, one.host.addresses(), { deadlineMs: PATIENCE_MS }).catch(() => {});
    await eventually(() => two.host.connections().length === 0, "the banned peer's connection closes");
    assert.equal(one.count("connectionOpened"), 0);
    assert.ok(one.host.stats().gateRefused >= 2);
  });

  test("two hosts that dial each other at once keep one connection, the same, and gossip flows", async () => {
    const [one, two] = [await hosts.start(), await hosts.start()];
    judgeAll(one, "accept");
    judgeAll(two, "accept");
    await Promise.all([
      one.host.dial(two.id, two.host.addresses(), { deadlineMs: PATIENCE_MS }),
      two.host.dial(one.id, one.host.addresses(), { deadlineMs: PATIENCE_MS }),
    ]);
    const smaller = one.id < two.id ? one : two;
    const larger = smaller === one ? two : one;
    const direction = (of: Watched): string =>
      of.host
        .connections()
        .map((own) => own.direction)
        .join();
    await eventually(
      () => direction(smaller) === "outbound" && direction(larger) === "inbound",
      "the connection that the smaller id dialled is kept",
    );
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      await eventually(() => from.host.stats().gossip[1]?.subscribers === 1, "the other is subscribed");
      const said = enveloped(Buffer.from(`said by ${from.id}`));
      assert.equal((await from.host.publish("transactions", said)).recipients, 1);
      await to.until("gossip", ({ data }) => Buffer.compare(said, data) === 0);
    }
    assert.deepEqual(one.host.stats().deafPeers, []);
  });

  test("hangUp closes the connection at both ends", async () => {
    const [one, two] = await hosts.pair();
    await one.host.hangUp(two.id);
    assert.equal(one.host.connections().length, 0);
    const closed = await two.until("connectionClosed");
    assert.equal(closed.connection.peerId, one.id);
    assert.equal(closed.isLastOfPeer, true);
    await one.host.hangUp(two.id);
    const refused = await failureOf(one.host.request(two.id, "status", Uint8Array.of(), REQUEST));
    assert.equal(refused.reason, "NOT_CONNECTED");
  });

  test("a full host refuses strangers and admits protected peers", async () => {
    const hub = await hosts.start({ connectionsMax: 1 });
    const [first, stranger, member] = [await hosts.start(), await hosts.start(), await hosts.start()];
    await hosts.join(first, hub);
    await stranger.host.dial(hub.id, hub.host.addresses(), { deadlineMs: PATIENCE_MS }).catch(() => {});
    await eventually(() => stranger.host.connections().length === 0, "the stranger is refused");
    hub.host.protectPeers(new Set([member.id]));
    await hosts.join(member, hub);
    const full = await failureOf(
      hub.host.dial(stranger.id, stranger.host.addresses(), { deadlineMs: PATIENCE_MS }),
    );
    assert.equal(full.reason, "HOST_BUSY", "the bound holds for dials of its own, too");
    assert.equal(hub.host.connections().length, 2);
    const { connectionsIn, connectionsOut } = hub.host.stats();
    assert.deepEqual([connectionsIn, connectionsOut], [2, 0]);
  });
}
