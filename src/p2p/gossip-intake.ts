/**
 * Where gossip comes in, the same for both hosts. The cheapest look comes first: the envelope, the peer's rate, the id, what the
 * block's header says, the rate of all, a place in the queue. What is not let in leaves no trace but a count: its id is not
 * remembered, so the same message may still come from another peer.
 */

import type { ReadHeader } from "../chain/header.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { hostFailure } from "./failures.ts";
import { messageId, openEnvelope } from "./gossip-envelope.ts";
import { GossipQueue, type QueuedMessage } from "./gossip-queue.ts";
import { GossipRates } from "./gossip-rates.ts";
import type { PendingGossip } from "./pending-gossip.ts";
import type { BlockPrecheck, Precheck } from "./port.ts";
import { TOPIC_BYTES_MAX, type TopicName } from "./protocols.ts";

export interface Arrival {
  readonly peerId: string;
  readonly topic: TopicName;
  /** The full name of the topic. */
  readonly topicId: string;
  readonly data: Uint8Array;
  readonly isReserved: boolean;
  /** Whether a message of this id came before. */
  readonly isSeen: (id: Uint8Array) => boolean;
}

/** What becomes of an arrival. One that is inside has to `leave` when it is over. */
export type Entry =
  | { readonly kind: "inside"; readonly queued: QueuedMessage; readonly header: ReadHeader | undefined }
  | { readonly kind: "seen" }
  | { readonly kind: "ignored" }
  | { readonly kind: "malformed"; readonly fault: "message-too-large" | "message-malformed" };

/** Nobody looks at blocks: each is taken for a new one. */
const UNSEEN: Precheck = { kind: "fresh", block: undefined };

export class GossipIntake {
  readonly #clock: Clock;
  readonly #pending: PendingGossip;
  readonly #rates = new GossipRates();
  readonly #queue = new GossipQueue();
  #precheck: BlockPrecheck | undefined;

  constructor(clock: Clock, pending: PendingGossip) {
    this.#clock = clock;
    this.#pending = pending;
  }

  open(precheck: BlockPrecheck | undefined): void {
    this.#precheck = precheck;
  }

  enter(arrival: Arrival): Entry {
    const { topic } = arrival;
    const entry = this.#look(arrival);
    if (entry.kind === "malformed") this.#pending.countRejected(topic);
    if (entry.kind === "ignored") this.#pending.countIgnored(topic);
    return entry;
  }

  /** Frees the place. */
  leave(queued: QueuedMessage): void {
    this.#queue.leave(queued);
  }

  /** Throws when we publish more than we may pass on. */
  checkPublished(topic: TopicName, bytes: number): void {
    if (bytes > TOPIC_BYTES_MAX[topic]) {
      throw hostFailure("PUBLISH_FAILED", `${bytes} bytes are too many for ${topic}`);
    }
    if (!this.#rates.takeOfAll(topic, bytes, true, this.#clock.monotonicMs())) {
      throw hostFailure("HOST_BUSY", `${topic} are as many as peers take`);
    }
  }

  #look({ peerId, topic, topicId, data, isReserved, isSeen }: Arrival): Entry {
    const nowMs = this.#clock.monotonicMs();
    if (data.length > TOPIC_BYTES_MAX[topic]) return { kind: "malformed", fault: "message-too-large" };
    const content = openEnvelope(data);
    if (content === undefined) return { kind: "malformed", fault: "message-malformed" };
    if (!this.#rates.takeOfPeer(peerId, topic, data.length, isReserved, nowMs)) return { kind: "ignored" };
    if (isSeen(messageId(topicId, data))) return { kind: "seen" };
    const precheck = topic === "blocks" ? (this.#precheck?.(content) ?? UNSEEN) : UNSEEN;
    if (precheck.kind === "malformed") return { kind: "malformed", fault: "message-malformed" };
    if (precheck.kind === "known") return { kind: "ignored" };
    const { block, header } = precheck;
    const isFresh = precheck.kind === "fresh";
    const queued: QueuedMessage = { peerId, topic, bytes: data.length, isReserved, isFresh, block };
    if (!this.#queue.enter(queued)) return { kind: "ignored" };
    if (this.#rates.takeOfAll(topic, data.length, isReserved, nowMs))
      return { kind: "inside", queued, header };
    this.#queue.leave(queued);
    return { kind: "ignored" };
  }
}
