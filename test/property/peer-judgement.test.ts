/** Laws of reputation, score, slots, the choice of dials, paging, and the federation's replay window. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { AddressSource } from "../../gen/alys/peer/v1/peer_pb.ts";
import { FederationMessageSchema } from "../../gen/alys/wire/v1/wire_pb.ts";
import { FederationEndpoint } from "../../src/actors/network/federation.ts";
import { DIALS_MAX } from "../../src/actors/peer/config.ts";
import { chooseDials, dialDelayMs } from "../../src/actors/peer/dialling.ts";
import { ExpiryIndex } from "../../src/actors/peer/expiry-index.ts";
import { pageOf } from "../../src/actors/peer/paging.ts";
import { PeerStore } from "../../src/actors/peer/peer-store.ts";
import { LENIENCE_MAX, PenaltyBrake } from "../../src/actors/peer/penalty-brake.ts";
import { CLEAN, forgiven, OffenceMemory, penalised, reputationAt } from "../../src/actors/peer/reputation.ts";
import { NEW_SCORE, observe, scoreOf } from "../../src/actors/peer/score.ts";
import { seededRandom } from "../../src/kernel/ports/random.ts";
import { identityFromSeed, verifyPeerSignature } from "../../src/p2p/identity.ts";

const NOWHERE = {
  get: () => undefined,
  put: async () => {},
  delete: async () => {},
  entries: () => [],
};

test("a reputation halves in ten minutes, however often it is asked for", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 99 }),
      fc.array(fc.integer({ min: 0, max: 600_000 }), { maxLength: 50 }),
      (penalty, asked) => {
        const spent = penalised(CLEAN, penalty, 1_000);
        for (const atMs of asked) reputationAt(spent, 1_000 + atMs);
        assert.ok(Math.abs(reputationAt(spent, 601_000) + penalty / 2) < 1e-9);
        // A penalty of nothing postpones nothing either.
        const touched = asked
          .sort((a, b) => a - b)
          .reduce((rep, atMs) => penalised(rep, 0, 1_000 + atMs), spent);
        assert.ok(Math.abs(reputationAt(touched, 601_000) + penalty / 2) < 0.05);
      },
    ),
  );
});

test("a reputation lies in −100 … 0 and never gets better by a penalty", () => {
  const step = fc.record({ penalty: fc.double({ min: 0, max: 100, noNaN: true }), waitMs: fc.nat(1e7) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let [reputation, nowMs] = [CLEAN, 0];
      for (const { penalty, waitMs } of steps) {
        nowMs += waitMs;
        const before = reputationAt(reputation, nowMs);
        reputation = penalised(reputation, penalty, nowMs);
        const after = reputationAt(reputation, nowMs);
        assert.ok(after <= before + 0.01 && after >= -100 && after <= 0);
      }
    }),
  );
});

test("a score and its parts lie in 0 … 100 whatever is observed", () => {
  const observation = fc.record(
    { latencyMs: fc.double(), bytesPerSecond: fc.double(), isSuccess: fc.boolean() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(observation), fc.boolean(), (observations, isFederation) => {
      const { federationBonus, ...parts } = scoreOf(observations.reduce(observe, NEW_SCORE), isFederation);
      for (const part of Object.values(parts)) assert.ok(part >= 0 && part <= 100, String(part));
      assert.equal(federationBonus, isFederation ? 20 : 0);
    }),
  );
});

test("an offence counts once for its evidence, and once in ten seconds whatever the evidence", () => {
  const memory = new OffenceMemory();
  assert.equal(memory.isNew("a", 1, "x", 0), true);
  assert.equal(memory.isNew("a", 1, "y", 9_999), false, "one case");
  assert.equal(memory.isNew("a", 1, "y", 10_000), true);
  assert.equal(memory.isNew("a", 1, "x", 599_999), false, "the same bytes");
  assert.equal(memory.isNew("a", 2, "x", 0), true);
  assert.equal(memory.isNew("b", 1, "x", 0), true);
  assert.equal(memory.isNew("a", 1, "x", 610_000), true);
});

test("what is forgiven leaves a reputation as if it had never been", () => {
  const step = fc.record({ penalty: fc.integer({ min: 1, max: 20 }), waitMs: fc.nat(300_000) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), fc.nat(4), (steps, which) => {
      const taken = which % steps.length;
      let [all, without, nowMs, takenMs] = [CLEAN, CLEAN, 0, 0];
      for (const [index, { penalty, waitMs }] of steps.entries()) {
        nowMs += waitMs;
        all = penalised(all, penalty, nowMs);
        if (index === taken) takenMs = nowMs;
        else without = penalised(without, penalty, nowMs);
      }
      const freed = forgiven(all, steps[taken]!.penalty, takenMs, nowMs);
      // Penalties of 20 five times reach the worst, below which nothing is counted.
      if (reputationAt(all, nowMs) > -95)
        assert.ok(Math.abs(reputationAt(freed, nowMs) - reputationAt(without, nowMs)) < 0.1);
    }),
  );
});

test("the brake punishes two of a kind and no third, in bounded memory, whoever they are", () => {
  const brake = new PenaltyBrake();
  const hear = (peerId: string, digest: string, origin?: string) => brake.hear({ peerId, digest, origin }, 0);
  assert.equal(hear("a", "x").kind, "punish");
  assert.equal(hear("b", "x").kind, "punish");
  assert.equal(hear("a", "x").kind, "punish", "the same peer again is no third");
  brake.applied("x", { peerId: "a", penalty: 10, atMs: 0 });
  const third = hear("c", "x");
  assert.ok(third.kind === "brake" && third.isNew);
  assert.deepEqual(third.taken, [{ peerId: "a", penalty: 10, atMs: 0 }]);
  assert.ok(!("isNew" in hear("d", "x")) || hear("d", "x").kind === "brake");
  // Ids of one subnet count as one.
  for (const peerId of ["a", "b", "c", "d", "e"]) assert.equal(hear(peerId, "y", "203.0").kind, "punish");
  // A gang that repeats it is not let go for ever.
  let freed = 0;
  for (let made = 0; made < 2 * LENIENCE_MAX; made++) {
    hear("g1", `gang ${made}`);
    hear("g2", `gang ${made}`);
    if (hear("g3", `gang ${made}`).kind === "brake") freed++;
  }
  assert.equal(freed, LENIENCE_MAX);
});

test("the index of endings gives each thing once, at its last time, earliest first", () => {
  const step = fc.record({ key: fc.nat(20), untilMs: fc.nat(100), isDeleted: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const index = new ExpiryIndex();
      const model = new Map<string, number>();
      for (const { key, untilMs, isDeleted } of steps) {
        if (isDeleted) index.delete(String(key));
        else index.set(String(key), untilMs);
        if (isDeleted) model.delete(String(key));
        else model.set(String(key), untilMs);
      }
      for (const nowMs of [30, 60, 100]) {
        const due = [...model].filter(([, untilMs]) => untilMs <= nowMs).map(([key]) => key);
        const taken: string[] = [];
        for (let key = index.takeEnded(nowMs); key !== undefined; key = index.takeEnded(nowMs))
          taken.push(key);
        assert.deepEqual(taken.sort(), due.sort());
        for (const key of due) model.delete(key);
      }
    }),
  );
});

test("dials keep to target and bound, skip whom they must, and members come first", () => {
  const kind = fc.record({
    state: fc.constantFrom("disconnected", "dialling", "closing"),
    isReserved: fc.boolean(),
    hasAddress: fc.boolean(),
    isBanned: fc.boolean(),
    waits: fc.boolean(),
    penalty: fc.constantFrom(0, 30),
  });
  fc.assert(
    fc.property(fc.array(kind, { maxLength: 60 }), fc.nat(40), (kinds, peersTarget) => {
      const book = new PeerStore(NOWHERE, 1_000);
      const banned = new Set<string>();
      let busy = 0;
      for (const [index, each] of kinds.entries()) {
        const peer = book.ensure(`peer-${index}`);
        peer.isReserved = each.isReserved;
        peer.link = { state: each.state, addresses: [] } as unknown as typeof peer.link;
        if (each.hasAddress) book.addAddresses(peer, ["/memory/x"], AddressSource.DHT, 1);
        if (each.isBanned) banned.add(peer.peerId);
        if (each.waits) peer.notBeforeMs = 11;
        peer.reputation = penalised(CLEAN, each.penalty, 10);
        if (each.state !== "disconnected" && !each.isReserved) busy++;
      }
      const dialling = kinds.filter(({ state }) => state === "dialling").length;
      const facts = { nowMs: 10, ownPeerId: "peer-0", peersTarget, isBanned: (id: string) => banned.has(id) };
      const chosen = chooseDials(book.index, facts);
      assert.ok(chosen.length <= Math.max(0, DIALS_MAX - dialling));
      const ordinary = chosen.filter((peer) => !peer.isReserved);
      assert.ok(ordinary.length <= Math.max(0, peersTarget - busy));
      for (const peer of chosen) {
        assert.equal(peer.link.state, "disconnected");
        assert.ok(peer.addresses.length > 0 && !banned.has(peer.peerId) && peer.notBeforeMs <= 10);
        assert.ok(peer.peerId !== "peer-0");
        assert.ok(peer.isReserved || reputationAt(peer.reputation, 10) > -20);
      }
      const firstOrdinary = chosen.findIndex((peer) => !peer.isReserved);
      assert.ok(firstOrdinary < 0 || chosen.slice(firstOrdinary).every((peer) => !peer.isReserved));
    }),
  );
});

test("the wait before a dial grows to half a minute at most", () => {
  fc.assert(
    fc.property(fc.nat(1_000), fc.integer(), (failures, seed) => {
      const delayMs = dialDelayMs(failures, seededRandom(seed).next());
      assert.ok(delayMs >= 500 && delayMs <= 30_000);
      if (failures >= 5) assert.ok(delayMs >= 15_000);
    }),
  );
});

/** Base58, as peer ids are written. */
const peerIds = fc.stringMatching(/^[1-9A-HJ-NP-Za-km-z]{1,20}$/);

