/**
 * Randomness as a port: the only file that asks the platform for it. `seededRandom` is its twin; everything that a
 * simulation decides comes from one.
 */
import { randomBytes } from "node:crypto";
import { assert } from "../errors.ts";

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, belowExclusive). */
  integer(belowExclusive: number): number;
  /** Fresh bytes; only those of `realRandom` are fit for keys. */
  bytes(length: number): Uint8Array;
}

export const realRandom: Random = {
  next: () => Math.random(),
  integer: (belowExclusive) => integerFrom(Math.random(), belowExclusive),
  bytes: (length) => new Uint8Array(randomBytes(length)),
};

/** xoshiro128** (Blackman and Vigna, 2018), its state filled by splitmix32 from a 32-bit seed. */
export function seededRandom(seed: number): Random {
  let mixed = seed >>> 0;
  const splitmix = (): number => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [a, b, c, d] = [splitmix(), splitmix(), splitmix(), splitmix()];
  const word = (): number => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  // 53 bits, as many as a double holds.
  const next = (): number => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
  return {
    next,
    integer: (belowExclusive) => integerFrom(next(), belowExclusive),
    bytes: (length) => Uint8Array.from({ length }, () => word() >>> 24),
  };
}

function integerFrom(fraction: number, belowExclusive: number): number {
  assert(Number.isSafeInteger(belowExclusive) && belowExclusive > 0, "integer() needs a positive bound");
  return Math.floor(fraction * belowExclusive);
}
