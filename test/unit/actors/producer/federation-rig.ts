/**
 * A federation in one process: producers on embedded chains, a simulated disk each, and a network of stubs that carries
 * proposals, replies and published blocks at once. Time and turns are a Simulation's.
 */

import assert from "node:assert/strict";
import { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { ConnectionState, PeerService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import {
  type ProducerInternalService,
  ProducerService,
  type Vote,
} from "../../../../gen/alys/producer/v1/producer_pb.ts";
import {
  ProductionCondition,
  SyncInternalService,
  SyncService,
} from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { producerActor } from "../../../../src/actors/producer/actor.ts";
import type { ClockFault } from "../../../../src/actors/producer/clock-guard.ts";
import type { ProducerConfig } from "../../../../src/actors/producer/config.ts";
import type { GuardMemory } from "../../../../src/actors/producer/signing-guard.ts";
import type { VoteBar } from "../../../../src/actors/producer/signing-watch.ts";
import { ChainForge, type ForgeOptions } from "../../../../src/chain/forge.ts";
import { InlineValidator } from "../../../../src/chain/pool/inline.ts";
import {
  type EmbeddedChain,
  openEmbeddedChain,
} from "../../../../src/integrations/chain/embedded/embedded.ts";
import { type ActorCell, actorCell } from "../../../../src/kernel/actor/cell.ts";
import { environment } from "../../../../src/kernel/actor/environment.ts";
import { Failure, failure } from "../../../../src/kernel/errors.ts";
import { MemoryLog } from "../../../../src/kernel/ports/log.ts";
import { Simulation } from "../../../../src/kernel/ports/simulation.ts";
import { LiveSettings } from "../../../../src/kernel/settings.ts";
import type { RunningChild } from "../../../../src/kernel/supervision/child.ts";
import {
  MemoryDisk,
  openMemoryStop,
  openMemoryStore,
  openMemoryVotes,
} from "../../../../src/storage/memory.ts";
import { ProcessClock } from "../../../sim/process-ports.ts";
import { stubRef } from "./stub-ref.ts";

export const CONFIG: ProducerConfig = { consensusTimeoutMs: 500, graceMs: 100, fillerBytes: 0 };

type Cell = ActorCell<typeof ProducerService, typeof ProducerInternalService>;

/** One member with all that stands below it. */
export class Member {
  readonly name: string;
  readonly disk = new MemoryDisk();
  readonly log = new MemoryLog();
  /** What its watch says of its clock and record. */
  clockFault: ClockFault | undefined;
  /** By how much its wall clock is off. */
  skewMs = 0;
  voteBar: VoteBar | undefined;
  readonly watch = { clockFault: () => this.clockFault, voteBar: () => this.voteBar };
  readonly sync = stubRef(SyncService, "sync");
  readonly syncInternal = stubRef(SyncInternalService, "sync");
  readonly network = stubRef(NetworkInternalService, "network");
  readonly peers = stubRef(PeerService, "peer");
  readonly votes: Vote[] = [];
  readonly chain: EmbeddedChain;
  readonly cell: Cell;
  /** As long as the process lives. */
  readonly guard: GuardMemory = { state: undefined };
  /** What sync answers; a text is an unmet condition. */
  refusal: string | undefined;
  /** False: no message reaches or leaves it. */
  isOnline = true;
  readonly #rig: FederationRig;
  readonly #index: number;
  #running: RunningChild | undefined;
  /** Inbound federation messages that wait for our answer. */
  readonly replies = new Map<string, (reply: { payload: Uint8Array; refusal: string }) => void>();
  #handles = 0;

  constructor(rig: FederationRig, index: number, config: ProducerConfig) {
    this.#rig = rig;
    this.#index = index;
    this.name = `member-${index}`;
    const { simulation, forge } = rig;
    const { scheduler, random } = simulation;
    const clock = new ProcessClock(simulation.clock, { isAlive: true }, () => this.skewMs);
    const facts = forge.facts();
    const store = openMemoryStore({ disk: this.disk, genesisHash: facts.genesisHash, scheduler });
    const { header, authorities } = forge.genesis;
    const chain = openEmbeddedChain({ store, facts, genesis: { header, authorities }, clock, log: this.log });
    assert(!(chain instanceof Failure));
    this.chain = chain;
    this.#answer();
    const parts = {
      chain,
      validator: new InlineValidator(facts),
      sync: this.sync,
      syncInternal: this.syncInternal,
      network: this.network,
      peers: this.peers,
      signer: forge.secretKeys[index],
      votes: openMemoryVotes(this.disk),
      stop: openMemoryStop(this.disk),
      guard: this.guard,
      watch: this.watch,
    };
    this.cell = actorCell(
      producerActor(parts, new LiveSettings(config)),
      environment({ clock, scheduler, random, log: this.log }),
    );
  }

  start(): void {
    this.#running = this.cell.child.start();
    this.cell.ref.watch(
      ProducerService.method.watchVotes,
      {},
      {
        onMessage: ({ event }) => {
          if (event.case === "vote") this.votes.push(event.value);
        },
        onEnd: () => undefined,
      },
    );
  }

  /** The snapshot that the PeerActor gives. */
  connect(): void {
    const peers = this.#rig.members
      .filter((member) => member !== this)
      .map((member) => ({
        peerId: member.name,
        memberKey: this.#rig.forge.secretKeys[member.#index]!.publicKey,
        memberRole: 1,
        connectionState: ConnectionState.CONNECTED,
        head: { height: BigInt(member.chain.snapshot().head.height) },
      }));
    this.peers.emit(PeerService.method.watchPeers, { event: { case: "snapshot", value: { peers } } });
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  async status() {
    const answer = this.cell.ref.ask(ProducerService.method.getProducerStatus, {});
    await this.#rig.simulation.settle();
    const { status } = await answer;
    assert(status !== undefined);
    return status;
  }

  /** Delivers a federation message and gives its answer; never settles when the member says nothing. */
  ask(payload: Uint8Array): Promise<{ payload: Uint8Array; refusal: string }> {
    const handle = String(++this.#handles);
    const { promise, resolve } = Promise.withResolvers<{ payload: Uint8Array; refusal: string }>();
    this.replies.set(handle, resolve);
    this.network.emit(NetworkInternalService.method.watchFederation, {
      event: { case: "message", value: { handle, peerId: "somebody", payload } },
    });
    return promise;
  }

  /** Validates and imports as sync does. */
  async import(block: Uint8Array): Promise<void> {
    const { clock } = this.#rig.simulation;
    const head = this.chain.snapshot().head;
    const verdict = await new InlineValidator(this.chain.facts).validateSegment({
      blocks: [block],
      policy: "EVERY_BLOCK",
      authorities: this.chain.authoritiesAt(head.height + 1),
      parentAuthorities: this.chain.authoritiesAt(head.height),
      nowMs: clock.nowMs(),
      verifiedParentApproval: head.approval,
    });
    if (!verdict.ok) throw failure("INVALID_ARGUMENT", "INVALID_BLOCK", verdict.fault.code);
    const outcome = await this.chain.importSegment(verdict.segment);
    if (outcome.kind === "invalid" || outcome.kind === "notNow" || outcome.kind === "unknownParent") {
      throw failure("FAILED_PRECONDITION", "NOT_IMPORTED", outcome.kind);
    }
  }

  #answer(): void {
    this.sync.on(SyncService.method.canProduceBlocks, () => {
      const condition = ProductionCondition.RATIO;
      const unmet = this.refusal === undefined ? [] : [{ condition, detail: this.refusal }];
      return { status: { canProduce: unmet.length === 0, unmet } };
    });
    this.syncInternal.on(SyncInternalService.method.importBlock, async ({ block }) => {
      await this.import(block!);
      return {};
    });
    this.network.on(NetworkInternalService.method.respondFederation, ({ handle, payload, refusal }) => {
      this.replies.get(handle!)?.({ payload: payload!, refusal: refusal! });
      this.replies.delete(handle!);
      return {};
    });
    this.network.on(NetworkInternalService.method.sendFederation, async ({ peerId, payload }) => {
      const other = this.#rig.members.find(({ name }) => name === peerId)!;
      if (!this.isOnline || !other.isOnline) throw failure("UNAVAILABLE", "PEER_GONE", "the peer is gone");
      const reply = await other.ask(payload!);
      if (reply.refusal !== "") throw failure("FAILED_PRECONDITION", "REFUSED", reply.refusal);
      return { payload: reply.payload };
    });
    this.network.on(NetworkInternalService.method.publishBlock, async ({ block }) => {
      const others = this.#rig.members.filter((member) => member !== this && member.isOnline);
      if (this.isOnline) await Promise.all(others.map((member) => member.import(block!)));
      return {};
    });
  }
}

export class FederationRig {
  readonly simulation: Simulation;
  readonly forge: ChainForge;
  readonly members: Member[];

  constructor(
    size: number,
    seed = 1,
    config: Partial<ProducerConfig> = {},
    chain: Omit<ForgeOptions, "members"> = {},
  ) {
    this.forge = new ChainForge({ members: size, ...chain });
    // Half a second into a slot whose author is member 0.
    const slot = 855_000_000 - (855_000_000 % size);
    this.simulation = new Simulation(seed, { startMs: slot * 2000 + 500, isShuffled: true });
    this.members = Array.from(
      { length: size },
      (_, index) => new Member(this, index, { ...CONFIG, ...config }),
    );
  }

  async start(): Promise<void> {
    for (const member of this.members) member.start();
    await this.simulation.settle();
    for (const member of this.members) member.connect();
    await this.simulation.settle();
  }

  /** Lets slots pass. */
  async slots(count: number): Promise<void> {
    await this.simulation.run(count * 2000);
  }

  /** Everybody fetches what the highest has and they lack, as range sync would. */
  async catchUp(): Promise<void> {
    const heightOf = (member: Member) => member.chain.snapshot().head.height;
    const best = this.members.reduce((one, other) => (heightOf(other) > heightOf(one) ? other : one));
    const { final, head } = best.chain.snapshot();
    for (const member of this.members) {
      for (let height = final.height + 1; height <= head.height; height++) {
        await Promise.all([member.import(best.chain.readBlock(height)!), this.simulation.settle()]);
      }
    }
  }

  /** Nobody signed two blocks of one slot, by all that anybody saw. */
  assertNobodySignedTwice(): void {
    const signed = new Map<string, string>();
    for (const { votes } of this.members) {
      for (const { slot, block, authorityIndex } of votes) {
        const key = `${slot} ${authorityIndex}`;
        const hash = Buffer.from(block!.hash).toString("hex");
        assert.equal(signed.get(key) ?? hash, hash, `member ${authorityIndex} signed twice in slot ${slot}`);
        signed.set(key, hash);
      }
    }
  }
}
