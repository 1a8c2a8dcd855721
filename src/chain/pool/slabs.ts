/**
 * Slabs: the buffers in which segments travel to workers and on to the disk. Recycled, so that a long sync allocates a
 * handful of them. A slab that a dying worker held, or that nobody gave back, is gone; a new one is made when one is
 * needed.
 */

/** 64 small blocks (435 bytes) take 28 KiB; smaller slabs would only make more classes. */
const SLAB_BYTES_MIN = 64 * 1024;

/** Free slabs by size, a power of two from 64 KiB to 2 MiB. */
export class Slabs {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #freeBytesMax: number;
  #freeBytes = 0;

  /**
   * More free bytes than `freeBytesMax` are not kept: a slab returned at the bound is left to the collector.
   */
  constructor(freeBytesMax: number) {
    this.#freeBytesMax = freeBytesMax;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** A slab with room for `bytes`; its content is what the last user left. */
  take(bytes: number): ArrayBuffer {
    const size = slabSize(bytes);
    const slab = this.#free.get(size)?.pop();
    if (slab === undefined) return new ArrayBuffer(size);
    this.#freeBytes -= size;
    return slab;
  }

  /** Memory of another size, which is no slab, is left to the collector too. */
  give(slab: ArrayBuffer): void {
    const size = slab.byteLength;
    if (size !== slabSize(size) || this.#freeBytes + size > this.#freeBytesMax) return;
    this.#freeBytes += size;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [slab]);
    else free.push(slab);
  }
}

function slabSize(bytes: number): number {
  return Math.max(SLAB_BYTES_MIN, 2 ** Math.ceil(Math.log2(Math.max(1, bytes))));
}
