/**
 * CheckpointStore: makes checkpoints of final blocks, keeps ten of them as files, proves blocks against them, and serves
 * them to peers. It reads the embedded chain and its store; recovery (checkpoint-recovery.ts) uses what it keeps. The
 * SyncActor asks it for operators, the NetworkActor for peers.
 */

import type { LastAuxPow } from "../../../chain/auxpow/last-auxpow.ts";
import { carriedAuxPow, carriedChange, joinBlock, parseBlock, splitBlock } from "../../../chain/block.ts";
import { bodyRoot } from "../../../chain/body-root.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import { proveAuxPow, proveChange } from "../../../chain/checkpoint/body-proof.ts";
import {
  CHECKPOINT_FILE_BYTES_MAX,
  type CheckpointFile,
  decodeCheckpointFile,
  encodeCheckpointFile,
  encodeEvidence,
} from "../../../chain/checkpoint/codec.ts";
import {
  type AuxPowEvidence,
  CHANGES_MAX,
  type ChangeEvidence,
  type CheckpointEvidence,
  type EvidenceVerdict,
  judgeEvidence,
  LATER_DISTANCE,
  type ProvenCheckpoint,
} from "../../../chain/checkpoint/evidence.ts";
import type { CheckpointFault } from "../../../chain/checkpoint/fault.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../../chain/facts.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../../chain/header.ts";
import { toHex } from "../../../chain/hex.ts";
import { type AuthorityPeriod, authoritiesAt, type Lineage } from "../../../chain/lineage.ts";
import { MalformedError } from "../../../chain/malformed.ts";
import { encodeHistoryProof } from "../../../chain/mmr.ts";
import { type Failure, failure } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/ports/clock.ts";
import type { FileStore } from "../../../storage/file-store.ts";
import type { BlockStore } from "../../../storage/port.ts";
import { HistoryNodes } from "./checkpoint-history.ts";
import { readAwaited, WITHHELD_KEY } from "./recovery-records.ts";

/** Checkpoints kept; with one more the oldest file goes. */
const CHECKPOINTS_MAX = 10;

const SUFFIX = ".checkpoint";

/** What of a chain checkpoints need: the embedded chain has it, and what stands in for one that does not open. */
export interface CheckpointChain {
  readonly facts: ChainFacts;
  readonly lineage: Lineage;
  snapshot(): { readonly head: { readonly height: number }; readonly final: { readonly height: number } };
  hashAt(height: number): Uint8Array | undefined;
  heightOf(hash: Uint8Array): number | undefined;
  /** Lets `change` change the store while nothing else does, and builds on what is there then. */
  reopen(change: () => Promise<void>): Promise<void>;
}

export interface CheckpointStoreParts {
  readonly chain: CheckpointChain;
  readonly store: BlockStore;
  readonly files: FileStore;
  /** In force from height 1. */
  readonly authorities: AuthoritySetFacts;
  readonly clock: Clock;
}

/** A checkpoint on disk. */
export interface KeptCheckpoint {
  /** Height, then the first 8 hex digits of the hash. */
  readonly id: string;
  readonly height: number;
  readonly hash: Uint8Array;
  /** Unix milliseconds. */
  readonly createdMs: number;
  readonly bytes: number;
}

/** A file that was read and whose evidence held. */
export interface SoundCheckpoint {
  readonly kept: KeptCheckpoint;
  readonly file: CheckpointFile;
  readonly proven: ProvenCheckpoint;
}

export interface BlockProof {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly checkpoint: KeptCheckpoint;
  readonly historyRoot: Uint8Array;
  /** encodeHistoryProof. */
  readonly proof: Uint8Array;
}

/** Rejections are Failures throughout. */
export class CheckpointStore {
  readonly parts: CheckpointStoreParts;
  readonly nodes: HistoryNodes;

  constructor(parts: CheckpointStoreParts) {
    this.parts = parts;
    this.nodes = new HistoryNodes(parts.store, parts.chain.facts.genesisHash);
  }

  /** Lets timers and I/O run between two pieces of long work. */
  readonly pause = (): Promise<void> =>
    new Promise((resolve) => {
      this.parts.clock.setTimer(0, resolve);
    });

