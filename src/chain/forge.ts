/**
 * A deterministic forge of valid chains, for tests, benchmarks and demonstrations: the same options return the
 * same bytes. It holds every member's key, and signs with the sum of them: that signature is the aggregate,
 * so a block costs one signature (about 0.4 ms) however many members there are. No node that takes part in a
 * federation uses it.
 */
import { assert } from "../kernel/errors.ts";
import { type AggregateApproval, AUTHORITIES_MAX, encodeApproval, indexesOf } from "./approval.ts";
import { authoritySet } from "./authorities.ts";
import { type AuxPowBend, AuxPowForge } from "./auxpow/auxpow-forge.ts";
import type { LastAuxPow } from "./auxpow/last-auxpow.ts";
import { type MergedMiningPlacement, powFactsOf } from "./auxpow/pow-facts.ts";
import { type AuthorityChange, type AuxPowHeader, encodeBody, joinBlock } from "./block.ts";
import { SecretKey, sign, sumSecretKeys } from "./bls.ts";
import { bodyRoot } from "./body-root.ts";
import type { AuthoritySetFacts, ChainFacts } from "./facts.ts";
import { FINALITY_DEPTH, finalHeight } from "./finality.ts";
import { type BlockHeader, decodeHeader, encodeHeader, headerHash } from "./header.ts";
import { genesisLineage, type Lineage, pruneLineage, withAuxPow, withChange } from "./lineage.ts";
import { writeUint64 } from "./little-endian.ts";
import { appendHash, historyRoot } from "./mmr.ts";
import type { ChainParameters } from "./parameters.ts";
import { provePossession } from "./possession.ts";
import { slotAt } from "./rules.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "./signing.ts";
import { chainFactsOf, type Genesis, genesisOf } from "./spec.ts";

/**
 * Bytes of a serialized block of at most seven members without its transactions: header and two offsets 192,
 * body offsets 28, parent's approval with its offset 105, own approval 101 (block 1 has no parent's approval:
 * 105 less).
 */
export const EMPTY_BLOCK_LENGTH = 426;
/** Each transaction adds its bytes and an offset. */
export const TRANSACTION_OVERHEAD = 4;
/** One transaction of 5 bytes makes a block of 435 bytes, the size of Alys's usual block. */
const TRANSACTION_BYTES = 435 - EMPTY_BLOCK_LENGTH - TRANSACTION_OVERHEAD;
/** 50 transactions of 192 bytes make a block of 10,226 bytes: the "10 KB" of the benchmarks. */
export const LARGE_BLOCK = { transactions: 50, transactionBytes: 192 } as const;

/** What is fixed for a forged chain. Same options, same chain. */
export interface ForgeOptions {
  /** 1 to 15; default 3. */
  readonly members?: number;
  /** Members' keys and the transactions' bytes follow from it; default 1. */
  readonly seed?: number;
  /** Default 2000. */
  readonly slotDurationMs?: number;
  /** A block; default 1. */
  readonly transactions?: number;
  /** Bytes of each transaction; default 5. */
  readonly transactionBytes?: number;
  /**
   * Only blocks whose height is a multiple of this (default 1: all), those that change the authorities and
   * the last one of forgeChain are signed; the others carry a filler that does not verify. Makes long chains quickly for SEGMENT validation
   * alone.
   */
  readonly signEvery?: number;
  /**
   * Blocks whose height is a multiple of this carry an AuxPoW over everything below them, mined at trivial
   * difficulty, and the chain requires it. 0, the default: no AuxPoW.
   */
  readonly auxpowEvery?: number;
  /** Default 50,000, as Alys, where auxpowEvery is set. */
  readonly maxBlocksWithoutPow?: number;
  /** Where the parent's coinbase carries the merged-mining header; default its outputs. */
  readonly placement?: MergedMiningPlacement;
  /** The sets that blocks at these heights put in force from the next one on. */
  readonly authorityChanges?: readonly ScheduledChange[];
}

/** A block that changes the authorities. The rules want one key more or less, 64 blocks after the one before. */
export interface ScheduledChange {
  readonly height: number;
  readonly set: readonly SecretKey[];
}

/** A chain with its length and place in time: one of the two timestamps, else it begins at slot 1. */
export interface ForgeChainOptions extends ForgeOptions {
  readonly blocks: number;
  /** The last block lies in this time's slot. */
  readonly endTimestampMs?: number;
  /** The first block lies in this time's slot. */
  readonly startTimestampMs?: number;
}

