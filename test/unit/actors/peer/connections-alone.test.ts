/**
 * Connections, by themselves: what a host tells goes in one by one, and what is asked of the host, kept in the book and published
 * comes out. The host is a stub; chain, rules, book and bans are the real ones.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Offence, PeerInternalService, PeerService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { GoodbyeReason, GoodbyeSchema, StatusSchema } from "../../../../gen/alys/wire/v1/wire_pb.ts";
import { BanTable } from "../../../../src/actors/peer/ban-table.ts";
import {
  COOL_DOWN_MS,
  HANDSHAKE_GRACE_MS,
  UNSERVING_COOL_DOWN_MS,
} from "../../../../src/actors/peer/config.ts";
import { Connections } from "../../../../src/actors/peer/connections.ts";
import { DistrustStore } from "../../../../src/actors/peer/distrust-store.ts";
import { PeerStore } from "../../../../src/actors/peer/peer-store.ts";
import { goodbyeName } from "../../../../src/actors/peer/status-handshake.ts";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { InlineValidator } from "../../../../src/chain/pool/inline.ts";
import { openEmbeddedChain } from "../../../../src/integrations/chain/embedded/embedded.ts";
import type { ActorContext } from "../../../../src/kernel/actor/actor.ts";
import { actorCell } from "../../../../src/kernel/actor/cell.ts";
import { environment } from "../../../../src/kernel/actor/environment.ts";
import { Failure, failure } from "../../../../src/kernel/errors.ts";
import { MemoryLog } from "../../../../src/kernel/ports/log.ts";
import { Simulation } from "../../../../src/kernel/ports/simulation.ts";
import { Topic } from "../../../../src/kernel/stream/topic.ts";
import { identityFromSeed } from "../../../../src/p2p/identity.ts";
import { peerIdBytes } from "../../../../src/p2p/peer-id.ts";
import type { ConnectionInfo, Direction, Host, HostEvent, Protocol } from "../../../../src/p2p/port.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";
import { PEER_CONFIG } from "./rig.ts";

const PEER = identityFromSeed(new Uint8Array(32).fill(7)).peerId;
const forge = new ChainForge({ members: 3 });

/** A request that the node made and nobody answered yet. */
interface Exchange {
  readonly peerId: string;
  readonly protocol: Protocol;
  readonly payload: Uint8Array;
  answer(chunks: readonly Uint8Array[]): void;
  fail(reason: Failure): void;
}

class StubHost {
  readonly peerId = identityFromSeed(new Uint8Array(32).fill(1)).peerId;
  readonly open: ConnectionInfo[] = [];
  readonly exchanges: Exchange[] = [];
  readonly hungUp: string[] = [];
  readonly admitted: string[] = [];
  readonly responses: unknown[] = [];
  readonly dialled: string[] = [];

  request(peerId: string, protocol: Protocol, payload: Uint8Array): Promise<readonly Uint8Array[]> {
    return new Promise((answer, fail) => this.exchanges.push({ peerId, protocol, payload, answer, fail }));
  }
  respond(_handle: string, answer: unknown): void {
    this.responses.push(answer);
  }
  hangUp(peerId: string): Promise<void> {
    this.hungUp.push(peerId);
    for (const each of this.open.filter((one) => one.peerId === peerId))
      this.open.splice(this.open.indexOf(each), 1);
    return Promise.resolve();
  }
  admitPeer(peerId: string): void {
    this.admitted.push(peerId);
  }
  dial(peerId: string): Promise<ConnectionInfo> {
    this.dialled.push(peerId);
    return new Promise(() => undefined);
  }
  protectPeers(): void {}
  connections(): readonly ConnectionInfo[] {
    return this.open;
  }
}

class World {
  readonly simulation = new Simulation(1, { startMs: 1_710_000_000_000 });
  readonly host = new StubHost();
  readonly published: string[] = [];
  readonly bans: BanTable;
  readonly book: PeerStore;
  connections!: Connections;
  #ids = 0;

