/** What the connected peers said of themselves: identity and subscriptions, as identify and gossipsub would carry them. */

import type { EventHub } from "../event-hub.ts";
import type { HostOptions, PeerIdentity } from "../port.ts";
import { protocolId, TOPICS, type TopicName, topicId } from "../protocols.ts";

export interface Greeting {
  readonly identity: PeerIdentity;
  /** Full names. */
  readonly topics: readonly string[];
}

export function greetingOf(peerId: string, options: HostOptions, addresses: readonly string[]): Greeting {
  return {
    identity: {
      peerId,
      agentVersion: options.agentVersion ?? "alysd",
      protocols: options.protocols.map((name) => protocolId(options.genesisHash, name)),
      listenAddresses: [...addresses],
      observedAddress: undefined,
    },
    topics: options.topics.map((topic) => topicId(options.genesisHash, topic)),
  };
}

export class IdentifyCache {
  readonly #events: EventHub;
  readonly #identities = new Map<string, PeerIdentity>();
  readonly #subscriptions: Readonly<Record<TopicName, Set<string>>> = {
    blocks: new Set(),
    transactions: new Set(),
  };

  constructor(events: EventHub) {
    this.#events = events;
  }

  greeted({ identity, topics }: Greeting, genesisHash: Uint8Array): void {
    const { peerId } = identity;
    this.#identities.set(peerId, identity);
    this.#events.emit({ type: "peerIdentified", identity });
    for (const topic of TOPICS) {
      if (!topics.includes(topicId(genesisHash, topic)) || this.#subscriptions[topic].has(peerId)) continue;
      this.#subscriptions[topic].add(peerId);
      this.#events.emit({ type: "subscriptionChanged", peerId, topic, isSubscribed: true });
    }
  }

  forget(peerId: string): void {
    this.#identities.delete(peerId);
    for (const topic of TOPICS) this.#subscriptions[topic].delete(peerId);
  }

  identities(): PeerIdentity[] {
    return [...this.#identities.values()];
  }

  subscribers(topic: TopicName): string[] {
    return [...this.#subscriptions[topic]];
  }

  subscriptions(): Record<TopicName, string[]> {
    return { blocks: this.subscribers("blocks"), transactions: this.subscribers("transactions") };
  }
}
