/** Our own delegation: renewed in time, told without a new connection, watched; and what peers make of one that ends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { PeerType } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import {
  type DelegationSource,
  MemberDelegation,
  type OwnDelegation,
} from "../../../../src/actors/peer/own-delegation.ts";
import { verifyDelegation } from "../../../../src/chain/delegation.ts";
import { forgeSecretKeys } from "../../../../src/chain/forge.ts";
import { failure } from "../../../../src/kernel/errors.ts";
import { type Clock, FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { seededRandom } from "../../../../src/kernel/ports/random.ts";
import { peerIdBytes } from "../../../../src/p2p/peer-id.ts";
import { fixedDelegation } from "./fixed-delegation.ts";
import { type Node, type NodeOptions, World } from "./rig.ts";

const [key] = forgeSecretKeys(1, 1);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LIFETIME_MS = 30 * DAY_MS;
const PEER_ID = new Uint8Array(38).fill(7);
const GENESIS = new Uint8Array(32).fill(3);

/** A clock whose wall can be set, as an operator or a bad time server does. */
class LeapingClock implements Clock {
  readonly #clock: Clock;
  leapMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs = (): number => this.#clock.nowMs() + this.leapMs;
  monotonicMs = (): number => this.#clock.monotonicMs();
  coarseMs = (): number => this.#clock.coarseMs();
  setTimer: Clock["setTimer"] = (delayMs, run) => this.#clock.setTimer(delayMs, run);
}

function made(clock: Clock, seed = 1): MemberDelegation {
  const parts = { key: key!, peerId: PEER_ID, genesisHash: GENESIS, lifetimeMs: LIFETIME_MS };
  return new MemberDelegation({ ...parts, clock, random: seededRandom(seed) });
}

function verdictOf({ current }: DelegationSource, nowMs: number): string {
  const facts = { peerId: PEER_ID, authorities: [key!.publicKey], genesisHash: GENESIS, nowMs };
  const verdict = verifyDelegation(current.delegation, current.signature, facts);
  return verdict.ok ? "holds" : verdict.fault;
}

test("MemberDelegation is renewed at 40 to 50 % of its lifetime, by chance, and holds for a year of looks", async () => {
  const firsts: number[] = [];
  for (const seed of [1, 2, 3, 4, 5]) {
    const clock = new FakeClock();
    const source = made(clock, seed);
    let first = 0;
    for (let hour = 1; hour <= 365 * 24; hour++) {
      clock.advance(HOUR_MS);
      if ((await source.renew()) && first === 0) first = hour;
      // A peer whose clock is eight hours ahead believes it at any time.
      if (hour % 100 === 0) assert.equal(verdictOf(source, clock.nowMs() + 8 * HOUR_MS), "holds");
    }
    assert.ok(first >= 12 * 24 && first <= 15 * 24 + 1, `first renewed after ${first} h`);
    assert.ok(source.renewals >= 24 && source.renewals <= 31, `${source.renewals} renewals`);
    firsts.push(first);
  }
  assert.ok(new Set(firsts).size >= 4, `all at the same time: ${firsts}`);
});

test("MemberDelegation is renewed by the monotonic clock, wherever the wall clock leaps", async () => {
  const fake = new FakeClock();
  const clock = new LeapingClock(fake);
  const source = made(clock);
  const trueEndMs = source.delegation.expiryMs;

  clock.leapMs = -10 * DAY_MS;
  fake.advance(16 * DAY_MS);
  assert.equal(await source.renew(), true, "a clock that was set back puts off nothing");
  assert.ok(source.delegation.expiryMs >= trueEndMs, "and does not make it end sooner");
  assert.equal(verdictOf(source, fake.nowMs()), "holds");

  clock.leapMs = 20 * DAY_MS;
  assert.equal(await source.renew(), true, "by this clock little is left");
  const farEndMs = source.delegation.expiryMs;
  clock.leapMs = 0;
  assert.equal(await source.renew(), false, "back again: it holds for longer than it need");
  fake.advance(16 * DAY_MS);
  assert.equal(await source.renew(), true);
  assert.ok(source.delegation.expiryMs >= farEndMs);

  clock.leapMs = 100 * 365 * DAY_MS;
  await source.renew();
  clock.leapMs = 0;
  fake.advance(16 * DAY_MS);
  assert.equal(await source.renew(), true);
  assert.equal(source.delegation.expiryMs, fake.nowMs() + LIFETIME_MS, "no credential for a hundred years");
});

const SHORT_MS = 60_000;

/** A node of member 0 that renews a delegation of a minute. */
async function memberNode(world: World, options: NodeOptions = {}): Promise<Node> {
  const identity = options.identity ?? world.identity();
  const delegation = new MemberDelegation({
    key: world.forge.secretKeys[0]!,
    peerId: peerIdBytes(identity.peerId)!,
    genesisHash: world.forge.genesis.hash,
    lifetimeMs: SHORT_MS,
    clock: options.clock ?? world.simulation.clock,
    random: seededRandom(9),
  });
  return world.node({ ...options, identity, delegation });
}

const statusOf = async (world: World, node: Node) =>
  (await world.drive(node.network.ref.ask(NetworkService.method.getNetworkStatus, {}))).status?.ownDelegation;