  /**
   * Of a final block, the last one unless told; on chains with AuxPoW, of one that carries an AuxPoW. The same again
   * replaces the file.
   */
  async create(height?: number): Promise<KeptCheckpoint> {
    const top = this.#highest();
    const at = height ?? (this.#isMined() ? (this.#newestCarrier(top)?.carrierHeight ?? 0) : top);
    if (at < 1 || at > top) {
      const text = `checkpoints are of blocks 1 to ${top}: final, and at least ${LATER_DISTANCE} below the head`;
      throw failure("FAILED_PRECONDITION", "NOT_FINAL", text, { field: "height" });
    }
    return await this.#keep(await this.#evidence(at, 0), this.#block(at));
  }

  /** The height at which a checkpoint every `interval` blocks is due; undefined when there is nothing to make one of. */
  dueHeight(interval: number): number | undefined {
    const top = this.#highest();
    if (this.#isMined()) return this.#newestCarrier(top)?.carrierHeight;
    return top < interval ? undefined : Math.floor(top / interval) * interval;
  }

  /**
   * Keeps a peer's checkpoint whose evidence from genesis on was judged, as if it were ours. `block` is the peer's too:
   * undefined when it is not the checkpoint's.
   */
  async keepProven(
    evidence: CheckpointEvidence,
    proven: ProvenCheckpoint,
    block: Uint8Array,
  ): Promise<KeptCheckpoint | undefined> {
    if (blockFault(block, proven) !== undefined) return undefined;
    const { header, body } = splitBlock(block);
    // The approval that was verified, whichever the block came with.
    return await this.#keep(evidence, joinBlock(header, body, proven.checkpoint.approval));
  }

  /** Under which a checkpoint would be kept. */
  idOf({ header, hash }: ProvenCheckpoint): string {
    return idOf(header.height, hash);
  }

  async #keep(evidence: CheckpointEvidence, block: Uint8Array): Promise<KeptCheckpoint> {
    const { chain, files, clock } = this.parts;
    const { genesisHash } = chain.facts;
    const file = { genesisHash, createdMs: clock.nowMs(), evidence, block };
    const bytes = encodeCheckpointFile(file);
    const kept = keptOf(file, bytes.length);
    await files.write(kept.id + SUFFIX, bytes);
    await this.#discard();
    return kept;
  }

  /** Whether the history is to be proven before any of it is served. */
  get isWithheld(): boolean {
    const { store } = this.parts;
    return store.base() !== undefined && store.readMeta(WITHHELD_KEY) !== undefined;
  }

  /** Id of the checkpoint that the chain is to be compared with since a recovery FULL. */
  get awaitedId(): string | undefined {
    return readAwaited(this.parts.store);
  }

  /** Newest first; files that cannot be read are left out. */
  async list(): Promise<KeptCheckpoint[]> {
    const kept: KeptCheckpoint[] = [];
    for (const id of await this.#ids()) {
      const read = await this.#read(id);
      if (read !== undefined && typeof read !== "string") kept.push(read.kept);
    }
    return kept.sort((one, other) => other.height - one.height);
  }

  /** The checkpoint, verified from genesis's authorities on; NOT_FOUND, or DATA_LOSS that names the check. */
  async sound(id: string): Promise<SoundCheckpoint> {
    const read = await this.#read(id);
    if (read === undefined)
      throw failure("NOT_FOUND", "CHECKPOINT_NOT_FOUND", `there is no checkpoint ${id}`);
    if (typeof read === "string") throw unsound(id, read);
    const verdict = await this.judge(read.file.evidence);
    if (!verdict.ok) throw unsound(id, verdict.fault);
    const { proven } = verdict;
    if (blockFault(read.file.block, proven) !== undefined || read.kept.id !== id) throw unsound(id, "BLOCK");
    return { ...read, proven };
  }

  /** Judges evidence under genesis's authorities, or a later set that we know, in steps. */
  async judge(evidence: CheckpointEvidence, known?: AuthorityPeriod): Promise<EvidenceVerdict> {
    const { authorities, chain } = this.parts;
    const steps = judgeEvidence(evidence, known ?? { firstHeight: 1, authorities }, chain.facts);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (evidence.changes.length > 0) await this.pause();
    }
  }

