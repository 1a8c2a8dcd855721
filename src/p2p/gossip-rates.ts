/**
 * How much gossip is looked at a second, by topic: of one peer, of all that are not reserved, of all, and of what we publish
 * ourselves. Pure, time is an argument. What is above is left unheard and costs nobody anything: a peer that passes on what all others
 * send may well be above. Since each node passes on no more than this, whoever sends several times as much is no relay; that is
 * for the meter (peer-meter.ts) to judge.
 */

import { Account, type Budget } from "./peer-meter.ts";
import { TOPICS, type TopicName } from "./protocols.ts";

interface Rate {
  readonly messages: Budget;
  readonly bytes: Budget;
}

const MIB = 1024 * 1024;

/**
 * Of all peers together and of ourselves; so much is passed on at most. Transactions: a block of 2 MiB each slot of 2 s takes
 * 1 MiB a second of them, and twice that leaves a choice; as many as all rooms on the way hold at once. Blocks: one each slot,
 * their rivals, and what was missed in a while: far below this.
 */
const ALL: Readonly<Record<TopicName, Rate>> = {
  blocks: {
    messages: { burst: 512, perSecond: 128 },
    bytes: { burst: 128 * MIB, perSecond: 16 * MIB },
  },
  transactions: {
    messages: { burst: 2_048, perSecond: 512 },
    bytes: { burst: 16 * MIB, perSecond: 2 * MIB },
  },
};

/** Of that, what peers without a reservation may use; then one peer; then one reserved peer. */
const ORDINARY_SHARE = 3 / 4;
const PEER_SHARE = 1 / 8;
const RESERVED_SHARE = 1 / 4;

/** Peers whose rates are remembered. Past it those are forgotten that owe nothing, and if all owe something a newcomer is unheard. */
const PEERS_MAX = 4096;

class RateAccount {
  readonly #messages = new Account();
  readonly #bytes = new Account();

  has(bytes: number, rate: Rate, share: number, nowMs: number): boolean {
    return (
      this.#messages.has(1, scaled(rate.messages, share), nowMs) &&
      this.#bytes.has(bytes, scaled(rate.bytes, share), nowMs)
    );
  }

  /** After `has`. */
  take(bytes: number, rate: Rate, share: number, nowMs: number): void {
    this.#messages.take(1, scaled(rate.messages, share), nowMs);
    this.#bytes.take(bytes, scaled(rate.bytes, share), nowMs);
  }

  isClear(nowMs: number): boolean {
    return this.#messages.isClear(nowMs) && this.#bytes.isClear(nowMs);
  }
}

const accounts = (): Readonly<Record<TopicName, RateAccount>> => ({
  blocks: new RateAccount(),
  transactions: new RateAccount(),
});

export class GossipRates {
  readonly #all = accounts();
  readonly #ordinary = accounts();
  readonly #peers = new Map<string, Readonly<Record<TopicName, RateAccount>>>();

  /** Counts a message of a peer, known or not; false when it has sent too much. */
  takeOfPeer(peerId: string, topic: TopicName, bytes: number, isReserved: boolean, nowMs: number): boolean {
    const own = this.#accountsOf(peerId, nowMs)?.[topic];
    const share = isReserved ? RESERVED_SHARE : PEER_SHARE;
    if (own?.has(bytes, ALL[topic], share, nowMs) !== true) return false;
    own.take(bytes, ALL[topic], share, nowMs);
    return true;
  }

  /** Counts a new message against what is for all; false when they have sent too much. */
  takeOfAll(topic: TopicName, bytes: number, isReserved: boolean, nowMs: number): boolean {
    const [all, ordinary] = [this.#all[topic], this.#ordinary[topic]];
    if (!all.has(bytes, ALL[topic], 1, nowMs)) return false;
    if (!isReserved && !ordinary.has(bytes, ALL[topic], ORDINARY_SHARE, nowMs)) return false;
    all.take(bytes, ALL[topic], 1, nowMs);
    if (!isReserved) ordinary.take(bytes, ALL[topic], ORDINARY_SHARE, nowMs);
    return true;
  }

  #accountsOf(peerId: string, nowMs: number): Readonly<Record<TopicName, RateAccount>> | undefined {
    const known = this.#peers.get(peerId);
    if (known !== undefined) return known;
    if (this.#peers.size >= PEERS_MAX) this.#forgetClear(nowMs);
    if (this.#peers.size >= PEERS_MAX) return undefined;
    const made = accounts();
    this.#peers.set(peerId, made);
    return made;
  }

  #forgetClear(nowMs: number): void {
    for (const [peerId, own] of this.#peers) {
      if (TOPICS.every((topic) => own[topic].isClear(nowMs))) this.#peers.delete(peerId);
    }
  }
}

function scaled({ burst, perSecond }: Budget, share: number): Budget {
  return { burst: burst * share, perSecond: perSecond * share };
}
