/**
 * An adversary: a scripted peer on the same network, with an identity, a host and no node behind it. It knows everything (it
 * reads the honest nodes' chains), greets as it likes, and does its mischief each tick. Kinds extend it.
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { GossipBlockSchema, type Role, StatusSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import type { ChainPort } from "../../../src/integrations/chain/port.ts";
import { type Random, seededRandom } from "../../../src/kernel/ports/random.ts";
import { identityFromSeed } from "../../../src/p2p/identity.ts";
import { MemoryHost } from "../../../src/p2p/memory/host.ts";
import { GOSSIP_DEFAULTS, type HostEvent } from "../../../src/p2p/port.ts";
import type { Protocol } from "../../../src/p2p/protocols.ts";
import { messageDigest } from "../observed-host.ts";
import type { World } from "../world.ts";

export type RequestEvent = Extract<HostEvent, { type: "request" }>;

/** What an adversary says of itself. */
export interface Claim {
  readonly headHeader: Uint8Array;
  readonly headApproval: Uint8Array;
  readonly role?: Role;
  readonly delegation?: Uint8Array;
  readonly delegationSignature?: Uint8Array;
}

const TICK_MS = 500;
/** It comes back this often, however often it is turned away. */
const REDIAL_TICKS = 4;

export abstract class Adversary {
  readonly name: string;
  readonly world: World;
  readonly random: Random;
  readonly host: MemoryHost;
  readonly isMember: boolean;
  protected ticks = 0;
  #isOver = false;

  constructor(world: World, name: string, number: number, isMember = false) {
    this.world = world;
    this.name = name;
    this.isMember = isMember;
    this.random = seededRandom((world.scenario.seed * 64 + number) ^ 0x726f6775);
    const identity = identityFromSeed(seededRandom(0xbad + number).bytes(32));
    this.host = new MemoryHost({ identity, gate: { allows: () => true }, network: world.network });
  }

  get peerId(): string {
    return this.host.peerId;
  }

  start(): void {
    const { genesisHash } = this.world.history.facts;
    this.host.subscribe((event) => this.#onEvent(event));
    const options = {
      genesisHash,
      listenAddresses: [`/memory/${this.name}`],
      bootstrapAddresses: [],
      transports: { tcp: false, quic: false },
      encryption: [],
      mdns: false,
      kadDht: true,
      privateNetwork: true,
      connectionsMax: 64,
      topics: ["blocks", "transactions"] as const,
      protocols: ["status", "blocks-by-range", "blocks-by-hash", "goodbye", "federation"] as const,
      gossip: GOSSIP_DEFAULTS,
    };
    this.world.background(this.host.open(options));
    this.#tick();
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.world.background(this.host.close());
  }

  /** What it does every half second while it is connected. */
  protected abstract act(): void;

  /** Answers a request that is neither status nor goodbye. */
  protected onRequest(event: RequestEvent): void {
    this.host.respond(event.handle, "resource-unavailable");
  }

  protected claim(): Claim {
    const { head } = this.truth().snapshot();
    return { headHeader: head.header, headApproval: head.approval };
  }

  protected get greets(): boolean {
    return true;
  }

  /** The chain of the honest node that is furthest. */
  protected truth(): ChainPort {
    const chains = this.world.processes().map(({ chain }) => chain);
    const heightOf = (chain: ChainPort): number => chain.snapshot().head.height;
    const [first, ...rest] = chains;
    if (first === undefined) throw new Error("no honest node runs");
    return rest.reduce<ChainPort>((best, chain) => (heightOf(chain) > heightOf(best) ? chain : best), first);
  }

  protected get hasTruth(): boolean {
    return this.world.processes().length > 0;
  }

  protected connected(): string[] {
    return [...new Set(this.host.connections().map(({ peerId }) => peerId))];
  }

  /** Asks and forgets; the answer, if there is one, is the caller's. */
  protected async ask(peerId: string, protocol: Protocol, payload: Uint8Array, deadlineMs = 3_000) {
    try {
      return await this.host.request(peerId, protocol, payload, {
        firstByteDeadlineMs: deadlineMs,
        deadlineMs,
        responseBytesMax: 2 * 1024 * 1024,
        chunkBytesMax: 2 * 1024 * 1024,
        chunksMax: 1024,
      });
    } catch {
      // Whatever the honest side makes of it is for the checkers to judge.
      return undefined;
    }
  }

  protected gossipBlock(block: Uint8Array, isBad: boolean): void {
    const data = toBinary(GossipBlockSchema, create(GossipBlockSchema, { block }));
    if (isBad) this.world.mischief.badMessages.add(messageDigest(data));
    this.world.background(this.host.publish("blocks", data));
  }

  /** It did what it is there for. */
  protected did(what: string): void {
    this.world.count(what);
    this.world.trace.add(this.name, what);
  }

  #tick(): void {
    if (this.#isOver) return;
    if (this.host.isOpen && this.hasTruth) {
      if (this.ticks % REDIAL_TICKS === 0) this.#dialAll();
      this.act();
      this.ticks += 1;
    }
    this.world.after(TICK_MS, () => this.#tick());
  }

  #dialAll(): void {
    const connected = this.connected();
    for (const { peerId, address, process } of this.world.machines) {
      if (process === undefined || connected.includes(peerId)) continue;
      this.world.background(this.#meet(peerId, address));
    }
  }

  async #meet(peerId: string, address: string): Promise<void> {
    try {
      await this.host.dial(peerId, [address], { deadlineMs: 2_000 });
    } catch {
      // The gate did its work, or the machine is down.
      return;
    }
    if (this.greets && this.hasTruth) await this.ask(peerId, "status", this.#status());
  }

  #status(): Uint8Array {
    const { genesisHash } = this.world.history.facts;
    const { final } = this.truth().snapshot();
    return toBinary(
      StatusSchema,
      create(StatusSchema, {
        versions: [1],
        genesisHash,
        finalHeight: BigInt(final.height),
        finalHash: final.hash,
        earliestHeight: 1n,
        ...this.claim(),
      }),
    );
  }

  #onEvent(event: HostEvent): void {
    if (event.type === "gossip") this.host.verdict(event.handle, "ignore");
    if (event.type !== "request" || this.#isOver) return;
    if (event.protocol === "goodbye") this.host.respond(event.handle, []);
    else if (event.protocol !== "status") this.onRequest(event);
    else if (this.greets && this.hasTruth) this.host.respond(event.handle, [this.#status()]);
  }
}
