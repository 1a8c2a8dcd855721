/**
 * Where gossip waits for its verdict. A message is announced as an event with a handle; whoever is above says accept,
 * ignore or reject; at the deadline it is ignored. Who comes in is decided at the intake (gossip-intake.ts).
 */

import type { ReadHeader } from "../chain/header.ts";
import type { Clock, TimerHandle } from "../kernel/ports/clock.ts";
import type { EventHub } from "./event-hub.ts";
import type { GossipStats, MessageHandle, Verdict } from "./port.ts";
import { TOPICS, type TopicName } from "./protocols.ts";

interface Waiting {
  readonly topic: TopicName;
  readonly timer: TimerHandle;
  readonly settle: (verdict: Verdict) => void;
}

interface Counts {
  messagesIn: number;
  accepted: number;
  ignored: number;
  rejected: number;
  expired: number;
  published: number;
}

export class PendingGossip {
  readonly #clock: Clock;
  readonly #events: EventHub;
  readonly #waiting = new Map<MessageHandle, Waiting>();
  readonly #counts: Readonly<Record<TopicName, Counts>> = { blocks: noCounts(), transactions: noCounts() };
  #verdictDeadlineMs = 0;
  #handles = 0;

  constructor(clock: Clock, events: EventHub) {
    this.#clock = clock;
    this.#events = events;
  }

  open(verdictDeadlineMs: number): void {
    this.#verdictDeadlineMs = verdictDeadlineMs;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Announces a message that has a place and answers with its verdict; never rejects. `header`: a block's, where it was read. */
  judge(peerId: string, topic: TopicName, data: Uint8Array, header?: ReadHeader): Promise<Verdict> {
    this.#counts[topic].messagesIn += 1;
    this.#handles += 1;
    const handle = String(this.#handles) as MessageHandle;
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const timer = this.#clock.setTimer(this.#verdictDeadlineMs, () => this.#expire(handle));
    this.#waiting.set(handle, { topic, timer, settle: resolve });
    const deadlineMs = this.#clock.monotonicMs() + this.#verdictDeadlineMs;
    this.#events.emit({ type: "gossip", handle, peerId, topic, data, header, deadlineMs });
    return promise;
  }

  /** A stale handle does nothing. */
  settle(handle: MessageHandle, verdict: Verdict): void {
    const waiting = this.#take(handle);
    if (waiting === undefined) return;
    const counts = this.#counts[waiting.topic];
    if (verdict === "accept") counts.accepted += 1;
    else if (verdict === "reject") counts.rejected += 1;
    else counts.ignored += 1;
    waiting.settle(verdict);
  }

  countPublished(topic: TopicName): void {
    this.#counts[topic].published += 1;
  }

  /** A message that was not even announced: there was no room, or its peer sent too many, or it brought nothing new. */
  countIgnored(topic: TopicName): void {
    this.#counts[topic].messagesIn += 1;
    this.#counts[topic].ignored += 1;
  }

  /** A message that was not even announced: too large for its topic, or malformed. */
  countRejected(topic: TopicName): void {
    this.#counts[topic].messagesIn += 1;
    this.#counts[topic].rejected += 1;
  }

  /** Ignores everything that waits. */
  close(): void {
    for (const handle of [...this.#waiting.keys()]) this.#take(handle)?.settle("ignore");
  }

  stats(peersOf: (topic: TopicName) => { subscribers: number; meshPeers: readonly string[] }): GossipStats[] {
    return TOPICS.map((topic) => ({ topic, ...peersOf(topic), ...this.#counts[topic] }));
  }

  #expire(handle: MessageHandle): void {
    const waiting = this.#take(handle);
    if (waiting === undefined) return;
    this.#counts[waiting.topic].expired += 1;
    waiting.settle("ignore");
  }

  #take(handle: MessageHandle): Waiting | undefined {
    const waiting = this.#waiting.get(handle);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(handle);
    waiting.timer.cancel();
    return waiting;
  }
}

function noCounts(): Counts {
  return {
    messagesIn: 0,
    accepted: 0,
    ignored: 0,
    rejected: 0,
    expired: 0,
    published: 0,
  };
}
