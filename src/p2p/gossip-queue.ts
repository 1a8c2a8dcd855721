/**
 * The room in which gossip waits for its verdict, and who may use how much of it. Pure. Nobody takes more than a share, so
 * that no peer fills it; the last quarter is for reserved peers, among them the members; and of the queue of blocks only a part
 * is for what does not look like a new block of the present, so that nothing else keeps such a block out.
 */

import { TOPICS, type TopicName } from "./protocols.ts";

interface Amount {
  readonly messages: number;
  readonly bytes: number;
}

const MIB = 1024 * 1024;

/**
 * Messages that wait, per topic, in number and bytes. Past it a message is not taken, nor remembered: another peer, or the same
 * one, may bring it again. Blocks: 32 of the largest. Transactions: a second of a busy chain.
 */
const ROOM_MAX: Readonly<Record<TopicName, Amount>> = {
  blocks: { messages: 64, bytes: 64 * MIB },
  transactions: { messages: 2048, bytes: 16 * MIB },
};

/** What one peer may have waiting: an eighth. A reserved one: twice that. */
const PEER_SHARE = 1 / 8;
const RESERVED_SHARE = 1 / 4;

/** What peers without a reservation may have waiting together. */
const ORDINARY_SHARE = 3 / 4;

/** Blocks that do not look new may take three eighths in all, and half of a peer's share. */
const STALE_SHARE = 3 / 8;
const PEER_STALE_SHARE = 1 / 2;

/** Waiting blocks of one header, each with another approval: none that is invalid keeps a valid one out for long. */
const RIVALS_MAX = 4;

/** What asks for a place. */
export interface QueuedMessage {
  readonly peerId: string;
  readonly topic: TopicName;
  readonly bytes: number;
  readonly isReserved: boolean;
  /** A block that looks new: a header of the present, marked as approved by its author and a quorum. */
  readonly isFresh: boolean;
  /** Tells blocks of one header; a peer has one place for each. */
  readonly block?: string | undefined;
}

/** How much of something is taken. */
class Taken {
  messages = 0;
  bytes = 0;

  add(queued: QueuedMessage, sign: 1 | -1): void {
    this.messages += sign;
    this.bytes += sign * queued.bytes;
  }

  leaves(queued: QueuedMessage, { messages, bytes }: Amount, share: number): boolean {
    return this.messages + 1 <= messages * share && this.bytes + queued.bytes <= bytes * share;
  }
}

/** Who of a topic is inside. */
class Hall {
  readonly all = new Taken();
  readonly ordinary = new Taken();
  readonly stale = new Taken();
  readonly peers = new Map<string, Taken>();
  readonly peersStale = new Map<string, Taken>();
}

export class GossipQueue {
  readonly #halls: Readonly<Record<TopicName, Hall>> = { blocks: new Hall(), transactions: new Hall() };
  /** The peers that brought a block of some header that waits. */
  readonly #blocks = new Map<string, Set<string>>();

  /** Messages inside, of all topics. */
  get messages(): number {
    return TOPICS.reduce((sum, topic) => sum + this.#halls[topic].all.messages, 0);
  }

  /** Takes a place; false when there is none for this message. */
  enter(queued: QueuedMessage): boolean {
    if (!this.#hasRoom(queued)) return false;
    this.#move(queued, 1);
    if (queued.block !== undefined) {
      const peers = this.#blocks.get(queued.block) ?? new Set();
      this.#blocks.set(queued.block, peers.add(queued.peerId));
    }
    return true;
  }

  /** Frees the place; once for each that was let in. */
  leave(queued: QueuedMessage): void {
    this.#move(queued, -1);
    const peers = queued.block === undefined ? undefined : this.#blocks.get(queued.block);
    peers?.delete(queued.peerId);
    if (queued.block !== undefined && peers?.size === 0) this.#blocks.delete(queued.block);
  }

  #hasRoom(queued: QueuedMessage): boolean {
    const { peerId, topic, isReserved, isFresh, block } = queued;
    const bound = ROOM_MAX[topic];
    const hall = this.#halls[topic];
    const rivals = block === undefined ? undefined : this.#blocks.get(block);
    if (rivals !== undefined && (rivals.has(peerId) || rivals.size >= RIVALS_MAX)) return false;
    const share = isReserved ? RESERVED_SHARE : PEER_SHARE;
    const own = hall.peers.get(peerId) ?? new Taken();
    if (!own.leaves(queued, bound, share) || !hall.all.leaves(queued, bound, 1)) return false;
    if (!isReserved && !hall.ordinary.leaves(queued, bound, ORDINARY_SHARE)) return false;
    if (topic !== "blocks" || isFresh) return true;
    const ownStale = hall.peersStale.get(peerId) ?? new Taken();
    return (
      ownStale.leaves(queued, bound, share * PEER_STALE_SHARE) &&
      hall.stale.leaves(queued, bound, STALE_SHARE)
    );
  }

  #move(queued: QueuedMessage, sign: 1 | -1): void {
    const hall = this.#halls[queued.topic];
    hall.all.add(queued, sign);
    if (!queued.isReserved) hall.ordinary.add(queued, sign);
    count(hall.peers, queued, sign);
    if (queued.topic !== "blocks" || queued.isFresh) return;
    hall.stale.add(queued, sign);
    count(hall.peersStale, queued, sign);
  }
}

/** One entry a peer that has something waiting. */
function count(peers: Map<string, Taken>, queued: QueuedMessage, sign: 1 | -1): void {
  const taken = peers.get(queued.peerId) ?? new Taken();
  taken.add(queued, sign);
  if (taken.messages === 0) peers.delete(queued.peerId);
  else peers.set(queued.peerId, taken);
}
