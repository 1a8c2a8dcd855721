/** Who may be connected, and who gives way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONNECTION_LIMITS, Connections, groupOf } from "../../../src/control/connections.ts";
import { limitOf } from "../../../src/control/descriptors.ts";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { MemoryLog } from "../../../src/kernel/ports/log.ts";

const LIMITS = { all: 10, perAddress: 6, unknown: 4, unknownMs: 15_000, reservedDescriptors: 20 };

class Place {
  readonly clock = new FakeClock();
  readonly log = new MemoryLog();
  left = 1_000;
  readonly connections: Connections;
  #port = 0;

  constructor(limits = LIMITS) {
    const descriptors = { left: () => this.left, took: () => (this.left -= 1) };
    this.connections = new Connections(limits, this.clock, this.log, descriptors);
  }

  connect(remoteAddress: string, isKnown = false) {
    const socket = {
      remoteAddress,
      remotePort: ++this.#port,
      localPort: 1,
      isOpen: true,
      destroy: () => {
        socket.isOpen = false;
        leave?.();
      },
    };
    const leave = this.connections.enter(socket, isKnown);
    if (leave === undefined) socket.isOpen = false;
    return socket;
  }
}

test("an unknown connection has its time for a call that is let in, and no call keeps it open", () => {
  const world = new Place();
  const idle = world.connect("192.0.2.1");
  const busy = world.connect("192.0.2.1");
  const known = world.connect("192.0.2.1");
  const end = world.connections.callBegan(busy, false);
  world.connections.callBegan(known, true)();
  world.clock.advance(15_000);
  assert.deepEqual([idle.isOpen, busy.isOpen, known.isOpen], [false, true, true]);
  end();
  world.clock.advance(15_000);
  assert.deepEqual([busy.isOpen, known.isOpen], [false, true]);
  assert.deepEqual(world.connections.size, { all: 1, unknown: 0 });
});

test("the oldest unknown connection of whoever has most of them gives way", () => {
  const place = new Place();
  const honest = place.connect("192.0.2.1");
  const flood = Array.from({ length: 20 }, () => place.connect("198.51.100.7"));
  assert.equal(honest.isOpen, true);
  assert.equal(flood.filter(({ isOpen }) => isOpen).length, LIMITS.unknown - 1);
  assert.equal(flood.at(-1)?.isOpen, true, "the newest has its chance");
  assert.equal(place.connections.size.unknown, LIMITS.unknown);
});

test("known connections are not closed for others; beyond the limits new ones are refused", () => {
  const place = new Place({ ...LIMITS, perAddress: 3 });
  const known = Array.from({ length: 3 }, () => {
    const socket = place.connect("192.0.2.1");
    place.connections.callBegan(socket, true);
    return socket;
  });
  assert.equal(place.connect("192.0.2.1").isOpen, false, "of one address");
  assert.equal(place.connect("192.0.2.2").isOpen, true);
  assert.ok(known.every(({ isOpen }) => isOpen));
  assert.ok(place.log.records.some(({ message }) => message === "control connections are refused"));
});

test("descriptors are left to the node: below the reserve an unknown one gives way or the new one is refused", () => {
  const place = new Place();
  const first = place.connect("192.0.2.1");
  place.left = LIMITS.reservedDescriptors;
  const second = place.connect("192.0.2.2");
  assert.deepEqual([first.isOpen, second.isOpen], [false, true]);
  place.connections.callBegan(second, true);
  assert.equal(place.connect("192.0.2.3").isOpen, false);
  assert.equal(second.isOpen, true);
});

test("Connections counts right and keeps its limits in any course", () => {
  const step = fc.record({
    address: fc.integer({ min: 1, max: 4 }),
    what: fc.constantFrom("connect", "call", "know", "leave", "wait"),
    at: fc.nat(30),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const place = new Place();
      const sockets: ReturnType<Place["connect"]>[] = [];
      const known = new Set<object>();
      for (const { address, what, at } of steps) {
        const socket = sockets[at % Math.max(1, sockets.length)];
        if (what === "connect") sockets.push(place.connect(`192.0.2.${address}`));
        else if (what === "wait") place.clock.advance(1_000 * at);
        else if (socket?.isOpen === true) {
          if (what === "leave") socket.destroy();
          else place.connections.callBegan(socket, what === "know")();
          if (what === "know") known.add(socket);
        }
        const open = sockets.filter(({ isOpen }) => isOpen);
        assert.equal(place.connections.size.all, open.length);
        assert.equal(place.connections.size.unknown, open.filter((one) => !known.has(one)).length);
        assert.ok(open.length <= LIMITS.all && place.connections.size.unknown <= LIMITS.unknown);
      }
    }),
    { numRuns: 200 },
  );
});

test("groupOf() takes an IPv6 /64 for one, and an IPv4 address in IPv6 for itself", () => {
  assert.equal(groupOf("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(groupOf("2001:db8:1:2:3:4:5:6"), groupOf("2001:db8:1:2::9"));
  assert.notEqual(groupOf("2001:db8:1:2::1"), groupOf("2001:db8:1:3::1"));
  assert.equal(groupOf("fe80::1%eth0"), groupOf("fe80::2%eth0"));
  assert.equal(groupOf(undefined), "unix");
});

test("limitOf() reads the soft limit of open files", () => {
  assert.equal(
    limitOf("Limit  Soft\nMax open files            300                  4096                 files\n"),
    300,
  );
  assert.equal(limitOf("Max open files            unlimited"), Number.POSITIVE_INFINITY);
  assert.ok(CONNECTION_LIMITS.reservedDescriptors < CONNECTION_LIMITS.all);
});
