/** The addresses of known peers: who named them, what became of them, who displaces whom, and what a restart finds again. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { AddressSource, PeerInfoSchema } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { CLAIM_FAILURES_MAX, isClaim, REACHED_MAX } from "../../../../src/actors/peer/known/address-list.ts";
import { CLAIMS_PER_TARGET_MAX } from "../../../../src/actors/peer/known/claims.ts";
import {
  DIALS_PER_MACHINE_MAX,
  DIALS_PER_TARGET_MAX,
  DialBudget,
} from "../../../../src/actors/peer/known/dial-budget.ts";
import type { KnownPeer } from "../../../../src/actors/peer/known/known-peer.ts";
import { PeerStore } from "../../../../src/actors/peer/peer-store.ts";
import type { Reach } from "../../../../src/p2p/dial-address.ts";
import type { Table } from "../../../../src/storage/port.ts";

const { CONFIGURED, DHT, IDENTIFY, MDNS, SEEN, UNSPECIFIED, WORKED } = AddressSource;
const PUBLIC: Reach = { privateNetwork: false, tcp: true, quic: true, memory: false };

/** A table in a map. */
function tableOf(entries: Map<string, Uint8Array> = new Map()): Table {
  return {
    get: (key: string) => entries.get(key),
    put: async (changes: ReadonlyMap<string, Uint8Array | undefined>) => {
      for (const [key, value] of changes)
        if (value === undefined) entries.delete(key);
        else entries.set(key, value);
    },
    entries: () => entries.entries(),
  } as unknown as Table;
}

const addressesOf = (peer: KnownPeer): string[] =>
  peer.addresses.map(({ address }) => address.split("/p2p/")[0] ?? "");

const at = (host: number, port = 1): string => `/ip4/203.0.113.${host}/tcp/${port}`;

test("a claim that ends in somebody else's id costs itself alone and displaces nothing", () => {
  const book = new PeerStore(tableOf(), 10, PUBLIC);
  const peer = book.ensure("boot");
  book.addAddresses(peer, [`${at(1)}/p2p/boot`], CONFIGURED, 1);
  book.addAddresses(peer, [`${at(2)}/p2p/liar`, at(3), "/ip4/127.0.0.1/tcp/6379", "/unix/x"], DHT, 2);
  assert.deepEqual(addressesOf(peer), [at(1), at(3)]);
});

test("what worked comes before what the operator named, and both before claims, however many there are", () => {
  const book = new PeerStore(tableOf(), 10, PUBLIC);
  const peer = book.ensure("peer");
  book.addAddresses(peer, [at(1), at(2)], CONFIGURED, 1);
  book.reached(peer, at(3), 2);
  for (let round = 0; round < 9; round++)
    book.addAddresses(
      peer,
      Array.from({ length: 40 }, (_, port) => at(100 + round, port + 1)),
      [DHT, IDENTIFY, MDNS, SEEN][round % 4] as AddressSource,
      10 + round,
    );
  assert.equal(peer.addresses.length, 16);
  assert.deepEqual(
    addressesOf(peer).slice(0, 3),
    [at(3), at(2), at(1)].sort((a, b) => (a === at(3) ? -1 : b === at(3) ? 1 : a < b ? -1 : 1)),
  );
  // Claimed by the peer itself from there comes before multicast, that before identify, that before the DHT.
  const sources = peer.addresses.slice(3).map(({ source }) => source);
  assert.ok(
    sources.every((source) => source === SEEN),
    String(sources),
  );
});

test("a claim that fails is forgotten, and what the operator named or where it was reached is not", () => {
  const book = new PeerStore(tableOf(), 10, PUBLIC);
  const peer = book.ensure("peer");
  book.addAddresses(peer, [at(1)], CONFIGURED, 1);
  book.reached(peer, at(2), 2);
  book.addAddresses(peer, [at(3)], DHT, 3);
  const dialled = peer.addresses.map(({ address }) => address);
  for (let dial = 0; dial < CLAIM_FAILURES_MAX; dial++) {
    assert.ok(addressesOf(peer).includes(at(3)));
    for (const address of dialled) book.failedAt(peer, address);
  }
  assert.deepEqual(addressesOf(peer), [at(2), at(1)]);
  assert.deepEqual(
    peer.addresses.map(({ failures }) => failures),
    [CLAIM_FAILURES_MAX, CLAIM_FAILURES_MAX],
  );
  book.reached(peer, at(1), 4);
  assert.deepEqual(addressesOf(peer), [at(1), at(2)], "the latest success comes first");
  for (let move = 10; move < 20; move++) book.reached(peer, at(move), move);
  const moved = peer.addresses.filter(({ source }) => source === WORKED);
  assert.ok(moved.length <= REACHED_MAX && addressesOf(peer).includes(at(1)));
});

