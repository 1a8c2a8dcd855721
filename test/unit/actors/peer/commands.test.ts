/** Whom ConnectToPeer means, by which means StartDiscovery looks, and machines that the gate refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DiscoveryMethod, Offence, PeerService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { BanTable } from "../../../../src/actors/peer/ban-table.ts";
import type { Failure } from "../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { realScheduler } from "../../../../src/kernel/ports/scheduler.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";
import { World } from "./rig.ts";

const METHODS = PeerService.method;

test("ConnectToPeer says what is wrong with addresses that name nobody", async () => {
  const world = new World();
  const one = await world.node();
  const refusal = (addresses: string[], peerId = ""): Promise<Failure> =>
    world.failure(one.peer.ref.ask(METHODS.connectToPeer, { peerId, addresses }));
  const nobody = await refusal(["foo"]);
  assert.deepEqual(
    [nobody.code, nobody.reason, nobody.detail.field],
    ["INVALID_ARGUMENT", "ADDRESS_NAMES_NOBODY", "addresses"],
  );
  assert.match(nobody.message, /"foo" does not say whom to expect there: an address ends in \/p2p\/PEER-ID/);
  assert.match((await refusal([])).message, /a peer id, or an address/);
  const id = world.identity().peerId;
  assert.equal((await refusal([`foo/p2p/${id}`])).reason, "ADDRESS_INVALID");
  assert.equal((await refusal(["/memory/x/p2p/me"])).reason, "PEER_ID_INVALID");
  // Any one of the addresses may say it.
  assert.equal((await refusal(["/memory/x", `/memory/x/p2p/${id}`])).reason, "DIAL_FAILED");
});

test("StartDiscovery honours its means and refuses those that are off", async () => {
  const world = new World();
  const two = await world.node();
  const [address = ""] = two.host.addresses();
  const one = await world.node({
    config: {
      discovery: { kademlia: false, mdns: false },
      bootstrap: [{ peerId: two.id, address }],
    },
  });
  await world.run(2_000);
  const discover = (...methods: DiscoveryMethod[]) => one.peer.ref.ask(METHODS.startDiscovery, { methods });
  for (const method of [DiscoveryMethod.KADEMLIA, DiscoveryMethod.MDNS]) {
    const { code, reason } = await world.failure(discover(method));
    assert.deepEqual([code, reason], ["FAILED_PRECONDITION", "DISCOVERY_OFF"]);
  }
  assert.equal((await world.failure(discover(DiscoveryMethod.UNSPECIFIED))).reason, "DISCOVERY_METHOD");
  await world.drive(one.peer.ref.ask(METHODS.disconnectFromPeer, { peerId: two.id, reason: "" }));
  await world.run(100);
  assert.equal((await one.connected()).size, 0);
  await world.drive(discover(DiscoveryMethod.BOOTSTRAP));
  two.book.ensure(one.id).refusedUntilMs = 0;
  one.book.ensure(two.id).refusedUntilMs = 0;
  await world.run(2_000);
  assert.equal((await one.connected()).size, 1);
  await world.drive(discover());
});

test("BanTable refuses a machine with five banned ids, over restarts, until bans end", async () => {
  const clock = new FakeClock(1_000_000);
  const options = { disk: new MemoryDisk(), genesisHash: new Uint8Array(32), scheduler: realScheduler };
  const table = openMemoryStore(options).table("bans");
  const open = (...allowed: string[]): BanTable => new BanTable(clock, table, allowed);
  const address = "/ip4/203.0.113.7/tcp/1";
  const bans = open();
  for (let peer = 0; peer < 5; peer++) {
    const charge = { reason: "", offence: Offence.UNSPECIFIED, evidence: new Uint8Array() };
    assert.equal(bans.allows("somebody else", address), true);
    await bans.put({
      peerId: `peer-${peer}`,
      ...charge,
      durationMs: 1_000 * (peer + 1),
      remoteAddress: address,
    })?.stored;
  }
  assert.equal(bans.allows("somebody else", address), false);
  // Before the id is proven nobody is refused for an address, and our own dials never are.
  assert.equal(bans.allows(undefined, address), true);
  assert.equal(bans.allows("somebody else", address, "outbound"), true);
  assert.equal(bans.allows("peer-1", address, "outbound"), false);
  bans.judgeBy({ applicationScore: () => 0, isExempt: (peerId) => peerId === "a member" });
  assert.equal(bans.allows("a member", address), true);
  assert.equal(bans.allows("somebody else", "/ip4/203.0.113.8/tcp/1"), true);
  assert.equal(bans.allows("peer-1", undefined), false);
  const again = open();
  assert.equal(again.allows("somebody else", address), false);
  assert.equal(open("203.0.113.0/24").allows("somebody else", address), true);
  clock.advance(1_001);
  again.removeExpired();
  assert.equal(again.allows("somebody else", address), true);
  const { wasBanned } = bans.lift("peer-4");
  assert.equal(wasBanned, true);
  assert.equal(bans.allows("somebody else", address), true);
});
