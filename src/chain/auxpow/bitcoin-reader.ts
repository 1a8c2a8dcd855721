/**
 * BitcoinReader: reads Bitcoin's consensus serialization from front to back. It returns views and copies nothing; every
 * length is compared with the bytes that are left before anything is done with it, and what does not fit is a
 * MalformedError.
 */

import { readUint32 } from "../little-endian.ts";
import { MalformedError } from "../malformed.ts";

export class BitcoinReader {
  readonly bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.bytes.length - this.#offset;
  }

  /** The next `length` bytes, a view. */
  take(length: number, what: string): Uint8Array {
    if (length > this.remaining) throw new MalformedError(`${what} is cut short`);
    const start = this.#offset;
    this.#offset += length;
    return this.bytes.subarray(start, this.#offset);
  }

  uint8(what: string): number {
    return this.take(1, what)[0] as number;
  }

  uint32(what: string): number {
    return readUint32(this.take(4, what), 0);
  }

  /** A variable-length integer in its shortest form. None above 32 bits fits what we read, so none is accepted. */
  varInt(what: string): number {
    const first = this.uint8(what);
    if (first < 0xfd) return first;
    if (first === 0xfd) {
      const pair = this.take(2, what);
      return this.#shortest((pair[0] as number) | ((pair[1] as number) << 8), 0xfd, what);
    }
    if (first === 0xfe) return this.#shortest(this.uint32(what), 0x1_0000, what);
    throw new MalformedError(`${what} is longer than any AuxPoW`);
  }

  /** How many elements follow; each of them takes `lengthMin` bytes at least. */
  count(lengthMin: number, what: string): number {
    const count = this.varInt(what);
    if (count * lengthMin > this.remaining) throw new MalformedError(`${count} ${what} do not fit`);
    return count;
  }

  /** Bytes with their length in front. */
  varBytes(what: string): Uint8Array {
    return this.take(this.varInt(what), what);
  }

  /** Nothing may follow. */
  end(what: string): void {
    if (this.remaining > 0) throw new MalformedError(`${this.remaining} bytes follow ${what}`);
  }

  #shortest(value: number, least: number, what: string): number {
    if (value < least) throw new MalformedError(`${what} is not in its shortest form`);
    return value;
  }
}
