/**
 * The SyncActor in a simulated world: a real embedded chain on a simulated disk, the real rules on the
 * calling thread, peers that answer as a test wants, and stubs where the actors below would be.
 */

import assert from "node:assert/strict";
import { NetworkInternalService, Verdict } from "../../../../gen/alys/network/v1/network_pb.ts";
import { type Offence, PeerInternalService, PeerService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import {
  type ProductionStatus,
  type SyncInternalService,
  SyncService,
  type SyncStatus,
} from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { syncActor } from "../../../../src/actors/sync/actor.ts";
import { type SyncConfig, syncConfig } from "../../../../src/actors/sync/config.ts";
import type { SyncMetrics } from "../../../../src/actors/sync/metrics.ts";
import { splitBlock } from "../../../../src/chain/block.ts";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../../../src/chain/header.ts";
import { InlineValidator } from "../../../../src/chain/pool/inline.ts";
import type { Validator } from "../../../../src/chain/validator.ts";
import { CheckpointStore } from "../../../../src/integrations/chain/checkpoint/checkpoint-store.ts";
import {
  type EmbeddedChain,
  openEmbeddedChain,
} from "../../../../src/integrations/chain/embedded/embedded.ts";
import type { ChainPort } from "../../../../src/integrations/chain/port.ts";
import { type ActorCell, actorCell } from "../../../../src/kernel/actor/cell.ts";
import { environment } from "../../../../src/kernel/actor/environment.ts";
import { Failure, failure } from "../../../../src/kernel/errors.ts";
import { MemoryLog } from "../../../../src/kernel/ports/log.ts";
import { Simulation } from "../../../../src/kernel/ports/simulation.ts";
import { LiveSettings } from "../../../../src/kernel/settings.ts";
import type { MemoryFileStore } from "../../../../src/storage/file-store.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";
import { ProcessClock } from "../../../sim/process-ports.ts";
import { type StubRef, stubRef } from "./stub-ref.ts";

const START_MS = 1_700_000_000_000;

/** Blocks of heights 1 to `count`, the last one in the slot of `START_MS`. */
export function forgeBlocks(count: number, seed = 1): { forge: ChainForge; blocks: Uint8Array[] } {
  const forge = ChainForge.of({ blocks: count, seed, members: 3, endTimestampMs: START_MS });
  return { forge, blocks: Array.from({ length: count }, () => forge.next()) };
}

export function hashOf(block: Uint8Array): Uint8Array {
  return headerHash(block.subarray(0, HEADER_LENGTH));
}

/** Blocks, a failure, or undefined: never an answer. */
export type Behaviour = (
  first: number,
  count: number,
  blocks: readonly Uint8Array[],
) => Uint8Array[] | Failure | undefined;

export const honest: Behaviour = (first, count, blocks) => blocks.slice(first - 1, first - 1 + count);
export const silent: Behaviour = () => undefined;

export interface PeerOptions {
  readonly blocks: readonly Uint8Array[];
  readonly behaviour?: Behaviour;
  /** What it serves by hash: its blocks, unless it says otherwise. */
  readonly byHash?: readonly Uint8Array[];
  readonly score?: number;
  readonly memberKey?: Uint8Array;
  readonly memberRole?: number;
  /** Its head is under a set that the PeerActor does not know. */
  readonly isUnproven?: boolean;
  /** Multiaddr of its end of the connection. */
  readonly remoteAddress?: string;
}

export interface Requested {
  readonly peerId: string;
  readonly first: number;
  readonly count: number;
}

export interface RigOptions {
  readonly config?: Partial<SyncConfig>;
  readonly ownMemberKey?: Uint8Array;
  readonly validator?: (inner: Validator) => Validator;
  readonly chain?: (inner: EmbeddedChain) => ChainPort;
  readonly finalityDepth?: number;
  readonly seed?: number;
  /** Turns run in an order drawn from the seed. */
  readonly isShuffled?: boolean;
  /** Checkpoints are kept on it; without it there are none. */
  readonly files?: MemoryFileStore;
  /** A disk that an earlier rig left behind. */
  readonly disk?: MemoryDisk;
}

export class SyncRig {
  readonly simulation: Simulation;
  readonly log = new MemoryLog();
  /** Of the SyncActor; replaced, they hold from then on. */
  readonly settings: LiveSettings<SyncConfig>;
  readonly disk: MemoryDisk;
  readonly chain: EmbeddedChain;
  readonly network: StubRef<typeof NetworkInternalService>;
  readonly peer: StubRef<typeof PeerService>;
  readonly peerInternal: StubRef<typeof PeerInternalService>;
  readonly cell: ActorCell<typeof SyncService, typeof SyncInternalService>;
  readonly peers = new Map<string, PeerOptions>();
  readonly requests: Requested[] = [];
  /** Hashes asked for, by whom it was asked. */
  readonly lookedUp: { readonly peerId: string; readonly hash: Uint8Array }[] = [];
  /** By how much its wall clock is off. */
  skewMs = 0;
  mostInFlight = 0;
  mostInFlightOfPeer = 0;
  metrics: SyncMetrics | undefined;
  readonly #inFlight: string[] = [];
  readonly #running: { stop(): Promise<void> };

  constructor(forge: ChainForge, options: RigOptions = {}) {
    const isShuffled = options.isShuffled ?? false;
    this.simulation = new Simulation(options.seed ?? 1, { startMs: START_MS, isShuffled });
    this.disk = options.disk ?? new MemoryDisk();
    const { scheduler, random } = this.simulation;
    const clock = new ProcessClock(this.simulation.clock, { isAlive: true }, () => this.skewMs);
    const facts = forge.facts(500, options.finalityDepth ?? 64);
    const store = openMemoryStore({ disk: this.disk, genesisHash: facts.genesisHash, scheduler });
    const { header, authorities } = forge.genesis;
    const chain = openEmbeddedChain({ store, facts, genesis: { header, authorities }, clock, log: this.log });
    if (chain instanceof Failure) throw chain;
    this.chain = chain;
    this.network = stubRef(NetworkInternalService, "network");
    this.peer = stubRef(PeerService, "peer");
    this.peerInternal = stubRef(PeerInternalService, "peer");
    this.#serve();
    this.#serveHashes();
    const { files } = options;
    const checkpoints = files && new CheckpointStore({ chain, store, files, authorities, clock });
    const inner = new InlineValidator(facts);
    this.settings = new LiveSettings<SyncConfig>({
      ...syncConfig(undefined, 2),
      batchBlocks: 64,
      ...options.config,
    });
    const definition = syncActor({
      config: this.settings,
      chain: options.chain?.(chain) ?? chain,
      validator: options.validator?.(inner) ?? inner,
      checkpoints,
      network: this.network,
      peer: this.peer,
      peerInternal: this.peerInternal,
      ownMemberKey: options.ownMemberKey,
      onMetrics: (metrics) => {
        this.metrics = metrics;
      },
    });
    this.cell = actorCell(definition, environment({ clock, scheduler, random, log: this.log }));
    this.#running = this.cell.child.start() as { stop(): Promise<void> };
  }

  async stop(): Promise<void> {
    const stopping = this.#running.stop();
    await this.simulation.settle();
    await stopping;
  }

  /** Connects peers, or tells of their new heads. */
  connect(peers: Record<string, PeerOptions>): void {
    for (const [peerId, options] of Object.entries(peers)) {
      const isKnown = this.peers.has(peerId);
      this.peers.set(peerId, options);
      const value = this.#info(peerId, options);
      this.peer.emit(PeerService.method.watchPeers, {
        event: { case: isKnown ? "updated" : "connected", value },
      });
    }
  }

  disconnect(peerId: string): void {
    this.peers.delete(peerId);
    const value = { peerId, reason: "gone" };
    this.peer.emit(PeerService.method.watchPeers, { event: { case: "disconnected", value } });
  }

  gossip(handle: string, peerId: string, payload: Uint8Array): void {
    const value = { handle, peerId, payload, isTransaction: false };
    this.network.emit(NetworkInternalService.method.watchGossip, { event: { case: "message", value } });
  }

  verdicts(): Record<string, "accept" | "ignore" | "reject"> {
    const names = {
      [Verdict.ACCEPT]: "accept",
      [Verdict.IGNORE]: "ignore",
      [Verdict.REJECT]: "reject",
    } as const;
    const told = this.network.told(NetworkInternalService.method.giveVerdict);
    return Object.fromEntries(told.map(({ handle, verdict }) => [handle, names[verdict as 1 | 2 | 3]]));
  }

  /** Of peers; what members did is told without one. */
  offences(): { peerId: string; offence: Offence; evidence: Uint8Array }[] {
    return this.peerInternal
      .told(PeerInternalService.method.reportOffence)
      .filter(({ peerId }) => peerId !== "");
  }

  run(ms: number): Promise<void> {
    return this.simulation.run(ms);
  }

  /** Asks the actor and lets it answer. */
  async ask<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    await this.simulation.settle();
    return promise;
  }

  async status(): Promise<SyncStatus> {
    const { status } = await this.ask(this.cell.ref.ask(SyncService.method.getSyncStatus, {}));
    assert(status !== undefined);
    return status;
  }

  async production(): Promise<ProductionStatus> {
    const { status } = await this.ask(this.cell.ref.ask(SyncService.method.canProduceBlocks, {}));
    assert(status !== undefined);
    return status;
  }

  get height(): number {
    return this.chain.snapshot().head.height;
  }

  #info(peerId: string, options: PeerOptions) {
    const last = options.blocks.at(-1);
    const header = last && decodeHeader(last.subarray(0, HEADER_LENGTH));
    const isProven = options.isUnproven !== true;
    return {
      peerId,
      score: { overall: options.score ?? 50 },
      earliestHeight: 1n,
      memberKey: options.memberKey ?? new Uint8Array(),
      memberRole: options.memberRole ?? (options.memberKey === undefined ? 0 : 1),
      remoteAddress: options.remoteAddress ?? "",
      head: {
        height: BigInt(isProven ? (header?.height ?? 0) : 0),
        slot: BigInt(isProven ? (header?.slot ?? 0) : 0),
        hash: last === undefined || !isProven ? this.chain.facts.genesisHash : hashOf(last),
        receivedMs: BigInt(this.simulation.clock.nowMs()),
      },
      ...(last === undefined || isProven ? {} : { unprovenHead: splitBlock(last) }),
    };
  }

  #serveHashes(): void {
    this.network.on(NetworkInternalService.method.requestBlocksByHash, ({ peerId, hashes }) => {
      for (const hash of hashes) this.lookedUp.push({ peerId, hash });
      const peer = this.peers.get(peerId);
      const wanted = new Set(hashes.map((hash) => Buffer.from(hash).toString("hex")));
      const all = peer?.byHash ?? peer?.blocks ?? [];
      const blocks = all.filter((block) => wanted.has(Buffer.from(hashOf(block)).toString("hex")));
      return new Promise((resolve) => {
        this.simulation.clock.setTimer(20, () => resolve({ blocks }));
      });
    });
  }

  /** Peers answer after 20 ms; the NetworkActor ends a silent request at its deadline. */
  #serve(): void {
    this.network.on(NetworkInternalService.method.requestBlocks, (request, options) => {
      const { peerId, count } = request;
      const first = Number(request.startHeight);
      this.requests.push({ peerId, first, count });
      this.#inFlight.push(peerId);
      this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight.length);
      const ofPeer = this.#inFlight.filter((other) => other === peerId).length;
      this.mostInFlightOfPeer = Math.max(this.mostInFlightOfPeer, ofPeer);
      const peer = this.peers.get(peerId);
      return new Promise((resolve, reject) => {
        const settle = (run: () => void) => {
          timer.cancel();
          const at = this.#inFlight.indexOf(peerId);
          if (at >= 0) this.#inFlight.splice(at, 1);
          run();
        };
        const answer = peer && (peer.behaviour ?? honest)(first, count, peer.blocks);
        const delayMs = answer === undefined ? (options?.deadlineMs ?? 0) : 20;
        const late = failure("DEADLINE_EXCEEDED", "LATE", "the peer is silent");
        const timer = this.simulation.clock.setTimer(delayMs, () =>
          settle(() => {
            if (answer === undefined || answer instanceof Failure) reject(answer ?? late);
            else resolve({ blocks: answer, latencyMs: 10, durationMs: 20, bytes: 1n });
          }),
        );
        options?.signal?.addEventListener("abort", () =>
          settle(() => reject(failure("CANCELLED", "ABORTED", "gave up"))),
        );
      });
    });
  }
}
