/**
 * Divergence: what the attached ChainActor says of its own head and final block, compared with this node's chain. It finds
 * the contradiction that no verdict shows: a client that confirmed our blocks and builds on others. Replicator owns it and
 * tells it what the client confirmed. Time is an argument.
 */

import { equalBytes } from "../../../chain/bytes.ts";
import { toHex } from "../../../chain/hex.ts";
import type { BlockPoint } from "../../../storage/port.ts";
import type { Reported } from "../../attach/hub.ts";
import type { ChainPort } from "../port.ts";

/**
 * For a client to let go of blocks that a reorganization replaced, from when it first names one at a height that it took
 * again: the deadline of a batch (10 s) and a heartbeat (5 s). What it says after that is meant.
 */
export const BESIDE_MS = 15_000;

const HASH_LENGTH = 32;

/** Two blocks of one height that cannot both be right. */
export interface Contradiction {
  /** What the client says of itself. */
  readonly of: "head" | "final";
  readonly height: number;
  /** 32 bytes: the client's block. */
  readonly theirHash: Uint8Array;
  /** 32 bytes: the block of this height on our chain. */
  readonly ourHash: Uint8Array;
  /** Unix milliseconds at which it was found. */
  readonly sinceMs: number;
}

/** For logs, statuses and failures. */
export function contradictionText({ of, height, theirHash, ourHash }: Contradiction): string {
  const what = of === "head" ? "head" : "final block";
  return `its ${what} at height ${height} is ${toHex(theirHash)}, our block there is ${toHex(ourHash)}`;
}

type Judgement = "contradicts" | "agrees" | "beside" | "unknown";

export class Divergence {
  readonly #chain: ChainPort;
  #contradiction: Contradiction | undefined;
  /** Since when the client names blocks beside our chain, monotonic milliseconds. */
  #besideSinceMs: number | undefined;

  constructor(chain: ChainPort) {
    this.#chain = chain;
  }

  /** Undefined while the client says nothing that cannot be. */
  get contradiction(): Contradiction | undefined {
    return this.#contradiction;
  }

  /** A client was let in: what another one said, or the same one before, is forgotten. */
  begun(): void {
    this.#contradiction = undefined;
    this.#besideSinceMs = undefined;
  }

  /** Takes the client's word. True when the contradiction began, changed or ended. */
  heard(reported: Reported, confirmedHeight: number, nowMs: number, unixMs: number): boolean {
    const head = this.#judge(reported.head, confirmedHeight, nowMs);
    const final = this.#judge(reported.final, Number.POSITIVE_INFINITY, nowMs);
    if (head === "contradicts") return this.#found("head", reported.head, unixMs);
    if (final === "contradicts") return this.#found("final", reported.final, unixMs);
    if (head !== "beside" && final !== "beside" && (head === "agrees" || final === "agrees"))
      this.#besideSinceMs = undefined;
    const before = this.#contradiction;
    if (before === undefined) return false;
    // A head on a branch that grows says nothing about the blocks below it; a final block vouches for itself alone.
    const isOver = head === "agrees" || (before.of === "final" && final === "agrees");
    if (!isOver) return false;
    this.#contradiction = undefined;
    return true;
  }

  #judge(point: BlockPoint | undefined, highest: number, nowMs: number): Judgement {
    // Height 0 is how a client says that it has nothing; its genesis was compared when it was let in.
    if (point === undefined || point.height === 0 || point.hash.length !== HASH_LENGTH) return "unknown";
    // Merely ahead of us; and no number from outside becomes a key of the store.
    if (point.height > this.#chain.snapshot().head.height) return "unknown";
    const ours = this.#chain.hashAt(point.height);
    if (ours === undefined) return "unknown";
    if (equalBytes(ours, point.hash)) return "agrees";
    // Above what it confirmed it has its own block until ours reaches it.
    if (point.height > highest) return "unknown";
    return this.#isExcused(point.hash, nowMs) ? "beside" : "contradicts";
  }

  /** Blocks beside our chain are those that we replaced, some of them at this moment. */
  #isExcused(hash: Uint8Array, nowMs: number): boolean {
    const known = this.#chain.readBlockByHash(hash);
    if (known === undefined || known.isCanonical) return false;
    this.#besideSinceMs ??= nowMs;
    return nowMs - this.#besideSinceMs < BESIDE_MS;
  }

  #found(of: Contradiction["of"], point: BlockPoint | undefined, unixMs: number): boolean {
    if (point === undefined) return false;
    const { height, hash } = point;
    const before = this.#contradiction;
    const ourHash = this.#chain.hashAt(height);
    if (ourHash === undefined) return false;
    const isSame =
      before?.of === of &&
      before.height === height &&
      equalBytes(before.theirHash, hash) &&
      equalBytes(before.ourHash, ourHash);
    if (isSame) return false;
    const sinceMs = before?.sinceMs ?? unixMs;
    this.#contradiction = { of, height, theirHash: hash.slice(), ourHash: ourHash.slice(), sinceMs };
    return true;
  }
}
