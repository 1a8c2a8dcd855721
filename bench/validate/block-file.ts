/**
 * A forged chain in one file, for processes that are measured: they get blocks without having forged them, so that
 * neither the time nor the memory of forging is counted. Each block is preceded by its length, u32 little-endian.
 */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ChainForge, type ForgeOptions } from "../../src/chain/forge.ts";

export interface ChainOptions extends ForgeOptions {
  readonly blocks: number;
  /** Members that sign each block, its author among them; all when left out. */
  readonly signersCount?: number;
}

/** The mask of so many members from the author on. */
function maskOf(author: number, members: number, count: number): number {
  let mask = 0;
  for (let index = 0; index < count; index++) mask |= 1 << ((author + index) % members);
  return mask;
}

/** Forges the chain into the file. */
export async function writeBlockFile(file: string, options: ChainOptions): Promise<void> {
  const { blocks, members = 3, signersCount = members } = options;
  const forge = new ChainForge(options);
  const stream = createWriteStream(file, { highWaterMark: 1024 * 1024 });
  for (let height = 1; height <= blocks; height++) {
    const signers = maskOf((forge.head.slot + 1) % members, members, signersCount);
    const block = forge.next({ signers }, height === blocks);
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(block.length);
    stream.write(prefix);
    if (!stream.write(block)) await once(stream, "drain");
  }
  stream.end();
  await once(stream, "finish");
}

/** Bytes read ahead at a time. */
const READ_BYTES = 4 * 1024 * 1024;
/**
 * Buffers used in turn, so that reading makes no garbage: one is read into, one is cut, and what is still on its way to
 * the workers (8 MB) lies in the others.
 */
const BUFFERS = 6;

/** Reads the blocks of a file, a few megabytes ahead, the next ones while these are used. */
export class BlockFile {
  readonly #file: FileHandle;
  readonly #isKept: boolean;
  readonly #buffers: Buffer[] = [];
  #reads = 0;
  #position = 0;
  #blocks: Uint8Array[] = [];
  #next: Promise<Uint8Array[]>;

  private constructor(file: FileHandle, isKept: boolean) {
    this.#file = file;
    this.#isKept = isKept;
    this.#next = this.#read();
  }

  /** `isKept`: the blocks stay as they are; otherwise they are good until a few megabytes more are read. */
  static async open(path: string, isKept = false): Promise<BlockFile> {
    return new BlockFile(await open(path), isKept);
  }

  /** The next blocks: `count` of them, fewer at the end. */
  async take(count: number): Promise<Uint8Array[]> {
    while (this.#blocks.length < count) {
      const more = await this.#next;
      if (more.length === 0) break;
      this.#blocks = this.#blocks.length === 0 ? more : [...this.#blocks, ...more];
      this.#next = this.#read();
    }
    return this.#blocks.splice(0, count);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #read(): Promise<Uint8Array[]> {
    const bytes = this.#buffer();
    const { bytesRead } = await this.#file.read(bytes, 0, READ_BYTES, this.#position);
    const blocks: Uint8Array[] = [];
    let at = 0;
    while (at + 4 <= bytesRead) {
      const length = bytes.readUInt32LE(at);
      if (at + 4 + length > bytesRead) break;
      blocks.push(new Uint8Array(bytes.buffer, at + 4, length));
      at += 4 + length;
    }
    this.#position += at;
    return blocks;
  }

  #buffer(): Buffer {
    if (this.#isKept) return Buffer.allocUnsafeSlow(READ_BYTES);
    const index = this.#reads++ % BUFFERS;
    this.#buffers[index] ??= Buffer.allocUnsafeSlow(READ_BYTES);
    return this.#buffers[index];
  }
}