  constructor() {
    const { clock, scheduler, random } = this.simulation;
    const log = new MemoryLog();
    const facts = forge.facts();
    const store = openMemoryStore({ disk: new MemoryDisk(), genesisHash: facts.genesisHash, scheduler });
    const { header, authorities } = forge.genesis;
    const chain = openEmbeddedChain({ store, facts, genesis: { header, authorities }, clock, log });
    assert(!(chain instanceof Failure));
    this.bans = new BanTable(clock, store.table("bans"), []);
    this.book = new PeerStore(store.table("peers"), 100);
    const build = (context: ActorContext<typeof PeerService, typeof PeerInternalService>): Connections =>
      new Connections({
        ...{
          context,
          chain,
          validator: new InlineValidator(facts),
          peerIdBytes,
          config: { current: PEER_CONFIG },
        },
        ...{ bans: this.bans, book: this.book, distrust: new DistrustStore() },
        host: this.host as unknown as Host,
        ownDelegation: undefined,
        publish: (event) => {
          const value = event.value as { peerId?: string };
          this.published.push(`${event.case} ${value.peerId === PEER ? "it" : value.peerId}`);
        },
        scoreChanged: () => undefined,
      });
    // An actor of nothing else, for its context: timers, effects and turns are the real ones.
    const cell = actorCell(
      {
        name: "peer",
        service: PeerService,
        internal: PeerInternalService,
        create: (context) => {
          this.connections = build(context);
          const unused = new Proxy({}, { get: () => () => failure("UNIMPLEMENTED", "STUB", "not here") });
          const watchPeers = new Topic(PeerService.method.watchPeers, { snapshot: () => ({}) });
          return {
            onStart() {},
            onStop() {},
            handlers: unused,
            internal: unused,
            streams: { watchPeers },
          } as never;
        },
      },
      environment({ clock, scheduler, random, log }),
    );
    cell.child.start();
    this.book.ensure(PEER);
  }

  get peer() {
    const peer = this.book.get(PEER);
    assert(peer !== undefined);
    return peer;
  }

  /** A connection that the host tells of. */
  open(direction: Direction): ConnectionInfo {
    const connection = {
      ...{ id: `${++this.#ids}`, peerId: PEER, direction, transport: "tcp", encryption: "tls" },
      ...{ remoteAddress: "/ip4/81.2.3.4/tcp/9", openedMs: this.simulation.clock.nowMs() },
      ...{ bytesIn: 0, bytesOut: 0, traffic: {} },
    } as ConnectionInfo;
    this.host.open.push(connection);
    this.connections.onOpened(connection);
    return connection;
  }

  close(connection: ConnectionInfo): void {
    this.host.open.splice(this.host.open.indexOf(connection), 1);
    this.connections.onClosed(connection, this.host.open.length === 0);
  }

  asked(protocol: Protocol): Exchange[] {
    return this.host.exchanges.filter((each) => each.protocol === protocol);
  }

  /** The newest question for a Status is answered as a node at genesis does. */
  async greet(): Promise<void> {
    this.asked("status").at(-1)?.answer([STATUS]);
    await this.settle();
  }

  async connected(): Promise<ConnectionInfo> {
    const connection = this.open("outbound");
    await this.greet();
    assert.equal(this.peer.link.state, "connected");
    return connection;
  }

  settle(): Promise<void> {
    return this.simulation.settle();
  }

  run(ms: number): Promise<void> {
    return this.simulation.run(ms);
  }

  request(protocol: Protocol, payload: Uint8Array): Extract<HostEvent, { type: "request" }> {
    const deadlineMs = this.simulation.clock.monotonicMs() + 5_000;
    return {
      epoch: 1,
      type: "request",
      handle: `h${++this.#ids}` as never,
      peerId: PEER,
      protocol,
      payload,
      deadlineMs,
    };
  }
}

const STATUS = toBinary(
  StatusSchema,
  create(StatusSchema, {
    versions: [1],
    genesisHash: forge.genesis.hash,
    headHeader: forge.genesis.header,
    finalHash: forge.genesis.hash,
    earliestHeight: 1n,
  }),
);

const goodbye = (reason: GoodbyeReason): Uint8Array =>
  toBinary(GoodbyeSchema, create(GoodbyeSchema, { reason }));

