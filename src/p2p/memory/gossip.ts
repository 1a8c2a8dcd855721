/**
 * Gossip in memory: flooding to every connected subscriber, with the same verdicts, duplicates and penalties as the real
 * one. What it lacks is the mesh: no degree, no IHAVE.
 */

import { createHash } from "node:crypto";
import { hostFailure } from "../failures.ts";
import type { GossipDesk } from "../gossip-desk.ts";
import { TOPIC_BYTES_MAX, type TopicName } from "../protocols.ts";

/** Ids remembered; at the bound the oldest is forgotten, as after gossipsub's two minutes. */
const SEEN_MAX = 4096;

/** Peers below this are not listened to. */
const GRAYLIST_SCORE = -160;

export interface MemoryGossipParts {
  readonly desk: GossipDesk;
  /** Connected peers that subscribed to the topic. */
  readonly subscribers: (topic: TopicName) => readonly string[];
  readonly send: (peerId: string, topic: TopicName, data: Uint8Array) => void;
  readonly applicationScore: (peerId: string) => number;
}

export class MemoryGossip {
  readonly #parts: MemoryGossipParts;
  readonly #seen = new Set<string>();

  constructor(parts: MemoryGossipParts) {
    this.#parts = parts;
  }

  publish(topic: TopicName, data: Uint8Array): { readonly recipients: number } {
    if (data.length > TOPIC_BYTES_MAX[topic]) {
      throw hostFailure("PUBLISH_FAILED", `${data.length} bytes are too many for ${topic}`);
    }
    if (!this.#isNew(topic, data)) return { recipients: 0 };
    this.#parts.desk.countPublished(topic);
    const peers = this.#parts.subscribers(topic);
    for (const peerId of peers) this.#parts.send(peerId, topic, data);
    return { recipients: peers.length };
  }

  async receive(from: string, topic: TopicName, data: Uint8Array): Promise<void> {
    if (this.score(from) < GRAYLIST_SCORE || !this.#isNew(topic, data)) return;
    const verdict =
      data.length > TOPIC_BYTES_MAX[topic] ? "reject" : await this.#parts.desk.judge(from, topic, data);
    if (verdict !== "accept") return;
    for (const peerId of this.#parts.subscribers(topic)) {
      if (peerId !== from) this.#parts.send(peerId, topic, data);
    }
  }

  /** As the libp2p host's: what a peer did is the application's to judge. */
  score(peerId: string): number {
    return this.#parts.applicationScore(peerId);
  }

  #isNew(topic: TopicName, data: Uint8Array): boolean {
    const id = createHash("sha256").update(topic).update("\0").update(data).digest("base64");
    if (this.#seen.has(id)) return false;
    const oldest = this.#seen.values().next();
    if (this.#seen.size >= SEEN_MAX && oldest.done !== true) this.#seen.delete(oldest.value);
    this.#seen.add(id);
    return true;
  }
}