test("a renewed delegation reaches connected peers at once and without a new connection", async () => {
  const world = new World();
  // Long between two statuses: what is told is told because of the renewal.
  const config = { statusIntervalMs: 600_000 };
  const [member, dialled, dialler] = [
    await memberNode(world, { config }),
    await world.node({ config }),
    await world.node({ config }),
  ];
  await world.connect(member, dialled);
  await world.connect(dialler, member);
  for (let lifetimes = 0; lifetimes < 6; lifetimes++) {
    await world.run(SHORT_MS);
    for (const peer of [dialled, dialler]) {
      const info = await peer.info(member);
      assert.equal(info.peerType, PeerType.FEDERATION);
      assert.ok(Number(info.memberExpires?.seconds) * 1_000 > world.nowMs, "in force");
    }
  }
  for (const peer of [dialled, dialler]) {
    const kinds = peer.events.map((event) => event.case);
    assert.equal(kinds.filter((kind) => kind === "connected").length, 1);
    assert.equal(kinds.includes("disconnected"), false);
  }
  const own = await statusOf(world, member);
  assert.ok(Number(own?.renewals) >= 11, `${own?.renewals} renewals`);
  assert.ok(Number(own?.remainingMs) > SHORT_MS / 2 - 2_000);
  assert.ok(own?.nextRenewal !== undefined && own.lastFailure === "");
  assert.equal(await statusOf(world, dialled), undefined);
});

test("a restarted PeerActor goes on renewing", async () => {
  const world = new World();
  const [member, peer] = [await memberNode(world), await world.node()];
  await world.connect(member, peer);
  await world.run(SHORT_MS / 3);
  await member.restartPeerActor();
  await world.run(3 * SHORT_MS);
  assert.equal((await peer.info(member)).peerType, PeerType.FEDERATION);
});

test("a delegation that nobody renews ends at its time, is warned of before, and its slot stays reserved", async () => {
  const world = new World();
  const identity = world.identity();
  const own = world.delegation(0, identity, world.nowMs + SHORT_MS);
  const source = { ...fixedDelegation(own), warnBelowMs: SHORT_MS / 4, lookMs: 1_000 };
  const [member, peer] = [await world.node({ identity, delegation: source }), await world.node()];
  await world.connect(member, peer);
  const lines = (message: string) => member.log.records.filter((record) => record.message === message);
  await world.run(SHORT_MS / 2);
  assert.equal((await peer.info(member)).peerType, PeerType.FEDERATION);
  assert.equal(lines("the delegation ends soon and is not renewed").length, 0);
  await world.run(SHORT_MS / 2 - 1_000);
  const warnings = lines("the delegation ends soon and is not renewed").length;
  assert.ok(warnings >= 2 && warnings <= 6, `${warnings} warnings`);
  await world.run(10_000);
  const info = await peer.info(member);
  assert.equal(info.peerType, PeerType.REGULAR);
  assert.equal(info.memberExpires, undefined);
  assert.equal(peer.book.get(member.id)?.isReserved, true);
  await world.run(60_000);
  const ended = "the delegation has ended: peers take this node for a stranger";
  assert.equal(lines(ended).length, 1);
  assert.equal((await statusOf(world, member))?.remainingMs, 0n);
});

test("a renewal that fails is told once, shown in the status until one succeeds, and the old one stays", async () => {
  const world = new World();
  const identity = world.identity();
  const own = world.delegation(0, identity, world.nowMs + DAY_MS, 2);
  let broken = true;
  const source: DelegationSource = {
    ...fixedDelegation(own),
    lookMs: 1_000,
    renew: () =>
      broken ? Promise.reject(failure("NOT_FOUND", "FILE_UNREADABLE", "no file")) : Promise.resolve(false),
  };
  const node = await world.node({ identity, delegation: source });
  await world.run(30_000);
  const told = node.log.records.filter((record) => record.message === "the delegation is not renewed");
  assert.equal(told.length, 1);
  assert.match((await statusOf(world, node))?.lastFailure ?? "", /no file/);
  broken = false;
  await world.run(2_000);
  const status = await statusOf(world, node);
  assert.equal(status?.lastFailure, "");
  assert.equal(status?.role, 2);
});

test("a peer whose clock is eight hours ahead drops a short delegation, and takes it back when its clock is right", async () => {
  const world = new World();
  const clock = new LeapingClock(world.simulation.clock);
  const [member, peer] = [await memberNode(world), await world.node({ clock })];
  const long = world.identity();
  const lasting = await world.node({
    identity: long,
    delegation: world.delegation(1, long, world.nowMs + LIFETIME_MS) satisfies OwnDelegation,
  });
  await world.connect(member, peer);
  await world.connect(lasting, peer);
  clock.leapMs = 8 * HOUR_MS;
  await world.run(30_000);
  assert.equal((await peer.info(member)).peerType, PeerType.REGULAR);
  assert.equal((await peer.info(lasting)).peerType, PeerType.FEDERATION);
  clock.leapMs = 0;
  await world.run(30_000);
  assert.equal((await peer.info(member)).peerType, PeerType.FEDERATION);
  assert.equal((await peer.info(lasting)).peerType, PeerType.FEDERATION);
});

test("a remembered member that is away loses its role when its delegation ends, also over a restart, and not its slot", async () => {
  const world = new World();
  const identity = world.identity();
  const delegation = world.delegation(0, identity, world.nowMs + SHORT_MS);
  const [member, peer] = [await world.node({ identity, delegation }), await world.node()];
  await world.connect(member, peer);
  await member.kill();
  await world.run(10_000);
  const disk = await peer.kill();
  const again = await world.node({ disk, identity: peer.identity });
  assert.equal((await again.info(member)).peerType, PeerType.FEDERATION);
  await world.run(SHORT_MS);
  assert.equal((await again.info(member)).peerType, PeerType.REGULAR);
  assert.equal(again.book.get(member.id)?.isReserved, true);
});
