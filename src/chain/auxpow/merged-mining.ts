/**
 * The merged-mining header: 44 bytes in the parent's coinbase that commit to the chains mined with it: magic, Merkle
 * root, number of leaves u32, nonce u32. Two parsers, for its two placements, and the leaf that a chain must take.
 */

import { equalBytes } from "../bytes.ts";
import { readUint32 } from "../little-endian.ts";
import type { MergedMiningPlacement } from "./pow-facts.ts";
import type { BitcoinTransaction } from "./transaction.ts";

const MAGIC = Uint8Array.of(0xfa, 0xbe, 0x6d, 0x6d);
const MERGED_MINING_HEADER_LENGTH = 44;
/** The outputs in which it is looked for, in this order. */
const OUTPUTS = [2, 3] as const;

const OP_PUSHDATA1 = 0x4c;
const OP_PUSHDATA2 = 0x4d;
const OP_PUSHDATA4 = 0x4e;

export interface MergedMiningHeader {
  /** 32 bytes. Alys turns both this and the root it compares with round first, which changes nothing. */
  readonly root: Uint8Array;
  /** Leaves of the tree of chains. */
  readonly size: number;
  readonly nonce: number;
}

export type MergedMiningFault =
  | "COINBASE_NO_INPUTS"
  | "COINBASE_INVALID_OUTPUTS"
  | "MISSING_HEADER"
  | "MULTIPLE_HEADERS";

/** The headers among which one has to commit to our root; at least one. */
export function findHeaders(
  coinbase: BitcoinTransaction,
  placement: MergedMiningPlacement,
): readonly MergedMiningHeader[] | MergedMiningFault {
  return placement === "COINBASE_OUTPUTS" ? headersInOutputs(coinbase) : headerInScript(coinbase);
}

/** Whole scripts of outputs: several pools write theirs, so that the root tells which one is meant. */
function headersInOutputs({ outputScripts }: BitcoinTransaction): MergedMiningHeader[] | MergedMiningFault {
  const headers: MergedMiningHeader[] = [];
  for (const index of OUTPUTS) {
    const script = outputScripts[index];
    const header = script && decodeHeader(script);
    if (header !== undefined) headers.push(header);
  }
  if (headers.length > 0) return headers;
  return outputScripts.length > OUTPUTS[1] ? "MISSING_HEADER" : "COINBASE_INVALID_OUTPUTS";
}

/** Exactly one push of the scriptSig is a header. What follows something that is no instruction does not count. */
function headerInScript({ scriptSig }: BitcoinTransaction): MergedMiningHeader[] | MergedMiningFault {
  if (scriptSig === undefined) return "COINBASE_NO_INPUTS";
  const headers: MergedMiningHeader[] = [];
  for (const push of pushesOf(scriptSig)) {
    const header = decodeHeader(push);
    if (header !== undefined) headers.push(header);
  }
  if (headers.length > 1) return "MULTIPLE_HEADERS";
  return headers.length === 1 ? headers : "MISSING_HEADER";
}

function decodeHeader(bytes: Uint8Array): MergedMiningHeader | undefined {
  if (bytes.length !== MERGED_MINING_HEADER_LENGTH || !equalBytes(bytes.subarray(0, 4), MAGIC))
    return undefined;
  return { root: bytes.subarray(4, 36), size: readUint32(bytes, 36), nonce: readUint32(bytes, 40) };
}

/** What a script pushes, up to its end or to the first push that runs over it. */
function* pushesOf(script: Uint8Array): Generator<Uint8Array, void, void> {
  for (let at = 0; at < script.length; ) {
    const opcode = script[at++] as number;
    if (opcode > OP_PUSHDATA4) continue;
    const width = opcode < OP_PUSHDATA1 ? 0 : opcode === OP_PUSHDATA1 ? 1 : opcode === OP_PUSHDATA2 ? 2 : 4;
    if (at + width > script.length) return;
    const length = width === 0 ? opcode : lengthAt(script, at, width);
    at += width;
    if (at + length > script.length) return;
    yield script.subarray(at, at + length);
    at += length;
  }
}

function lengthAt(script: Uint8Array, at: number, width: number): number {
  let length = 0;
  for (let index = width - 1; index >= 0; index--) length = length * 256 + (script[at + index] as number);
  return length;
}

/** The script that carries a header in an output. */
export function encodeMergedMiningHeader({ root, size, nonce }: MergedMiningHeader): Uint8Array {
  const bytes = new Uint8Array(MERGED_MINING_HEADER_LENGTH);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  bytes.set(root, 4);
  view.setUint32(36, size, true);
  view.setUint32(40, nonce, true);
  return bytes;
}

/**
 * The leaf that a chain takes in a tree of 2^height: pseudo-random from nonce and chain id, so that one coinbase cannot
 * commit to two blocks of one chain.
 */
export function expectedIndex(nonce: number, chainId: number, height: number): number {
  const leaves = 1n << BigInt(height);
  const step = (value: bigint): bigint => (value * 1_103_515_245n + 12_345n) % leaves;
  return Number(step(step(BigInt(nonce)) + BigInt(chainId)));
}
