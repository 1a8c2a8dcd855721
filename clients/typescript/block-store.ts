/**
 * BlockStore: the example's own store, one file of blocks, each behind its length (4 bytes, little endian). Appends are
 * flushed before they are answered; a torn end is cut off when the file is opened; a reorganization truncates.
 */

import { createHash } from "node:crypto";
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** SSZ BlockHeader: parent hash, height, slot, timestamp, four roots. A block begins with it. */
const HEADER_LENGTH = 184;

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** hash_tree_root of the header: a Merkle tree over its eight fields, numbers padded to 32 bytes. */
export function blockHash(block: Uint8Array): Buffer {
  const number = (at: number): Buffer => Buffer.concat([block.subarray(at, at + 8), Buffer.alloc(24)]);
  const root = (at: number): Uint8Array => block.subarray(at, at + 32);
  let level: Uint8Array[] = [root(0), number(32), number(40), number(48), root(56), root(88), root(120), root(152)];
  while (level.length > 1) {
    level = level.flatMap((left, index) => (index % 2 === 0 ? [sha256(left, level[index + 1] as Uint8Array)] : []));
  }
  return level[0] as Buffer;
}

interface Entry {
  readonly hash: string;
  readonly end: number;
}

export class BlockStore {
  /** Entry i is the block of height i + 1. */
  readonly #entries: Entry[] = [];
  readonly #heights = new Map<string, number>();
  readonly #file: number;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "blocks.dat");
    this.#file = openSync(path, "a+");
    const bytes = readFileSync(path);
    for (let at = 0; at + 4 <= bytes.length; ) {
      const end = at + 4 + bytes.readUInt32LE(at);
      if (end > bytes.length) break;
      this.#note(blockHash(bytes.subarray(at + 4, end)), end);
      at = end;
    }
    ftruncateSync(this.#file, this.#end);
  }

  get height(): number {
    return this.#entries.length;
  }

  /** Hash of the newest block; undefined in an empty store. */
  get headHash(): Buffer | undefined {
    const hash = this.#entries.at(-1)?.hash;
    return hash === undefined ? undefined : Buffer.from(hash, "hex");
  }

  /**
   * Takes a block: "known", "imported", or "unknownParent". One on an earlier block than the head replaces what is above it.
   * Call `flush` before answering.
   */
  put(block: Uint8Array, genesisHash: Uint8Array): "known" | "imported" | "unknownParent" {
    if (block.length < HEADER_LENGTH) return "unknownParent";
    const hash = blockHash(block);
    if (this.#heights.has(hash.toString("hex"))) return "known";
    const parent = Buffer.from(block.subarray(0, 32));
    const below = parent.equals(genesisHash) ? 0 : this.#heights.get(parent.toString("hex"));
    if (below === undefined) return "unknownParent";
    if (below < this.height) this.#truncate(below);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(block.length);
    writeSync(this.#file, Buffer.concat([length, block]));
    this.#note(hash, this.#end + 4 + block.length);
    return "imported";
  }

  flush(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }

  get #end(): number {
    return this.#entries.at(-1)?.end ?? 0;
  }

  #note(hash: Buffer, end: number): void {
    this.#entries.push({ hash: hash.toString("hex"), end });
    this.#heights.set(hash.toString("hex"), this.height);
  }

  #truncate(height: number): void {
    for (const { hash } of this.#entries.splice(height)) this.#heights.delete(hash);
    ftruncateSync(this.#file, this.#end);
  }
}
