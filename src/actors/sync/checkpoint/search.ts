/**
 * CheckpointSearch: finds a checkpoint that two parties agree on, for a node that has no chain yet. Peers are asked over
 * `checkpoint/1`; what one delivers is judged whole, from genesis's authorities on, and believed only when a second party
 * delivers the same one or shows that its own chain goes through it. Who delivers what does not hold is reported and asked
 * no more. Nothing is written but the file of the one that was found; the chain is checkpoints.ts's to change.
 */

import { NetworkInternalService } from "../../../../gen/alys/network/v1/network_pb.ts";
import { Offence, PeerInternalService } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import { decodeEvidence } from "../../../chain/checkpoint/codec.ts";
import type { CheckpointEvidence, ProvenCheckpoint } from "../../../chain/checkpoint/evidence.ts";
import type { CheckpointFault } from "../../../chain/checkpoint/fault.ts";
import { sha256 } from "../../../chain/hash.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../../chain/header.ts";
import { MalformedError } from "../../../chain/malformed.ts";
import type { KeptCheckpoint } from "../../../integrations/chain/checkpoint/checkpoint-store.ts";
import { Failure } from "../../../kernel/errors.ts";
import { pause } from "../../../kernel/ports/clock.ts";
import type { BackFillParts } from "../backfill/back-fill.ts";
import { takeTurn } from "../backfill/turn.ts";
import { partyOf, WITNESSES_MIN } from "../corroboration.ts";
import type { CheckpointsConflict, SearchReason } from "../status/stall-reason.ts";
import type { Peer } from "../sync-peers.ts";

/** Its signal ends the search, with no outcome. */
export interface CheckpointSearchParts extends BackFillParts {
  /** Height and id of the only one wanted; undefined: the newest. */
  readonly wanted: { readonly id: string; readonly height: number } | undefined;
  /** Where it stands. */
  tell(reason: SearchReason): void;
}

export type SearchOutcome =
  /** Two parties agree on it; it lies on our disk. */
  | { readonly kind: "found"; readonly kept: KeptCheckpoint }
  /** Nobody delivered a sound one in time. */
  | { readonly kind: "none"; readonly reason: string }
  /** Quorums signed two chains: nothing is to be believed without an operator. */
  | { readonly kind: "conflict"; readonly conflict: CheckpointsConflict }
  | { readonly kind: "stopped" };

/** Without one sound checkpoint for this long the search is given up, milliseconds. One that waits for its second party waits on. */
const DISCOVERY_MS = 30_000;
/** A peer that answered is asked again after this long, milliseconds: it allows eight questions, one more each 10 s. */
const AGAIN_MS = 15_000;
const ROUND_MS = 500;
/** For one answer: a peer that takes longer holds up the others. */
const ANSWER_DEADLINE_MS = 8_000;
/** Peers remembered for what they delivered; with one more the oldest is forgotten and may be asked again. */
const LIARS_MAX = 1_024;
/** Peers asked at once: what they answer may have 4 MiB each. */
const ASKED_AT_ONCE = 4;
/** Offers remembered; with one more the lowest is forgotten. */
const OFFERS_MAX = 8;
/** The way from a checkpoint up to its later header that a second party is asked to show; a longer one is not asked for. */
const CONFIRMATION_BLOCKS_MAX = 256;

interface Offer {
  readonly evidence: CheckpointEvidence;
  readonly proven: ProvenCheckpoint;
  /** Who says so, by party: the first peer of each. */
  readonly witnesses: Map<string, string>;
  /** Peers that were asked to confirm it, and when they may be asked again, monotonic milliseconds. */
  readonly deafUntilMs: Map<string, number>;
}

export class CheckpointSearch {
  readonly #parts: CheckpointSearchParts;
  readonly #offers = new Map<number, Offer>();
  /** Peers that delivered what does not hold. */
  readonly #liars = new Set<string>();
  readonly #askedMs = new Map<string, number>();
  #conflict: CheckpointsConflict | undefined;
  /** The time to find one in does not run while it is paused, milliseconds. */
  #pausedMs = 0;
  /** The newest that we hold: an older one is a step back. */
  #ownHeight = 0;

  constructor(parts: CheckpointSearchParts) {
    this.#parts = parts;
  }

