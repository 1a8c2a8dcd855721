/**
 * Bans: records of their own that do not decay and are never evicted early, persisted, and read by the host's gate at
 * every connection. Written by the PeerActor only; it outlives the actor and the host, so the composition root makes it.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Ban, BanSchema, Offence } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { Clock } from "../../kernel/ports/clock.ts";
import type { ConnectionGate, Direction } from "../../p2p/port.ts";
import type { Table } from "../../storage/port.ts";
import { BanWriter } from "./ban-writer.ts";
import { ExpiryIndex } from "./expiry-index.ts";
import { IpBans } from "./ip-bans.ts";

/**
 * Bans in force at a time, about 30 MB. Those that ended go first; of those in force none makes way for a newer one, or a
 * flood of ids would free whoever was banned before. At the bound a further offender's address is refused instead
 * (ip-bans.ts), and its connections are closed all the same.
 */
const BANS_MAX = 100_000;

/** Above the bound there is room for so many that an operator orders: a flood must not take that from him. */
const OPERATOR_BANS_EXTRA = 1_000;

/** Characters of a ban's reason that are kept; the rest is cut off. */
const REASON_LENGTH_MAX = 512;
/** Bytes of the evidence that are kept with a ban; the rest is cut off. */
const EVIDENCE_BYTES_MAX = 1024;

/** Bans that are forgotten at a time when they ended: the others follow at the next look. */
const ENDED_AT_A_TIME_MAX = 10_000;

export interface BanInit {
  readonly peerId: string;
  readonly reason: string;
  readonly offence: Offence;
  readonly evidence: Uint8Array;
  readonly durationMs: number;
  /** Multiaddr that the peer is connected from; undefined when it is not. */
  readonly remoteAddress?: string | undefined;
}

/** What the PeerActor of this incarnation says. */
export interface Judgement {
  /** What gossip takes into its score. */
  applicationScore(peerId: string): number;
  /** Whether the sentence of an address does not count for this peer, whose id is proven: members and named peers. */
  isExempt(peerId: string): boolean;
}

const NO_JUDGEMENT: Judgement = { applicationScore: () => 0, isExempt: () => false };

export class BanTable implements ConnectionGate {
  readonly #clock: Clock;
  readonly #bansMax: number;
  readonly #writer: BanWriter;
  readonly #bans = new Map<string, Ban>();
  /** When each of them ends, monotonic milliseconds: a wall clock that leaps frees nobody and keeps nobody longer. */
  readonly #expiry = new ExpiryIndex();
  readonly #ipBans: IpBans;
  #judgement: Judgement = NO_JUDGEMENT;

  /** Records in the store that are of no use; deleted with the bans that ended. */
  #unusable: string[] = [];

  /**
   * Reads what is stored; what cannot be read, or ended meanwhile, is deleted by removeExpired. `allowedIps`: addresses
   * and ranges that are not refused for the bans of others behind them.
   */
  constructor(clock: Clock, table: Table, allowedIps: readonly string[] = [], bansMax = BANS_MAX) {
    this.#clock = clock;
    this.#bansMax = bansMax;
    this.#writer = new BanWriter(table);
    this.#ipBans = new IpBans(allowedIps);
    const stored: Ban[] = [];
    for (const [peerId, bytes] of table.entries()) {
      const ban = decodeBan(bytes);
      if (ban !== undefined && this.#leftMs(ban) > 0 && stored.length < bansMax + OPERATOR_BANS_EXTRA) {
        stored.push(ban);
      } else {
        this.#unusable.push(peerId);
      }
    }
    // In the order in which they were made: so the sentences of addresses come out as they were.
    for (const ban of stored.sort((left, right) => createdMs(left) - createdMs(right))) {
      this.#set(ban, this.#leftMs(ban));
    }
  }