test("pages together are the sorted list, each item once", () => {
  fc.assert(
    fc.property(fc.uniqueArray(peerIds), fc.integer({ min: 1, max: 10 }), (ids, size) => {
      const all = ids.map((peerId) => ({ peerId }));
      const seen: string[] = [];
      let token = "";
      do {
        const page = pageOf(all, size, token);
        assert.ok("items" in page);
        seen.push(...page.items.map(({ peerId }) => peerId));
        token = page.nextPageToken;
      } while (token !== "");
      assert.deepEqual(
        seen,
        all.map(({ peerId }) => peerId).sort((a, b) => (a < b ? -1 : 1)),
      );
    }),
  );
});

test("the book keeps to its bound and keeps whom it must, whatever floods it", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 300 }), (ids) => {
      const book = new PeerStore(NOWHERE, 10);
      const [member, known] = [book.ensure("member"), book.ensure("known")];
      member.isReserved = true;
      known.lastSeenMs = 5;
      for (const id of ids) book.ensure(`flood-${id}`);
      assert.ok(book.size <= 10);
      assert.ok(book.get("member") !== undefined && book.get("known") !== undefined);
    }),
  );
});

test("of the envelopes of one sender each is opened once, in any order within the window", () => {
  const [alice, bob] = [
    identityFromSeed(new Uint8Array(32).fill(1)),
    identityFromSeed(new Uint8Array(32).fill(2)),
  ];
  const endpoint = (sign: (bytes: Uint8Array) => Uint8Array, startMs: number) =>
    new FederationEndpoint({ sign, verifyPeerSignature }, new Uint8Array(32), startMs, 500);
  const payload = toBinary(
    FederationMessageSchema,
    create(FederationMessageSchema, { payload: { case: "opaque", value: { label: "x" } } }),
  );
  const sender = endpoint(alice.sign, 1_000);
  const sealed = Array.from({ length: 200 }, () => sender.seal(payload, 2_000, 1_000)!);
  fc.assert(
    fc.property(fc.array(fc.nat(199), { minLength: 1, maxLength: 60 }), (order) => {
      const receiver = endpoint(bob.sign, 0);
      const opened = new Set<number>();
      let highest = -1;
      for (const index of order) {
        const { ok } = receiver.open(alice.peerId, sealed[index]!, 2_000);
        const isOld = highest - index >= 64;
        assert.equal(ok, !opened.has(index) && !isOld, `envelope ${index} after ${[...opened]}`);
        if (ok) opened.add(index);
        highest = Math.max(highest, index);
      }
    }),
    { numRuns: 25 },
  );
});

