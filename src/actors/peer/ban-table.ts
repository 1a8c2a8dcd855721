/**
 * Bans: records of their own that do not decay and are never evicted early, persisted, and read by the host's gate at
 * every connection. Written by the PeerActor only; it outlives the actor and the host, so the composition root makes it.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Ban, BanSchema, type Offence } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { ConnectionGate } from "../../p2p/port.ts";
import type { Table } from "../../storage/port.ts";
import { IpBans } from "./ip-bans.ts";

/** Bans in force at a time, about 30 MB. At it new ones are refused, never old ones dropped: a flood of ids frees nobody. */
const BANS_MAX = 100_000;

const REASON_LENGTH_MAX = 512;
const EVIDENCE_BYTES_MAX = 1024;

export interface BanInit {
  readonly peerId: string;
  readonly reason: string;
  readonly offence: Offence;
  readonly evidence: Uint8Array;
  readonly durationMs: number;
  /** Multiaddr that the peer is connected from; undefined when it is not. */
  readonly remoteAddress?: string | undefined;
}

export class BanTable implements ConnectionGate {
  readonly #clock: Clock;
  readonly #table: Table;
  readonly #bans = new Map<string, Ban>();
  /** When each of them ends, monotonic milliseconds: a wall clock that leaps frees nobody and keeps nobody longer. */
  readonly #endsMs = new Map<string, number>();
  readonly #ipBans: IpBans;
  #applicationScore: (peerId: string) => number = () => 0;

  /** Records in the store that are of no use; deleted with the bans that ended. */
  #unusable: string[] = [];

  /**
   * Reads what is stored; what cannot be read, or ended meanwhile, is deleted by removeExpired. `allowedIps`: addresses
   * and ranges that are not refused for the bans of others behind them.
   */
  constructor(clock: Clock, table: Table, allowedIps: readonly string[] = []) {
    this.#clock = clock;
    this.#table = table;
    this.#ipBans = new IpBans(allowedIps);
    for (const [peerId, bytes] of table.entries()) {
      const ban = decodeBan(bytes);
      const leftMs = ban?.until === undefined ? 0 : timestampMs(ban.until) - clock.nowMs();
      if (ban !== undefined && leftMs > 0 && this.#bans.size < BANS_MAX) {
        this.#set(ban, leftMs);
      } else {
        this.#unusable.push(peerId);
      }
    }
  }

  /** The gate: refuses banned peers, and machines with too many of them, in either direction. */
  allows(peerId: string | undefined, remoteAddress?: string): boolean {
    if (peerId !== undefined && this.find(peerId) !== undefined) return false;
    return remoteAddress === undefined || !this.#ipBans.refuses(remoteAddress);
  }

  /** What gossip takes from the PeerActor's judgement. */
  applicationScore(peerId: string): number {
    return this.#applicationScore(peerId);
  }

  /** The PeerActor of this incarnation judges. */
  judgeBy(applicationScore: (peerId: string) => number): void {
    this.#applicationScore = applicationScore;
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
   * Bans, or prolongs; undefined when the table is full of bans in force. In force at once, durable when the promise
   * settles.
   */
  put(init: BanInit): { readonly ban: Ban; readonly stored: Promise<void> } | undefined {
    const ended = this.#isFullFor(init.peerId) ? this.#takeExpired() : [];
    if (this.#isFullFor(init.peerId)) return undefined;
    const nowMs = this.#clock.nowMs();
    const before = this.find(init.peerId);
    const beforeMs = (this.#endsMs.get(init.peerId) ?? 0) - this.#clock.monotonicMs();
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
    const entries = new Map<string, Uint8Array | undefined>(ended.map((peerId) => [peerId, undefined]));
    entries.set(init.peerId, toBinary(BanSchema, ban));
    return { ban, stored: this.#table.put(entries) };
  }

  /** Lifts a ban; false when there was none. */
  lift(peerId: string): { readonly wasBanned: boolean; readonly stored: Promise<void> } {
    const wasBanned = this.find(peerId) !== undefined;
    this.#delete(peerId);
    return { wasBanned, stored: this.#table.delete([peerId]) };
  }

  /** Forgets bans that ended; answers whose. */
  removeExpired(): { readonly peerIds: readonly string[]; readonly stored: Promise<void> } {
    const ended = this.#takeExpired();
    const gone = [...ended, ...this.#unusable.splice(0)].filter((peerId) => !this.#bans.has(peerId));
    return { peerIds: ended, stored: gone.length === 0 ? Promise.resolve() : this.#table.delete(gone) };
  }

  #isFullFor(peerId: string): boolean {
    return this.#bans.size >= BANS_MAX && !this.#bans.has(peerId);
  }

  #takeExpired(): string[] {
    const ended = [...this.#bans].filter(([, ban]) => !this.#isInForce(ban)).map(([peerId]) => peerId);
    for (const peerId of ended) this.#delete(peerId);
    return ended;
  }

  #set(ban: Ban, leftMs: number): void {
    this.#delete(ban.peerId);
    this.#endsMs.set(ban.peerId, this.#clock.monotonicMs() + leftMs);
    this.#bans.set(ban.peerId, ban);
    this.#ipBans.add(ban.peerId, ban.remoteAddress);
  }

  #delete(peerId: string): void {
    const ban = this.#bans.get(peerId);
    if (ban === undefined) return;
    this.#bans.delete(peerId);
    this.#endsMs.delete(peerId);
    this.#ipBans.remove(peerId, ban.remoteAddress);
  }

  #isInForce({ peerId }: Ban): boolean {
    return (this.#endsMs.get(peerId) ?? 0) > this.#clock.monotonicMs();
  }
}

function decodeBan(bytes: Uint8Array): Ban | undefined {
  try {
    return fromBinary(BanSchema, bytes.slice());
  } catch {
    return undefined;
  }
}
