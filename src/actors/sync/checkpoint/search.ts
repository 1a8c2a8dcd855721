/**
 * CheckpointSearch: finds a checkpoint that two parties agree on, for a node that has no chain yet. Peers are asked over
 * `checkpoint/1`; what one delivers is judged whole, from genesis's authorities on, and believed only when a second party
 * delivers the same one or shows that its own chain goes through it. Who delivers what does not hold is reported and asked
 * no more. It goes round by round: first everybody whose turn it is is asked, then the best offer is confirmed, and its block
 * fetched. Nothing is written but the file of the one that was found; the chain is checkpoints.ts's to change. A machine
 * without effects of its own, owned by machine.ts.
 */

import { Offence } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import type { CheckpointEvidence, ProvenCheckpoint } from "../../../chain/checkpoint/evidence.ts";
import type { CheckpointFault } from "../../../chain/checkpoint/fault.ts";
import { sha256 } from "../../../chain/hash.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../../chain/header.ts";
import { MalformedError } from "../../../chain/malformed.ts";
import type { KeptCheckpoint } from "../../../integrations/chain/checkpoint/checkpoint-store.ts";
import type { Failure } from "../../../kernel/errors.ts";
import { partyOf, WITNESSES_MIN } from "../corroboration.ts";
import type { SearchEffect } from "../effect.ts";
import { requestFailurePolicy } from "../errors.ts";
import type { BlockRequests, Timing } from "../range/block-requests.ts";
import type { QuotaLedger } from "../range/quota.ts";
import type { SearchReason } from "../status/stall-reason.ts";
import type { Peer, SyncPeers } from "../sync-peers.ts";
import {
  ANSWER_DEADLINE_MS,
  type CheckpointAnswer,
  type SearchOptions,
  type SearchOutcome,
} from "./search-outcome.ts";

export interface CheckpointSearchParts {
  readonly peers: SyncPeers;
  readonly quota: QuotaLedger;
  readonly requests: BlockRequests;
  effect(effect: SearchEffect): void;
}

/** Without one sound checkpoint for this long the search is given up, milliseconds. One that waits for its second party waits on. */
const DISCOVERY_MS = 30_000;
/** A peer that answered is asked again after this long, milliseconds: it allows eight questions, one more each 10 s. */
const AGAIN_MS = 15_000;
const ROUND_MS = 500;
/** Peers remembered for what they delivered; with one more the oldest is forgotten and may be asked again. */
const LIARS_MAX = 1_024;
/** Peers asked at once: what they answer may have 4 MiB each. */
const ASKED_AT_ONCE = 4;
/** Offers remembered; with one more the lowest is forgotten. */
const OFFERS_MAX = 8;
/** The way from a checkpoint up to its later header that a second party is asked to show; a longer one is not asked for. */
const CONFIRMATION_BLOCKS_MAX = 256;

const PROTOCOL = "checkpoint";

interface Offer {
  readonly evidence: CheckpointEvidence;
  readonly proven: ProvenCheckpoint;
  /** Who says so, by party: the first peer of each. */
  readonly witnesses: Map<string, string>;
  /** Peers that were asked to confirm it, and when they may be asked again, monotonic milliseconds. */
  readonly deafUntilMs: Map<string, number>;
}

/** A peer that was asked for a checkpoint; `offer` is the one that it is to confirm. */
interface Ask {
  readonly peer: Peer;
  readonly heightMax: number;
  readonly offer: Offer | undefined;
}

/** Blocks of one peer on their way: up to the later header, or the checkpoint's own. */
interface Walk {
  readonly aim: "confirm" | "fetch";
  readonly offer: Offer;
  readonly peer: Peer;
  readonly first: number;
  readonly count: number;
  readonly blocks: readonly Uint8Array[];
  readonly requestId: number | undefined;
}

