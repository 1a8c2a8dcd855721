/**
 * Peers as synchronisation sees them: the PeerActor's word on each connected one, and beside it what only we
 * know: our requests in flight, who is backing off, heads that gossip proved. Bounded by the
 * connected peers.
 */

import type { PeerInfo } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { isBetterHead } from "../../chain/fork-choice.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../chain/header.ts";
import { MalformedError } from "../../chain/malformed.ts";
import { areEnough } from "./corroboration.ts";
import type { ProvenHead } from "./head.ts";
import type { Candidate } from "./range/peer-choice.ts";

/** A peer's claim to be a member, proven by its delegation. */
export interface Membership {
  /** 48 bytes. */
  readonly key: Uint8Array;
  readonly role: "member" | "sentry";
}

/** A header (184 bytes) and the approval that claims to certify it. */
export interface ClaimedHead {
  readonly header: Uint8Array;
  readonly approval: Uint8Array;
}

export interface Peer {
  readonly peerId: string;
  readonly score: number;
  readonly earliestHeight: number;
  /** Multiaddr of the connection's other end; empty when it is not known. */
  readonly remoteAddress: string;
  /** What its Status proved. */
  readonly statusHead: ProvenHead | undefined;
  /** When that Status was received, monotonic milliseconds. */
  readonly statusMs: number;
  readonly membership: Membership | undefined;
  /** A better head that a block from it proved since. */
  readonly gossipHead: ProvenHead | undefined;
  /**
   * A head that it claims under authorities that we do not know. It is no target that anything is judged by; blocks are
   * asked for towards it while nobody proves a better one, and each of them is judged as ever.
   */
  readonly hint: ProvenHead | undefined;
  /** The hint's header and approval, where it came by Status: they can be judged once its set is known. */
  readonly claimed: ClaimedHead | undefined;
  readonly requestsInFlight: number;
  readonly coolUntilMs: number;
  /** Failed requests in a row; the cool-down grows with it. */
  readonly failuresInRow: number;
  /** Neither target nor source until then, monotonic milliseconds: its chain does not lead to ours. */
  readonly excludedUntilMs: number;
  /** Times in a row that a head which it claims in its Status, and nobody could judge, led nowhere. */
  readonly unservedClaims: number;
}

/** A head that led nowhere, and until when it is excluded, monotonic milliseconds. */
interface ExcludedHead {
  readonly hash: Uint8Array;
  readonly untilMs: number;
}

/** Heads excluded at a time; at the bound the oldest is tried again. */
const EXCLUDED_MAX = 64;

/** So many times a claim that nobody can judge is followed; a peer that then has served nothing towards it is let go. */
const UNSERVED_CLAIMS_MAX = 2;

/** A peer that failed is not asked for this long, doubled with each failure in a row, milliseconds. */
const COOL_MS = 500;
const COOL_MS_MAX = 15_000;

export class SyncPeers {
  readonly #peers = new Map<string, Peer>();
  #excluded: ExcludedHead[] = [];

  get size(): number {
    return this.#peers.size;
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  get(peerId: string): Peer | undefined {
    return this.#peers.get(peerId);
  }

  /** The connected peers, all of them. Gives those that are gone. */
  replaceAll(infos: readonly PeerInfo[], nowMs: number): string[] {
    const present = new Set(infos.map((info) => info.peerId));
    const gone = [...this.#peers.keys()].filter((peerId) => !present.has(peerId));
    for (const peerId of gone) this.#peers.delete(peerId);
    for (const info of infos) this.put(info, nowMs);
    return gone;
  }

  /** `nowMs`: monotonic milliseconds. */
  put(info: PeerInfo, nowMs: number): void {
    const known = this.#peers.get(info.peerId);
    const statusHead = headOf(info);
    const gossipHead = known?.gossipHead;
    const proven = bestOf({ gossipHead, statusHead });
    const { unprovenHead } = info;
    const claimed = hintOf(unprovenHead);
    const hint = claimed ?? known?.hint;
    this.#peers.set(info.peerId, {
      peerId: info.peerId,
      score: info.score?.overall ?? 0,
      earliestHeight: Number(info.earliestHeight),
      remoteAddress: info.remoteAddress,
      statusHead,
      statusMs: info.head === undefined ? Number.NEGATIVE_INFINITY : nowMs - Number(info.head.ageMs),
      membership: membershipOf(info),
      gossipHead: gossipHead && statusHead && !isBetterHead(gossipHead, statusHead) ? undefined : gossipHead,
      hint: hint && proven && !isBetterHead(hint, proven) ? undefined : hint,
      claimed: claimed && unprovenHead,
      requestsInFlight: known?.requestsInFlight ?? 0,
      coolUntilMs: known?.coolUntilMs ?? 0,
      failuresInRow: known?.failuresInRow ?? 0,
      excludedUntilMs: known?.excludedUntilMs ?? 0,
      unservedClaims: hint === undefined ? 0 : (known?.unservedClaims ?? 0),
    });
  }

