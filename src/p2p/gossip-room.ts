/**
 * The room in which gossip waits for its verdict, and who may use how much of it. Pure. Nobody takes more than a share, so
 * that no peer fills it; the last quarter is for reserved peers, among them the members; and of the room of blocks only a part
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
export interface Guest {
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

  add(guest: Guest, sign: 1 | -1): void {
    this.messages += sign;
    this.bytes += sign * guest.bytes;
  }

  leaves(guest: Guest, { messages, bytes }: Amount, share: number): boolean {
    return this.messages + 1 <= messages * share && this.bytes + guest.bytes <= bytes * share;
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

export class GossipRoom {
  readonly #halls: Readonly<Record<TopicName, Hall>> = { blocks: new Hall(), transactions: new Hall() };
  /** The peers that brought a block of some header that waits. */
  readonly #blocks = new Map<string, Set<string>>();

  /** Messages inside, of all topics. */
  get messages(): number {
    return TOPICS.reduce((sum, topic) => sum + this.#halls[topic].all.messages, 0);
  }

  /** Takes a place; false when there is none for this guest. */
  enter(guest: Guest): boolean {
    if (!this.#hasRoom(guest)) return false;
    this.#move(guest, 1);
    if (guest.block !== undefined) {
      const peers = this.#blocks.get(guest.block) ?? new Set();
      this.#blocks.set(guest.block, peers.add(guest.peerId));
    }
    return true;
  }

  /** Frees the place; once for each that was let in. */
  leave(guest: Guest): void {
    this.#move(guest, -1);
    const peers = guest.block === undefined ? undefined : this.#blocks.get(guest.block);
    peers?.delete(guest.peerId);
    if (guest.block !== undefined && peers?.size === 0) this.#blocks.delete(guest.block);
  }

  #hasRoom(guest: Guest): boolean {
    const { peerId, topic, isReserved, isFresh, block } = guest;
    const bound = ROOM_MAX[topic];
    const hall = this.#halls[topic];
    const rivals = block === undefined ? undefined : this.#blocks.get(block);
    if (rivals !== undefined && (rivals.has(peerId) || rivals.size >= RIVALS_MAX)) return false;
    const share = isReserved ? RESERVED_SHARE : PEER_SHARE;
    const own = hall.peers.get(peerId) ?? new Taken();
    if (!own.leaves(guest, bound, share) || !hall.all.leaves(guest, bound, 1)) return false;
    if (!isReserved && !hall.ordinary.leaves(guest, bound, ORDINARY_SHARE)) return false;
    if (topic !== "blocks" || isFresh) return true;
    const ownStale = hall.peersStale.get(peerId) ?? new Taken();
    return (
      ownStale.leaves(guest, bound, share * PEER_STALE_SHARE) && hall.stale.leaves(guest, bound, STALE_SHARE)
    );
  }

  #move(guest: Guest, sign: 1 | -1): void {
    const hall = this.#halls[guest.topic];
    hall.all.add(guest, sign);
    if (!guest.isReserved) hall.ordinary.add(guest, sign);
    count(hall.peers, guest, sign);
    if (guest.topic !== "blocks" || guest.isFresh) return;
    hall.stale.add(guest, sign);
    count(hall.peersStale, guest, sign);
  }
}

/** One entry a peer that has something waiting. */
function count(peers: Map<string, Taken>, guest: Guest, sign: 1 | -1): void {
  const taken = peers.get(guest.peerId) ?? new Taken();
  taken.add(guest, sign);
  if (taken.messages === 0) peers.delete(guest.peerId);
  else peers.set(guest.peerId, taken);
}
