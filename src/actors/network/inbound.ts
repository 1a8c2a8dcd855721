/**
 * What peers send us, sorted: requests for ranges are answered from the chain, gossip is decoded and handed up for a
 * verdict, federation messages are opened and handed up for an answer. Owned by the NetworkActor, which calls it for
 * each event of the host; nothing is served to a peer before its status handshake.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Offence } from "../../../gen/alys/peer/v1/peer_pb.ts";
import {
  FederationMessageSchema,
  GossipBlockSchema,
  GossipTransactionSchema,
} from "../../../gen/alys/wire/v1/wire_pb.ts";
import { sha256 } from "../../chain/hash.ts";
import { type ReadHeader, readHeader } from "../../chain/header.ts";
import { MalformedError } from "../../chain/malformed.ts";
import type { BridgePort, FederationNote } from "../../integrations/bridge/port.ts";
import type { CheckpointStore } from "../../integrations/chain/checkpoint/checkpoint-store.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import { type EnginePort, TRANSACTION_BYTES_MAX } from "../../integrations/engine/port.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import { evidenceOf } from "../../p2p/evidence.ts";
import type { Host, HostEvent, MessageHandle, RequestHandle, Verdict } from "../../p2p/port.ts";
import { answerHashes, decodeHashRequest } from "./by-hash.ts";
import { decodeCheckpointRequest } from "./checkpoints.ts";
import { AWAITED_BLOCKS_MAX, SAME_CASE_MS, TRANSACTION_DEADLINE_MS } from "./config.ts";
import { type FederationEndpoint, isProof } from "./federation.ts";
import type { Greeted } from "./greeted.ts";
import { GREETING_WAIT_MS, GreetingWait } from "./greeting-wait.ts";
import { answerRange, decodeRangeRequest } from "./ranges.ts";

/** What inbound traffic leads to; the actor carries it out. */
export interface InboundEffects {
  offence(peerId: string, offence: Offence, detail: string, evidence: Uint8Array): void;
  /** `header`: undefined where the block has none that can be read; whoever judges it will say so. */
  blockArrived(
    handle: MessageHandle,
    peerId: string,
    block: Uint8Array,
    header: ReadHeader | undefined,
  ): void;
  /** False when nobody is there to answer. */
  federationArrived(
    handle: RequestHandle,
    peerId: string,
    memberKey: Uint8Array,
    payload: Uint8Array,
  ): boolean;
  transactionAccepted(hash: Uint8Array): void;
  /** Starts work outside the mailbox. */
  /** Hands over what a file said; undefined when it could not be read. */
  checkpoint(work: Promise<Uint8Array | undefined>, done: (evidence: Uint8Array | undefined) => void): void;
  /** Seals an answer to a member. */
  seal(payload: Uint8Array): Uint8Array | undefined;
  /** Hands over what the bridge replies; undefined when it did not take the message. */
  deliver(work: Promise<Uint8Array>, done: (reply: Uint8Array | undefined) => void): void;
  effect(work: Promise<Verdict>, done: (verdict: Verdict) => void): void;
  after(ms: number, run: () => void): void;
}

export interface InboundParts {
  readonly host: Host;
  readonly chain: ChainPort;
  readonly engine: EnginePort;
  readonly bridge: BridgePort;
  readonly checkpoints?: CheckpointStore | undefined;
  readonly clock: Clock;
  readonly greeted: Greeted;
  readonly federation: FederationEndpoint;
  readonly effects: InboundEffects;
}

type RequestEvent = Extract<HostEvent, { type: "request" }>;
type GossipEvent = Extract<HostEvent, { type: "gossip" }>;
type ViolationEvent = Extract<HostEvent, { type: "violation" }>;

export interface BlockReference {
  readonly height: number;
  readonly hash: Uint8Array;
}

