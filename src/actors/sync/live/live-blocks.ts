/**
 * Live blocks: what gossip brings and what the producer hands us. Each is validated alone, every approval
 * verified; gossip gets its verdict (accept, ignore, reject) and the block goes to the chain. Early ones are
 * held. A machine without effects of its own, owned by machine.ts.
 */

import { Offence } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { BLOCK_BYTES_MAX } from "../../../chain/block.ts";
import { type BlockFault, describeFault } from "../../../chain/block-fault.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import { sha256 } from "../../../chain/hash.ts";
import { type BlockHeader, HEADER_LENGTH, type ReadHeader, readHeader } from "../../../chain/header.ts";
import { toHex } from "../../../chain/hex.ts";
import { MalformedError } from "../../../chain/malformed.ts";
import { ownApproval } from "../../../chain/segment.ts";
import type { ApprovalCheck, SegmentVerdict, ValidatedSegment } from "../../../chain/validator.ts";
import type { ImportOutcome } from "../../../integrations/chain/port.ts";
import { Failure } from "../../../kernel/errors.ts";
import type { LiveEffect } from "../effect.ts";
import { BUSY, invalidBlock, refusedBlock } from "../errors.ts";
import type { ProvenHead } from "../head.ts";
import type { SyncMetrics } from "../metrics.ts";
import { isExplainedBySets, type SetReads, type SetsInForce, setsBehindParent } from "../validation-sets.ts";
import { type EarlyBlock, EarlyBlocks } from "./early-blocks.ts";
import { Seen } from "./seen.ts";

/** Who brought the block, and so who hears what became of it. */
type Origin =
  | { readonly kind: "gossip"; readonly peerId: string; readonly handle: string }
  | { readonly kind: "held"; readonly peerId: string }
  | { readonly kind: "own"; readonly token: number };

interface Job {
  readonly id: number;
  readonly origin: Origin;
  readonly header: BlockHeader;
  readonly hash: Uint8Array;
  readonly digest: Uint8Array;
  /** Let go of once it is valid. */
  readonly bytes: Uint8Array | undefined;
  /** What it is judged under; undefined for a held block that was judged before. */
  readonly sets: SetsInForce | undefined;
}

/** Jobs at a time. At the bound gossip is ignored and our own block refused (RESOURCE_EXHAUSTED). */
export const LIVE_JOBS_MAX = 64;
/**
 * Aggregates of one block that are judged at a time; more are ignored. An invalid one keeps no valid one out.
 */
const AGGREGATES_MAX = 4;
/** Digests of invalid messages that are remembered. */
const INVALID_MAX = 1024;
/** Hashes of blocks that gossip was told to forward. */
const ACCEPTED_MAX = 1024;

/** What the machine must know of the chain. */
export interface ChainView extends SetReads {
  /** On the canonical chain or beside it. */
  isKnown(hash: Uint8Array): boolean;
  finalHeight(): number;
}

export interface LiveParts {
  readonly chain: ChainView;
  readonly metrics: SyncMetrics;
  /** How far ahead of our clock a block may be, milliseconds. */
  readonly driftMs: number;
  effect(effect: LiveEffect): void;
  /** The block's own approval was verified. */
  approved(check: ApprovalCheck, header: ReadHeader): void;
  /** The peer sent a certified block whose parent we do not have. */
  proven(peerId: string, head: ProvenHead): void;
  /** The peer sent a block under a set that we do not know, with a parent that we do not have. */
  hinted(peerId: string, head: ProvenHead): void;
  /** The block is held for its parent, at `height`, which is not here. */
  missing(child: Uint8Array, parent: Uint8Array, height: number, peerId: string): void;
}