/** The reason of the goodbye that the node said last. */
const saidGoodbye = (world: World): string | undefined => {
  const last = world.asked("goodbye").at(-1);
  return last && goodbyeName(fromBinary(GoodbyeSchema, last.payload).reason);
};

test("who dialled asks; with the answer the peer is let in, and told of once", async () => {
  const world = new World();
  world.open("outbound");
  assert.equal(world.peer.link.state, "handshaking");
  assert.deepEqual(world.published, []);
  await world.greet();
  assert.equal(world.peer.link.state, "connected");
  assert.deepEqual(world.host.admitted, [PEER]);
  assert.deepEqual(world.published, ["connected it"]);
  world.open("outbound");
  await world.settle();
  assert.deepEqual(world.published, ["connected it"], "a second connection is no second peer");
});

test("who was dialled waits to be asked, and is known before it answers", async () => {
  const world = new World();
  world.open("inbound");
  assert.deepEqual(world.asked("status"), []);
  world.connections.onRequest(world.request("status", STATUS));
  await world.settle();
  assert.deepEqual(world.published, ["connected it"]);
  assert.equal(world.host.responses.length, 1);
  await world.run(HANDSHAKE_GRACE_MS * 2);
  assert.deepEqual(world.host.hungUp, []);
});

test("a request that comes before the news of its connection is answered as any other", async () => {
  const world = new World();
  const connection = world.open("inbound");
  world.peer.link = { state: "disconnected" };
  world.connections.onRequest(world.request("status", STATUS));
  await world.settle();
  assert.deepEqual(world.published, ["connected it"]);
  world.connections.onOpened(connection);
  assert.equal(world.peer.link.state, "connected");
});

test("who never greets is cut off in time, dialled later, and never told of to others", async () => {
  const world = new World();
  world.open("inbound");
  await world.run(HANDSHAKE_GRACE_MS - 1);
  assert.deepEqual(world.asked("goodbye"), []);
  await world.run(2);
  assert.equal(saidGoodbye(world), "HANDSHAKE_FAILED");
  assert.equal(world.peer.link.state, "closing");
  world.asked("goodbye")[0]?.answer([]);
  await world.settle();
  assert.deepEqual(world.host.hungUp, [PEER]);
  assert.equal(world.peer.link.state, "disconnected");
  assert.equal(world.peer.failures, 1);
  assert.ok(world.peer.notBeforeMs > world.simulation.clock.monotonicMs());
  assert.deepEqual(world.published, []);
});

test("both dialled at once: both ask", () => {
  const world = new World();
  world.open("inbound");
  world.open("outbound");
  assert.equal(world.asked("status").length, 1);
  assert.equal(world.peer.link.state, "handshaking");
});

test("a banned peer's connection is hung up on before anything is said", async () => {
  const world = new World();
  const evidence = new Uint8Array(32);
  world.bans.put({ peerId: PEER, reason: "a test", offence: Offence.FLOOD, evidence, durationMs: 60_000 });
  world.open("outbound");
  await world.settle();
  assert.deepEqual(world.host.hungUp, [PEER]);
  assert.deepEqual(world.host.exchanges, []);
});

test("of several connections one may close; with the last one the peer is gone, told once", async () => {
  const world = new World();
  const first = await world.connected();
  const second = world.open("inbound");
  world.close(first);
  assert.equal(world.peer.link.state, "connected");
  assert(world.peer.link.state === "connected");
  assert.equal(world.peer.link.connection.id, second.id, "the link goes on over the other one");
  assert.deepEqual(world.published, ["connected it"]);
  world.close(second);
  world.connections.onClosed(second, true);
  assert.deepEqual(world.published, ["connected it", "disconnected it"]);
});

test("an answer that comes after its connection was replaced by a new one greets nobody", async () => {
  const world = new World();
  const first = world.open("outbound");
  const [stale] = world.asked("status");
  world.close(first);
  world.open("inbound");
  stale?.answer([STATUS]);
  await world.settle();
  assert.equal(world.peer.link.state, "handshaking");
  assert.deepEqual(world.published, []);
});

