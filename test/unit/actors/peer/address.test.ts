/** Public addresses, subnets, refused machines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AddressSource } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { chooseDials } from "../../../../src/actors/peer/dialling.ts";
import { IP_BANS_MIN, IpBans, isRange } from "../../../../src/actors/peer/ip-bans.ts";
import { PeerStore } from "../../../../src/actors/peer/peer-store.ts";
import { OutboundSubnets } from "../../../../src/actors/peer/subnets.ts";
import { realScheduler } from "../../../../src/kernel/ports/scheduler.ts";
import { ipOf, publicAddressOf } from "../../../../src/p2p/address.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";

test("publicAddressOf finds machine and subnet, and nothing where many stand behind one address", () => {
  const table: [multiaddr: string, machine: string | undefined, subnet: string | undefined][] = [
    ["/ip4/203.0.113.7/tcp/55444", "203.0.113.7", "203.0"],
    ["/ip4/203.0.113.7/udp/1/quic-v1/p2p/12D3KooW", "203.0.113.7", "203.0"],
    ["/ip6/2001:DB8:0:1::5/tcp/1", "2001:db8:0:1::", "2001:db8::"],
    ["/ip6/2001:0db8::1/tcp/1", "2001:db8:0:0::", "2001:db8::"],
    ["/ip6/::ffff:203.0.113.7/tcp/1", "203.0.113.7", "203.0"],
    ["/ip6/::FFFF:cb00:7107/tcp/1", "203.0.113.7", "203.0"],
    ["/ip6/0:0:0:0:0:ffff:203.0.113.7/tcp/1", "203.0.113.7", "203.0"],
    ["/ip4/127.0.0.1/tcp/1", undefined, undefined],
    ["/ip4/10.1.2.3/tcp/1", undefined, undefined],
    ["/ip4/172.31.0.1/tcp/1", undefined, undefined],
    ["/ip4/172.32.0.1/tcp/1", "172.32.0.1", "172.32"],
    ["/ip4/192.168.1.1/tcp/1", undefined, undefined],
    ["/ip4/100.100.1.1/tcp/1", undefined, undefined],
    ["/ip6/::1/tcp/1", undefined, undefined],
    ["/ip6/fd00::1/tcp/1", undefined, undefined],
    ["/ip6/fe80::1/tcp/1", undefined, undefined],
    ["/ip6/::ffff:10.0.0.1/tcp/1", undefined, undefined],
    ["/dns4/example.org/tcp/1", undefined, undefined],
    ["/memory/x", undefined, undefined],
    ["/ip4/999.1.1.1/tcp/1", undefined, undefined],
    ["", undefined, undefined],
  ];
  for (const [multiaddr, machine, subnet] of table) {
    const found = publicAddressOf(multiaddr);
    assert.deepEqual([found?.machine, found?.subnet], [machine, subnet], multiaddr);
  }
});

test("publicAddressOf takes any text and any address", () => {
  fc.assert(fc.property(fc.string(), (text) => void publicAddressOf(text)));
  fc.assert(
    fc.property(fc.ipV6(), (ip) => {
      const found = publicAddressOf(`/ip6/${ip}/tcp/1`);
      if (found?.machine.includes(":") !== true) return;
      assert.match(found.machine, /^([0-9a-f]{1,4}:){4}:$/);
      assert.match(found.subnet, /^([0-9a-f]{1,4}:){2}:$/);
      // What is cut off is an address of the same machine.
      assert.equal(publicAddressOf(`/ip6/${found.machine}/tcp/1`)?.machine, found.machine);
    }),
  );
  assert.equal(ipOf("/ip6/::ffff:1.2.3.4/tcp/1"), "1.2.3.4");
});

test("IpBans refuses a machine from five banned peers on, until fewer are banned", () => {
  const bans = new IpBans();
  const address = "/ip4/203.0.113.7/tcp/55444";
  for (let peer = 1; peer < IP_BANS_MIN; peer++) bans.add(`peer-${peer}`, address, 0);
  bans.add("peer-1", address, 0);
  assert.equal(bans.refuses(address, 0), false);
  bans.add("peer-5", "/ip4/203.0.113.7/udp/9/quic-v1", 0);
  assert.equal(bans.refuses(address, 0), true);
  assert.equal(bans.refuses("/ip4/203.0.113.8/tcp/55444", 0), false);
  bans.remove("peer-3", address, 0);
  assert.equal(bans.refuses(address, 0), false);
});

test("IpBans begins with ten minutes and doubles them with each repetition, up to two hours", () => {
  const bans = new IpBans();
  const address = "/ip4/203.0.113.7/tcp/55444";
  let nowMs = 0;
  for (let peer = 0; peer < IP_BANS_MIN; peer++) bans.add(`peer-${peer}`, address, nowMs);
  const minutes: number[] = [];
  for (let again = 0; again < 6; again++) {
    const beganMs = nowMs;
    // Who was connected already and is banned meanwhile lengthens nothing.
    bans.add(`meanwhile-${again}`, address, nowMs + 1);
    while (bans.refuses(address, nowMs)) nowMs += 60_000;
    minutes.push((nowMs - beganMs) / 60_000);
    bans.add(`again-${again}`, address, nowMs);
  }
  assert.deepEqual(minutes, [10, 20, 40, 80, 120, 120]);
});

test("IpBans lets loopback, private networks and the allow-list through", () => {
  const bans = new IpBans(["203.0.113.0/24", "2001:db8::5"]);
  const addresses = [
    "/ip4/127.0.0.1/tcp/1",
    "/ip4/10.0.0.1/tcp/1",
    "/ip4/203.0.113.7/tcp/1",
    "/ip6/2001:db8::5/tcp/1",
  ];
  for (const address of [...addresses, "/ip6/2001:db8::6/tcp/1"])
    for (let peer = 0; peer < 9; peer++) bans.add(`${address} ${peer}`, address, 0);
  for (const address of addresses) assert.equal(bans.refuses(address, 0), false, address);
  assert.equal(bans.refuses("/ip6/2001:db8::6/tcp/1", 0), true);
  const ranges = {
    "192.0.2.1": true,
    "192.0.2.0/24": true,
    "::/0": true,
    "192.0.2.0/33": false,
    x: false,
    "": false,
  };
  for (const [range, isOne] of Object.entries(ranges)) assert.equal(isRange(range), isOne, range);
});

test("chooseDials takes at most two of one /16, members and bootstrap peers aside", () => {
  const table = openMemoryStore({
    disk: new MemoryDisk(),
    genesisHash: new Uint8Array(32),
    scheduler: realScheduler,
  }).table("peers");
  const book = new PeerStore(table, 100);
  const add = (peerId: string, ...addresses: string[]) => {
    const peer = book.ensure(peerId);
    book.addAddresses(peer, addresses, AddressSource.DHT, 1);
    return peer;
  };
  for (let at = 0; at < 4; at++) add(`same-${at}`, `/ip4/198.51.100.${at}/tcp/1`);
  add("elsewhere", "/ip4/203.0.113.1/tcp/1");
  add("both", "/ip4/198.51.100.9/tcp/1", "/ip4/192.0.2.1/tcp/1");
  add("private-1", "/ip4/10.0.0.1/tcp/1");
  add("member", "/ip4/198.51.100.20/tcp/1").isReserved = true;
  add("bootstrap", "/ip4/198.51.100.21/tcp/1").isBootstrap = true;
  const subnets = new OutboundSubnets((subnet) => book.index.inSubnet(subnet), 2);
  const facts = { nowMs: 10, ownPeerId: "me", peersTarget: 20, isBanned: () => false };
  const chosen = chooseDials(book.index, { ...facts, claim: (peer) => subnets.claim(peer) });
  const names = chosen.map(({ peerId }) => peerId);
  assert.equal(names.filter((name) => name.startsWith("same-")).length, 2);
  for (const name of ["elsewhere", "both", "private-1", "member", "bootstrap"])
    assert.ok(names.includes(name), name);
  assert.deepEqual(subnets.claimed(book.ensure("both")), ["/ip4/192.0.2.1/tcp/1/p2p/both"]);
});
