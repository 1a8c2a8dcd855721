/**
 * Gossip over gossipsub 1.2: the two topics, ids by content, validation that waits for a verdict before anything is
 * forwarded, and limits for what is decoded. Messages are unsigned: a block proves itself.
 */

import {
  type GossipSub,
  type GossipSubComponents,
  type GossipsubMessage,
  gossipsub,
  type Message,
  StrictNoSign,
  type SubscriptionChangeData,
  TopicValidatorResult,
} from "@chainsafe/libp2p-gossipsub";
import type { PeerId } from "@libp2p/interface";
import type { ReadHeader } from "../../chain/header.ts";
import { assert } from "../../kernel/errors.ts";
import type { EventHub } from "../event-hub.ts";
import { evidenceOf } from "../evidence.ts";
import { toHostFailure } from "../failures.ts";
import { messageId } from "../gossip-envelope.ts";
import type { GossipIntake } from "../gossip-intake.ts";
import type { PendingGossip } from "../pending-gossip.ts";
import { GOSSIP_DEFAULTS, type GossipOptions, type HostOptions, type Verdict } from "../port.ts";
import { TOPICS, type TopicName, topicId } from "../protocols.ts";
import { type GarbageRouter, tellGarbage } from "./gossip-garbage.ts";
import type { GossipLinks } from "./gossip-links.ts";
import { type Screen, type ScreenedRouter, screenGossip } from "./gossip-screen.ts";
import type { Guard } from "./guard.ts";
import { SCORE_THRESHOLDS, scoreParams } from "./score.ts";

/** What gossipsub's router can do beyond its published interface. */
interface Router extends GossipSub, GarbageRouter, ScreenedRouter {
  getScore(peerId: string): number;
  getMeshPeers(topic: string): string[];
  reportMessageValidationResult(id: string, source: string, result: TopicValidatorResult): void;
}

/** One RPC: an answer to IWANT brings several messages at once. A longer one ends the gossip stream. */
const RPC_BYTES_MAX = 8 * 1024 * 1024;

/** What waits to be sent to one peer: eight of the largest blocks. At the bound the stream is reset. */
const OUTBOUND_BYTES_MAX = 16 * 1024 * 1024;

/**
 * An RPC beyond these counts is dropped while it is decoded. A peer has two topics, and at most 5,000 ids to offer. One RPC is
 * worked on at once: with 64 lists of ids, seven megabytes of them held the event loop for a second and more.
 */
const DECODE_LIMITS = {
  maxSubscriptions: 16,
  maxMessages: 1024,
  maxIhaveMessageIDs: 5000,
  maxIwantMessageIDs: 5000,
  maxIdontwantMessageIDs: 512,
  maxControlMessages: 4,
  maxPeerInfos: 16,
} as const;

/** Below this IDONTWANT costs more than the duplicate that it saves. */
const IDONTWANT_BYTES_MIN = 4096;

/** Our own lag breaks promises; three seconds, the default, were seen to punish honest peers. */
const IWANT_FOLLOWUP_MS = 12_000;

const RESULTS: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

function topicIdsOf(genesisHash: Uint8Array): Record<TopicName, string> {
  return { blocks: topicId(genesisHash, "blocks"), transactions: topicId(genesisHash, "transactions") };
}

/** The gossipsub service of a node opened with these options. */
export function gossipService(
  options: HostOptions,
  applicationScore: (peerId: string) => number,
  links: GossipLinks,
): (components: GossipSubComponents) => GossipSub {
  const gossip: GossipOptions = { ...GOSSIP_DEFAULTS, ...options.gossip };
  const topicIds = topicIdsOf(options.genesisHash);
  const { slotDurationMs } = gossip;
  const { privateNetwork } = options;
  const service = gossipsub({
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: (message: Message) => messageId(message.topic, message.data),
    asyncValidation: true,
    allowedTopics: Object.values(topicIds),
    canRelayMessage: false,
    emitSelf: false,
    fallbackToFloodsub: false,
    floodPublish: true,
    batchPublish: true,
    doPX: false,
    tagMeshPeers: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    D: gossip.degree,
    Dlo: gossip.degreeLow,
    Dhi: gossip.degreeHigh,
    Dscore: Math.max(1, Math.floor(gossip.degree / 2)),
    Dout: Math.max(0, Math.min(2, gossip.degreeLow - 1, Math.floor(gossip.degree / 2))),
    heartbeatInterval: gossip.heartbeatMs,
    mcacheLength: 6,
    mcacheGossip: 3,
    gossipsubIWantFollowupMs: IWANT_FOLLOWUP_MS,
    idontwantMinDataSize: IDONTWANT_BYTES_MIN,
    maxInboundDataLength: RPC_BYTES_MAX,
    maxOutboundBufferSize: OUTBOUND_BYTES_MAX,
    decodeRpcLimits: DECODE_LIMITS,
    maxTopicBytesPerPeer: 64 * 1024,
    scoreParams: scoreParams({ slotDurationMs, privateNetwork, applicationScore, topicIds }),
    scoreThresholds: SCORE_THRESHOLDS,
  });
  return (components) => {
    const registrar = links.registrarOver(
      components.registrar,
    ) as unknown as GossipSubComponents["registrar"];
    const { peerId, privateKey, peerStore, connectionManager, logger } = components;
    return service({ peerId, privateKey, peerStore, connectionManager, logger, registrar });
  };
}

/** How often gossip is looked after. */
export function heartbeatMsOf(options: HostOptions): number {
  return options.gossip?.heartbeatMs ?? GOSSIP_DEFAULTS.heartbeatMs;
}

