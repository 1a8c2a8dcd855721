/**
 * Gossip in memory: flooding to every connected subscriber, with the same verdicts, duplicates and penalties as the real
 * one. What it lacks is the mesh: no degree, no IHAVE.
 */

import type { Clock } from "../../kernel/ports/clock.ts";
import type { EventHub } from "../event-hub.ts";
import { evidenceOf } from "../evidence.ts";
import { messageId } from "../gossip-envelope.ts";
import { GossipIntake } from "../gossip-intake.ts";
import type { PendingGossip } from "../pending-gossip.ts";
import { GOSSIP_DEFAULTS, type HostOptions, type Verdict } from "../port.ts";
import type { TopicName } from "../protocols.ts";

/** Ids remembered; at the bound the oldest is forgotten, as after gossipsub's two minutes. */
const SEEN_MAX = 4096;

/** Peers below this are not listened to. */
const GRAYLIST_SCORE = -160;

export interface MemoryGossipParts {
  readonly pending: PendingGossip;
  readonly clock: Clock;
  readonly events: EventHub;
  readonly isReserved: (peerId: string) => boolean;
  /** Connected peers that subscribed to the topic. */
  readonly subscribers: (topic: TopicName) => readonly string[];
  readonly send: (peerId: string, topic: TopicName, data: Uint8Array) => void;
  readonly applicationScore: (peerId: string) => number;
}

export class MemoryGossip {
  readonly #parts: MemoryGossipParts;
  readonly #intake: GossipIntake;
  readonly #seen = new Set<string>();

  constructor(parts: MemoryGossipParts) {
    this.#parts = parts;
    this.#intake = new GossipIntake(parts.clock, parts.pending);
  }

  open(options: HostOptions): void {
    this.#parts.pending.open({ ...GOSSIP_DEFAULTS, ...options.gossip }.verdictDeadlineMs);
    this.#intake.open(options.precheck);
  }

  publish(topic: TopicName, data: Uint8Array): { readonly recipients: number } {
    const id = messageId(topic, data);
    this.#intake.checkPublished(topic, data.length);
    if (this.#seen.has(keyOf(id))) return { recipients: 0 };
    this.#remember(id);
    this.#parts.pending.countPublished(topic);
    const peers = this.#parts.subscribers(topic);
    for (const peerId of peers) this.#parts.send(peerId, topic, data);
    return { recipients: peers.length };
  }

  async receive(from: string, topic: TopicName, data: Uint8Array): Promise<void> {
    if (this.score(from) < GRAYLIST_SCORE) return;
    const verdict = await this.#judge(from, topic, data);
    if (verdict !== "accept") return;
    for (const peerId of this.#parts.subscribers(topic)) {
      if (peerId !== from) this.#parts.send(peerId, topic, data);
    }
  }

  /** As the libp2p host's: what a peer did is the application's to judge. */
  score(peerId: string): number {
    return this.#parts.applicationScore(peerId);
  }

  async #judge(peerId: string, topic: TopicName, data: Uint8Array): Promise<Verdict> {
    const { pending, events, isReserved } = this.#parts;
    const isSeen = (id: Uint8Array): boolean => this.#seen.has(keyOf(id));
    const arrival = { peerId, topic, topicId: topic, data, isReserved: isReserved(peerId), isSeen };
    const entry = this.#intake.enter(arrival);
    switch (entry.kind) {
      case "malformed":
        events.emit({
          type: "violation",
          peerId,
          protocol: "gossip",
          kind: entry.fault,
          evidence: evidenceOf(data),
        });
        return "reject";
      case "seen":
      case "ignored":
        return "ignore";
      case "inside":
        this.#remember(messageId(topic, data));
        return pending
          .judge(peerId, topic, data, entry.header)
          .finally(() => this.#intake.leave(entry.queued));
    }
  }

  #remember(id: Uint8Array): void {
    const oldest = this.#seen.values().next();
    if (this.#seen.size >= SEEN_MAX && oldest.done !== true) this.#seen.delete(oldest.value);
    this.#seen.add(keyOf(id));
  }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id).toString("base64");
}