  /** Rejects with a Failure of our own disk alone. */
  async run(): Promise<SearchOutcome> {
    const { checkpointStore, clock, signal, wanted } = this.#parts;
    if (wanted === undefined) this.#ownHeight = (await checkpointStore.list())[0]?.height ?? 0;
    const endMs = clock.monotonicMs() + DISCOVERY_MS;
    for (;;) {
      await this.#unpaused();
      if (signal.aborted) return { kind: "stopped" };
      await this.#collect();
      const found = await this.#settle();
      if (signal.aborted) return { kind: "stopped" };
      if (this.#conflict !== undefined) return { kind: "conflict", conflict: this.#conflict };
      if (found !== undefined) return { kind: "found", kept: found };
      if (this.#offers.size === 0 && clock.monotonicMs() >= endMs + this.#pausedMs) return this.#none();
      this.#describe();
      await pause(clock, ROUND_MS, signal);
    }
  }

  /** Before each request: nobody is asked while it is paused. What was asked for before is judged as ever. */
  async #unpaused(): Promise<void> {
    const { clock, signal, isPaused } = this.#parts;
    const sinceMs = clock.monotonicMs();
    while (isPaused() && !signal.aborted) await pause(clock, ROUND_MS, signal);
    this.#pausedMs += clock.monotonicMs() - sinceMs;
  }

  #none(): SearchOutcome {
    const { size } = this.#liars;
    const liars = size === 0 ? "" : ` (what ${size} of them delivered does not hold)`;
    return { kind: "none", reason: `no peer delivered a checkpoint within ${DISCOVERY_MS / 1000} s${liars}` };
  }

