/**
 * Nodes in one process on a Simulation: PeerActor and NetworkActor as they are in production, on in-memory hosts and
 * embedded chains over simulated disks.
 */

import assert from "node:assert/strict";
import type { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { NetworkService } from "../../../../gen/alys/network/v1/network_pb.ts";
import {
  type PeerInfo,
  type PeerInternalService,
  PeerService,
  type WatchPeersResponse,
} from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { networkActor } from "../../../../src/actors/network/actor.ts";
import { peerActor } from "../../../../src/actors/peer/actor.ts";
import { BanTable } from "../../../../src/actors/peer/ban-table.ts";
import type { PeerActorConfig } from "../../../../src/actors/peer/config.ts";
import { DistrustStore } from "../../../../src/actors/peer/distrust-store.ts";
import type { DelegationSource, OwnDelegation } from "../../../../src/actors/peer/own-delegation.ts";
import { PeerStore } from "../../../../src/actors/peer/peer-store.ts";
import { keptCases } from "../../../../src/actors/sync/equivocation/evidence-store.ts";
import { encodeDelegation, signDelegation } from "../../../../src/chain/delegation.ts";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { InlineValidator } from "../../../../src/chain/pool/inline.ts";
import type { ApprovalCheck, SignatureCheck } from "../../../../src/chain/validator.ts";
import type { BridgePort, FederationNote } from "../../../../src/integrations/bridge/port.ts";
import { CheckpointStore } from "../../../../src/integrations/chain/checkpoint/checkpoint-store.ts";
import {
  type EmbeddedChain,
  openEmbeddedChain,
} from "../../../../src/integrations/chain/embedded/embedded.ts";
import { EmbeddedEngine } from "../../../../src/integrations/engine/embedded.ts";
import type { EnginePort } from "../../../../src/integrations/engine/port.ts";
import { type ActorCell, actorCell } from "../../../../src/kernel/actor/cell.ts";
import { environment } from "../../../../src/kernel/actor/environment.ts";
import { Failure, failure } from "../../../../src/kernel/errors.ts";
import type { Clock } from "../../../../src/kernel/ports/clock.ts";
import { MemoryLog } from "../../../../src/kernel/ports/log.ts";
import { Simulation } from "../../../../src/kernel/ports/simulation.ts";
import { LiveSettings } from "../../../../src/kernel/settings.ts";
import type { RunningChild } from "../../../../src/kernel/supervision/child.ts";
import { type Identity, identityFromSeed } from "../../../../src/p2p/identity.ts";
import { MemoryHost } from "../../../../src/p2p/memory/host.ts";
import { MemoryNetwork } from "../../../../src/p2p/memory/network.ts";
import { peerIdBytes } from "../../../../src/p2p/peer-id.ts";
import type { HostOptions, Protocol } from "../../../../src/p2p/port.ts";
import { MemoryFileStore } from "../../../../src/storage/file-store.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";
import type { Table } from "../../../../src/storage/port.ts";
import { ProcessClock } from "../../../sim/process-ports.ts";
import { segmentOf } from "../../integrations/chain/segments.ts";
import { fixedDelegation } from "./fixed-delegation.ts";

export const PEER_CONFIG: PeerActorConfig = {
  peersMax: 8,
  federationPeersMax: 4,
  peersTarget: 4,
  connectionTimeoutMs: 5_000,
  statusIntervalMs: 5_000,
  healthCheckIntervalMs: 10_000,
  discoveryIntervalMs: 30_000,
  banDurationMs: 3_600_000,
  knownPeersMax: 100,
  bootstrap: [],
  memberPeerIds: [],
};

/** Counts what is verified. */
export class CountingValidator extends InlineValidator {
  approvals = 0;
  signatures = 0;

  override verifyApprovals(checks: readonly ApprovalCheck[]): Promise<boolean[]> {
    this.approvals += checks.length;
    return super.verifyApprovals(checks);
  }

  override verifySignatures(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    this.signatures += checks.length;
    return super.verifySignatures(checks);
  }
}

export interface NodeOptions {
  readonly config?: Partial<PeerActorConfig>;
  readonly forge?: ChainForge;
  /** One that stays as it is, or one that renews itself. */
  readonly delegation?: OwnDelegation | DelegationSource;
  readonly identity?: Identity;
  /** Default: the world's. */
  readonly clock?: Clock;
  readonly disk?: MemoryDisk;
  readonly engine?: EnginePort;
  readonly bansMax?: number;
  readonly bridge?: BridgePort;
  readonly protocols?: readonly Protocol[];
  /** Default: an address that is free. */
  readonly listen?: readonly string[];
}

export class World {
  readonly simulation: Simulation;
  readonly network: MemoryNetwork;
  readonly forge: ChainForge;
  readonly nodes: Node[] = [];

  constructor(seed = 1, options: { readonly latencyMs?: number; readonly isShuffled?: boolean } = {}) {
    const { latencyMs = 5, isShuffled = false } = options;
    this.simulation = new Simulation(seed, { startMs: 1_710_000_000_000, isShuffled });
    const latency = { latencyMsMin: latencyMs, latencyMsMax: latencyMs };
    this.network = new MemoryNetwork({ clock: this.simulation.clock, seed, ...latency });
    this.forge = new ChainForge({ members: 3 });
  }

  get monotonicMs(): number {
    return this.simulation.clock.monotonicMs();
  }

  get nowMs(): number {
    return this.simulation.clock.nowMs();
  }

  /** Unix milliseconds at which the monotonic clock began. */
  get epochMs(): number {
    return this.nowMs - this.monotonicMs;
  }

  run(ms: number): Promise<void> {
    return this.simulation.run(ms);
  }

  /** Lets time pass until the promise settles. */
  async drive<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let isSettled = false;
    const mark = (): void => {
      isSettled = true;
    };
    promise.then(mark, mark);
    for (let passedMs = 0; !isSettled; passedMs += 5) {
      assert(passedMs <= limitMs, `not settled within ${limitMs} ms`);
      await this.run(5);
    }
    return promise;
  }

  async failure(promise: Promise<unknown>): Promise<Failure> {
    const thrown = await this.drive(
      promise.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    );
    assert(thrown instanceof Failure, `a Failure, not ${thrown}`);
    return thrown;
  }

  /** A node with its network open. */
  async node(options: NodeOptions = {}): Promise<Node> {
    const node = new Node(this, options);
    this.nodes.push(node);
    node.start();
    await this.drive(node.network.ref.ask(NetworkService.method.startNetwork, {}));
    return node;
  }

  /** Dials and waits until both sides know each other. */
  async connect(from: Node, to: Node): Promise<PeerInfo> {
    const { peer } = await this.drive(from.connect(to));
    await this.run(50);
    assert(peer !== undefined);
    return peer;
  }

  identity(): Identity {
    return identityFromSeed(this.simulation.random.bytes(32));
  }

  /** A delegation of a member for an identity. */
  delegation(
    member: number,
    identity: Identity,
    expiryMs = this.nowMs + 86_400_000,
    role: 1 | 2 = 1,
  ): OwnDelegation {
    const secretKey = this.forge.secretKeys[member];
    const peerId = peerIdBytes(identity.peerId);
    assert(secretKey !== undefined && peerId !== undefined);
    const delegation = { publicKey: secretKey.publicKey, peerId, role, expiryMs };
    const signature = signDelegation(secretKey, delegation, this.forge.genesis.hash);
    return { delegation: encodeDelegation(delegation), signature, role };
  }
}

