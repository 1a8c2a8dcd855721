/** What choosing whom to dial and whom to forget looks at, counted: it does not grow with what is known. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AddressSource } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { chooseDials, type DialFacts } from "../../../../src/actors/peer/dialling.ts";
import { KeyedHeap } from "../../../../src/actors/peer/known/keyed-heap.ts";
import type { KnownPeer } from "../../../../src/actors/peer/known/known-peer.ts";
import { PeerStore } from "../../../../src/actors/peer/peer-store.ts";
import type { Table } from "../../../../src/storage/port.ts";

const NOWHERE = { get: () => undefined, put: async () => {}, entries: () => [] } as unknown as Table;
const facts = (nowMs: number, peersTarget = 25): DialFacts => ({
  ...{ nowMs, ownPeerId: "me", peersTarget, isBanned: () => false },
});

function filled(count: number): PeerStore {
  const book = new PeerStore(NOWHERE, count);
  for (let at = 0; at < count; at++)
    book.addAddresses(book.ensure(`peer-${at}`), [`/memory/${at}`], AddressSource.DHT, 1);
  book.index.nextToDial(0, 1);
  return book;
}

const dialling = (peer: KnownPeer): void => {
  peer.link = { state: "dialling", cause: undefined, addresses: [] };
};

test("a choice of dials and an eviction look at as few peers among 20,000 as among 200", () => {
  const examined = (count: number): number[] => {
    const book = filled(count);
    const seen: number[] = [];
    for (let second = 1; second <= 20; second++) {
      const before = book.index.examined;
      for (const peer of chooseDials(book.index, facts(second * 1_000))) {
        dialling(peer);
        peer.link = { state: "disconnected" };
        peer.failures++;
        peer.notBeforeMs = second * 1_000 + 60_000;
      }
      book.addAddresses(book.ensure(`new-${second}`), [`/memory/n${second}`], AddressSource.DHT, 1);
      seen.push(book.index.examined - before);
    }
    return seen;
  };
  const [few, many] = [examined(200), examined(20_000)];
  assert.ok(Math.max(...many) <= 64, `at most ${Math.max(...many)} are looked at in a second`);
  assert.ok(Math.max(...many) <= Math.max(...few) + 8, `${few} and ${many}`);
});

test("nothing is looked at while there are peers enough", () => {
  const book = filled(1_000);
  for (const peer of [...book.all()].slice(0, 30)) peer.link = { state: "closing" };
  book.index.count("closing");
  const before = book.index.examined;
  assert.deepEqual(chooseDials(book.index, facts(1_000)), []);
  assert.equal(book.index.examined, before);
});

test("members that are connected leave the target to others: who has found some goes on looking", () => {
  const book = filled(10);
  const all = [...book.all()];
  for (const peer of all.slice(0, 4)) {
    peer.isReserved = true;
    peer.link = { state: "closing" };
  }
  assert.equal(chooseDials(book.index, facts(1_000, 4)).length, 4);
  for (const peer of all.slice(0, 4)) peer.isReserved = false;
  assert.deepEqual(chooseDials(book.index, facts(1_000, 4)), []);
});

test("peers that cannot be dialled hide no other for long", () => {
  const book = filled(2_000);
  const good = book.ensure("good");
  book.addAddresses(good, ["/memory/good"], AddressSource.DHT, 1);
  const isBanned = (peerId: string): boolean => peerId !== "good";
  let rounds = 0;
  for (let second = 1; second <= 60 && good.link.state === "disconnected"; second++, rounds++)
    for (const peer of chooseDials(book.index, { ...facts(second * 1_000), isBanned })) dialling(peer);
  assert.equal(good.link.state, "dialling");
  assert.ok(rounds <= 10, `${rounds} rounds`);
});

test("what the index counts is what a walk over all peers counts", () => {
  const states = ["disconnected", "dialling", "closing"] as const;
  const change = fc.record({ peer: fc.nat(20), state: fc.constantFrom(...states), reserved: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
      const book = new PeerStore(NOWHERE, 15);
      for (const { peer, state, reserved } of changes) {
        const known = book.ensure(`peer-${peer}`);
        book.addAddresses(known, [`/ip4/203.${peer % 3}.113.1/tcp/${peer + 1}`], AddressSource.DHT, 1);
        known.isReserved = reserved;
        const addresses = known.addresses.map(({ address }) => address);
        known.link = state === "dialling" ? { state, cause: undefined, addresses } : { state };
        const all = [...book.all()];
        for (const each of ["dialling", "closing"] as const)
          assert.equal(book.index.count(each), all.filter(({ link }) => link.state === each).length);
        assert.equal(book.index.busy, all.filter(({ link }) => link.state !== "disconnected").length);
        assert.deepEqual(
          book.index.reserved(),
          all.filter(({ isReserved }) => isReserved),
        );
        for (const subnet of [0, 1, 2])
          assert.equal(
            book.index.inSubnet(`203.${subnet}`),
            all.filter(
              ({ link, isReserved, peerId }) =>
                link.state === "dialling" && !isReserved && Number(peerId.slice(5)) % 3 === subnet,
            ).length,
          );
      }
    }),
    { numRuns: 50 },
  );
});

test("KeyedHeap gives back the least, whatever was put, moved and taken", () => {
  const step = fc.record({ what: fc.constantFrom("set", "delete", "pop"), item: fc.nat(12), key: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const heap = new KeyedHeap<number>();
      const model = new Map<number, readonly [key: number, turn: number]>();
      for (const [turn, { what, item, key }] of steps.entries()) {
        const [least] = [...model].sort(([, a], [, b]) => a[0] - b[0] || a[1] - b[1]);
        if (what === "set") {
          heap.set(item, key, turn);
          model.set(item, [key, turn]);
        } else if (what === "delete") assert.equal(heap.delete(item), model.delete(item));
        else {
          assert.equal(heap.pop(), least?.[0]);
          if (least !== undefined) model.delete(least[0]);
        }
        assert.equal(heap.size, model.size);
      }
    }),
  );
});
