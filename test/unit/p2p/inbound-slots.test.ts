/** Slots for inbound connections: whoever comes from where little is held finds one, whoever holds much gives way. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { InboundSlots } from "../../../src/p2p/inbound-slots.ts";
import { originOf } from "../../../src/p2p/origin.ts";

const at = (ip: string) => originOf(`/ip${ip.includes(":") ? 6 : 4}/${ip}/tcp/1`);

class Rig {
  readonly spoken = new Set<number>();
  readonly reserved = new Set<string>();
  readonly greeted = new Set<string>();
  readonly slots: InboundSlots<number>;
  outbound = 0;
  nowMs = 0;
  #last = 0;

  constructor(bounds: { pendingMax?: number; connectionsMax?: number; hasCaps?: boolean } = {}) {
    this.slots = new InboundSlots<number>(
      { pendingMax: 32, connectionsMax: 32, hasCaps: false, ...bounds },
      {
        hasSpoken: (key) => this.spoken.has(key),
        isReserved: (peerId) => this.reserved.has(peerId),
        hasGreeted: (peerId) => this.greeted.has(peerId),
        outbound: () => this.outbound,
      },
    );
  }

  arrive(ip: string) {
    this.#last += 1;
    this.nowMs += 1;
    return { key: this.#last, ...this.slots.arrive(this.#last, at(ip), this.nowMs) };
  }

  join(ip: string, peerId: string) {
    const { key } = this.arrive(ip);
    return { key, ...this.slots.prove(key, peerId, this.nowMs) };
  }

  /** Fills every slot that inbound connections may take with greeted peers. */
  fill(ip: (index: number) => string): void {
    for (let index = 0; ; index++) {
      const peerId = `filling-${index}`;
      this.greeted.add(peerId);
      if (!this.join(ip(index), peerId).isAdmitted) return;
    }
  }
}

describe("originOf", () => {
  test("is the address and its /24, of IPv6 the /64 and the /48", () => {
    assert.deepEqual(at("51.15.7.9"), { address: "51.15.7.9", subnet: "51.15.7", isPublic: true });
    assert.deepEqual(at("2a02:db8:1:2:3::4"), {
      address: "2a02:db8:1:2::",
      subnet: "2a02:db8:1::",
      isPublic: true,
    });
    assert.equal(at("::ffff:10.1.2.3").address, "10.1.2.3");
    assert.equal(at("127.0.0.1").isPublic, false);
    assert.equal(originOf("/memory/x").address, "/memory/x");
  });
});

describe("InboundSlots, pending", () => {
  test("gives a newcomer the slot of the silent one that waits longest at the fullest address", () => {
    const rig = new Rig();
    const first = rig.arrive("10.0.0.1").key;
    rig.spoken.add(first);
    const second = rig.arrive("10.0.0.1").key;
    for (let count = 2; count < 32; count++) assert.equal(rig.arrive("10.0.0.1").displaced, undefined);
    assert.equal(rig.arrive("10.9.9.9").displaced, second);
    assert.equal(rig.slots.pending, 32);
  });

  test("keeps who comes from elsewhere through a flood from one address", () => {
    const rig = new Rig();
    const honest = rig.arrive("10.9.9.9").key;
    for (let count = 0; count < 1000; count++) assert.notEqual(rig.arrive("10.0.0.1").displaced, honest);
    assert.equal(rig.slots.prove(honest, "honest", rig.nowMs).isAdmitted, true);
  });

  test("of one address alone prefers who has said something", () => {
    const rig = new Rig();
    const honest = rig.arrive("127.0.0.1").key;
    rig.spoken.add(honest);
    for (let count = 0; count < 1000; count++) rig.arrive("127.0.0.1");
    assert.equal(rig.slots.prove(honest, "honest", rig.nowMs).isAdmitted, true);
  });

  test("ends after four looks who never said a thing", () => {
    const rig = new Rig();
    const silent = rig.arrive("10.0.0.1").key;
    const speaking = rig.arrive("10.0.0.1").key;
    rig.spoken.add(speaking);
    for (let count = 0; count < 4; count++) assert.deepEqual(rig.slots.sweep(), []);
    assert.deepEqual(rig.slots.sweep(), [silent]);
    assert.equal(rig.slots.pending, 1);
    assert.equal(rig.slots.prove(silent, "late", rig.nowMs).isAdmitted, false);
  });

  test("on a public network caps an address and a subnet, each at the cost of its own", () => {
    const rig = new Rig({ pendingMax: 256, hasCaps: true });
    for (let count = 0; count < 500; count++) rig.arrive("51.15.7.9");
    assert.equal(rig.slots.pending, 16);
    for (let count = 0; count < 500; count++) rig.arrive(`51.15.7.${count % 250}`);
    assert.equal(rig.slots.pending, 32);
    for (let count = 0; count < 500; count++) rig.arrive(`2a02:db8:1:${(count % 250).toString(16)}::1`);
    assert.equal(rig.slots.pending, 64);
  });
});