test("a few peers may claim one place, and a better claim displaces a worse one", () => {
  const book = new PeerStore(tableOf(), 100, PUBLIC);
  const claim = (peerId: string, source: AddressSource) => {
    const peer = book.ensure(peerId);
    book.addAddresses(peer, [at(9, 80)], source, 1);
    return peer.addresses.length === 1;
  };
  for (let peer = 0; peer < CLAIMS_PER_TARGET_MAX; peer++) assert.ok(claim(`sybil-${peer}`, DHT));
  assert.equal(claim("sybil-late", DHT), false);
  assert.ok(claim("honest", SEEN), "whoever was connected from there");
  const left = [...book.all()].filter(({ addresses }) => addresses.length > 0);
  assert.equal(left.length, CLAIMS_PER_TARGET_MAX);
  // The operator is not bound by what others claim.
  assert.ok(claim("configured", CONFIGURED));
  const failing = left.find(({ peerId }) => peerId !== "honest");
  assert.ok(failing !== undefined);
  for (let dial = 0; dial < 2; dial++) book.failedAt(failing, failing.addresses[0]?.address ?? "");
  assert.ok(claim("sybil-late", DHT), "a claim that failed makes room");
});

test("a place that others claim is dialled a few times a minute, whatever peers are said to be there", () => {
  const book = new PeerStore(tableOf(), 10_000, PUBLIC);
  const budget = new DialBudget();
  let [target, machine, operator] = [0, 0, 0];
  for (let second = 0; second < 64; second++) {
    const liar = book.ensure(`liar-${second}`);
    liar.addresses = [];
    book.addAddresses(liar, [at(1, 22), at(2, 1000 + second), at(2, 2000 + second)], IDENTIFY, second);
    for (const { address } of budget.take(liar.addresses, second * 1000)) {
      if (address.includes("113.1/")) target++;
      else machine++;
    }
    const boot = book.ensure("boot");
    book.addAddresses(boot, [at(1, 22)], CONFIGURED, second);
    operator += budget.take(boot.addresses, second * 1000).length;
  }
  assert.ok(target <= DIALS_PER_TARGET_MAX + 1, `${target} dials at one port`);
  assert.ok(machine <= DIALS_PER_MACHINE_MAX + 8, `${machine} dials at one machine`);
  assert.equal(operator, 64, "what the operator named is not metered");
});

test("a restart finds addresses again with their sources and records, and judges them anew", async () => {
  const disk = new Map<string, Uint8Array>();
  const book = new PeerStore(tableOf(disk), 10, { ...PUBLIC, privateNetwork: true });
  const peer = book.ensure("peer");
  book.addAddresses(peer, ["/ip4/10.0.0.1/tcp/1"], CONFIGURED, 5_000);
  book.reached(peer, "/ip4/10.0.0.2/tcp/1", 6_000);
  book.addAddresses(peer, ["/ip4/10.0.0.3/tcp/1", at(4)], DHT, 7_000);
  book.failedAt(peer, `${at(4)}/p2p/peer`);
  book.markDirty(peer);
  await book.save();
  const again = new PeerStore(tableOf(disk), 10, { ...PUBLIC, privateNetwork: true });
  assert.deepEqual(again.get("peer")?.addresses, peer.addresses);
  const onPublic = new PeerStore(tableOf(disk), 10, PUBLIC).get("peer");
  assert.ok(onPublic !== undefined);
  assert.deepEqual(addressesOf(onPublic), ["/ip4/10.0.0.2/tcp/1", "/ip4/10.0.0.1/tcp/1", at(4)]);
  // An earlier version reads the addresses alone, and its records are claims of nobody.
  const stored = fromBinary(PeerInfoSchema, disk.get("peer") ?? new Uint8Array());
  assert.deepEqual(
    stored.addresses,
    peer.addresses.map(({ address }) => address),
  );
  const old = create(PeerInfoSchema, { peerId: "old", addresses: [at(5), `${at(6)}/p2p/liar`] });
  disk.set("old", toBinary(PeerInfoSchema, old));
  const restored = new PeerStore(tableOf(disk), 10, PUBLIC).get("old");
  assert.deepEqual(
    restored?.addresses.map(({ address, source }) => [address, source]),
    [[`${at(5)}/p2p/old`, UNSPECIFIED]],
  );
});

test("whatever is named, reached and fails: the list keeps to its bounds, sorted, and keeps what it must", () => {
  const step = fc.record({
    what: fc.constantFrom("name", "reach", "fail"),
    peer: fc.nat(5),
    host: fc.nat(12),
    source: fc.constantFrom(CONFIGURED, DHT, IDENTIFY, MDNS, SEEN),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const book = new PeerStore(tableOf(), 10, PUBLIC);
      const operators = new Map<string, Set<string>>();
      for (const [nowMs, { what, peer, host, source }] of steps.entries()) {
        const known = book.ensure(`peer-${peer}`);
        const address = at(host);
        if (what === "name") book.addAddresses(known, [address], source, nowMs + 1);
        else if (what === "reach") book.reached(known, address, nowMs + 1);
        else book.failedAt(known, `${address}/p2p/${known.peerId}`);
        const named = operators.get(known.peerId) ?? new Set<string>();
        operators.set(known.peerId, named);
        if (what === "name" && source === CONFIGURED) named.add(address);
        for (const each of named) assert.ok(addressesOf(known).includes(each), `${each} is gone`);
        assert.ok(known.addresses.length <= 16);
        const firstClaim = known.addresses.findIndex(isClaim);
        assert.ok(firstClaim < 0 || known.addresses.slice(firstClaim).every(isClaim));
      }
      const claims = new Map<string, number>();
      for (const { addresses } of book.all())
        for (const { target } of addresses.filter(isClaim)) claims.set(target, (claims.get(target) ?? 0) + 1);
      for (const [target, count] of claims)
        assert.ok(count <= CLAIMS_PER_TARGET_MAX, `${count} at ${target}`);
    }),
  );
});
