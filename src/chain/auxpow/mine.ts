/**
 * Makes AuxPoWs, for forged chains, tests and development chains: a parent block of one transaction that commits to a
 * range, mined by counting the nonce. The same options return the same bytes. On a chain whose work is worth anything the
 * AuxPoW comes from Bitcoin's miners.
 */

import { assert } from "../../kernel/errors.ts";
import { concatBytes } from "../bytes.ts";
import { writeUint32 } from "../little-endian.ts";
import { branchRoot, type MerkleBranch, PARENT_HEADER_LENGTH, parentHash } from "./auxpow.ts";
import { BitcoinReader } from "./bitcoin-reader.ts";
import { meetsTarget, targetOf } from "./compact.ts";
import { encodeMergedMiningHeader, type MergedMiningHeader } from "./merged-mining.ts";
import type { MergedMiningPlacement } from "./pow-facts.ts";
import { readTransaction } from "./transaction.ts";

const NO_BRANCH: MerkleBranch = { hashes: [], sideMask: 0 };
/** Version of the parent's header: its chain id, in the upper half, is 1. */
const PARENT_VERSION = 1 << 16;
/** Tries before giving up: a target that needs more is not a forge's. */
const TRIES_MAX = 1 << 22;

export interface MiningOptions {
  readonly bits: number;
  readonly placement: MergedMiningPlacement;
  /** Of the tree of chains mined together, with our leaf's side mask; none by default. */
  readonly chainBranch?: MerkleBranch;
  /** Of the parent's tree of transactions; none by default. */
  readonly coinbaseBranch?: MerkleBranch;
  /** Replaces what the coinbase honestly carries. */
  readonly header?: Partial<MergedMiningHeader>;
  /** The output that carries the header; 2 by default. */
  readonly output?: number;
  /** Whether the coinbase is in the form with witnesses, as real ones are; default true. */
  readonly hasWitness?: boolean;
  readonly parentVersion?: number;
  /** Says whether a parent's hash will do; by default, that it meets the target of `bits`. */
  readonly accepts?: (hash: Uint8Array) => boolean;
}

/** The serialized AuxPow whose work is on `commitment`, 32 bytes. A target that needs too many tries is a mistake. */
export function mineAuxPow(commitment: Uint8Array, options: MiningOptions): Uint8Array {
  const mined = tryMineAuxPow(commitment, options, TRIES_MAX);
  assert(mined !== undefined, `no nonce for bits ${options.bits}`);
  return mined;
}

/** How many tries an AuxPow of these bits takes on average. */
export function expectedTries(bits: number): number {
  return Number((1n << 256n) / (targetOf(bits) + 1n));
}

/** The same with at most so many tries, some 3 µs each; undefined when none of them will do. */
export function tryMineAuxPow(
  commitment: Uint8Array,
  options: MiningOptions,
  triesMax: number,
): Uint8Array | undefined {
  const { chainBranch = NO_BRANCH, coinbaseBranch = NO_BRANCH, bits } = options;
  const root = branchRoot(commitment, chainBranch);
  const header = { root, size: 2 ** chainBranch.hashes.length, nonce: 0, ...options.header };
  const coinbase = encodeCoinbase(encodeMergedMiningHeader(header), options);
  const { id } = readTransaction(new BitcoinReader(coinbase));
  const parent = new Uint8Array(PARENT_HEADER_LENGTH);
  writeUint32(parent, 0, options.parentVersion ?? PARENT_VERSION);
  parent.set(branchRoot(id, coinbaseBranch), 36);
  const target = targetOf(bits);
  const accepts = options.accepts ?? ((hash: Uint8Array) => meetsTarget(hash, target));
  for (let nonce = 0; !accepts(parentHash(parent)); nonce++) {
    if (nonce >= triesMax) return undefined;
    writeUint32(parent, 76, nonce);
  }
  return concatBytes([
    coinbase,
    parentHash(parent),
    encodeBranch(coinbaseBranch),
    encodeBranch(chainBranch),
    parent,
  ]);
}

function encodeCoinbase(header: Uint8Array, options: MiningOptions): Uint8Array {
  const isInScript = options.placement === "COINBASE_SCRIPT";
  const { hasWitness = true, output = 2 } = options;
  const note = Uint8Array.of(3, 1, 2, 3);
  const script = isInScript ? concatBytes([note, Uint8Array.of(header.length), header]) : note;
  const outputs: Uint8Array[] = isInScript
    ? [Uint8Array.of(0x51)]
    : Array.from({ length: output }, () => Uint8Array.of(0x51));
  if (!isInScript) outputs.push(header);
  const outpoint = new Uint8Array(36).fill(0xff, 32);
  return concatBytes([
    Uint8Array.of(2, 0, 0, 0),
    hasWitness ? Uint8Array.of(0, 1) : new Uint8Array(0),
    Uint8Array.of(1),
    outpoint,
    withLength(script),
    new Uint8Array(4).fill(0xff),
    Uint8Array.of(outputs.length),
    ...outputs.flatMap((bytes) => [new Uint8Array(8), withLength(bytes)]),
    hasWitness ? concatBytes([Uint8Array.of(1), withLength(new Uint8Array(32))]) : new Uint8Array(0),
    new Uint8Array(4),
  ]);
}

/** With a length of one byte: what is made here is short. */
function withLength(bytes: Uint8Array): Uint8Array {
  assert(bytes.length < 0xfd, "a length of one byte");
  return concatBytes([Uint8Array.of(bytes.length), bytes]);
}

function encodeBranch({ hashes, sideMask }: MerkleBranch): Uint8Array {
  const mask = new Uint8Array(4);
  writeUint32(mask, 0, sideMask);
  return concatBytes([Uint8Array.of(hashes.length), ...hashes, mask]);
}