/** One search, from `begin` to its outcome. */
interface Search extends SearchOptions {
  readonly sinceMs: number;
  /** While it is paused: since when, monotonic milliseconds. */
  pausedSinceMs: number | undefined;
  /** The time to find one in does not run while it is paused, milliseconds. */
  pausedMs: number;
  /** Everybody was asked in this round. */
  isCollected: boolean;
  /** Witnesses that were asked for their offer's block in this round. */
  readonly fetched: Set<string>;
  /** The next round begins then, monotonic milliseconds. */
  nextRoundMs: number;
  /** The block of one that two parties stand for is being kept. */
  keeping: (Pick<Walk, "offer" | "peer"> & { readonly block: Uint8Array }) | undefined;
  walk: Walk | undefined;
}

export class CheckpointSearch {
  readonly #parts: CheckpointSearchParts;
  readonly #offers = new Map<number, Offer>();
  /** Peers that delivered what does not hold. */
  readonly #liars = new Set<string>();
  readonly #askedMs = new Map<string, number>();
  /** By id, also those of a search that has ended. Bounded by what is asked at once and its deadline. */
  readonly #asks = new Map<number, Ask & { readonly search: Search }>();
  #search: Search | undefined;
  #nextId = 1;

  constructor(parts: CheckpointSearchParts) {
    this.#parts = parts;
  }

