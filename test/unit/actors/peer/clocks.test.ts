/** A wall clock that leaps: nothing that waits waits longer or less for it, and members tell each other of their clocks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Offence, PeerInternalService, PeerService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { BanTable } from "../../../../src/actors/peer/ban-table.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";
import { ProcessClock } from "../../../sim/process-ports.ts";
import { World } from "./rig.ts";

const HOUR_MS = 3_600_000;
const LEAPS_MS = [8 * HOUR_MS, -HOUR_MS];

test("statuses are asked for as ever after the clock leapt and is right again, and ages are never negative", async () => {
  for (const leapMs of LEAPS_MS) {
    const world = new World();
    const [one, two] = [await world.node(), await world.node()];
    await world.connect(one, two);
    one.skewMs = leapMs;
    await world.run(20_000);
    one.skewMs = 0;
    const before = one.events.length;
    await world.run(30_000);
    const updates = one.events.slice(before).filter((event) => event.case === "updated");
    assert.ok(updates.length >= 2, `${updates.length} statuses in half a minute after ${leapMs} ms`);
    for (const { value } of updates) assert.ok((value.head?.ageMs ?? 0n) < 1_000n);
    const { peers } = await world.drive(one.peer.ref.ask(PeerService.method.getConnectedPeers, {}));
    for (const { head } of peers) assert.ok((head?.ageMs ?? -1n) >= 0n && (head?.ageMs ?? 0n) < 30_000n);
  }
});

test("a peer that was sent away while the clock was hours ahead comes back after its minute, not hours later", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  await world.connect(one, two);
  one.skewMs = 8 * HOUR_MS;
  const request = { peerId: two.id, offence: Offence.MALFORMED_MESSAGE, detail: "test" };
  for (let times = 0; times < 3; times++) {
    const evidence = Uint8Array.of(times);
    const reported = one.peer.internalRef.ask(PeerInternalService.method.reportOffence, {
      ...request,
      evidence,
    });
    await world.drive(reported);
    // Within ten seconds one offence counts once.
    await world.run(11_000);
  }
  assert.equal(one.host.connections().length, 0);
  one.skewMs = 0;
  await world.run(100_000);
  // Half of the reputation's life has passed by the monotonic clock alone; the cool-down is long over.
  two.book.get(one.id)!.notBeforeMs = 0;
  await world.connect(two, one);
});

test("BanTable: a leap frees nobody and keeps nobody longer; what was stored goes on after a restart", async () => {
  const world = new FakeClock(1_710_000_000_000);
  let skewMs = 0;
  const clock = new ProcessClock(world, { isAlive: true }, () => skewMs);
  const scheduler = { defer: (turn: () => void) => turn() };
  const store = openMemoryStore({ disk: new MemoryDisk(), genesisHash: new Uint8Array(32), scheduler });
  const bans = new BanTable(clock, store.table("bans"));
  const init = { peerId: "a", reason: "test", offence: Offence.INVALID_BLOCK, evidence: new Uint8Array() };
  await bans.put({ ...init, durationMs: HOUR_MS })?.stored;
  for (const leapMs of LEAPS_MS) {
    skewMs = leapMs;
    assert.ok(bans.find("a") !== undefined, `at ${leapMs} ms`);
    assert.deepEqual(bans.removeExpired().peerIds, []);
  }
  skewMs = 8 * HOUR_MS;
  await bans.put({ ...init, peerId: "b", durationMs: HOUR_MS })?.stored;
  skewMs = 0;
  world.advance(HOUR_MS / 2);
  const again = new BanTable(clock, store.table("bans"));
  assert.ok(again.find("a") !== undefined);
  world.advance(HOUR_MS / 2);
  assert.equal(bans.find("a"), undefined);
  assert.equal(bans.find("b"), undefined, "banned by a clock that was ahead, it is free after its hour");
  assert.equal(again.find("a"), undefined);
});

test("members tell each other what their clocks show, those that ask and those that are asked", async () => {
  const world = new World();
  const [left, right] = [world.identity(), world.identity()];
  const one = await world.node({ identity: left, delegation: world.delegation(0, left) });
  const two = await world.node({ identity: right, delegation: world.delegation(1, right) });
  const stranger = await world.node();
  await world.connect(one, two);
  await world.connect(stranger, one);
  for (const heard of [one.clocksHeard, two.clocksHeard]) {
    assert.ok(heard.length > 0);
    for (const offMs of heard) assert.ok(Math.abs(offMs) <= 50, `${offMs} ms off with clocks that are right`);
  }
  const count = one.clocksHeard.length;
  two.skewMs = HOUR_MS;
  await world.run(20_000);
  const later = one.clocksHeard.slice(count);
  assert.ok(later.length > 0);
  for (const offMs of later) assert.ok(Math.abs(offMs - HOUR_MS) <= 50);
  assert.ok(stranger.clocksHeard.length > 0, "whoever listens hears members");
  assert.ok(one.clocksHeard.every((offMs) => Math.abs(offMs) < 2 * HOUR_MS));
});