/** What one block may have otherwise than usual. */
export interface ForgeBlockOptions {
  /** Slots left empty before it; default 0. */
  readonly skippedSlots?: number;
  /** Members that sign, as a mask; default all. The rules want the author among them and a quorum. */
  readonly signers?: number;
  /** Exact transactions in place of made-up ones. */
  readonly transactions?: readonly Uint8Array[];
  /** The set in force from the next block on. */
  readonly nextAuthorities?: readonly SecretKey[];
  /** Header fields to set otherwise: to forge invalid blocks. */
  readonly header?: Partial<BlockHeader>;
  /** An AuxPoW now, mined otherwise than usual; `"none"` leaves one out that is due. */
  readonly auxpow?: AuxPowBend | "none";
  /** Exactly this change in place of an honest one; the forge's own members stay. */
  readonly change?: AuthorityChange;
}

/** Targets of forged chains with AuxPoW: every hash but one of 2^16 meets the easiest, one of 256 the hardest. */
const TRIVIAL_BITS = { easiest: 0x2100_ffff, hardest: 0x2000_ffff } as const;
const BLOCKS_WITHOUT_POW = 50_000;

/**
 * Members' secret keys: the same for the same seed, so that a local network can write them to its key files.
 */
export function forgeSecretKeys(members = 3, seed = 1): SecretKey[] {
  assert(Number.isSafeInteger(members) && members >= 1 && members <= AUTHORITIES_MAX, "1 to 15 members");
  return Array.from({ length: members }, (_, index) => SecretKey.fromSeed(keySeed(seed, index)));
}

/** What of a chain's parameters a forge leaves to its caller. */
export type AuxPowOptions = Pick<ForgeOptions, "auxpowEvery" | "maxBlocksWithoutPow">;

/**
 * Parameters of a forged chain: no federation accounts, Alys's retarget values. AuxPoW is required, at trivial
 * difficulty, where one is forged.
 */
export function forgeParameters(
  secretKeys: readonly SecretKey[],
  slotDurationMs = 2000,
  { auxpowEvery = 0, maxBlocksWithoutPow = auxpowEvery > 0 ? BLOCKS_WITHOUT_POW : 0 }: AuxPowOptions = {},
): ChainParameters {
  const isMined = auxpowEvery > 0;
  return {
    slotDurationMs,
    authorities: secretKeys.map((key) => key.publicKey),
    federation: [],
    federationBitcoinPubkeys: [],
    bits: isMined ? TRIVIAL_BITS.easiest : 486604799,
    chainId: 263634,
    maxBlocksWithoutPow,
    bitcoinStartHeight: 0,
    powLimit: TRIVIAL_BITS.easiest,
    powLowerLimit: isMined ? TRIVIAL_BITS.hardest : 439495319,
    powTargetTimespan: 60,
    powTargetSpacing: 5,
    powNoRetargeting: false,
    maxPowAdjustment: 20,
  };
}

/**
 * Yields serialized SignedBlocks of heights 1 to `blocks`, in consecutive slots, each approved by all
 * members.
 */
export function* forgeChain(options: ForgeChainOptions): Generator<Uint8Array, void, void> {
  const forge = ChainForge.of(options);
  for (let made = 1; made <= options.blocks; made++) yield forge.next({}, made === options.blocks);
}

/** Forges one chain block by block; `fork` makes a second one that shares its past. */
export class ChainForge {
  readonly parameters: ChainParameters;
  readonly genesis: Genesis;
  readonly #options: ForgeOptions & Required<Pick<ForgeOptions, DefaultedOption>>;
  readonly #approvalDomain: Uint8Array;
  #secretKeys: readonly SecretKey[];
  #authorities: AuthoritySetFacts;
  /**
   * Sum of the keys of a mask; emptied when the set changes, else at most one entry a mask that the caller
   * asks for.
   */
  #sums = new Map<number, SecretKey>();
  #head: BlockHeader;
  #headHash: Uint8Array;
  #headApproval: AggregateApproval | undefined;
  #nextSlot: number;
  #peaks: readonly Uint8Array[] = [];
  #lineage: Lineage;
  /** Undefined where no AuxPoW is forged. */
  #auxpows: AuxPowForge | undefined;