export class Inbound {
  readonly #parts: InboundParts;
  readonly #awaited = new Map<MessageHandle, BlockReference>();
  readonly #waiting = new GreetingWait();

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  /**
   * Status and goodbye are the PeerActor's. A peer that has its answer to the handshake may ask at once, and its request can
   * be here before the news that it is greeted: so long it waits. Whoever does not greet is served nothing.
   */
  onRequest(event: RequestEvent): void {
    const { protocol, peerId, handle } = event;
    if (protocol === "status" || protocol === "goodbye") return;
    const { greeted, host, clock, effects } = this.#parts;
    if (greeted.has(peerId)) return this.#serve(event);
    if (!this.#waiting.add(event, clock.monotonicMs())) return host.respond(handle, "invalid-request");
    effects.after(GREETING_WAIT_MS, () => {
      for (const late of this.#waiting.takeLate(clock.monotonicMs()))
        host.respond(late.handle, "invalid-request");
    });
  }

  #serve(event: RequestEvent): void {
    switch (event.protocol) {
      case "blocks-by-range":
        return this.#serveRange(event);
      case "federation":
        return this.#openFederation(event);
      case "status":
      case "goodbye":
        return;
      case "blocks-by-hash":
        return this.#serveHashes(event);
      case "checkpoint":
        return this.#serveCheckpoint(event);
    }
  }

  onGossip(event: GossipEvent): void {
    if (!this.#parts.greeted.has(event.peerId)) return this.#parts.host.verdict(event.handle, "ignore");
    if (event.topic === "blocks") this.#onBlock(event);
    else this.#onTransaction(event);
  }

  onViolation({ peerId, protocol, kind, evidence }: ViolationEvent): void {
    const { clock, effects } = this.#parts;
    // Slowness proves nothing: it may be ours, or the way's.
    if (kind === "request-timeout") return;
    const detail = `${kind} on ${protocol}`;
    if (kind !== "rate-limited") return effects.offence(peerId, Offence.MALFORMED_MESSAGE, detail, evidence);
    // There are no bytes to tell one case from another.
    const when = Math.floor(clock.monotonicMs() / SAME_CASE_MS);
    effects.offence(peerId, Offence.FLOOD, detail, new TextEncoder().encode(`${detail} ${when}`));
  }

  /** Who is greeted changed: serves those that were waiting to be known. */
  onGreeted(): void {
    const { greeted } = this.#parts;
    for (const event of this.#waiting.takeIf((peerId) => greeted.has(peerId))) this.#serve(event);
  }

  /** The verdict on a message; the block that waited for it, for those who watch. */
  takeBlock(handle: MessageHandle): BlockReference | undefined {
    const reference = this.#awaited.get(handle);
    this.#awaited.delete(handle);
    return reference;
  }

  #await(handle: MessageHandle, { header, hash }: ReadHeader): void {
    if (this.#awaited.size >= AWAITED_BLOCKS_MAX) {
      const oldest = this.#awaited.keys().next();
      if (oldest.done !== true) this.#awaited.delete(oldest.value);
    }
    this.#awaited.set(handle, { height: header.height, hash });
  }

  #serveRange(event: RequestEvent): void {
    const { host, chain } = this.#parts;
    const range = decodeRangeRequest(event.payload);
    if (range === undefined) {
      this.#malformed(event.peerId, "blocks-by-range request", event.payload);
      return host.respond(event.handle, "invalid-request");
    }
    if (range.startHeight < chain.snapshot().earliestHeight) {
      return host.respond(event.handle, "resource-unavailable");
    }
    host.respond(event.handle, answerRange(chain, range));
  }

  #serveHashes(event: RequestEvent): void {
    const { host, chain } = this.#parts;
    const hashes = decodeHashRequest(event.payload);
    if (hashes === undefined) {
      this.#malformed(event.peerId, "blocks-by-hash request", event.payload);
      return host.respond(event.handle, "invalid-request");
    }
    // Nothing is served while the history behind an adopted checkpoint is to be proven first.
    const { head, earliestHeight } = chain.snapshot();
    if (earliestHeight > Math.max(1, head.height)) return host.respond(event.handle, "resource-unavailable");
    host.respond(event.handle, answerHashes(chain, hashes));
  }