export class LiveBlocks {
  readonly #parts: LiveParts;
  readonly #jobs = new Map<number, Job>();
  readonly #held = new EarlyBlocks();
  readonly #invalid = new Seen(INVALID_MAX);
  readonly #accepted = new Seen(ACCEPTED_MAX);
  #nextId = 1;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  get heldBlocks(): number {
    return this.#held.size;
  }
  get heldBytes(): number {
    return this.#held.bytes;
  }
  /** Blocks that are being judged. */
  get jobs(): number {
    return this.#jobs.size;
  }

  /** A gossip message that waits for a verdict; `header` is its block's, where it was read on its way. */
  gossip(handle: string, peerId: string, bytes: Uint8Array, header?: ReadHeader): void {
    const origin: Origin = { kind: "gossip", peerId, handle };
    const read = readBlock(bytes, header);
    if (typeof read === "string") return this.#reject(origin, sha256(bytes), read);
    if (this.#invalid.has(read.digest))
      return this.#reject(origin, read.digest, "the block is known to be invalid");
    if (this.#isSuperfluous(read.hash, read.header.height)) return this.#verdict(origin, "ignore");
    const rivals = [...this.#jobs.values()].filter((job) => equalBytes(job.hash, read.hash)).length;
    if (this.#jobs.size >= LIVE_JOBS_MAX || rivals >= AGGREGATES_MAX) return this.#verdict(origin, "ignore");
    this.#validate(origin, read);
  }

  /** A block that we asked a peer for by its hash. Nobody waits for a verdict. */
  fetched(peerId: string, bytes: Uint8Array): void {
    const origin: Origin = { kind: "held", peerId };
    const read = readBlock(bytes);
    if (typeof read === "string") return this.#reject(origin, sha256(bytes), read);
    if (this.#invalid.has(read.digest) || this.#isSuperfluous(read.hash, read.header.height)) return;
    if (this.#jobs.size < LIVE_JOBS_MAX) this.#validate(origin, read);
  }

  /** A block of our own; `token` comes back with the answer. */
  own(token: number, bytes: Uint8Array): void {
    const origin: Origin = { kind: "own", token };
    const read = readBlock(bytes);
    if (typeof read === "string") return this.#answer(origin, invalidBlock(read));
    if (this.#parts.chain.isKnown(read.hash)) return this.#answer(origin, read.hash);
    if (this.#jobs.size >= LIVE_JOBS_MAX) return this.#answer(origin, BUSY);
    this.#validate(origin, read);
  }

  validated(id: number, verdict: SegmentVerdict): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    if (!verdict.ok) return this.#faulty(job, verdict.fault);
    this.#tellApproval(job);
    const { origin, hash, header } = job;
    if (origin.kind !== "own" && this.#isSuperfluous(hash, header.height)) return this.#drop(job);
    if (!this.#parts.chain.isKnown(header.parentHash)) return this.#early(job, verdict.segment);
    if (origin.kind === "gossip") this.#accepted.add(hash);
    this.#verdict(origin, "accept");
    this.#import(job, verdict.segment);
  }

  /** The validator itself failed: nobody's fault, and range sync brings the block again. */
  validationFailed(id: number, reason: Failure): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#parts.metrics.add("ownFailures");
    this.#answer(job.origin, reason);
    this.#drop(job);
  }

  imported(id: number, outcome: ImportOutcome): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#jobs.delete(id);
    switch (outcome.kind) {
      case "imported":
      case "reorganized":
        this.#parts.metrics.add("blocksFollowed");
        this.#answer(job.origin, job.hash);
        return this.release();
      case "side":
      case "known":
        this.#answer(job.origin, job.hash);
        return this.release();
      case "unknownParent":
        if (job.origin.kind !== "own") this.#parts.proven(job.origin.peerId, provenHead(job));
        return this.#answer(job.origin, refusedBlock("the block's parent is unknown"));
      case "belowFinal":
        return this.#answer(job.origin, refusedBlock("the block would replace final ones"));
      case "notNow":
        return this.#answer(job.origin, outcome.failure);
      case "invalid":
        // Its approval was genuine: a quorum signed it. Whoever forwarded it did as we did, so nobody is
        // blamed.
        this.#invalid.add(job.digest);
        this.#parts.effect({
          type: "warning",
          message: "a certified block is invalid",
          fields: { height: job.header.height, hash: toHex(job.hash), fault: describeFault(outcome.fault) },
        });
        return this.#answer(job.origin, invalidBlock(describeFault(outcome.fault)));
    }
  }

  /** Imports held blocks whose parent is known by now, and forgets those that final blocks overtook. */
  release(): void {
    if (this.#held.size === 0) return;
    const { chain } = this.#parts;
    const finalHeight = chain.finalHeight();
    this.#held.take(({ header, hash }) => header.height <= finalHeight || chain.isKnown(hash));
    for (const block of this.#held.take(
      ({ content, header }) => content.waitsFor === "parent" && chain.isKnown(header.parentHash),
    )) {
      if (block.content.waitsFor === "parent") this.#import(this.#jobOf(block), block.content.segment);
    }
  }

  /** Once a tick, `nowMs` in Unix milliseconds: validates those whose time has come. */
  tick(nowMs: number): void {
    const latestMs = nowMs + this.#parts.driftMs;
    const due = this.#held.take(
      ({ content, header }) => content.waitsFor === "time" && header.timestampMs <= latestMs,
    );
    for (const { content, peerId, header, hash, digest } of due) {
      if (content.waitsFor !== "time") continue;
      this.#validate({ kind: "held", peerId }, { bytes: content.bytes, header, hash, digest });
    }
    this.release();
  }

  /** Nothing is on its way any more: verdicts are left to the host's deadline. */
  stop(): void {
    for (const job of this.#jobs.values()) this.#drop(job);
    this.#held.clear();
  }

  #isSuperfluous(hash: Uint8Array, height: number): boolean {
    const { chain } = this.#parts;
    if (this.#accepted.has(hash) || this.#held.has(hash)) return true;
    return height <= chain.finalHeight() || chain.isKnown(hash);
  }

  #validate(origin: Origin, read: ReadBlock): void {
    const id = this.#nextId++;
    const { bytes, header, hash } = read;
    const sets = setsBehindParent(this.#parts.chain, bytes, header.height);
    this.#jobs.set(id, { id, origin, ...read, sets });
    this.#parts.effect({ type: "validateLive", id, block: bytes, header: { header, hash }, sets });
  }

  #tellApproval({ bytes, sets, header, hash }: Job): void {
    if (bytes === undefined || sets === undefined) return;
    const check = { header: bytes.slice(0, HEADER_LENGTH), approval: ownApproval(bytes).slice() };
    this.#parts.approved({ ...check, authorities: sets.authorities }, { header, hash });
  }

  #import(job: Job, segment: ValidatedSegment): void {
    this.#jobs.set(job.id, { ...job, bytes: undefined });
    this.#parts.effect({ type: "importLive", id: job.id, segment });
  }

  #jobOf(block: EarlyBlock): Job {
    const { peerId, hash, digest, header } = block;
    const origin: Origin = { kind: "held", peerId };
    return { id: this.#nextId++, origin, hash, digest, header, bytes: undefined, sets: undefined };
  }

  #faulty(job: Job, fault: BlockFault): void {
    const { origin } = job;
    this.#jobs.delete(job.id);
    if (!fault.isInvalid) {
      if (fault.code === "FUTURE_TIMESTAMP" && job.bytes !== undefined && origin.kind !== "own") {
        this.#hold(job, { waitsFor: "time", bytes: job.bytes });
      }
      this.#verdict(origin, "ignore");
      return this.#answer(origin, refusedBlock(describeFault(fault)));
    }
    if (job.sets?.basis === "unknownParent" && isExplainedBySets(fault, true)) {
      // Its chain may have changed the authorities since it parted from what we have: a hint, and nobody's fault.
      this.#verdict(origin, "ignore");
      if (origin.kind === "own") return this.#answer(origin, refusedBlock(describeFault(fault)));
      return this.#parts.hinted(origin.peerId, provenHead(job));
    }
    this.#invalid.add(job.digest);
    if (origin.kind === "own") return this.#answer(origin, invalidBlock(describeFault(fault)));
    this.#reject(origin, job.digest, describeFault(fault));
  }

  /** Certified, but its parent is not here: whoever sent it has a head that we lack. */
  #early(job: Job, segment: ValidatedSegment): void {
    this.#jobs.delete(job.id);
    const { origin } = job;
    this.#verdict(origin, "ignore");
    if (origin.kind === "own") return this.#answer(origin, refusedBlock("the block's parent is unknown"));
    this.#hold(job, { waitsFor: "parent", segment });
    this.#parts.proven(origin.peerId, provenHead(job));
    const { parentHash, height } = job.header;
    if (!this.#held.has(parentHash)) this.#parts.missing(job.hash, parentHash, height - 1, origin.peerId);
  }

  #hold(job: Job, content: EarlyBlock["content"]): void {
    if (job.origin.kind === "own") return;
    const { hash, digest, header } = job;
    const { peerId } = job.origin;
    this.#parts.metrics.add("blocksHeld");
    const evicted = this.#held.hold({ peerId, header, hash, digest, content });
    this.#parts.metrics.add("heldEvicted", evicted);
  }

  #drop(job: Job): void {
    this.#jobs.delete(job.id);
    this.#verdict(job.origin, "ignore");
  }

  #reject(origin: Origin, digest: Uint8Array, detail: string): void {
    if (origin.kind === "own") return;
    this.#verdict(origin, "reject");
    this.#parts.metrics.add("offencesReported");
    const { peerId } = origin;
    this.#parts.effect({ type: "offence", peerId, offence: Offence.INVALID_BLOCK, detail, evidence: digest });
  }

  #verdict(origin: Origin, verdict: "accept" | "ignore" | "reject"): void {
    if (origin.kind !== "gossip") return;
    this.#parts.metrics.add(VERDICT_COUNTERS[verdict]);
    this.#parts.effect({ type: "verdict", handle: origin.handle, verdict });
  }

  #answer(origin: Origin, answer: Uint8Array | Failure): void {
    if (origin.kind !== "own") return;
    const { token } = origin;
    if (answer instanceof Failure) this.#parts.effect({ type: "refused", token, reason: answer });
    else this.#parts.effect({ type: "accepted", token, hash: answer });
  }
}

const VERDICT_COUNTERS = {
  accept: "gossipAccepted",
  ignore: "gossipIgnored",
  reject: "gossipRejected",
} as const;

interface ReadBlock extends ReadHeader {
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
}

/** The first look: size and header, which is `known` where it was read before. Or what is wrong with them. */
function readBlock(bytes: Uint8Array, known?: ReadHeader): ReadBlock | string {
  if (bytes.length < HEADER_LENGTH || bytes.length > BLOCK_BYTES_MAX)
    return `the block has ${bytes.length} bytes`;
  try {
    const { header, hash } = known ?? readHeader(bytes);
    return { bytes, header, hash, digest: sha256(bytes) };
  } catch (error) {
    if (error instanceof MalformedError) return error.message;
    throw error;
  }
}

function provenHead(job: Job): ProvenHead {
  return { height: job.header.height, slot: job.header.slot, hash: job.hash };
}