  #describe(): void {
    const best = this.#descending()[0];
    if (best === undefined) return this.#parts.tell({ type: "searchingCheckpoint" });
    const [peerId = ""] = best.witnesses.values();
    const { height } = best.proven.header;
    return this.#parts.tell({ type: "checkpointUnconfirmed", height, peerId });
  }

  /** The highest first. */
  #descending(): Offer[] {
    return [...this.#offers.values()].sort(
      (one, other) => other.proven.header.height - one.proven.header.height,
    );
  }

  /** Asks those whose turn it is, a few at once. */
  async #collect(): Promise<void> {
    const { wanted } = this.#parts;
    this.#forgetGone();
    const nowMs = this.#parts.clock.monotonicMs();
    const isDue = ({ peerId }: Peer): boolean =>
      nowMs >= (this.#askedMs.get(peerId) ?? Number.NEGATIVE_INFINITY) + AGAIN_MS;
    const due = this.#able().filter(isDue);
    await Promise.all(due.slice(0, ASKED_AT_ONCE).map((peer) => this.#ask(peer, wanted?.height ?? 0)));
  }

  /** What is remembered of peers is bounded by those that are connected. */
  #forgetGone(): void {
    const { peers } = this.#parts;
    const asked = [this.#askedMs, ...[...this.#offers.values()].map(({ deafUntilMs }) => deafUntilMs)];
    for (const byPeer of asked)
      for (const peerId of byPeer.keys()) if (peers.get(peerId) === undefined) byPeer.delete(peerId);
  }

  /** Asks for the newest at or below a height, judges it, and takes it among the offers. Gives its hash. */
  async #ask(peer: Peer, heightMax: number): Promise<Uint8Array | undefined> {
    const { network, checkpointStore, signal, clock } = this.#parts;
    const { peerId } = peer;
    this.#askedMs.set(peerId, clock.monotonicMs());
    let bytes: Uint8Array;
    await takeTurn(this.#parts, peerId, "checkpoint");
    if (signal.aborted) return undefined;
    try {
      const request = { peerId, heightMax: BigInt(heightMax), knownChangeHeight: 0n };
      const method = NetworkInternalService.method.requestCheckpoint;
      bytes = (await network.ask(method, request, { signal, deadlineMs: ANSWER_DEADLINE_MS })).evidence;
    } catch (thrown) {
      return this.#failed(peerId, thrown);
    }
    const evidence = decodeEvidence(bytes);
    if (evidence === undefined) return this.#blame(peerId, "MALFORMED", bytes);
    const verdict = await checkpointStore.judge(evidence);
    if (!verdict.ok) return this.#blame(peerId, verdict.fault, bytes);
    const { hash, header } = verdict.proven;
    if (heightMax > 0 && header.height > heightMax) return this.#blame(peerId, "ABOVE_WANTED", bytes);
    if (header.height < this.#ownHeight) return this.#older(peerId, header.height);
    return this.#offer(peer, evidence, verdict.proven) ? hash : undefined;
  }

  #failed(peerId: string, thrown: unknown): undefined {
    if (!(thrown instanceof Failure)) throw thrown;
    // The NetworkActor has reported garbage; whoever has none yet may have one later.
    if (thrown.reason === "RESPONSE_MALFORMED") this.#disbelieve(peerId);
    this.#parts.log.debug("a peer gave no checkpoint", { peer: peerId, reason: thrown.message });
  }

  /** Not a lie: its newest may be that old. Neither does it help. */
  #older(peerId: string, height: number): undefined {
    const { log } = this.#parts;
    log.warn("a peer's checkpoint is older than ours", { peer: peerId, height, ours: this.#ownHeight });
  }

  #offer(peer: Peer, evidence: CheckpointEvidence, proven: ProvenCheckpoint): boolean {
    const { wanted, checkpointStore } = this.#parts;
    const { height } = proven.header;
    if (wanted !== undefined && checkpointStore.idOf(proven) !== wanted.id) return false;
    const known = this.#offers.get(height);
    if (known !== undefined && !equalBytes(known.proven.hash, proven.hash)) {
      const others = [...known.witnesses.values()];
      this.#conflict = { type: "checkpointsConflict", height, peerId: peer.peerId, others };
      return false;
    }
    const offer = known ?? { evidence, proven, witnesses: new Map(), deafUntilMs: new Map() };
    addWitness(offer, peer);
    this.#offers.set(height, offer);
    if (this.#offers.size > OFFERS_MAX) this.#offers.delete(Math.min(...this.#offers.keys()));
    return true;
  }

  /** The highest offer that two parties stand for, with its block on our disk. */
  async #settle(): Promise<KeptCheckpoint | undefined> {
    for (const offer of this.#descending()) {
      await this.#gather(offer);
      if (this.#conflict !== undefined || this.#parts.signal.aborted) return undefined;
      const kept = offer.witnesses.size < WITNESSES_MIN ? undefined : await this.#fetchBlock(offer);
      if (kept !== undefined) return kept;
    }
    return undefined;
  }

  /** Asks the other parties one after the other until there are enough. */
  async #gather(offer: Offer): Promise<void> {
    const { clock, signal } = this.#parts;
    for (const peer of this.#able()) {
      await this.#unpaused();
      if (offer.witnesses.size >= WITNESSES_MIN || this.#conflict !== undefined || signal.aborted) return;
      const isDeaf = clock.monotonicMs() < (offer.deafUntilMs.get(peer.peerId) ?? 0);
      if (isDeaf || offer.witnesses.has(partyOf(peer))) continue;
      offer.deafUntilMs.set(peer.peerId, clock.monotonicMs() + AGAIN_MS);
      await this.#confirm(offer, peer);
    }
  }

  /** It delivers the same one, or its chain goes through it. */
  async #confirm(offer: Offer, peer: Peer): Promise<void> {
    const { height } = offer.proven.header;
    const hash = await this.#ask(peer, height);
    if (hash !== undefined && equalBytes(hash, offer.proven.hash)) return;
    if (this.#liars.has(peer.peerId) || this.#conflict !== undefined) return;
    const count = decodeHeader(offer.evidence.laterHeader).height - height + 1;
    if (count > CONFIRMATION_BLOCKS_MAX) return;
    const blocks = await this.#blocks(peer.peerId, height, count);
    if (leadsUp(blocks, offer)) addWitness(offer, peer);
  }

  /** Blocks from a height on, as many as it gives. */
  async #blocks(peerId: string, first: number, count: number): Promise<Uint8Array[]> {
    const { network, signal } = this.#parts;
    const blocks: Uint8Array[] = [];
    try {
      while (blocks.length < count) {
        await this.#unpaused();
        await takeTurn(this.#parts, peerId, "blocks-by-range");
        if (signal.aborted) break;
        const request = { peerId, startHeight: BigInt(first + blocks.length), count: count - blocks.length };
        const options = { signal, deadlineMs: ANSWER_DEADLINE_MS };
        const answer = await network.ask(NetworkInternalService.method.requestBlocks, request, options);
        if (answer.blocks.length === 0) break;
        blocks.push(...answer.blocks);
      }
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
    }
    return blocks;
  }

  /** From any of its witnesses; one that gives another block is no witness and reported. */
  async #fetchBlock(offer: Offer): Promise<KeptCheckpoint | undefined> {
    const { evidence, proven } = offer;
    for (const peerId of [...offer.witnesses.values()]) {
      const [block] = await this.#blocks(peerId, proven.header.height, 1);
      if (this.#parts.signal.aborted) return undefined;
      const kept = block && (await this.#parts.checkpointStore.keepProven(evidence, proven, block));
      if (kept !== undefined) return kept;
      if (block !== undefined) this.#blame(peerId, "BLOCK", block);
    }
    return undefined;
  }

  /** Peers that finished the handshake and did not lie, in an order that does not depend on who connected first. */
  #able(): Peer[] {
    return [...this.#parts.peers.all()]
      .filter(({ peerId }) => !this.#liars.has(peerId))
      .sort((one, other) => (one.peerId < other.peerId ? -1 : 1));
  }

  #blame(peerId: string, fault: CheckpointFault | "ABOVE_WANTED", bytes: Uint8Array): undefined {
    const { peerInternal, log } = this.#parts;
    this.#disbelieve(peerId);
    const detail = `a checkpoint that does not hold: ${fault}`;
    log.warn("a peer's checkpoint does not hold", { peer: peerId, fault });
    const report = { peerId, offence: Offence.WRONG_ANSWER, detail, evidence: sha256(bytes) };
    peerInternal.tell(PeerInternalService.method.reportOffence, report);
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