  constructor(options: ForgeOptions = {}, firstSlot = 1) {
    const { members = 3, seed = 1, slotDurationMs = 2000, signEvery = 1 } = options;
    const { transactions = 1, transactionBytes = TRANSACTION_BYTES } = options;
    this.#options = { ...options, members, seed, slotDurationMs, transactions, transactionBytes, signEvery };
    this.#secretKeys = forgeSecretKeys(members, seed);
    this.parameters = forgeParameters(this.#secretKeys, slotDurationMs, options);
    this.genesis = genesisOf(this.parameters);
    this.#authorities = this.genesis.authorities;
    this.#approvalDomain = domain(DOMAIN_BLOCK_APPROVAL, this.genesis.hash);
    this.#head = decodeHeader(this.genesis.header);
    this.#headHash = this.genesis.hash;
    this.#nextSlot = firstSlot;
    this.#lineage = genesisLineage(this.facts(), this.#authorities);
    const { auxpowEvery = 0, placement } = options;
    if (auxpowEvery > 0) this.#auxpows = new AuxPowForge(auxpowEvery, powFactsOf(this.parameters, placement));
  }

  /** A forge whose slots are placed as the options' timestamps say. */
  static of(options: ForgeChainOptions): ChainForge {
    const { blocks, startTimestampMs, endTimestampMs, slotDurationMs = 2000 } = options;
    let firstSlot = 1;
    if (endTimestampMs !== undefined) firstSlot = slotAt(endTimestampMs, slotDurationMs) - blocks + 1;
    else if (startTimestampMs !== undefined) firstSlot = slotAt(startTimestampMs, slotDurationMs);
    assert(firstSlot >= 1, "the chain would begin before slot 1");
    return new ChainForge(options, firstSlot);
  }

  /** Header of the last block (of genesis before the first). */
  get head(): BlockHeader {
    return this.#head;
  }

  get headHash(): Uint8Array {
    return this.#headHash;
  }

  /** Peaks of the history before the head, as sequence checks begin with them. */
  get peaks(): readonly Uint8Array[] {
    return this.#peaks;
  }

  /** The set in force for the next block. */
  get authorities(): AuthoritySetFacts {
    return this.#authorities;
  }

  /** What the next blocks are judged by of the chain so far. */
  get lineage(): Lineage {
    return this.#lineage;
  }

  get secretKeys(): readonly SecretKey[] {
    return this.#secretKeys;
  }

  /** What a validator of this chain must know. */
  facts(driftMs = 500, finalityDepth = 64): ChainFacts {
    const { placement } = this.#options;
    const local = { driftMs, finalityDepth, ...(placement && { placement }) };
    return chainFactsOf(this.parameters, this.genesis.hash, local);
  }

  /** The next block, serialized. `mustSign` overrides signEvery. */
  next(options: ForgeBlockOptions = {}, mustSign = false): Uint8Array {
    const { slotDurationMs, signEvery } = this.#options;
    const height = this.#head.height + 1;
    const slot = this.#nextSlot + (options.skippedSlots ?? 0);
    const nextAuthorities = options.nextAuthorities ?? this.#scheduledAt(height);
    const bend = options.auxpow;
    const auxpow = bend === "none" ? undefined : this.#auxpows?.next(height, bend);
    const body = encodeBody({
      parentApproval: this.#headApproval,
      transactions: options.transactions ?? this.#makeTransactions(height),
      pegins: [],
      pegoutProposal: undefined,
      finalizedPegouts: [],
      auxpow,
      nextAuthorities: options.change ?? (nextAuthorities && this.#changeTo(nextAuthorities)),
    });
    const peaks = appendHash(this.#peaks, this.#head.height, this.#headHash);
    const header: BlockHeader = {
      parentHash: this.#headHash,
      height,
      slot,
      timestampMs: slot * slotDurationMs,
      // What the embedded chain does: it executes nothing.
      stateRoot: this.#head.stateRoot,
      bodyRoot: bodyRoot(body),
      authoritiesRoot: this.#authorities.root,
      historyRoot: historyRoot(height, peaks),
      ...options.header,
    };
    const headerBytes = encodeHeader(header);
    const hash = headerHash(headerBytes);
    // A segment ends at a change, so that it is never one that only its successors vouch for.
    const isSigned = mustSign || nextAuthorities !== undefined || height % signEvery === 0;
    const approval = this.approve(hash, options.signers, isSigned);
    this.#advance(header, hash, approval, peaks);
    this.#auxpows?.advance(height, hash, auxpow, bend === "none" ? undefined : bend?.covers);
    this.#follow(height, auxpow, nextAuthorities);
    return joinBlock(headerBytes, body, encodeApproval(approval));
  }

  /** The aggregate of the signers in a mask (default all) over a block hash; unsigned ones hold a filler. */
  approve(hash: Uint8Array, signers?: number, isSigned = true): AggregateApproval {
    const length = this.#secretKeys.length;
    const bits = signers ?? 2 ** length - 1;
    if (!isSigned) return { bits, length, signature: new Uint8Array(96).fill(0xff) };
    let sum = this.#sums.get(bits);
    if (sum === undefined) {
      sum = sumSecretKeys(indexesOf(bits).map((index) => this.#secretKeys[index] as SecretKey));
      this.#sums.set(bits, sum);
    }
    return { bits, length, signature: sign(sum, signingRoot(hash, this.#approvalDomain)) };
  }

  /** A second forge that builds on the same head and goes on by itself. */
  fork(): ChainForge {
    const copy = new ChainForge(this.#options, this.#nextSlot);
    copy.#secretKeys = this.#secretKeys;
    copy.#authorities = this.#authorities;
    copy.#head = this.#head;
    copy.#headHash = this.#headHash;
    copy.#headApproval = this.#headApproval;
    copy.#peaks = this.#peaks;
    copy.#lineage = this.#lineage;
    copy.#auxpows = this.#auxpows?.fork();
    return copy;
  }

  #advance(
    header: BlockHeader,
    hash: Uint8Array,
    approval: AggregateApproval,
    peaks: readonly Uint8Array[],
  ): void {
    this.#head = header;
    this.#headHash = hash;
    this.#headApproval = approval;
    this.#peaks = peaks;
    this.#nextSlot = header.slot + 1;
  }

  /** What the block carried, for the blocks above it. */
  #follow(
    height: number,
    auxpow: AuxPowHeader | undefined,
    nextAuthorities: readonly SecretKey[] | undefined,
  ): void {
    if (auxpow !== undefined) {
      const lineage = withAuxPow(this.#lineage, this.#auxpows?.last as LastAuxPow);
      const final = finalHeight(height, this.facts(), lineage.auxpows);
      this.#lineage = pruneLineage(lineage, final, FINALITY_DEPTH);
    }
    if (nextAuthorities === undefined) return;
    const keys = nextAuthorities.map((key) => key.publicKey);
    this.#lineage = withChange(this.#lineage, height, keys);
    this.#secretKeys = nextAuthorities;
    this.#authorities = authoritySet(keys);
    this.#sums = new Map();
  }

  #scheduledAt(height: number): readonly SecretKey[] | undefined {
    return this.#options.authorityChanges?.find((change) => change.height === height)?.set;
  }

  #changeTo(secretKeys: readonly SecretKey[]): AuthorityChange {
    return {
      keys: secretKeys.map((key) => key.publicKey),
      proofs: secretKeys.map((key) => provePossession(key, this.genesis.hash)),
    };
  }

  /**
   * Bytes that look random, from seed, height and position by a xorshift: content does not matter, speed
   * does.
   */
  #makeTransactions(height: number): Uint8Array[] {
    const { seed, transactions, transactionBytes } = this.#options;
    let state = (Math.imul(seed, 0x9e37_79b1) ^ Math.imul(height, 0x85eb_ca6b)) | 1;
    return Array.from({ length: transactions }, () => {
      const bytes = new Uint8Array(transactionBytes);
      for (let index = 0; index < transactionBytes; index++) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        bytes[index] = state >>> 11;
      }
      return bytes;
    });
  }
}

/** Options that have a value in every forge. */
type DefaultedOption =
  | "members"
  | "seed"
  | "slotDurationMs"
  | "transactions"
  | "transactionBytes"
  | "signEvery";

/** 32 bytes that name seed and member; secrecy is no aim here. */
function keySeed(seed: number, index: number): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set(Buffer.from("alys forged key"));
  writeUint64(bytes, 16, seed);
  writeUint64(bytes, 24, index);
  return bytes;
}
