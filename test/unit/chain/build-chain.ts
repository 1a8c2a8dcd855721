/**
 * A small forge for tests: valid chains of a federation whose keys are all ours, with a place to bend every
 * part of a block before it is signed, so that a test can make a block that breaks one rule and no other.
 */

import { type AggregateApproval, encodeApproval } from "../../../src/chain/approval.ts";
import { type Ancestors, StackedAncestors } from "../../../src/chain/auxpow/ancestors.ts";
import { type BlockBody, EMPTY_BODY, encodeBody, joinBlock } from "../../../src/chain/block.ts";
import { SecretKey, sumSecretKeys } from "../../../src/chain/bls.ts";
import { bodyRoot } from "../../../src/chain/body-root.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../../src/chain/facts.ts";
import { forgeParameters } from "../../../src/chain/forge.ts";
import { type BlockHeader, decodeHeader, encodeHeader, headerHash } from "../../../src/chain/header.ts";
import { appendHash } from "../../../src/chain/mmr.ts";
import type { ChainParameters } from "../../../src/chain/parameters.ts";
import { genesisState, nextHistoryRoot, type SequenceState } from "../../../src/chain/sequence.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../../src/chain/signing.ts";
import { chainFactsOf, type Genesis, genesisOf } from "../../../src/chain/spec.ts";

export const SLOT_DURATION_MS = 2000;
/** Slot of the first block: a time in 2024. */
const FIRST_SLOT = 855_000_000;

export interface Federation {
  readonly secrets: readonly SecretKey[];
  readonly parameters: ChainParameters;
  readonly genesis: Genesis;
  readonly authorities: AuthoritySetFacts;
  readonly facts: ChainFacts;
}

export function makeFederation(size: number): Federation {
  const secrets = Array.from({ length: size }, (_, index) =>
    SecretKey.fromSeed(new Uint8Array(32).fill(index + 1)),
  );
  const parameters = forgeParameters(secrets, SLOT_DURATION_MS);
  const genesis = genesisOf(parameters);
  const facts = chainFactsOf(parameters, genesis.hash, { driftMs: 500, finalityDepth: 64 });
  return { secrets, parameters, genesis, authorities: genesis.authorities, facts };
}

/** A chain's hashes from genesis on, as the ordered stage looks them up. */
export function ancestorsOf(hashes: readonly Uint8Array[]): Ancestors {
  const genesis: Ancestors = { heightOf: () => undefined, hashAt: () => undefined, hashes: () => [] };
  return new StackedAncestors(genesis, -1, hashes);
}

/** All members of a set of `size`. */
export function everybody(size: number): number {
  return 2 ** size - 1;
}

export function approve(federation: Federation, hash: Uint8Array, bits: number): AggregateApproval {
  const { secrets, facts } = federation;
  const signers = secrets.filter((_, index) => (bits & (1 << index)) !== 0);
  const root = signingRoot(hash, domain(DOMAIN_BLOCK_APPROVAL, facts.genesisHash));
  const signature = signers.length === 0 ? new Uint8Array(96) : sumSecretKeys(signers).sign(root);
  return { bits, length: secrets.length, signature };
}

/** What a test may bend; each hook sees the honest value and returns what goes into the block. */
export interface Bend {
  readonly header?: (honest: BlockHeader) => BlockHeader;
  readonly body?: (honest: BlockBody) => BlockBody;
  readonly approval?: (honest: AggregateApproval, hash: Uint8Array) => AggregateApproval;
  /** Bits of the honest approval; everybody when left out. */
  readonly bits?: number;
  /** Slots between parent and block: 1 when left out. */
  readonly slots?: number;
  readonly transactions?: readonly Uint8Array[];
}

export interface BuiltBlock {
  readonly bytes: Uint8Array;
  readonly header: BlockHeader;
  readonly headerBytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly approval: AggregateApproval;
}

/** Grows a chain block by block. */
export class ChainBuilder {
  readonly federation: Federation;
  state: SequenceState;
  #last: BuiltBlock | undefined;

  constructor(federation: Federation) {
    this.federation = federation;
    this.state = genesisState(federation.facts, federation.authorities);
  }

  get lastApproval(): AggregateApproval | undefined {
    return this.#last?.approval;
  }

  /** Builds the next block and builds on it. */
  next(bend: Bend = {}): BuiltBlock {
    const { federation, state } = this;
    const honestBody = {
      ...EMPTY_BODY,
      parentApproval: this.lastApproval,
      transactions: bend.transactions ?? [],
    };
    const body = encodeBody(bend.body?.(honestBody) ?? honestBody);
    const slot = state.height === 0 ? FIRST_SLOT : state.slot + (bend.slots ?? 1);
    const honest: BlockHeader = {
      parentHash: state.hash,
      height: state.height + 1,
      slot,
      timestampMs: slot * SLOT_DURATION_MS + 7,
      stateRoot: decodeHeader(federation.genesis.header).stateRoot,
      bodyRoot: bodyRoot(body),
      authoritiesRoot: federation.authorities.root,
      historyRoot: nextHistoryRoot(state),
    };
    const header = bend.header?.(honest) ?? honest;
    const headerBytes = encodeHeader(header);
    const hash = headerHash(headerBytes);
    const honestApproval = approve(federation, hash, bend.bits ?? everybody(federation.secrets.length));
    const approval = bend.approval?.(honestApproval, hash) ?? honestApproval;
    const bytes = joinBlock(headerBytes, body, encodeApproval(approval));
    const built = { bytes, header, headerBytes, hash, approval };
    this.state = {
      ...state,
      // A bent height does not bend the blocks above.
      height: honest.height,
      hash,
      slot: header.slot,
      timestampMs: header.timestampMs,
      peaks: appendHash(state.peaks, state.height + 1, hash),
    };
    this.#last = built;
    return built;
  }

  /** Builds `count` blocks in a row. */
  run(count: number, bend: Bend = {}): BuiltBlock[] {
    return Array.from({ length: count }, () => this.next(bend));
  }

  /** A time at which the newest block is just in time. */
  get nowMs(): number {
    return this.state.timestampMs;
  }
}
