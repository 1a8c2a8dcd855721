/**
 * Little-endian integers as SSZ writes them. A u64 is a `number` inside: one above 2^53 − 1 does not fit and
 * is refused as malformed, because no valid height, slot or time of a block can reach it (a time that far
 * ahead is never in the past, and slot and height follow from it).
 */

import { MalformedError } from "./malformed.ts";

const TWO_32 = 0x1_0000_0000;

/** u32 at `offset`, which the caller has checked to lie inside. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) |
      ((bytes[offset + 1] as number) << 8) |
      ((bytes[offset + 2] as number) << 16) |
      ((bytes[offset + 3] as number) << 24)) >>>
    0
  );
}

/** u64 at `offset` as a safe integer; MalformedError names `field` when it is larger than 2^53 − 1. */
export function readUint64(bytes: Uint8Array, offset: number, field: string): number {
  const high = readUint32(bytes, offset + 4);
  if (high > 0x1f_ffff) throw new MalformedError(`${field} is above 2^53 - 1`);
  return high * TWO_32 + readUint32(bytes, offset);
}

/** Writes the low 32 bits of a non-negative integer below 2^32. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

/** Writes a non-negative safe integer as u64. */
export function writeUint64(bytes: Uint8Array, offset: number, value: number): void {
  writeUint32(bytes, offset, value % TWO_32);
  writeUint32(bytes, offset + 4, Math.floor(value / TWO_32));
}