describe("InboundSlots, established", () => {
  test("refuses the third connection of a peer", () => {
    const rig = new Rig();
    assert.equal(rig.join("10.0.0.1", "one").isAdmitted, true);
    const second = rig.join("10.0.0.2", "one");
    assert.equal(second.isAdmitted, true);
    const third = rig.join("10.0.0.3", "one");
    assert.deepEqual([third.isAdmitted, "why" in third && third.why], [false, "peer"]);
    rig.slots.leave(second.key);
    assert.equal(rig.join("10.0.0.3", "one").isAdmitted, true);
  });

  test("leaves an eighth to connections that we dial, and counts those", () => {
    const rig = new Rig();
    rig.fill(() => "10.0.0.1");
    assert.equal(rig.slots.held, 28);
    const other = new Rig();
    other.outbound = 20;
    other.fill(() => "10.0.0.1");
    assert.equal(other.slots.held, 12);
  });

  test("full from one address gives its youngest slot to who comes from elsewhere, and no more than a fair share", () => {
    const rig = new Rig();
    rig.fill(() => "10.0.0.1");
    const admitted: number[] = [];
    for (let count = 0; count < 40; count++) {
      const join = rig.join("10.7.7.7", `newcomer-${count}`);
      rig.greeted.add(`newcomer-${count}`);
      if (join.isAdmitted) admitted.push("displaced" in join ? (join.displaced ?? 0) : 0);
    }
    assert.equal(admitted.length, 14);
    assert.deepEqual(
      admitted,
      admitted.toSorted((left, right) => right - left),
    );
    assert.equal(rig.slots.held, 28);
  });

  test("within one address only who has not greeted in time gives way", () => {
    const rig = new Rig();
    rig.fill(() => "127.0.0.1");
    assert.equal(rig.join("127.0.0.1", "newcomer").isAdmitted, false);
    rig.greeted.delete("filling-3");
    rig.nowMs += 1000;
    assert.equal(rig.join("127.0.0.1", "newcomer").isAdmitted, true);
    assert.equal(rig.join("127.0.0.1", "another").isAdmitted, false);
  });

  test("reserved peers are always let in and never give way", () => {
    const rig = new Rig();
    rig.reserved.add("member");
    rig.reserved.add("filling-2");
    rig.fill(() => "10.0.0.1");
    rig.greeted.clear();
    rig.nowMs += 10_000;
    assert.equal(rig.join("10.0.0.1", "member").isAdmitted, true);
    assert.equal(rig.slots.held, 29);
    for (let count = 0; count < 100; count++) {
      const join = rig.join(`10.${count}.0.1`, `newcomer-${count}`);
      assert.ok(!("displaced" in join) || (join.displaced !== 3 && join.displaced !== 30));
    }
  });

  test("on a public network an address has a sixteenth, a subnet an eighth", () => {
    const rig = new Rig({ connectionsMax: 160, hasCaps: true });
    rig.fill(() => "51.15.7.9");
    assert.equal(rig.slots.held, 10);
    rig.fill((index) => `51.15.7.${100 + index}`);
    assert.equal(rig.slots.held, 20);
    assert.equal(rig.join("51.15.8.1", "elsewhere").isAdmitted, true);
  });
});

const step = fc.record({
  kind: fc.constantFrom("arrive", "prove", "prove", "speak", "greet", "leave", "sweep", "wait"),
  host: fc.nat(3),
  subnet: fc.nat(2),
  peer: fc.nat(9),
  pick: fc.nat(63),
});

test("InboundSlots keeps its bounds, and a place that holds less than its share is let in, whatever happens", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.boolean(), (steps, hasCaps) => {
      const rig = new Rig({ pendingMax: 8, connectionsMax: 8, hasCaps });
      rig.reserved.add("peer-0");
      const pending: number[] = [];
      const held = new Map<number, string>();
      for (const { kind, host, subnet, peer, pick } of steps) {
        if (kind === "arrive") {
          const { key, displaced } = rig.arrive(`51.15.${subnet}.${host}`);
          pending.push(key);
          if (displaced !== undefined) pending.splice(pending.indexOf(displaced), 1);
        } else if (kind === "prove" && pending.length > 0) {
          const [key] = pending.splice(pick % pending.length, 1);
          const peerId = `peer-${peer}`;
          const ofPeer = [...held.values()].filter((other) => other === peerId).length;
          const admission = rig.slots.prove(key!, peerId, rig.nowMs);
          if (peer === 0) assert.equal(admission.isAdmitted, ofPeer < 2, "a reserved peer is let in");
          if (!admission.isAdmitted) continue;
          if (admission.displaced !== undefined) {
            assert.notEqual(held.get(admission.displaced), "peer-0", "a reserved peer keeps its slot");
            assert.ok(held.delete(admission.displaced), "only who has a slot gives one");
          }
          held.set(key!, peerId);
        } else if (kind === "speak") rig.spoken.add(pick);
        else if (kind === "greet") rig.greeted.add(`peer-${peer}`);
        else if (kind === "leave") {
          const key = [...held.keys()][pick % Math.max(1, held.size)];
          if (key !== undefined) rig.slots.leave(key);
          if (key !== undefined) held.delete(key);
        } else if (kind === "sweep") {
          for (const key of rig.slots.sweep()) pending.splice(pending.indexOf(key), 1);
        } else rig.nowMs += 600;
        assert.equal(rig.slots.pending, pending.length);
        assert.equal(rig.slots.held, held.size);
        assert.ok(pending.length <= 8);
        assert.ok([...held.values()].filter((peerId) => peerId !== "peer-0").length <= 8);
      }
      // Somebody from a subnet of his own finds room for his handshake, and after it where two of another subnet hold slots.
      const fresh = rig.arrive("77.1.2.3").key;
      const ordinary = [...held.values()].filter((peerId) => peerId !== "peer-0").length;
      if (ordinary >= 6) assert.equal(rig.slots.prove(fresh, "fresh", rig.nowMs).isAdmitted, true);
    }),
  );
});