  /** That a block lies in the history of a checkpoint of ours; the newest one for an empty id. */
  async prove(
    by: { readonly height: number } | { readonly hash: Uint8Array },
    id: string,
  ): Promise<BlockProof> {
    const { chain } = this.parts;
    const height = "height" in by ? by.height : chain.heightOf(by.hash);
    const hash = height === undefined ? undefined : chain.hashAt(height);
    if (height === undefined || hash === undefined) {
      throw failure("NOT_FOUND", "BLOCK_NOT_FOUND", "we do not have this block");
    }
    const wanted = id === "" ? (await this.list())[0]?.id : id;
    const read = wanted === undefined ? undefined : await this.#read(wanted);
    if (read === undefined || typeof read === "string") {
      throw failure("NOT_FOUND", "CHECKPOINT_NOT_FOUND", "there is no such checkpoint that can be read");
    }
    const { kept, file } = read;
    if (height >= kept.height) {
      const text = `block ${height} is not below the checkpoint at ${kept.height}`;
      throw failure("OUT_OF_RANGE", "ABOVE_CHECKPOINT", text);
    }
    await this.nodes.prepare(this.#highest(), this.pause);
    const proof = encodeHistoryProof(this.nodes.proof(height, kept.height));
    const { historyRoot } = decodeHeader(file.evidence.checkpoint.header);
    return { height, hash, checkpoint: kept, historyRoot, proof };
  }

  /**
   * The newest checkpoint at or below `heightMax` (0: the newest) with the changes above the one that the asker knows:
   * the bytes of its CheckpointEvidence. Undefined when there is none.
   */
  async serve(heightMax: number, knownChangeHeight: number): Promise<Uint8Array | undefined> {
    const kept = (await this.list()).find(({ height }) => heightMax === 0 || height <= heightMax);
    const read = kept && (await this.#read(kept.id));
    if (read === undefined || typeof read === "string") return undefined;
    const { evidence } = read.file;
    const isNew = ({ header }: ChangeEvidence): boolean => decodeHeader(header).height > knownChangeHeight;
    return encodeEvidence({ ...evidence, changes: evidence.changes.filter(isNew) });
  }

  /** Height of the highest block that a checkpoint may be of. */
  #highest(): number {
    const { head, final } = this.parts.chain.snapshot();
    return Math.min(final.height, head.height - LATER_DISTANCE);
  }

  async #evidence(height: number, knownChangeHeight: number): Promise<CheckpointEvidence> {
    const { chain } = this.parts;
    const { lineage } = chain;
    await this.nodes.prepare(this.#highest(), this.pause);
    const laterHeight = height + LATER_DISTANCE;
    const own = splitBlock(this.#block(height));
    const auxpow = this.#auxpow(height);
    if (auxpow === undefined && this.#isMined()) {
      const text = `block ${height} carries no AuxPoW, as a checkpoint's does on this chain`;
      throw failure("FAILED_PRECONDITION", "NO_AUXPOW", text, { field: "height" });
    }
    const later = splitBlock(this.#block(laterHeight));
    return {
      checkpoint: {
        header: own.header,
        approval: own.approval,
        authorities: authoritiesAt(lineage, height),
        peaks: this.nodes.peaks(height),
      },
      laterHeader: later.header,
      laterApproval: later.approval,
      inclusion: this.nodes.proof(height, laterHeight),
      changes: this.#changes(height, laterHeight, knownChangeHeight),
      auxpow,
    };
  }

  /** Whether the next AuxPoW goes on from an earlier one, so that a checkpoint has to prove which. */
  #isMined(): boolean {
    const { facts, lineage } = this.parts.chain;
    return facts.maxBlocksWithoutPow > 0 || lineage.auxpows.some(({ carrierHeight }) => carrierHeight > 0);
  }

  /** The newest final one: the lineage remembers it for the forks above it. */
  #newestCarrier(top: number): LastAuxPow | undefined {
    const { auxpows } = this.parts.chain.lineage;
    return auxpows.findLast(({ carrierHeight }) => carrierHeight > 0 && carrierHeight <= top);
  }

  #auxpow(height: number): AuxPowEvidence | undefined {
    const { body } = parseBlock(this.#block(height));
    const header = carriedAuxPow(body);
    if (header === undefined) return undefined;
    const rangeEnd = this.parts.chain.heightOf(header.rangeEnd);
    if (rangeEnd === undefined || rangeEnd >= height)
      throw failure("DATA_LOSS", "CHAIN_DAMAGED", `the range of block ${height} ends nowhere`);
    return { header, bodyProof: proveAuxPow(body), rangeEndInclusion: this.nodes.proof(rangeEnd, height) };
  }

  #changes(height: number, laterHeight: number, knownChangeHeight: number): ChangeEvidence[] {
    const { periods } = this.parts.chain.lineage;
    const heights = periods
      .map(({ firstHeight }) => firstHeight - 1)
      .filter((at) => at > Math.max(0, knownChangeHeight) && at < laterHeight);
    if (periods[0]?.firstHeight !== 1 || heights.length > CHANGES_MAX) {
      const text = `more than ${CHANGES_MAX} changes of the authorities lie behind it`;
      throw failure("FAILED_PRECONDITION", "TOO_MANY_CHANGES", text);
    }
    return heights.map((at) => this.#change(at, at < height ? height : laterHeight));
  }

  #change(height: number, count: number): ChangeEvidence {
    const block = this.#block(height);
    const { body } = parseBlock(block);
    const change = carriedChange(body);
    if (change === undefined)
      throw failure("DATA_LOSS", "CHAIN_DAMAGED", `block ${height} carries no change`);
    const { header, approval } = splitBlock(block);
    return {
      header,
      approval,
      change,
      bodyProof: proveChange(body),
      inclusion: this.nodes.proof(height, count),
    };
  }