  begin(options: SearchOptions, nowMs: number): void {
    this.end();
    this.#search = {
      ...options,
      sinceMs: nowMs,
      pausedSinceMs: undefined,
      pausedMs: 0,
      isCollected: false,
      fetched: new Set(),
      nextRoundMs: nowMs,
      keeping: undefined,
      walk: undefined,
    };
  }

  /** Without an outcome. */
  end(): void {
    const requestId = this.#search?.walk?.requestId;
    if (requestId !== undefined) this.#parts.requests.cancel(requestId);
    this.#search = undefined;
    this.#offers.clear();
    this.#liars.clear();
    this.#askedMs.clear();
  }

  /** Once a tick and after each outcome: does what may be done next. While it is paused nobody is asked for anything. */
  move(nowMs: number, isPaused: boolean): void {
    const search = this.#search;
    if (search === undefined) return;
    if (isPaused) {
      search.pausedSinceMs ??= nowMs;
      return;
    }
    search.pausedMs += nowMs - (search.pausedSinceMs ?? nowMs);
    search.pausedSinceMs = undefined;
    if (search.walk !== undefined) return this.#walkOn(search, search.walk, nowMs);
    const isWaiting = search.keeping !== undefined || this.#isAsking(search);
    if (isWaiting || nowMs < search.nextRoundMs) return;
    this.#forgetGone();
    if (!search.isCollected && this.#collect(search, nowMs)) return;
    if (this.#settle(search, nowMs)) return;
    this.#endRound(search, nowMs);
  }

  /** What came of an `askCheckpoint`. */
  answered(askId: number, answer: CheckpointAnswer, nowMs: number): void {
    const ask = this.#asks.get(askId);
    if (ask === undefined) return;
    this.#asks.delete(askId);
    this.#parts.quota.ended(ask.peer.peerId, PROTOCOL);
    if (ask.search !== this.#search) return;
    const hash = this.#judge(ask.search, ask, answer, nowMs);
    // Where two contradict each other nothing is left to confirm.
    if (this.#search === undefined || ask.offer === undefined) return;
    const { offer, peer } = ask;
    if (hash !== undefined && equalBytes(hash, offer.proven.hash)) return;
    if (this.#liars.has(peer.peerId)) return;
    const { height } = offer.proven.header;
    const count = decodeHeader(offer.evidence.laterHeader).height - height + 1;
    if (count > CONFIRMATION_BLOCKS_MAX) return;
    ask.search.walk = { aim: "confirm", offer, peer, first: height, count, blocks: [], requestId: undefined };
  }

  /** Blocks that were asked for came. */
  blocksCame(requestId: number, blocks: readonly Uint8Array[], timing: Timing): void {
    const { requests } = this.#parts;
    if (!requests.close(requestId)) return;
    const search = this.#search;
    const walk = search?.walk;
    if (search === undefined || walk?.requestId !== requestId) return;
    if (blocks.length > 0) requests.succeeded(walk.peer.peerId, timing, blocks.length);
    const all = [...walk.blocks, ...blocks];
    const next = { ...walk, blocks: all, requestId: undefined };
    if (blocks.length === 0 || all.length >= walk.count) this.#arrived(search, next);
    else search.walk = next;
  }

  blocksFailed(requestId: number, reason: Failure, nowMs: number): void {
    if (!this.#parts.requests.close(requestId)) return;
    const search = this.#search;
    const walk = search?.walk;
    if (search === undefined || walk?.requestId !== requestId) return;
    this.#parts.requests.failed(walk.peer.peerId, reason, nowMs);
    this.#arrived(search, { ...walk, requestId: undefined });
  }

  /** Undefined: the block is not the checkpoint's. A Failure: of our own disk. */
  kept(outcome: KeptCheckpoint | Failure | undefined): void {
    const search = this.#search;
    const keeping = search?.keeping;
    if (search === undefined || keeping === undefined) return;
    search.keeping = undefined;
    if (outcome === undefined) this.#blame(keeping.peer.peerId, "BLOCK", sha256(keeping.block));
    else if ("code" in outcome) this.#finish({ type: "failed", failure: outcome });
    else this.#finish({ type: "found", kept: outcome });
  }

  peerGone(peerId: string): void {
    const search = this.#search;
    const walk = search?.walk;
    if (search === undefined || walk?.peer.peerId !== peerId) return;
    if (walk.requestId !== undefined) this.#parts.requests.cancel(walk.requestId);
    this.#arrived(search, { ...walk, requestId: undefined });
  }

  #finish(outcome: SearchOutcome): void {
    this.end();
    this.#parts.effect({ type: "searchEnded", outcome });
  }

  #endRound(search: Search, nowMs: number): void {
    const { sinceMs, pausedMs } = search;
    if (this.#offers.size === 0 && nowMs >= sinceMs + DISCOVERY_MS + pausedMs) {
      const { size } = this.#liars;
      const liars = size === 0 ? "" : ` (what ${size} of them delivered does not hold)`;
      const reason = `no peer delivered a checkpoint within ${DISCOVERY_MS / 1000} s${liars}`;
      return this.#finish({ type: "none", reason });
    }
    this.#parts.effect({ type: "searchTold", reason: this.#reason() });
    search.isCollected = false;
    search.fetched.clear();
    search.nextRoundMs = nowMs + ROUND_MS;
  }

  #reason(): SearchReason {
    const best = this.#descending()[0];
    if (best === undefined) return { type: "searchingCheckpoint" };
    const [peerId = ""] = best.witnesses.values();
    const { height } = best.proven.header;
    return { type: "checkpointUnconfirmed", height, peerId };
  }

  /** The highest first. */
  #descending(): Offer[] {
    return [...this.#offers.values()].sort(
      (one, other) => other.proven.header.height - one.proven.header.height,
    );
  }

  #isAsking(search: Search): boolean {
    for (const ask of this.#asks.values()) if (ask.search === search) return true;
    return false;
  }

  /** Asks those whose turn it is, a few at once. False where there are none. */
  #collect(search: Search, nowMs: number): boolean {
    search.isCollected = true;
    const isDue = ({ peerId }: Peer): boolean =>
      nowMs >= (this.#askedMs.get(peerId) ?? Number.NEGATIVE_INFINITY) + AGAIN_MS;
    const due = this.#able(nowMs).filter(isDue).slice(0, ASKED_AT_ONCE);
    for (const peer of due) this.#ask(search, peer, search.wanted?.height ?? 0, undefined, nowMs);
    return due.length > 0;
  }

  /** What is remembered of peers is bounded by those that are connected. */
  #forgetGone(): void {
    const { peers } = this.#parts;
    const asked = [this.#askedMs, ...[...this.#offers.values()].map(({ deafUntilMs }) => deafUntilMs)];
    for (const byPeer of asked)
      for (const peerId of byPeer.keys()) if (peers.get(peerId) === undefined) byPeer.delete(peerId);
  }

  /** For the newest at or below a height; 0: for the newest. */
  #ask(search: Search, peer: Peer, heightMax: number, offer: Offer | undefined, nowMs: number): void {
    const { quota, effect } = this.#parts;
    const { peerId } = peer;
    const askId = this.#nextId++;
    this.#askedMs.set(peerId, nowMs);
    quota.take(peerId, PROTOCOL, nowMs);
    this.#asks.set(askId, { search, peer, heightMax, offer });
    effect({ type: "askCheckpoint", askId, peerId, heightMax });
  }

  /** Takes what a peer delivered among the offers. Gives its hash where it is one of them. */
  #judge(search: Search, ask: Ask, answer: CheckpointAnswer, nowMs: number): Uint8Array | undefined {
    const { peer, heightMax } = ask;
    const { peerId } = peer;
    if (answer.type === "failed") return this.#failed(peerId, answer.failure, nowMs);
    if (answer.type === "unsound") return this.#blame(peerId, answer.fault, answer.digest);
    const { hash, header } = answer.proven;
    if (heightMax > 0 && header.height > heightMax) return this.#blame(peerId, "ABOVE_WANTED", answer.digest);
    if (header.height < search.ownHeight) return this.#older(peerId, header.height, search.ownHeight);
    return this.#offer(search, peer, answer) ? hash : undefined;
  }

  #failed(peerId: string, reason: Failure, nowMs: number): undefined {
    // The NetworkActor has reported garbage; a peer that has none yet may have one later.
    if (reason.reason === "RESPONSE_MALFORMED") this.#disbelieve(peerId);
    if (reason.code !== "NOT_FOUND")
      this.#parts.peers.coolDown(peerId, nowMs, requestFailurePolicy(reason).coolMs);
  }

  /** Not a lie: its newest may be that old. Neither does it help. */
  #older(peerId: string, height: number, ours: number): undefined {
    const fields = { peer: peerId, height, ours };
    this.#parts.effect({ type: "warning", message: "a peer's checkpoint is older than ours", fields });
  }

  #offer(
    { wanted }: Search,
    peer: Peer,
    { id, evidence, proven }: Extract<CheckpointAnswer, { type: "sound" }>,
  ): boolean {
    const { height } = proven.header;
    if (wanted !== undefined && id !== wanted.id) return false;
    const known = this.#offers.get(height);
    if (known !== undefined && !equalBytes(known.proven.hash, proven.hash)) {
      const others = [...known.witnesses.values()];
      const conflict = { type: "checkpointsConflict", height, peerId: peer.peerId, others } as const;
      this.#finish({ type: "conflict", conflict });
      return false;
    }
    const offer = known ?? { evidence, proven, witnesses: new Map(), deafUntilMs: new Map() };
    addWitness(offer, peer);
    this.#offers.set(height, offer);
    if (this.#offers.size > OFFERS_MAX) this.#offers.delete(Math.min(...this.#offers.keys()));
    return true;
  }

  /** Goes on to what makes the highest offer believed: another party's word, then its block. False where nothing can be asked now. */
  #settle(search: Search, nowMs: number): boolean {
    for (const offer of this.#descending()) {
      if (offer.witnesses.size < WITNESSES_MIN) {
        const peer = this.#unasked(offer, nowMs);
        if (peer === undefined) continue;
        offer.deafUntilMs.set(peer.peerId, nowMs + AGAIN_MS);
        this.#ask(search, peer, offer.proven.header.height, offer, nowMs);
        return true;
      }
      const peer = [...offer.witnesses.values()]
        .filter((peerId) => !search.fetched.has(peerId))
        .map((peerId) => this.#parts.peers.get(peerId))
        .find((each) => each !== undefined);
      if (peer === undefined) continue;
      search.fetched.add(peer.peerId);
      const first = offer.proven.header.height;
      search.walk = { aim: "fetch", offer, peer, first, count: 1, blocks: [], requestId: undefined };
      this.#walkOn(search, search.walk, nowMs);
      return true;
    }
    return false;
  }

  /** A party that did not yet speak for the offer, and was not asked to lately. */
  #unasked({ deafUntilMs, witnesses }: Offer, nowMs: number): Peer | undefined {
    return this.#able(nowMs).find(
      (peer) => nowMs >= (deafUntilMs.get(peer.peerId) ?? 0) && !witnesses.has(partyOf(peer)),
    );
  }

  /** Asks for the next blocks of a walk, once the peer may be asked. */
  #walkOn(search: Search, walk: Walk, nowMs: number): void {
    const { peers, requests } = this.#parts;
    if (walk.requestId !== undefined) return;
    const peer = peers.get(walk.peer.peerId);
    if (peer === undefined) return this.#arrived(search, walk);
    if (!requests.mayAsk(peer, nowMs)) return;
    const requestId = requests.nextId();
    search.walk = { ...walk, requestId };
    const range = { first: walk.first + walk.blocks.length, count: walk.count - walk.blocks.length };
    requests.send(requestId, "search", peer.peerId, range, nowMs, ANSWER_DEADLINE_MS);
  }

  /** All that the peer delivers of a walk is here. */
  #arrived(search: Search, { aim, offer, peer, blocks }: Walk): void {
    search.walk = undefined;
    if (aim === "confirm") {
      if (leadsUp(blocks, offer)) addWitness(offer, peer);
      return;
    }
    const [block] = blocks;
    if (block === undefined) return;
    search.keeping = { offer, peer, block };
    const { evidence, proven } = offer;
    this.#parts.effect({ type: "keepCheckpoint", evidence, proven, block });
  }

  /** Peers that finished the handshake, did not lie and may be asked now, in an order that does not depend on who connected first. */
  #able(nowMs: number): Peer[] {
    const { peers, quota } = this.#parts;
    return [...peers.all()]
      .filter(
        ({ peerId, coolUntilMs }) =>
          !this.#liars.has(peerId) && coolUntilMs <= nowMs && quota.has(peerId, PROTOCOL, nowMs),
      )
      .sort((one, other) => (one.peerId < other.peerId ? -1 : 1));
  }

  #blame(peerId: string, fault: CheckpointFault | "ABOVE_WANTED", evidence: Uint8Array): undefined {
    this.#disbelieve(peerId);
    const fields = { peer: peerId, fault };
    this.#parts.effect({ type: "warning", message: "a peer's checkpoint does not hold", fields });
    const detail = `a checkpoint that does not hold: ${fault}`;
    this.#parts.effect({ type: "offence", peerId, offence: Offence.WRONG_ANSWER, detail, evidence });
  }

  /** It is asked no more, and its earlier word counts no more either. */
  #disbelieve(peerId: string): void {
    this.#liars.add(peerId);
    for (const oldest of this.#liars) {
      if (this.#liars.size <= LIARS_MAX) break;
      this.#liars.delete(oldest);
    }
    for (const [height, { witnesses }] of this.#offers) {
      for (const [party, witness] of witnesses) if (witness === peerId) witnesses.delete(party);
      if (witnesses.size === 0) this.#offers.delete(height);
    }
  }
}

function addWitness({ witnesses }: Offer, peer: Peer): void {
  const party = partyOf(peer);
  if (!witnesses.has(party)) witnesses.set(party, peer.peerId);
}

/** Whether the blocks lead, parent by parent, from the checkpoint's own up to the later header that its quorum signed. */
function leadsUp(blocks: readonly Uint8Array[], { evidence, proven }: Offer): boolean {
  let below: Uint8Array | undefined;
  try {
    for (const block of blocks) {
      const header = block.subarray(0, HEADER_LENGTH);
      const { parentHash } = decodeHeader(header);
      const hash = headerHash(header);
      const isNext = below === undefined ? equalBytes(hash, proven.hash) : equalBytes(parentHash, below);
      if (!isNext) return false;
      below = hash;
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return false;
  }
  return below !== undefined && equalBytes(below, headerHash(evidence.laterHeader));
}