  /**
   * The gate. A banned id is refused in either direction. The sentence of an address is for connections that come from it,
   * and only once their id is proven: members and named peers pass. Whom we dial is our own choice.
   */
  allows(peerId: string | undefined, remoteAddress?: string, direction: Direction = "inbound"): boolean {
    if (peerId !== undefined && this.find(peerId) !== undefined) return false;
    if (direction === "outbound" || peerId === undefined || remoteAddress === undefined) return true;
    if (!this.#ipBans.refuses(remoteAddress, this.#clock.monotonicMs())) return true;
    return this.#judgement.isExempt(peerId);
  }

  /** What gossip takes from the PeerActor's judgement. */
  applicationScore(peerId: string): number {
    return this.#judgement.applicationScore(peerId);
  }

  /** The PeerActor of this incarnation judges. */
  judgeBy(judgement: Judgement): void {
    this.#judgement = judgement;
  }

  /** Changes that are not on disk yet, and why the last write failed, if it did. */
  get unsaved(): { readonly count: number; readonly cause: unknown } {
    return { count: this.#writer.waiting, cause: this.#writer.failure };
  }

  /** The ban in force, if there is one. */
  find(peerId: string): Ban | undefined {
    const ban = this.#bans.get(peerId);
    return ban !== undefined && this.#isInForce(ban) ? ban : undefined;
  }

  /** All bans in force. */
  list(): readonly Ban[] {
    return [...this.#bans.values()].filter((ban) => this.#isInForce(ban));
  }

  /**
   * Bans, or prolongs; undefined when the table is full of bans in force: then the address is refused instead. In force at
   * once, durable when the promise settles; when that rejects the write is tried again until it succeeds.
   */
  put(init: BanInit): { readonly ban: Ban; readonly stored: Promise<void> } | undefined {
    const nowMs = this.#clock.nowMs();
    const isOperators = init.offence === Offence.UNSPECIFIED;
    const room = this.#bansMax + (isOperators ? OPERATOR_BANS_EXTRA : 0);
    const isFull = (): boolean => this.#bans.size >= room && !this.#bans.has(init.peerId);
    const ended = isFull() ? this.#takeExpired(1) : [];
    if (isFull()) {
      if (init.remoteAddress !== undefined)
        this.#ipBans.sentence(init.remoteAddress, this.#clock.monotonicMs());
      return undefined;
    }
    const before = this.find(init.peerId);
    const beforeMs = (this.#expiry.endOf(init.peerId) ?? 0) - this.#clock.monotonicMs();
    const leftMs = Math.max(init.durationMs, beforeMs);
    const ban = create(BanSchema, {
      peerId: init.peerId,
      reason: init.reason.slice(0, REASON_LENGTH_MAX),
      offence: init.offence,
      evidence: init.evidence.slice(0, EVIDENCE_BYTES_MAX),
      until: timestampFromMs(nowMs + leftMs),
      created: timestampFromMs(nowMs),
      remoteAddress: init.remoteAddress ?? before?.remoteAddress ?? "",
    });
    this.#set(ban, leftMs);
    const gone = ended.map((peerId): [string, undefined] => [peerId, undefined]);
    return { ban, stored: this.#writer.write([...gone, [init.peerId, toBinary(BanSchema, ban)]]) };
  }

  /** Lifts a ban; false when there was none. */
  lift(peerId: string): { readonly wasBanned: boolean; readonly stored: Promise<void> } {
    const wasBanned = this.find(peerId) !== undefined;
    this.#delete(peerId);
    return { wasBanned, stored: this.#writer.write([[peerId, undefined]]) };
  }

  /** Forgets bans that ended, and tries again to write what could not be written; answers whose bans ended. */
  removeExpired(): { readonly peerIds: readonly string[]; readonly stored: Promise<void> } {
    const ended = this.#takeExpired(ENDED_AT_A_TIME_MAX);
    this.#ipBans.forgetEnded(this.#clock.monotonicMs());
    const gone = [...ended, ...this.#unusable.splice(0)].filter((peerId) => !this.#bans.has(peerId));
    return { peerIds: ended, stored: this.#writer.write(gone.map((peerId) => [peerId, undefined])) };
  }

  #takeExpired(max: number): string[] {
    const nowMs = this.#clock.monotonicMs();
    const ended: string[] = [];
    while (ended.length < max) {
      const peerId = this.#expiry.takeEnded(nowMs);
      if (peerId === undefined) break;
      this.#delete(peerId);
      ended.push(peerId);
    }
    return ended;
  }

  /** `leftMs`: how much longer it is in force. */
  #set(ban: Ban, leftMs: number): void {
    const before = this.#bans.get(ban.peerId);
    if (before !== undefined && before.remoteAddress !== ban.remoteAddress) this.#delete(ban.peerId);
    this.#bans.set(ban.peerId, ban);
    const nowMs = this.#clock.monotonicMs();
    this.#expiry.set(ban.peerId, nowMs + leftMs);
    const agoMs = Math.max(0, this.#clock.nowMs() - createdMs(ban));
    this.#ipBans.add(ban.peerId, ban.remoteAddress, nowMs - agoMs);
  }

  #delete(peerId: string): void {
    const ban = this.#bans.get(peerId);
    if (ban === undefined) return;
    this.#bans.delete(peerId);
    this.#expiry.delete(peerId);
    this.#ipBans.remove(peerId, ban.remoteAddress, this.#clock.monotonicMs());
  }

  #isInForce({ peerId }: Ban): boolean {
    return (this.#expiry.endOf(peerId) ?? 0) > this.#clock.monotonicMs();
  }

  /** Of a ban as it is stored: until when is wall time there, so that it outlives a restart. */
  #leftMs({ until }: Ban): number {
    return until === undefined ? 0 : timestampMs(until) - this.#clock.nowMs();
  }
}

const createdMs = (ban: Ban): number => (ban.created === undefined ? 0 : timestampMs(ban.created));

function decodeBan(bytes: Uint8Array): Ban | undefined {
  try {
    return fromBinary(BanSchema, bytes.slice());
  } catch {
    return undefined;
  }
}
