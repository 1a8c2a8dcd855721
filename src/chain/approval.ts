/**
 * AggregateApproval: who of the authorities signed, as a bitlist, and their aggregate signature. Decoding,
 * encoding, root, and counting votes. Whether it suffices is judged in rules.ts, whether it is genuine with
 * bls.ts.
 */

import { readUint32, writeUint32 } from "./little-endian.ts";
import { MalformedError } from "./malformed.ts";
import { hashPair, merkleize, mixInLength, packBytes } from "./merkle.ts";

/** A federation has at most 15 members: Bitlist[15]. */
export const AUTHORITIES_MAX = 15;
export const SIGNATURE_LENGTH = 96;
/** Offset of the bits (4) and signature (96). */
const APPROVAL_FIXED_LENGTH = 100;
/** A bitlist of at most 15 bits with its end mark takes one or two bytes. */
export const APPROVAL_LENGTH_MAX = APPROVAL_FIXED_LENGTH + 2;

export interface AggregateApproval {
  /** Bit i is set when authority i signed. */
  readonly bits: number;
  /** Number of bits: 0 to 15. */
  readonly length: number;
  /** 96 bytes, compressed G2. */
  readonly signature: Uint8Array;
}

/** The signature is a view on `bytes`. Throws MalformedError unless `bytes` are exactly one approval. */
export function decodeApproval(bytes: Uint8Array): AggregateApproval {
  const bitsLength = bytes.length - APPROVAL_FIXED_LENGTH;
  if (bitsLength < 1 || bitsLength > 2) throw new MalformedError(`approval has ${bytes.length} bytes`);
  if (readUint32(bytes, 0) !== APPROVAL_FIXED_LENGTH) throw new MalformedError("approval has a wrong offset");
  const last = bytes[bytes.length - 1] as number;
  if (last === 0) throw new MalformedError("approval's bitlist has no end mark");
  const marked = bitsLength === 1 ? last : (bytes[APPROVAL_FIXED_LENGTH] as number) | (last << 8);
  // The highest bit marks the end; two bytes hold at most 15 bits below it, which is the limit.
  const length = 31 - Math.clz32(marked);
  return { bits: marked ^ (1 << length), length, signature: bytes.subarray(4, APPROVAL_FIXED_LENGTH) };
}

/** 101 bytes up to 7 authorities, 102 above. */
export function encodeApproval(approval: AggregateApproval): Uint8Array {
  const marked = approval.bits | (1 << approval.length);
  const bytes = new Uint8Array(APPROVAL_FIXED_LENGTH + (approval.length < 8 ? 1 : 2));
  writeUint32(bytes, 0, APPROVAL_FIXED_LENGTH);
  bytes.set(approval.signature, 4);
  bytes[APPROVAL_FIXED_LENGTH] = marked;
  if (approval.length >= 8) bytes[APPROVAL_FIXED_LENGTH + 1] = marked >>> 8;
  return bytes;
}

/** Hash tree root, 32 bytes. */
export function approvalRoot(approval: AggregateApproval): Uint8Array {
  const bits = new Uint8Array(32);
  bits[0] = approval.bits;
  bits[1] = approval.bits >>> 8;
  return hashPair(mixInLength(bits, approval.length), merkleize(packBytes(approval.signature), 2));
}

/** Votes needed of n authorities: ceil(2n / 3). */
export function quorumOf(authorities: number): number {
  return Math.ceil((2 * authorities) / 3);
}

/** Number of set bits of a mask of at most 32 bits. */
export function countBits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Indexes of the set bits, ascending. */
export function indexesOf(mask: number): number[] {
  const indexes: number[] = [];
  for (let index = 0; index < 32; index++) if ((mask & (1 << index)) !== 0) indexes.push(index);
  return indexes;
}