test("who was sent away is not let in before its time, but may be dialled", async () => {
  const world = new World();
  await world.connected();
  world.connections.dropUnserving(PEER);
  assert.equal(saidGoodbye(world), "LOW_SCORE");
  world.asked("goodbye")[0]?.answer([]);
  await world.settle();
  const hungUp = world.host.hungUp.length;
  world.open("inbound");
  await world.settle();
  assert.equal(world.host.hungUp.length, hungUp + 1);
  assert.equal(world.peer.link.state, "disconnected");
  await world.run(UNSERVING_COOL_DOWN_MS);
  world.open("inbound");
  assert.equal(world.peer.link.state, "handshaking");
});

test("a peer with a slot of its own is never dropped for what it does not serve", async () => {
  const world = new World();
  await world.connected();
  world.peer.isReserved = true;
  world.connections.dropUnserving(PEER);
  assert.equal(world.peer.link.state, "connected");
});

test("a peer that says goodbye hangs up by itself, and we do when it does not", async () => {
  const world = new World();
  await world.connected();
  world.connections.onRequest(world.request("goodbye", goodbye(GoodbyeReason.TOO_MANY_PEERS)));
  assert.deepEqual(world.published, ["connected it", "disconnected it"]);
  assert.deepEqual(world.host.hungUp, []);
  assert.ok(world.peer.notBeforeMs >= world.simulation.clock.monotonicMs() + COOL_DOWN_MS - 1);
  await world.run(1_100);
  assert.deepEqual(world.host.hungUp, [PEER]);
  assert.equal(world.peer.link.state, "disconnected");
});

test("a connection that comes while the old one is being closed begins anew", async () => {
  const world = new World();
  await world.connected();
  world.connections.onOverrun(PEER, "streams");
  assert.equal(saidGoodbye(world), "LIMIT_EXCEEDED");
  assert.equal(world.peer.link.state, "closing");
  world.connections.onRequest(world.request("status", STATUS));
  assert.deepEqual(world.host.responses.at(-1), "resource-unavailable");
  world.peer.refusedUntilMs = 0;
  world.host.hangUp = () => Promise.resolve();
  world.asked("goodbye")[0]?.answer([]);
  await world.settle();
  assert.equal(world.peer.link.state, "handshaking");
});

test("a refresh that fails costs a connected peer reliability and no connection", async () => {
  const world = new World();
  await world.connected();
  const before = world.peer.score;
  world.connections.maintenance.refreshAll(true);
  world
    .asked("status")
    .at(-1)
    ?.fail(failure("DEADLINE_EXCEEDED", "REQUEST_LATE", "no answer"));
  await world.settle();
  assert.equal(world.peer.link.state, "connected");
  assert.notDeepEqual(world.peer.score, before);
});

test("a peer of another chain is sent away for long and reported as nothing", async () => {
  const world = new World();
  world.open("outbound");
  const status = fromBinary(StatusSchema, STATUS);
  status.genesisHash = new Uint8Array(32).fill(9);
  world.asked("status")[0]?.answer([toBinary(StatusSchema, status)]);
  await world.settle();
  assert.equal(saidGoodbye(world), "OTHER_CHAIN");
  assert.ok(world.peer.notBeforeMs > world.simulation.clock.monotonicMs() + COOL_DOWN_MS);
  assert.equal(world.bans.find(PEER), undefined);
});

test("when the network stops, whoever was connected is gone", async () => {
  const world = new World();
  await world.connected();
  world.connections.onHostClosed();
  world.connections.onHostClosed();
  assert.deepEqual(world.published, ["connected it", "disconnected it"]);
});

test("who waits for a connection hears of its greeting, its refusal or its end", async () => {
  const world = new World();
  const answers: string[] = [];
  const wait = (): void => {
    const answer = world.connections.connect(world.peer);
    if (answer instanceof Failure) answers.push(answer.reason);
    else if ("peer" in answer) answers.push("there already");
  };
  wait();
  world.open("outbound");
  wait();
  await world.greet();
  wait();
  assert.deepEqual(answers, ["there already"]);
  world.connections.onOverrun(PEER, "streams");
  wait();
  assert.deepEqual(answers, ["there already", "PEER_CLOSING"]);
});