  #serveCheckpoint(event: RequestEvent): void {
    const { host, checkpoints, effects } = this.#parts;
    const request = decodeCheckpointRequest(event.payload);
    if (request === undefined) {
      this.#malformed(event.peerId, "checkpoint request", event.payload);
      return host.respond(event.handle, "invalid-request");
    }
    if (checkpoints === undefined) return host.respond(event.handle, "resource-unavailable");
    const { heightMax, knownChangeHeight } = request;
    effects.checkpoint(checkpoints.serve(heightMax, knownChangeHeight), (evidence) =>
      host.respond(event.handle, evidence === undefined ? "resource-unavailable" : [evidence]),
    );
  }

  #openFederation(event: RequestEvent): void {
    const { host, greeted, federation, clock, effects } = this.#parts;
    const memberKey = greeted.memberKey(event.peerId);
    if (memberKey === undefined) return host.respond(event.handle, "invalid-request");
    const opened = federation.open(event.peerId, event.payload, clock.nowMs());
    if (!opened.ok) {
      if (isProof(opened.fault)) {
        this.#malformed(event.peerId, `federation message: ${opened.fault}`, event.payload);
      }
      return host.respond(event.handle, "invalid-request");
    }
    const { payload } = opened.message;
    if (payload.case === "opaque") return this.#deliver(event, { memberKey, ...payload.value });
    if (!effects.federationArrived(event.handle, event.peerId, memberKey, opened.bytes)) {
      host.respond(event.handle, "resource-unavailable");
    }
  }

  /** What members' own processes say to each other goes to the bridge; its label and reply, sealed, are the receipt. */
  #deliver(event: RequestEvent, { memberKey, label, content }: FederationNote): void {
    const { host, bridge, effects } = this.#parts;
    effects.deliver(bridge.deliver({ memberKey, label, content }), (reply) => {
      const receipt = reply && effects.seal(opaqueMessage(label, reply));
      host.respond(event.handle, receipt === undefined ? "resource-unavailable" : [receipt]);
    });
  }

  #onBlock(event: GossipEvent): void {
    const { host, effects } = this.#parts;
    const block = decodeGossip(() => fromBinary(GossipBlockSchema, event.data).block);
    if (block === undefined) {
      this.#malformed(event.peerId, "gossip block", event.data);
      return host.verdict(event.handle, "reject");
    }
    const header = event.header ?? headerIn(block);
    if (header !== undefined) this.#await(event.handle, header);
    effects.blockArrived(event.handle, event.peerId, block, header);
  }

  #onTransaction(event: GossipEvent): void {
    const { host, engine, effects } = this.#parts;
    const transaction = decodeGossip(() => fromBinary(GossipTransactionSchema, event.data).transaction);
    if (transaction === undefined || transaction.length > TRANSACTION_BYTES_MAX) {
      this.#malformed(event.peerId, "gossip transaction", event.data);
      return host.verdict(event.handle, "reject");
    }
    const judged = engine.validateTransaction(transaction, TRANSACTION_DEADLINE_MS, event.peerId);
    effects.effect(judged, (verdict) => {
      // What an engine thinks of a transaction the peer that forwards it cannot know: an opinion costs it nothing.
      host.verdict(event.handle, verdict === "accept" ? "accept" : "ignore");
      if (verdict === "accept") effects.transactionAccepted(sha256(transaction));
    });
  }

  #malformed(peerId: string, what: string, bytes: Uint8Array): void {
    this.#parts.effects.offence(peerId, Offence.MALFORMED_MESSAGE, `malformed ${what}`, evidenceOf(bytes));
  }
}

/** Undefined where it cannot be read. */
function headerIn(block: Uint8Array): ReadHeader | undefined {
  try {
    return readHeader(block);
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function opaqueMessage(label: string, content: Uint8Array): Uint8Array {
  const message = create(FederationMessageSchema, { payload: { case: "opaque", value: { label, content } } });
  return toBinary(FederationMessageSchema, message);
}

/** The field, or undefined when the message is no protobuf or the field is empty. */
function decodeGossip(decode: () => Uint8Array): Uint8Array | undefined {
  try {
    const bytes = decode();
    return bytes.length === 0 ? undefined : bytes;
  } catch {
    return undefined;
  }
}