test("an envelope is void past its time, from afar in the future, of another sender, or altered", () => {
  const [alice, bob] = [
    identityFromSeed(new Uint8Array(32).fill(1)),
    identityFromSeed(new Uint8Array(32).fill(2)),
  ];
  const genesis = new Uint8Array(32);
  const keys = { sign: alice.sign, verifyPeerSignature };
  const payload = toBinary(
    FederationMessageSchema,
    create(FederationMessageSchema, { payload: { case: "opaque", value: { label: "x" } } }),
  );
  const fault = (endpoint: FederationEndpoint, from: string, envelope: Uint8Array, nowMs: number) => {
    const opened = endpoint.open(from, envelope, nowMs);
    return opened.ok ? "none" : opened.fault;
  };
  const receiver = new FederationEndpoint(keys, genesis, 0, 500);
  const seal = (startMs: number, nowMs = 10_000) =>
    new FederationEndpoint(keys, genesis, startMs, 500).seal(payload, nowMs, 1_000)!;
  assert.equal(fault(receiver, alice.peerId, seal(1), 11_501), "expired");
  assert.equal(fault(receiver, alice.peerId, seal(1), 11_500), "none", "clocks may differ by the drift");
  assert.equal(fault(receiver, alice.peerId, seal(10_000_000, 10_000_000), 10_000), "from the future");
  assert.equal(fault(receiver, alice.peerId, seal(2, 10_000_000), 10_000), "from the future");
  assert.equal(fault(receiver, bob.peerId, seal(1), 10_000), "bad signature");
  assert.equal(fault(receiver, alice.peerId, seal(0), 10_000), "replayed", "an earlier life of its sender");
  const altered = seal(5);
  altered[altered.length - 1]! ^= 1;
  assert.equal(fault(receiver, alice.peerId, altered, 10_000), "bad signature");
  assert.equal(fault(receiver, alice.peerId, Uint8Array.of(1, 2, 3), 10_000), "malformed");
  const elsewhere = new FederationEndpoint(keys, new Uint8Array(32).fill(9), 5, 500).seal(
    payload,
    10_000,
    1_000,
  )!;
  assert.equal(fault(receiver, alice.peerId, elsewhere, 10_000), "bad signature", "another chain");
  const ahead = new FederationEndpoint(keys, genesis, 28_800_000, 500);
  const other = new FederationEndpoint(keys, genesis, 28_800_000, 500);
  const atEight = ahead.seal(payload, 28_800_000, 1_000)!;
  assert.equal(fault(other, alice.peerId, atEight, 28_800_000), "none", "both clocks are ahead");
  const again = ahead.seal(payload, 20_000, 1_000)!;
  for (const endpoint of [receiver, other])
    assert.equal(
      fault(endpoint, alice.peerId, again, 20_000),
      "none",
      "a clock that was ahead bars its owner no longer",
    );
  assert.equal(fault(other, alice.peerId, atEight, 20_000), "from the future");
  const behind = new FederationEndpoint(keys, genesis, 5, 500);
  assert.equal(fault(receiver, alice.peerId, behind.seal(payload, 5, 60_000)!, 21_000), "replayed");
  const right = behind.seal(payload, 21_000, 1_000)!;
  assert.equal(fault(receiver, alice.peerId, right, 21_000), "none", "nor does one that was behind");
  assert.equal(receiver.seal(new Uint8Array(), 0, 1), undefined);
  assert.equal(receiver.seal(Uint8Array.of(0xff), 0, 1), undefined);
});