  /** False when it was not there. */
  remove(peerId: string): boolean {
    return this.#peers.delete(peerId);
  }

  /** A certified block came from it, so it has that block. */
  proveByGossip(peerId: string, head: ProvenHead): void {
    const best = this.#bestOf(peerId);
    if (best === undefined || isBetterHead(head, best)) this.#change(peerId, { gossipHead: head });
    const hint = this.#peers.get(peerId)?.hint;
    if (hint && !isBetterHead(hint, head)) this.#change(peerId, { hint: undefined });
  }

  /** It claims this head, which nobody could judge. */
  claim(peerId: string, head: ProvenHead): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    const before = peer.hint ?? bestOf(peer);
    if (before === undefined || isBetterHead(head, before))
      this.#change(peerId, { hint: head, claimed: undefined });
  }

  /** What it claims is false. */
  dropClaim(peerId: string): void {
    this.#change(peerId, { hint: undefined, claimed: undefined });
  }

  /** Those whose proven head it is and who have blocks from a height on; members and their sentries alone, or everybody. */
  reporters({ hash }: ProvenHead, fromHeight: number, isFederationOnly: boolean): string[] {
    const ids: string[] = [];
    for (const peer of this.#peers.values()) {
      const head = bestOf(peer);
      if (head === undefined || !equalBytes(head.hash, hash)) continue;
      if (peer.earliestHeight > fromHeight || (isFederationOnly && peer.membership === undefined)) continue;
      ids.push(peer.peerId);
    }
    return ids;
  }

  /** Whether two parties, or a member, report this head. */
  isConfirmed({ hash }: ProvenHead): boolean {
    const isSame = (head: ProvenHead | undefined): boolean =>
      head !== undefined && equalBytes(head.hash, hash);
    return areEnough(
      [...this.#peers.values()]
        .filter((peer) => isSame(peer.statusHead) || isSame(peer.gossipHead) || isSame(peer.hint))
        .map(({ peerId, remoteAddress, membership }) => ({
          peerId,
          remoteAddress,
          isMember: membership !== undefined,
        })),
    );
  }

  requestSent(peerId: string): void {
    const peer = this.#peers.get(peerId);
    if (peer !== undefined) this.#change(peerId, { requestsInFlight: peer.requestsInFlight + 1 });
  }

  requestEnded(peerId: string): void {
    const peer = this.#peers.get(peerId);
    if (peer !== undefined) {
      this.#change(peerId, { requestsInFlight: Math.max(0, peer.requestsInFlight - 1) });
    }
  }

  answered(peerId: string): void {
    this.#change(peerId, { failuresInRow: 0, coolUntilMs: 0 });
  }

  /** Leaves it alone: as long as it asked for, or longer with every failure in a row. */
  coolDown(peerId: string, nowMs: number, askedMs?: number): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    const failuresInRow = peer.failuresInRow + 1;
    const backOffMs = Math.min(COOL_MS_MAX, COOL_MS * 2 ** Math.min(10, failuresInRow - 1));
    this.#change(peerId, { failuresInRow, coolUntilMs: nowMs + (askedMs ?? backOffMs) });
  }

  /** The head is no target until then, whoever proves it, nor is what those who prove it now put on top of it. */
  excludeHead(hash: Uint8Array, untilMs: number): void {
    for (const peer of [...this.#peers.values()]) {
      const head = bestOf(peer);
      const isSame = (each: ProvenHead | undefined): boolean =>
        each !== undefined && equalBytes(each.hash, hash);
      if (isSame(head) || isSame(peer.hint)) {
        const isHearsay = isSame(peer.hint) && peer.claimed === undefined;
        // What a block alone claimed is forgotten; a Status claims it again if it means it.
        const isClaim = isSame(peer.hint) && peer.claimed !== undefined;
        this.#change(peer.peerId, {
          excludedUntilMs: untilMs,
          ...(isHearsay ? { hint: undefined } : {}),
          ...(isClaim ? { unservedClaims: peer.unservedClaims + 1 } : {}),
        });
      }
    }
    const others = this.#excluded.filter((excluded) => !equalBytes(excluded.hash, hash));
    this.#excluded = [...others.slice(1 - EXCLUDED_MAX), { hash, untilMs }];
  }

  /** Takes note of those whose claims led nowhere too often; each is given once until it claims again. */
  takeUnserving(): string[] {
    const taken = [...this.#peers.values()].filter(
      ({ unservedClaims }) => unservedClaims >= UNSERVED_CLAIMS_MAX,
    );
    for (const { peerId } of taken) this.#change(peerId, { unservedClaims: 0 });
    return taken.map(({ peerId }) => peerId);
  }

  /** Heads that are claimed under authorities that we do not know. */
  *hints(nowMs: number): Generator<ProvenHead> {
    for (const { hint, excludedUntilMs } of this.#peers.values()) {
      if (hint !== undefined && excludedUntilMs <= nowMs && !this.#isExcluded(hint.hash, nowMs)) yield hint;
    }
  }

  /** Proven heads that may be targets. */
  *provenHeads(nowMs: number): Generator<ProvenHead> {
    this.#excluded = this.#excluded.filter((excluded) => excluded.untilMs > nowMs);
    for (const peer of this.#peers.values()) {
      const head = bestOf(peer);
      if (head === undefined || peer.excludedUntilMs > nowMs || this.#isExcluded(head.hash, nowMs)) continue;
      yield head;
    }
  }

  /**
   * Whom a range can be asked of. With `onTarget`, those alone whose head is that one, where there are any; with
   * `isFederationOnly`, members and their sentries alone.
   */
  candidates(nowMs: number, onTarget?: ProvenHead, isFederationOnly = false): Candidate[] {
    const all: Candidate[] = [];
    const same: Candidate[] = [];
    for (const peer of this.#peers.values()) {
      // What it claims costs a request that comes back empty, and no more.
      const head = peer.hint ?? bestOf(peer);
      if (head === undefined || peer.excludedUntilMs > nowMs || this.#isExcluded(head.hash, nowMs)) continue;
      if (isFederationOnly && peer.membership === undefined) continue;
      const candidate = { ...peer, headHeight: head.height };
      all.push(candidate);
      if (onTarget !== undefined && equalBytes(head.hash, onTarget.hash)) same.push(candidate);
    }
    return same.length > 0 ? same : all;
  }

  /** Peers whose proven head is above the height. */
  countAbove(height: number): number {
    let count = 0;
    for (const peer of this.#peers.values()) if ((bestOf(peer)?.height ?? 0) > height) count++;
    return count;
  }

  #isExcluded(hash: Uint8Array, nowMs: number): boolean {
    return this.#excluded.some(
      ({ hash: excluded, untilMs }) => untilMs > nowMs && equalBytes(excluded, hash),
    );
  }

  #bestOf(peerId: string): ProvenHead | undefined {
    const peer = this.#peers.get(peerId);
    return peer && bestOf(peer);
  }

  #change(peerId: string, change: Partial<Peer>): void {
    const peer = this.#peers.get(peerId);
    if (peer !== undefined) this.#peers.set(peerId, { ...peer, ...change });
  }
}

function bestOf(peer: Pick<Peer, "gossipHead" | "statusHead">): ProvenHead | undefined {
  return peer.gossipHead ?? peer.statusHead;
}

function headOf(info: PeerInfo): ProvenHead | undefined {
  const { head } = info;
  if (head === undefined || head.hash.length !== 32) return undefined;
  return { height: Number(head.height), slot: Number(head.slot), hash: head.hash };
}

/** An unproven head, which names its header: what fork choice looks at. */
function hintOf(claimed: ClaimedHead | undefined): ProvenHead | undefined {
  if (claimed === undefined || claimed.header.length !== HEADER_LENGTH) return undefined;
  try {
    const { height, slot } = decodeHeader(claimed.header);
    return { height, slot, hash: headerHash(claimed.header) };
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

/** Roles as the Delegation numbers them. */
const MEMBER_ROLE = 1;
const SENTRY_ROLE = 2;

function membershipOf(info: PeerInfo): Membership | undefined {
  if (info.memberKey.length === 0) return undefined;
  if (info.memberRole === MEMBER_ROLE) return { key: info.memberKey, role: "member" };
  if (info.memberRole === SENTRY_ROLE) return { key: info.memberKey, role: "sentry" };
  return undefined;
}
