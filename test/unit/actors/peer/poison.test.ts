/** PeerActors whose neighbours lie about where others are: those stay reachable, and a federation finds together again. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressSource, PeerService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import type { Identity } from "../../../../src/p2p/identity.ts";
import type { MemoryDisk } from "../../../../src/storage/memory.ts";
import { type Node, World } from "./rig.ts";

const METHODS = PeerService.method;

/** Answers of the DHT are these lies, whatever is asked. */
function lieTo(node: Node, about: readonly string[], addresses: readonly string[]): void {
  const found = about.filter((peerId) => peerId !== node.id).map((peerId) => ({ peerId, addresses }));
  Object.assign(node.host, { findPeers: async () => found });
}

const BUSY = { discoveryIntervalMs: 1_000, peersTarget: 20 };

test("lies of the DHT about a bootstrap peer that is away leave it reachable, at once and after a restart", async () => {
  const world = new World();
  const bootIdentity = world.identity();
  const liar = await world.node();
  const somebody = world.identity().peerId;
  const bootstrap = [{ peerId: bootIdentity.peerId, address: `/memory/boot/p2p/${bootIdentity.peerId}` }];
  const identity = world.identity();
  const config = { ...BUSY, bootstrap };
  const victim = await world.node({ identity, config });
  const lies = [
    `/memory/nobody/p2p/${somebody}`,
    "/dnsaddr/no-such.invalid",
    ...Array.from({ length: 16 }, (_, at) => `/memory/wrong-${at}`),
  ];
  lieTo(victim, [bootIdentity.peerId], lies);
  await world.connect(victim, liar);
  await world.run(30_000);
  const about = await world.drive(
    victim.peer.ref.ask(METHODS.getPeerStatus, { peerId: bootIdentity.peerId }),
  );
  const records = about.peer?.addressRecords ?? [];
  assert.equal(records[0]?.address, bootstrap[0]?.address, "the operator's comes first");
  assert.equal(records[0]?.source, AddressSource.CONFIGURED);
  assert.ok(records.length <= 16 && records.slice(1).every(({ source }) => source === AddressSource.DHT));
  const boot = await world.node({ identity: bootIdentity, listen: ["/memory/boot"] });
  await world.run(40_000);
  assert.ok((await victim.connected()).has(boot.id));
  // The store, too, holds what the operator named and what worked in front.
  await world.drive(victim.book.save());
  const disk = await world.drive(victim.kill());
  const again = await world.node({ identity, config: BUSY, disk });
  await world.run(5_000);
  assert.ok((await again.connected()).has(boot.id));
});

test("ConnectToPeer with the right address succeeds while wrong claims are being dialled", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  one.book.addAddresses(one.book.ensure(two.id), ["/memory/wrong"], AddressSource.DHT, world.nowMs);
  await world.run(1_000);
  const { peer } = await world.drive(one.connect(two));
  assert.equal(peer?.peerId, two.id);
  assert.equal(peer?.addressRecords[0]?.source, AddressSource.CONFIGURED);
  assert.ok((peer?.addressRecords[0]?.lastReached?.seconds ?? 0n) > 0n);
});

test("ConnectToPeer says why an address is of no use, and leaves out one beside a good one", async () => {
  const world = new World();
  const [one, two] = [await world.node(), await world.node()];
  const ask = (addresses: string[]) => one.peer.ref.ask(METHODS.connectToPeer, { peerId: two.id, addresses });
  const other = world.identity().peerId;
  const wrong = await world.failure(ask([`/memory/x/p2p/${other}`]));
  assert.equal(wrong.reason, "ADDRESS_INVALID");
  assert.match(wrong.message, /ends in the id of another peer/);
  assert.match((await world.failure(ask(["/ip4/192.0.2.1/tcp/1/ws"]))).message, /only tcp and udp\/quic-v1/);
  const good = two.host.addresses()[0] ?? "";
  assert.equal((await world.drive(ask([`/memory/x/p2p/${other}`, good]))).peer?.peerId, two.id);
});

test("a federation whose members were away in turn while a liar was there is whole again", async () => {
  const world = new World();
  const identities: Identity[] = [0, 1, 2].map(() => world.identity());
  const ids = identities.map(({ peerId }) => peerId);
  const somebody = world.identity().peerId;
  const lies = [`/memory/nobody/p2p/${somebody}`, "/unix/nobody", "/memory/wrong"];
  const liar = await world.node();
  const disks = new Map<number, MemoryDisk>();
  const start = async (member: number): Promise<Node> => {
    const bootstrap = ids.flatMap((peerId, at) =>
      at === member ? [] : [{ peerId, address: `/memory/member-${at}/p2p/${peerId}` }],
    );
    const disk = disks.get(member);
    const node = await world.node({
      identity: identities[member] as Identity,
      listen: [`/memory/member-${member}`],
      ...(disk === undefined ? {} : { disk }),
      config: { ...BUSY, bootstrap, memberPeerIds: ids },
    });
    if (isLying) lieTo(node, ids, lies);
    return node;
  };
  let isLying = true;
  const members = [await start(0), await start(1), await start(2)];
  for (const node of members) await world.connect(liar, node);
  await world.run(15_000);
  for (const member of [0, 1, 2]) {
    await world.drive((members[member] as Node).book.save());
    disks.set(member, await world.drive((members[member] as Node).kill()));
    await world.run(20_000);
    members[member] = await start(member);
    await world.connect(liar, members[member] as Node).catch(() => {});
    await world.run(15_000);
  }
  isLying = false;
  await world.drive(liar.kill());
  for (const member of [0, 1, 2]) {
    await world.drive((members[member] as Node).book.save());
    disks.set(member, await world.drive((members[member] as Node).kill()));
  }
  for (const member of [0, 1, 2]) members[member] = await start(member);
  await world.run(40_000);
  for (const [member, node] of members.entries()) {
    const connected = await node.connected();
    for (const id of ids) if (id !== node.id) assert.ok(connected.has(id), `member ${member} misses ${id}`);
  }
});
