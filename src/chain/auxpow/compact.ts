/**
 * Bitcoin's compact form of a target ("bits"): an exponent of one byte and a signed mantissa of three. Decoding and
 * encoding, exact for every 32-bit number, and whether a hash meets a target.
 */

const MANTISSA_MASK = 0x7f_ffff;
const SIGN_BIT = 0x80_0000;
/** Targets and hashes are 256-bit numbers. */
const TARGET_LIMIT = 1n << 256n;

/**
 * The target that `bits` stand for. A negative one, and one of 256 bits or more, is 0, which no hash meets: neither
 * can be asked for, so neither is ever met.
 */
export function targetOf(bits: number): bigint {
  if ((bits & SIGN_BIT) !== 0) return 0n;
  const exponent = bits >>> 24;
  const mantissa = bits & MANTISSA_MASK;
  if (exponent <= 3) return BigInt(mantissa >>> (8 * (3 - exponent)));
  const target = BigInt(mantissa) << BigInt(8 * (exponent - 3));
  return target < TARGET_LIMIT ? target : 0n;
}

/** The bits whose target is `target` (below 2^256) with all but its highest three bytes cut off. */
export function compactOf(target: bigint): number {
  let size = Math.ceil(bitLength(target) / 8);
  let mantissa =
    size <= 3 ? Number(target) * 2 ** (8 * (3 - size)) : Number(target >> BigInt(8 * (size - 3)));
  // The highest bit of the mantissa is its sign: such a number takes one byte more.
  if ((mantissa & SIGN_BIT) !== 0) {
    mantissa >>>= 8;
    size++;
  }
  return (size * 2 ** 24 + mantissa) >>> 0;
}

/** Whether `hash`, 32 bytes read as a little-endian number, is not above the target. */
export function meetsTarget(hash: Uint8Array, target: bigint): boolean {
  if (target === 0n) return false;
  let value = 0n;
  for (let index = hash.length - 1; index >= 0; index--)
    value = (value << 8n) | BigInt(hash[index] as number);
  return value <= target;
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}