type PeerCell = ActorCell<typeof PeerService, typeof PeerInternalService>;
type NetworkCell = ActorCell<typeof NetworkService, typeof NetworkInternalService>;

export class Node {
  readonly world: World;
  readonly identity: Identity;
  readonly disk: MemoryDisk;
  readonly log = new MemoryLog();
  readonly host: MemoryHost;
  readonly chain: EmbeddedChain;
  /** Checkpoints of the chain; only some tests make any. */
  readonly checkpoints: CheckpointStore;
  readonly validator: CountingValidator;
  /** Of the PeerActor; replaced, they hold from then on. */
  readonly settings: LiveSettings<PeerActorConfig>;
  readonly bans: BanTable;
  readonly book: PeerStore;
  /** What the SyncActor would keep of equivocations. */
  readonly evidence: Table;
  readonly peer: PeerCell;
  readonly network: NetworkCell;
  /** Everything that WatchPeers told since the node started. */
  readonly events: WatchPeersResponse["event"][] = [];
  /** What the bridge took. */
  readonly notes: FederationNote[] = [];
  isBridgeAway = false;
  /** By how much its wall clock is off. */
  skewMs = 0;
  /** What members said of their clocks, less what is right. */
  readonly clocksHeard: number[] = [];
  #children: RunningChild[] = [];

