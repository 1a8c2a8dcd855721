/**
 * Two PeerActors and NetworkActors on real libp2p hosts on 127.0.0.1: they greet, exchange a range and a gossiped block,
 * speak as members, and part; over TCP with TLS and over QUIC.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type GossipMessage,
  type InboundFederation,
  NetworkInternalService,
  NetworkService,
  Verdict,
} from "../../gen/alys/network/v1/network_pb.ts";
import { PeerService, PeerType } from "../../gen/alys/peer/v1/peer_pb.ts";
import { FederationMessageSchema } from "../../gen/alys/wire/v1/wire_pb.ts";
import { networkActor } from "../../src/actors/network/actor.ts";
import { peerActor } from "../../src/actors/peer/actor.ts";
import { BanTable } from "../../src/actors/peer/ban-table.ts";
import { DistrustStore } from "../../src/actors/peer/distrust-store.ts";
import { PeerStore } from "../../src/actors/peer/peer-store.ts";
import { encodeDelegation, ROLE_MEMBER, signDelegation } from "../../src/chain/delegation.ts";
import { ChainForge } from "../../src/chain/forge.ts";
import { InlineValidator } from "../../src/chain/pool/inline.ts";
import { EmbeddedBridge } from "../../src/integrations/bridge/embedded.ts";
import { openEmbeddedChain } from "../../src/integrations/chain/embedded/embedded.ts";
import { EmbeddedEngine } from "../../src/integrations/engine/embedded.ts";
import { actorCell } from "../../src/kernel/actor/cell.ts";
import { environment } from "../../src/kernel/actor/environment.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";
import { realScheduler } from "../../src/kernel/ports/scheduler.ts";
import { LiveSettings } from "../../src/kernel/settings.ts";
import { identityFromSeed } from "../../src/p2p/identity.ts";
import { Libp2pHost } from "../../src/p2p/libp2p/host.ts";
import { peerIdBytes } from "../../src/p2p/peer-id.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import { eventually } from "../contract/host-harness.ts";
import { fixedDelegation } from "../unit/actors/peer/fixed-delegation.ts";
import { PEER_CONFIG } from "../unit/actors/peer/rig.ts";
import { segmentOf } from "../unit/integrations/chain/segments.ts";

const PATIENCE_MS = 120_000;
const PUBLIC = NetworkService.method;
const INTERNAL = NetworkInternalService.method;

interface Carrier {
  readonly name: "tcp" | "quic";
  readonly listen: string;
}

const CARRIERS: readonly Carrier[] = [
  { name: "tcp", listen: "/ip4/127.0.0.1/tcp/0" },
  { name: "quic", listen: "/ip4/127.0.0.1/udp/0/quic-v1" },
];

/** A member's node on a real host. */
async function startNode(forge: ChainForge, member: number, { name, listen }: Carrier) {
  const clock = realClock;
  const facts = forge.facts();
  const identity = identityFromSeed(realRandom.bytes(32));
  const store = openMemoryStore({
    ...{ disk: new MemoryDisk(), genesisHash: facts.genesisHash, scheduler: realScheduler },
  });
  const { header, authorities } = forge.genesis;
  const chain = openEmbeddedChain({ store, facts, genesis: { header, authorities }, clock, log: silentLog });
  assert(!(chain instanceof Failure));
  const bans = new BanTable(clock, store.table("bans"));
  const book = new PeerStore(store.table("peers"), PEER_CONFIG.knownPeersMax);
  const host = new Libp2pHost({ identity, gate: bans, clock, random: realRandom, log: silentLog });
  const key = forge.secretKeys[member]!;
  const delegation = {
    ...{ publicKey: key.publicKey, peerId: peerIdBytes(identity.peerId)! },
    ...({ role: ROLE_MEMBER, expiryMs: clock.nowMs() + 60_000 } as const),
  };
  const ownDelegation = fixedDelegation({
    delegation: encodeDelegation(delegation),
    signature: signDelegation(key, delegation, facts.genesisHash),
    role: ROLE_MEMBER,
  });
  const run = environment();
  const validator = new InlineValidator(facts);
  const distrust = new DistrustStore();
  const parts = { host, chain, validator, bans, book, distrust, peerIdBytes, ownDelegation };
  const peer = actorCell(peerActor({ ...parts, config: new LiveSettings(PEER_CONFIG) }), run);
  const config = {
    isAutoStart: false,
    requestDeadlineMs: PATIENCE_MS,
    host: {
      ...{ genesisHash: facts.genesisHash, listenAddresses: [listen], bootstrapAddresses: [] },
      ...{ transports: { tcp: name === "tcp", quic: name === "quic" }, encryption: ["tls"] as const },
      ...{ mdns: false, kadDht: false, privateNetwork: true, connectionsMax: 10 },
      ...{ topics: ["blocks", "transactions"] as const, gossip: { heartbeatMs: 200 } },
      ...{ protocols: ["status", "blocks-by-range", "goodbye", "federation"] as const },
    },
  };
  const network = actorCell(
    networkActor({
      ...{
        config,
        host,
        chain,
        validator,
        engine: new EmbeddedEngine(),
        bridge: new EmbeddedBridge(silentLog),
        processStartMs: clock.nowMs(),
      },
      ...{ peer: peer.ref, peerInternal: peer.internalRef },
    }),
    run,
  );
  const children = [peer.child.start(), network.child.start()];
  const { listenAddresses } = await network.ref.ask(PUBLIC.startNetwork, {});
  const stop = async (): Promise<void> => {
    for (const child of children.reverse()) await child.stop();
    await host.close();
    await chain.close();
  };
  return { id: identity.peerId, chain, host, peer, network, listenAddresses, stop };
}