  #block(height: number): Uint8Array {
    const block = this.parts.store.readBlock(height);
    if (block !== undefined) return block;
    throw failure(
      "FAILED_PRECONDITION",
      "HISTORY_MISSING",
      `block ${height} is not here yet: it is back-filled`,
    );
  }

  async #ids(): Promise<string[]> {
    const names = await this.parts.files.names();
    return names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
  }

  /** Undefined when it is not there, a fault when it cannot be read as one of this chain. */
  async #read(
    id: string,
  ): Promise<{ kept: KeptCheckpoint; file: CheckpointFile } | CheckpointFault | undefined> {
    const bytes = await this.parts.files.read(id + SUFFIX, CHECKPOINT_FILE_BYTES_MAX);
    if (bytes === undefined) return undefined;
    const file = decodeCheckpointFile(bytes);
    if (typeof file === "string") return file;
    if (!equalBytes(file.genesisHash, this.parts.chain.facts.genesisHash)) return "OTHER_CHAIN";
    return { kept: keptOf(file, bytes.length), file };
  }

  async #discard(): Promise<void> {
    const ids = (await this.#ids()).sort((one, other) => heightIn(other) - heightIn(one));
    for (const id of ids.slice(CHECKPOINTS_MAX)) await this.parts.files.remove(id + SUFFIX);
  }
}

/** Undefined when the file's block is the proven checkpoint's: same header, body as it commits, form as it must be. */
function blockFault(block: Uint8Array, proven: ProvenCheckpoint): CheckpointFault | undefined {
  try {
    const { header, body } = splitBlock(block);
    const isSame = equalBytes(header, proven.checkpoint.header);
    return isSame && equalBytes(bodyRoot(body), proven.header.bodyRoot) ? undefined : "BLOCK";
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return "MALFORMED";
  }
}

function keptOf({ evidence, createdMs }: CheckpointFile, bytes: number): KeptCheckpoint {
  const header = evidence.checkpoint.header.subarray(0, HEADER_LENGTH);
  const hash = headerHash(header);
  const { height } = decodeHeader(header);
  return { id: idOf(height, hash), height, hash, createdMs, bytes };
}

function idOf(height: number, hash: Uint8Array): string {
  return `${height}-${toHex(hash).slice(0, 8)}`;
}

function heightIn(id: string): number {
  return Number.parseInt(id, 10) || 0;
}

function unsound(id: string, fault: CheckpointFault): Failure {
  return failure("DATA_LOSS", "CHECKPOINT_UNSOUND", `checkpoint ${id} does not hold: ${fault}`, {
    metadata: { fault },
  });
}