  constructor(world: World, options: NodeOptions) {
    this.world = world;
    const { scheduler, random } = world.simulation;
    const clock = new ProcessClock(
      options.clock ?? world.simulation.clock,
      { isAlive: true },
      () => this.skewMs,
    );
    const forge = options.forge ?? world.forge;
    const facts = forge.facts();
    this.identity = options.identity ?? world.identity();
    this.disk = options.disk ?? new MemoryDisk();
    const store = openMemoryStore({ disk: this.disk, genesisHash: facts.genesisHash, scheduler });
    const { header, authorities } = forge.genesis;
    const chain = openEmbeddedChain({ store, facts, genesis: { header, authorities }, clock, log: this.log });
    assert(!(chain instanceof Failure));
    this.chain = chain;
    this.checkpoints = new CheckpointStore({
      chain,
      store,
      files: new MemoryFileStore(),
      authorities,
      clock,
    });
    this.validator = new CountingValidator(facts);
    const config = { ...PEER_CONFIG, ...options.config };
    this.settings = new LiveSettings<PeerActorConfig>(config);
    this.bans = new BanTable(clock, store.table("bans"), [], options.bansMax);
    this.book = new PeerStore(store.table("peers"), config.knownPeersMax);
    this.host = new MemoryHost({ identity: this.identity, gate: this.bans, network: world.network });
    const run = environment({ clock, scheduler, random, log: this.log });
    const { host, validator, bans, book } = this;
    this.evidence = store.table("equivocations");
    const distrust = new DistrustStore(() => keptCases(this.evidence), store.table("distrust"));
    const ownDelegation = sourceOf(options.delegation);
    this.peer = actorCell(
      peerActor({
        ...{ config: this.settings, chain, validator, host, bans, book, distrust, peerIdBytes },
        ownDelegation,
        onMemberClock: (_key, sentMs, atMs) => this.clocksHeard.push(sentMs - world.epochMs - atMs),
      }),
      run,
    );
    this.network = actorCell(
      networkActor({
        config: {
          host: hostOptions(facts.genesisHash, options.protocols, options.listen),
          isAutoStart: false,
          requestDeadlineMs: 5_000,
        },
        host,
        chain,
        validator,
        engine: options.engine ?? new EmbeddedEngine(),
        bridge: options.bridge ?? {
          deliver: async (note) => {
            if (this.isBridgeAway) throw failure("UNAVAILABLE", "BRIDGE_AWAY", "no bridge is attached");
            this.notes.push(note);
            return new Uint8Array();
          },
          close: async () => {},
        },
        checkpoints: this.checkpoints,
        ownDelegation,
        peer: this.peer.ref,
        peerInternal: this.peer.internalRef,
        processStartMs: clock.nowMs(),
      }),
      run,
    );
  }

  get id(): string {
    return this.host.peerId;
  }

  start(): void {
    this.#children = [this.peer.child.start(), this.network.child.start()];
    this.#watch();
  }

  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) await this.world.drive(Promise.resolve(child.stop()));
  }

  /** As the supervisor does when the PeerActor crashes: it and what stands above start anew. */
  async restartPeerActor(): Promise<void> {
    this.peer.crash(new Error("a fault on purpose"));
    await this.world.drive(Promise.resolve(this.#children[1]?.stop()));
    this.start();
    await this.world.simulation.settle();
  }

  /** Ends the process as a kill does; its disk is left. */
  async kill(): Promise<MemoryDisk> {
    await this.host.close();
    for (const child of this.#children) child.kill?.();
    this.disk.crash();
    return this.disk;
  }

  connect(to: Node) {
    const request = { peerId: to.id, addresses: [...to.host.addresses()] };
    return this.peer.ref.ask(PeerService.method.connectToPeer, request);
  }

  /** Connected peers, by id. */
  async connected(): Promise<ReadonlyMap<string, PeerInfo>> {
    const { peers } = await this.world.drive(this.peer.ref.ask(PeerService.method.getConnectedPeers, {}));
    return new Map(peers.map((peer) => [peer.peerId, peer]));
  }

  async info(of: Node): Promise<PeerInfo> {
    const { peer } = await this.world.drive(
      this.peer.ref.ask(PeerService.method.getPeerStatus, { peerId: of.id }),
    );
    assert(peer !== undefined);
    return peer;
  }

  async import(...blocks: readonly Uint8Array[]): Promise<void> {
    const outcome = await this.world.drive(this.chain.importSegment(segmentOf(blocks)));
    assert.equal(outcome.kind, "imported");
  }

  #watch(): void {
    this.peer.ref.watch(
      PeerService.method.watchPeers,
      {},
      {
        onMessage: ({ event }) => void this.events.push(event),
        onEnd: () => undefined,
      },
    );
  }
}

function hostOptions(
  genesisHash: Uint8Array,
  protocols?: readonly Protocol[],
  listen: readonly string[] = ["/memory/0"],
): HostOptions {
  return {
    genesisHash,
    listenAddresses: listen,
    bootstrapAddresses: [],
    transports: { tcp: false, quic: false },
    encryption: ["tls"],
    mdns: false,
    kadDht: false,
    privateNetwork: true,
    connectionsMax: 50,
    topics: ["blocks", "transactions"],
    protocols: protocols ?? ["status", "blocks-by-range", "goodbye", "federation"],
    agentVersion: "test/1",
  };
}

function sourceOf(delegation: OwnDelegation | DelegationSource | undefined): DelegationSource | undefined {
  return delegation === undefined || "renew" in delegation ? delegation : fixedDelegation(delegation);
}