/** What is counted of each message, whatever becomes of it. */
const MEASURES = { blocks: "gossipBlocks", transactions: "gossipTransactions" } as const;

export interface GossipParts {
  readonly pending: PendingGossip;
  readonly intake: GossipIntake;
  readonly guard: Guard;
  readonly events: EventHub;
  readonly isReserved: (peerId: string) => boolean;
}

export class Gossip {
  readonly #router: Router;
  readonly #parts: GossipParts;
  /** Headers that the intake read, by the array in which the message arrived. */
  readonly #headers = new WeakMap<Uint8Array, ReadHeader>();
  readonly #topicIds: Readonly<Record<TopicName, string>>;

  constructor(service: GossipSub, parts: GossipParts, genesisHash: Uint8Array) {
    const router = service as unknown as Router;
    assert(typeof router.getScore === "function", "gossipsub tells scores");
    assert(typeof router.getMeshPeers === "function", "gossipsub tells its mesh");
    assert(typeof router.reportMessageValidationResult === "function", "gossipsub takes verdicts");
    assert(typeof router.pipePeerReadStream === "function", "gossipsub reads a stream of each peer");
    assert(typeof router.decodeRpc === "function", "gossipsub decodes by a method of its own");
    this.#router = router;
    this.#parts = parts;
    this.#topicIds = topicIdsOf(genesisHash);
  }

  /** Hooks into the router, before it starts. */
  attach(): void {
    for (const topic of TOPICS) {
      this.#router.topicValidators.set(this.#topicIds[topic], (peer, message) =>
        this.#validate(peer, topic, message.data),
      );
    }
    tellGarbage(this.#router, (peer, bytes) => this.#malformed(peer.toString(), "message-malformed", bytes));
    screenGossip(this.#router, {
      guard: this.#parts.guard,
      screen: this.#screen,
      onSigned: (peerId, bytes) => this.#malformed(peerId, "message-malformed", bytes),
    });
    this.#router.addEventListener("gossipsub:message", (event) => this.#forward(event.detail));
    this.#router.addEventListener("subscription-change", (event) => this.#onSubscription(event.detail));
  }

  subscribe(topics: readonly TopicName[]): void {
    for (const topic of topics) this.#router.subscribe(this.#topicIds[topic]);
  }

  async publish(topic: TopicName, data: Uint8Array): Promise<{ readonly recipients: number }> {
    const { intake, pending } = this.#parts;
    intake.checkPublished(topic, data.length);
    try {
      const { recipients } = await this.#router.publish(this.#topicIds[topic], data);
      pending.countPublished(topic);
      return { recipients: recipients.length };
    } catch (thrown) {
      throw toHostFailure(thrown, "PUBLISH_FAILED");
    }
  }

  score(peerId: string): number {
    return this.#router.getScore(peerId);
  }

  subscribers(topic: TopicName): string[] {
    return this.#router.getSubscribers(this.#topicIds[topic]).map((peer) => peer.toString());
  }

  meshPeers(topic: TopicName): string[] {
    return this.#router.getMeshPeers(this.#topicIds[topic]);
  }

  /** Lets the router hear of what the intake lets in. */
  readonly #screen: Screen = async (peerId, { topicId: name, data }, pass) => {
    const { intake, guard, isReserved } = this.#parts;
    const topic = TOPICS.find((known) => this.#topicIds[known] === name);
    if (topic === undefined) return "refused";
    if (!guard.take(peerId, MEASURES[topic], 1)) return "refused";
    const isSeen = (id: Uint8Array): boolean => this.#router.seenCache.has(this.#router.msgIdToStrFn(id));
    const arrival = { peerId, topic, topicId: name, data, isReserved: isReserved(peerId), isSeen };
    const entry = intake.enter(arrival);
    switch (entry.kind) {
      case "inside":
        if (entry.header !== undefined) this.#headers.set(data, entry.header);
        try {
          await pass();
        } finally {
          intake.leave(entry.queued);
        }
        return "passed";
      case "seen":
        await pass();
        return "passed";
      case "malformed":
        this.#malformed(peerId, entry.fault, data);
        return "refused";
      case "ignored":
        return "refused";
    }
  };

  #malformed(peerId: string, kind: "message-too-large" | "message-malformed", bytes: Uint8Array): void {
    const { guard, events } = this.#parts;
    if (!guard.take(peerId, "malformedGossip", 1)) return;
    events.emit({ type: "violation", peerId, protocol: "gossip", kind, evidence: evidenceOf(bytes) });
  }

  async #validate(peer: PeerId, topic: TopicName, data: Uint8Array): Promise<TopicValidatorResult> {
    // What arrives is a Buffer; above the port there are only plain arrays.
    const plain = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const header = this.#headers.get(data);
    return RESULTS[await this.#parts.pending.judge(peer.toString(), topic, plain, header)];
  }

  /** Arrives only for accepted messages; telling the router at once makes it forward and credit them. */
  #forward(message: GossipsubMessage): void {
    this.#router.reportMessageValidationResult(
      message.msgId,
      message.propagationSource.toString(),
      TopicValidatorResult.Accept,
    );
  }

  #onSubscription(change: SubscriptionChangeData): void {
    const peerId = change.peerId.toString();
    for (const { topic: id, subscribe: isSubscribed } of change.subscriptions) {
      const topic = TOPICS.find((name) => this.#topicIds[name] === id);
      if (topic !== undefined)
        this.#parts.events.emit({ type: "subscriptionChanged", peerId, topic, isSubscribed });
    }
  }
}
