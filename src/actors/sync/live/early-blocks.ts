/**
 * Held blocks: valid by themselves, but early: their parent is unknown, or their time has not come. Kept
 * without penalty, bounded in number and bytes; at a bound the one held longest gives way.
 */

import type { BlockHeader } from "../../../chain/header.ts";
import { toHex } from "../../../chain/hex.ts";
import type { ValidatedSegment } from "../../../chain/validator.ts";

export interface EarlyBlock {
  readonly peerId: string;
  readonly header: BlockHeader;
  readonly hash: Uint8Array;
  /** SHA-256 of the message's bytes, by which it is blamed or remembered. */
  readonly digest: Uint8Array;
  readonly content: /** Valid by itself: it waits for its parent. */
    | { readonly waitsFor: "parent"; readonly segment: ValidatedSegment }
    /** Ahead of our clock: it is validated when its time has come. */
    | { readonly waitsFor: "time"; readonly bytes: Uint8Array };
}

/** Blocks that are held; past it some are evicted. */
export const HELD_BLOCKS_MAX = 64;
/** Bytes of the blocks that are held; past it some are evicted. */
export const HELD_BYTES_MAX = 16 * 1024 * 1024;

export class EarlyBlocks {
  /** By hash, in order of arrival. */
  readonly #blocks = new Map<string, EarlyBlock>();
  #bytes = 0;

  get size(): number {
    return this.#blocks.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(hash: Uint8Array): boolean {
    return this.#blocks.has(toHex(hash));
  }

  /** Gives how many had to leave for it. */
  hold(block: EarlyBlock): number {
    this.#remove(toHex(block.hash));
    this.#blocks.set(toHex(block.hash), block);
    this.#bytes += sizeOf(block);
    let evicted = 0;
    for (const key of this.#blocks.keys()) {
      if (this.#blocks.size <= HELD_BLOCKS_MAX && this.#bytes <= HELD_BYTES_MAX) break;
      this.#remove(key);
      evicted++;
    }
    return evicted;
  }

  /** Takes out the blocks that `wanted` names. */
  take(wanted: (block: EarlyBlock) => boolean): EarlyBlock[] {
    const taken: EarlyBlock[] = [];
    for (const [key, block] of [...this.#blocks]) {
      if (!wanted(block)) continue;
      this.#remove(key);
      taken.push(block);
    }
    return taken;
  }

  clear(): void {
    this.#blocks.clear();
    this.#bytes = 0;
  }

  #remove(key: string): void {
    const block = this.#blocks.get(key);
    if (block === undefined) return;
    this.#blocks.delete(key);
    this.#bytes -= sizeOf(block);
  }
}

function sizeOf({ content }: EarlyBlock): number {
  return content.waitsFor === "parent" ? content.segment.bytes.length : content.bytes.length;
}