type RunningNode = Awaited<ReturnType<typeof startNode>>;

/** Resolves when the peers stream has told what fits. */
function untilPeers(node: RunningNode, kind: "connected" | "disconnected", peerId: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = setTimeout(() => reject(new Error(`never ${kind}`)), PATIENCE_MS);
  const subscription = node.peer.ref.watch(
    PeerService.method.watchPeers,
    {},
    {
      onMessage: ({ event }) => {
        const present = event.case === "snapshot" ? event.value.peers : [];
        const isThere = present.some((peer) => peer.peerId === peerId);
        const isTold = event.case === kind && event.value.peerId === peerId;
        if (!isTold && !(kind === "connected" && isThere)) return;
        clearTimeout(late);
        subscription.close();
        resolve();
      },
      onEnd: () => undefined,
    },
  );
  return promise;
}

const saying = (label: string): Uint8Array =>
  toBinary(
    FederationMessageSchema,
    create(FederationMessageSchema, {
      payload: { case: "proposal", value: { block: new TextEncoder().encode(label) } },
    }),
  );

for (const carrier of CARRIERS) {
  test(`two nodes greet, serve, gossip and part over ${carrier.name}`, async () => {
    const forge = new ChainForge({ members: 3 });
    const [one, two] = [await startNode(forge, 0, carrier), await startNode(forge, 1, carrier)];
    try {
      const blocks = Array.from({ length: 20 }, () => forge.next());
      await two.chain.importSegment(segmentOf(blocks));
      const greeted = untilPeers(two, "connected", one.id);
      const request = { peerId: two.id, addresses: [...two.listenAddresses] };
      const { peer } = await one.peer.ref.ask(PeerService.method.connectToPeer, request);
      await greeted;
      assert.equal(peer?.transport, carrier.name);
      assert.equal(peer?.head?.height, 20n);
      assert.equal(peer?.peerType, PeerType.FEDERATION);

      const range = await one.network.internalRef.ask(INTERNAL.requestBlocks, {
        ...{ peerId: two.id, startHeight: 1n, count: 20 },
      });
      assert.deepEqual(
        range.blocks.map((block) => Buffer.from(block)),
        blocks.map((block) => Buffer.from(block)),
      );

      // Only what builds on a block that is here is published.
      await one.chain.importSegment(segmentOf(blocks));
      await gossips(one, two, forge.next());
      await speaks(one, two);

      const left = untilPeers(two, "disconnected", one.id);
      await one.network.ref.ask(PUBLIC.stopNetwork, {});
      await left;
      assert.equal(one.host.isOpen, false);
      await eventually(() => two.host.connections().length === 0, "no connection is left");
    } finally {
      await Promise.all([one.stop(), two.stop()]);
    }
  });
}

/** A block published by one is handed up at the other, and accepted. */
async function gossips(one: RunningNode, two: RunningNode, ssz: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<GossipMessage>();
  const reader = two.network.internalRef.watch(
    INTERNAL.watchGossip,
    {},
    {
      onMessage: ({ event }) => event.case === "message" && resolve(event.value),
      onEnd: () => undefined,
    },
  );
  await eventually(() => one.host.stats().gossip[0]?.subscribers === 1, "the other subscribed");
  const sent = await one.network.ref.ask(PUBLIC.broadcastBlock, { block: { ssz } });
  assert.equal(sent.peersReached, 1);
  const { payload, peerId, handle } = await promise;
  assert.deepEqual(Buffer.from(payload), Buffer.from(ssz));
  assert.equal(peerId, one.id);
  await two.network.internalRef.ask(INTERNAL.giveVerdict, { handle, verdict: Verdict.ACCEPT });
  assert.equal(two.host.stats().gossip[0]?.accepted, 1);
  reader.close();
}

/** A sealed message of one member is answered by the other. */
async function speaks(one: RunningNode, two: RunningNode): Promise<void> {
  const reader = two.network.internalRef.watch(
    INTERNAL.watchFederation,
    {},
    {
      onMessage: ({ event }) => event.case === "message" && answer(event.value),
      onEnd: () => undefined,
    },
  );
  const answer = ({ handle }: InboundFederation): void =>
    two.network.internalRef.tell(INTERNAL.respondFederation, { handle, payload: saying("well met") });
  const { payload } = await one.network.internalRef.ask(INTERNAL.sendFederation, {
    ...{ peerId: two.id, payload: saying("hello"), lifetimeMs: 1_400 },
  });
  const content = fromBinary(FederationMessageSchema, payload).payload;
  const text = content.case === "proposal" ? new TextDecoder().decode(content.value.block) : "";
  assert.equal(text, "well met");
  reader.close();
}
