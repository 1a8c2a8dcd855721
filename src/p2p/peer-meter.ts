/**
 * What a peer may do below our own protocols: streams opened, frames that carry little, bytes of libp2p's own protocols. Pure,
 * time is an argument. A budget is what an honest peer of any implementation stays below by a factor of four at least; who
 * exceeds one is cut, so none of them slows down a peer that keeps to it.
 */

/** What is counted of each connected peer. */
export type Measure =
  | "streams"
  | "frames"
  | "identifyBytes"
  | "pushBytes"
  | "pingBytes"
  | "dhtBytes"
  | "refusals"
  | "earlyStreams"
  | "namelessStreams"
  | "gossipBytes"
  | "gossipRpcs"
  | "gossipControls"
  | "gossipIds"
  | "gossipBlocks"
  | "gossipTransactions"
  | "malformedGossip"
  | "otherBytes";

export interface Budget {
  /** So much at once. */
  readonly burst: number;
  /** So much is regained a second. */
  readonly perSecond: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Derivation:
 * - streams: one a request. Our limits (protocols.ts) admit 64 ranges and 45 other requests a second, of which an honest peer
 *   uses half; a burst of all at once is 200.
 * - frames: those with less than 512 bytes of payload. A stream takes six to be opened, asked on and closed; keep-alives, window
 *   updates and gossip of control messages come on top: 1,000 a second were the most that was seen in a range sync.
 * - identify: a message is at most 8 KiB, once a connection, and a push when addresses or protocols change.
 * - ping: 32 bytes each way; implementations send one every 1 to 15 s, and ours several when it doubts a connection.
 * - dht: a question has 60 bytes and is asked some twenty times a look around; answers to our own questions come back on the
 *   same protocol: 20 peers of 8 addresses are 10 KiB.
 * - refusals: what is refused unread: anything but FIND_NODE in the DHT, requests of a peer that is no member on the members'
 *   protocol. A member whose delegation ended under a proposal asks once a slot.
 * - early streams: those opened before the handshake is done. An honest peer has one of each protocol, eight in all.
 * - nameless streams: those that ended before a protocol was agreed on. An honest peer gives up a request in that round trip at
 *   most when it goes; libp2p keeps some 30 KB of each for its deadline of 3 s, however soon it was reset.
 * - gossip: a block of 2 MiB each slot of 2 s and transactions at 1 MiB/s, three times over in lost races, and answers to
 *   IWANT at once.
 * - gossip RPCs: one a message at worst, and one each time that something is controlled.
 * - gossip controls: subscriptions, IHAVE, IWANT, GRAFT and PRUNE. Two topics, so each at most twice a heartbeat of 0.7 s; a
 *   stream that is renewed brings the subscriptions again.
 * - gossip ids: those that IHAVE, IWANT and IDONTWANT name. What is passed on in three heartbeats (gossip-rates.ts: 512 a second
 *   and 2,048 at once) is offered each heartbeat, may be asked for, and be declined.
 * - gossip blocks: a peer sends each block once, and once more when it is asked to: two a slot of 2 s.
 * - gossip transactions: a peer passes on 512 a second and 2,048 at once (gossip-rates.ts), each twice at worst; and
 *   what was held up for four seconds on the way comes at once.
 * - malformed gossip: none. Who sends some is reported each time; this bounds how often.
 * - other: nothing else is spoken. Request protocols of ours have limits of their own (admission.ts).
 */
export const BUDGETS: Readonly<Record<Measure, Budget>> = {
  streams: { burst: 256, perSecond: 128 },
  frames: { burst: 16_384, perSecond: 4_096 },
  identifyBytes: { burst: 64 * KIB, perSecond: 4 * KIB },
  pushBytes: { burst: 64 * KIB, perSecond: 4 * KIB },
  pingBytes: { burst: 16 * KIB, perSecond: 2 * KIB },
  dhtBytes: { burst: 256 * KIB, perSecond: 32 * KIB },
  refusals: { burst: 32, perSecond: 2 },
  earlyStreams: { burst: 32, perSecond: 2 },
  namelessStreams: { burst: 16, perSecond: 1 },
  gossipBytes: { burst: 64 * MIB, perSecond: 12 * MIB },
  gossipRpcs: { burst: 16_384, perSecond: 4_096 },
  gossipControls: { burst: 256, perSecond: 32 },
  gossipIds: { burst: 32_768, perSecond: 8_192 },
  gossipBlocks: { burst: 512, perSecond: 64 },
  gossipTransactions: { burst: 8_192, perSecond: 1_024 },
  malformedGossip: { burst: 8, perSecond: 0.5 },
  otherBytes: { burst: 64 * KIB, perSecond: KIB },
};

/** A rate with a burst: one number, the time at which nothing is owed any more (GCRA). */
export class Account {
  #clearMs = 0;

  /** Takes `amount`; false when that is more than the budget has. What was refused is not taken. */
  take(amount: number, budget: Budget, nowMs: number): boolean {
    if (!this.has(amount, budget, nowMs)) return false;
    this.#clearMs = this.#after(amount, budget, nowMs);
    return true;
  }

  has(amount: number, budget: Budget, nowMs: number): boolean {
    return this.#after(amount, budget, nowMs) - nowMs <= (budget.burst * 1000) / budget.perSecond;
  }

  /** Nothing is owed: it is as good as new. */
  isClear(nowMs: number): boolean {
    return this.#clearMs <= nowMs;
  }

  #after(amount: number, { perSecond }: Budget, nowMs: number): number {
    return Math.max(this.#clearMs, nowMs) + (amount * 1000) / perSecond;
  }
}

/** The accounts of one peer. They live as long as it is connected. */
export class PeerMeter {
  readonly #accounts = new Map<Measure, Account>();

  /** Counts `amount`; false when the peer has done more than it may. */
  take(measure: Measure, amount: number, nowMs: number): boolean {
    let account = this.#accounts.get(measure);
    if (account === undefined) {
      account = new Account();
      this.#accounts.set(measure, account);
    }
    return account.take(amount, BUDGETS[measure], nowMs);
  }
}
