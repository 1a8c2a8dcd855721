/**
 * CheckpointDesk: makes checkpoints of final blocks, keeps ten of them as files, proves blocks against them, and serves
 * them to peers. It reads the embedded chain and its store; recovery (checkpoint-recovery.ts) uses what it keeps. The
 * SyncActor asks it for operators, the NetworkActor for peers.
 */

import { carriedChange, parseBlock, splitBlock } from "../../chain/block.ts";
import { bodyRoot } from "../../chain/body-root.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { proveChange } from "../../chain/checkpoint/body-proof.ts";
import {
  CHECKPOINT_FILE_BYTES_MAX,
  type CheckpointFile,
  decodeCheckpointFile,
  encodeCheckpointFile,
  encodeEvidence,
} from "../../chain/checkpoint/codec.ts";
import {
  CHANGES_MAX,
  type ChangeEvidence,
  type CheckpointEvidence,
  type EvidenceVerdict,
  judgeEvidence,
  LATER_DISTANCE,
  type ProvenCheckpoint,
} from "../../chain/checkpoint/evidence.ts";
import type { CheckpointFault } from "../../chain/checkpoint/fault.ts";
import { decodeHeader, HEADER_LENGTH, headerHash } from "../../chain/header.ts";
import { toHex } from "../../chain/hex.ts";
import { type AuthorityPeriod, authoritiesAt } from "../../chain/lineage.ts";
import { MalformedError } from "../../chain/malformed.ts";
import { encodeHistoryProof } from "../../chain/mmr.ts";
import type { AuthoritySetFacts } from "../../chain/validator.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { BlockStore } from "../../storage/port.ts";
import type { Shelf } from "../../storage/shelf.ts";
import { HistoryNodes } from "./checkpoint-history.ts";
import type { EmbeddedChain } from "./embedded.ts";

/** Checkpoints kept; with one more the oldest file goes. */
const CHECKPOINTS_MAX = 10;

const SUFFIX = ".checkpoint";

export interface CheckpointDeskParts {
  readonly chain: EmbeddedChain;
  readonly store: BlockStore;
  readonly shelf: Shelf;
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
export class CheckpointDesk {
  readonly parts: CheckpointDeskParts;
  readonly nodes: HistoryNodes;

  constructor(parts: CheckpointDeskParts) {
    this.parts = parts;
    this.nodes = new HistoryNodes(parts.store, parts.chain.facts.genesisHash);
  }

  /** Lets timers and I/O run between two pieces of long work. */
  readonly pause = (): Promise<void> =>
    new Promise((resolve) => {
      this.parts.clock.setTimer(0, resolve);
    });

  /** Of a final block, the last one unless told. The same again replaces the file. */
  async create(height?: number): Promise<KeptCheckpoint> {
    const { chain, shelf, clock } = this.parts;
    const top = this.#highest();
    const at = height ?? top;
    if (at < 1 || at > top) {
      const text = `checkpoints are of blocks 1 to ${top}: final, and at least ${LATER_DISTANCE} below the head`;
      throw failure("FAILED_PRECONDITION", "NOT_FINAL", text, { field: "height" });
    }
    const evidence = await this.#evidence(at, 0);
    const { genesisHash } = chain.facts;
    const file = { genesisHash, createdMs: clock.nowMs(), evidence, block: this.#block(at) };
    const bytes = encodeCheckpointFile(file);
    const kept = keptOf(file, bytes.length);
    await shelf.write(kept.id + SUFFIX, bytes);
    await this.#discard();
    return kept;
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
    if (blockFault(read.file, proven) !== undefined || read.kept.id !== id) throw unsound(id, "BLOCK");
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
    const { lineage, facts } = chain;
    if (facts.maxBlocksWithoutPow > 0 || lineage.auxpows.some(({ carrierHeight }) => carrierHeight > 0)) {
      const text = "checkpoints of chains with AuxPoW come with a later version";
      throw failure("UNIMPLEMENTED", "AUXPOW_CHECKPOINT", text);
    }
    await this.nodes.prepare(this.#highest(), this.pause);
    const laterHeight = height + LATER_DISTANCE;
    const own = splitBlock(this.#block(height));
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
    };
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
    const names = await this.parts.shelf.names();
    return names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
  }

  /** Undefined when it is not there, a fault when it cannot be read as one of this chain. */
  async #read(
    id: string,
  ): Promise<{ kept: KeptCheckpoint; file: CheckpointFile } | CheckpointFault | undefined> {
    const bytes = await this.parts.shelf.read(id + SUFFIX, CHECKPOINT_FILE_BYTES_MAX);
    if (bytes === undefined) return undefined;
    const file = decodeCheckpointFile(bytes);
    if (typeof file === "string") return file;
    if (!equalBytes(file.genesisHash, this.parts.chain.facts.genesisHash)) return "OTHER_CHAIN";
    return { kept: keptOf(file, bytes.length), file };
  }

  async #discard(): Promise<void> {
    const ids = (await this.#ids()).sort((one, other) => heightIn(other) - heightIn(one));
    for (const id of ids.slice(CHECKPOINTS_MAX)) await this.parts.shelf.remove(id + SUFFIX);
  }
}

/** Undefined when the file's block is the proven checkpoint's: same header, body as it commits, form as it must be. */
function blockFault({ block }: CheckpointFile, proven: ProvenCheckpoint): CheckpointFault | undefined {
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
  return { id: `${height}-${toHex(hash).slice(0, 8)}`, height, hash, createdMs, bytes };
}

function heightIn(id: string): number {
  return Number.parseInt(id, 10) || 0;
}

function unsound(id: string, fault: CheckpointFault): Failure {
  return failure("DATA_LOSS", "CHECKPOINT_UNSOUND", `checkpoint ${id} does not hold: ${fault}`, {
    metadata: { fault },
  });
}
