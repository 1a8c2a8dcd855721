/**
 * What the contract suite of hosts builds on: hosts that are watched, opened and closed by the suite, and how to wait for
 * what they tell.
 */

import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { GossipTransactionSchema } from "../../gen/alys/wire/v1/wire_pb.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { seededRandom } from "../../src/kernel/ports/random.ts";
import { type Identity, identityFromSeed } from "../../src/p2p/identity.ts";
import type {
  ConnectionGate,
  Host,
  HostEvent,
  HostOptions,
  RequestOptions,
  ResponseError,
} from "../../src/p2p/port.ts";

export interface HostHarness {
  /** A closed host. */
  create(identity: Identity, gate: ConnectionGate): Host;
  readonly listenAddresses: readonly string[];
  readonly transports: HostOptions["transports"];
  /** A well-formed address at which nobody listens. */
  readonly deafAddress: string;
}

export const GENESIS = new Uint8Array(32).fill(0x5a);

/** Generous: these tests share cores with others. */
export const PATIENCE_MS = 30_000;

export const REQUEST: RequestOptions = {
  firstByteDeadlineMs: 5000,
  deadlineMs: 8000,
  responseBytesMax: 1024 * 1024,
  chunkBytesMax: 512 * 1024,
  chunksMax: 16,
};

const random = seededRandom(20_240_601);

/** A host under test with all its events. */
export class Watched {
  readonly host: Host;
  readonly gate: { banned: Set<string>; refused: number } & ConnectionGate;
  readonly events: HostEvent[] = [];
  /** Whether every peer that connects counts as one that has greeted. */
  admits = true;
  #waiting: (() => void)[] = [];

  constructor(harness: HostHarness) {
    const banned = new Set<string>();
    this.gate = {
      banned,
      refused: 0,
      allows: (peerId) => peerId === undefined || !banned.has(peerId),
    };
    this.host = harness.create(identityFromSeed(random.bytes(32)), this.gate);
    this.host.subscribe((event) => {
      this.events.push(event);
      if (this.admits && event.type === "connectionOpened")
        this.host.admitPeer(event.connection.peerId, true);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  get id(): string {
    return this.host.peerId;
  }

  /** The first event of that type that fits, from the past or the future. */
  async until<T extends HostEvent["type"]>(
    type: T,
    fits: (event: Extract<HostEvent, { type: T }>) => boolean = () => true,
  ): Promise<Extract<HostEvent, { type: T }>> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      for (const event of this.events) {
        const candidate = event as Extract<HostEvent, { type: T }>;
        if (event.type === type && fits(candidate)) return candidate;
      }
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        deadline.addEventListener("abort", () => reject(new Error(`no event ${type}`)), { once: true });
      });
    }
  }

  count(type: HostEvent["type"]): number {
    return this.events.filter((event) => event.type === type).length;
  }
}

export function options(harness: HostHarness, changes: Partial<HostOptions> = {}): HostOptions {
  return {
    genesisHash: GENESIS,
    listenAddresses: harness.listenAddresses,
    bootstrapAddresses: [],
    transports: harness.transports,
    encryption: ["tls"],
    mdns: false,
    kadDht: false,
    privateNetwork: true,
    connectionsMax: 50,
    topics: ["blocks", "transactions"],
    protocols: ["status", "blocks-by-range", "goodbye", "federation"],
    gossip: { heartbeatMs: 200 },
    agentVersion: "contract/1",
    ...changes,
  };
}

/** A gossip message with this inside: the hosts let nothing in that is in no canonical envelope. */
export function enveloped(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = create(GossipTransactionSchema, { transaction: content });
  return new Uint8Array(toBinary(GossipTransactionSchema, message));
}

export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (thrown) {
    assert.ok(thrown instanceof Failure, `rejects with a Failure, not ${thrown}`);
    return thrown;
  }
  throw new Error("nothing failed");
}

/** Polls a condition that no event announces. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

type Answer = Iterable<Uint8Array> | AsyncIterable<Uint8Array> | ResponseError;

/** Answers every request of a host. */
export function answerAll(watched: Watched, answer: (payload: Uint8Array) => Answer): void {
  watched.host.subscribe((event) => {
    if (event.type === "request") watched.host.respond(event.handle, answer(event.payload));
  });
}

export function judgeAll(watched: Watched, verdict: "accept" | "ignore" | "reject"): void {
  watched.host.subscribe((event) => {
    if (event.type === "gossip") watched.host.verdict(event.handle, verdict);
  });
}

export class Hosts {
  readonly #harness: HostHarness;
  #open: Watched[] = [];

  constructor(harness: HostHarness) {
    this.#harness = harness;
  }

  async start(changes: Partial<HostOptions> = {}): Promise<Watched> {
    const watched = new Watched(this.#harness);
    this.#open.push(watched);
    await watched.host.open(options(this.#harness, changes));
    return watched;
  }

  async pair(): Promise<[Watched, Watched]> {
    const [asker, answerer] = [await this.start(), await this.start()];
    await this.join(asker, answerer);
    return [asker, answerer];
  }

  /** Connects two hosts; done when both know each other's identity. */
  async join(from: Watched, to: Watched): Promise<void> {
    await from.host.dial(to.id, to.host.addresses(), { deadlineMs: PATIENCE_MS });
    await to.until("peerIdentified", ({ identity }) => identity.peerId === from.id);
    await from.until("peerIdentified", ({ identity }) => identity.peerId === to.id);
  }

  /** Joins and waits until gossip flows both ways. */
  async joinGossip(from: Watched, to: Watched): Promise<void> {
    await this.join(from, to);
    await from.until("subscriptionChanged", (event) => event.peerId === to.id && event.topic === "blocks");
    await to.until("subscriptionChanged", (event) => event.peerId === from.id && event.topic === "blocks");
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map(({ host }) => host.close()));
  }
}
