/**
 * The port of the ChainActor: the chain as the actors see it. It owns what is durable, fork choice and finality, and
 * decides on every block. Sync is the only importer; network serves ranges from it; the producer builds on
 * its head. `embedded.ts` is the ChainActor that every node has; an attached process stands behind the same port.
 * It asks nobody: what changes is told to subscribers.
 */

import type { LastAuxPow } from "../../chain/auxpow/last-auxpow.ts";
import type { BlockFault } from "../../chain/block-fault.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../chain/facts.ts";
import type { ValidatedSegment } from "../../chain/validator.ts";
import type { Failure } from "../../kernel/errors.ts";

/** A durable canonical block with everything that proves it. */
export interface ChainHead {
  readonly height: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
  readonly slot: number;
  /** Unix milliseconds; 0 for genesis. */
  readonly timestampMs: number;
  /** SSZ BlockHeader, 184 bytes. */
  readonly header: Uint8Array;
  /** SSZ AggregateApproval that was verified; empty for genesis. */
  readonly approval: Uint8Array;
}

export interface ChainSnapshot {
  readonly head: ChainHead;
  readonly final: { readonly height: number; readonly hash: Uint8Array };
  /** Lowest height that can be served; 1 on a chain held from its beginning. */
  readonly earliestHeight: number;
  /** False while an attached ChainActor is away: nothing can be imported, nobody is to blame. */
  readonly isAvailable: boolean;
  /** Why it is not, where there is more to say than that it is closed. */
  readonly unavailable?: Failure;
}

/** What became of a segment. Only `invalid` is the fault of who sent it. */
export type ImportOutcome =
  | { readonly kind: "imported"; readonly head: ChainHead }
  /** All of its blocks are on the canonical chain or beside it already. */
  | { readonly kind: "known" }
  /** Valid, above the final block, kept beside the canonical chain, which is still better. */
  | { readonly kind: "side" }
  | {
      readonly kind: "reorganized";
      readonly head: ChainHead;
      readonly commonHeight: number;
      readonly blocksReverted: number;
    }
  /** Its first parent is neither canonical nor beside it, or lies below the final block. */
  | { readonly kind: "unknownParent"; readonly parentHash: Uint8Array; readonly height: number }
  /** It would replace final blocks: refused for ever. */
  | { readonly kind: "belowFinal"; readonly height: number }
  | { readonly kind: "invalid"; readonly index: number; readonly fault: BlockFault }
  /** The disk is full, or the ChainActor away: try again later. */
  | { readonly kind: "notNow"; readonly failure: Failure };

export type ChainEvent =
  /** The head moved forward: told once a segment. */
  | { readonly type: "imported"; readonly head: ChainHead; readonly blocks: number }
  | {
      readonly type: "reorganized";
      readonly head: ChainHead;
      readonly commonHeight: number;
      readonly blocksReverted: number;
    }
  | { readonly type: "finalized"; readonly height: number; readonly hash: Uint8Array }
  /** Another set is in force for the next block than before: told after the event that moved the head. */
  | {
      readonly type: "authoritiesChanged";
      /** The first height under it. */
      readonly firstHeight: number;
      readonly authorities: AuthoritySetFacts;
    }
  | { readonly type: "availability"; readonly isAvailable: boolean };

/** The parts of a header that the chain dictates for a child of the head. */
export interface ChildTemplate {
  readonly parentHash: Uint8Array;
  readonly height: number;
  readonly parentSlot: number;
  readonly stateRoot: Uint8Array;
  readonly authoritiesRoot: Uint8Array;
  readonly historyRoot: Uint8Array;
  /** Approval of the head, to be carried as parent_approval; undefined at height 1. */
  readonly parentApproval: Uint8Array | undefined;
  readonly authorities: AuthoritySetFacts;
  /** Height of the lowest block that may change the authorities again. */
  readonly lowestChangeHeight: number;
  /** The newest AuxPoW; undefined where it is not remembered, as shortly after a deep fork. */
  readonly lastAuxPow: LastAuxPow | undefined;
}

/** The sets that a child of some block is validated under, as SegmentInput wants them. */
export interface ChildAuthorities {
  /** In force for the child. */
  readonly authorities: AuthoritySetFacts;
  /** In force for the block itself. */
  readonly parentAuthorities: AuthoritySetFacts;
}

export interface ChainPort {
  readonly facts: ChainFacts;
  /** SSZ BlockHeader of height 0, 184 bytes: genesis has no body and nobody approved it. */
  readonly genesisHeader: Uint8Array;
  snapshot(): ChainSnapshot;
  /**
   * The set in force for a block of this height on the canonical chain. Above the head it is what the head leaves: true
   * for head + 1, a guess beyond. Below the oldest set that is remembered (65,000 blocks at least) it is that one.
   */
  authoritiesAt(height: number): AuthoritySetFacts;
  /** The sets for a child of this block, canonical or beside; undefined when the block is not durable here. */
  authoritiesAfter(hash: Uint8Array): ChildAuthorities | undefined;
  /**
   * Checks the segment's link to what is there (sequence.ts), chooses the fork, and writes. Resolves when durable. May
   * be called again before the last call settled: calls are carried out in order. The segment's memory is the chain's
   * from then on, which gives it back to its maker: the caller forgets it.
   */
  importSegment(segment: ValidatedSegment): Promise<ImportOutcome>;
  /**
   * Judges a proposal (SSZ SignedBlock whose approval is not a quorum yet) as a child of the head; undefined is good. One
   * that changes the authorities is good only if the new set is exactly `scheduledAuthorities`.
   */
  judgeProposal(block: Uint8Array, scheduledAuthorities?: AuthoritySetFacts): BlockFault | undefined;
  /** What a block on the present head must carry. */
  childTemplate(): ChildTemplate;
  readBlock(height: number): Uint8Array | undefined;
  readBlockByHash(
    hash: Uint8Array,
  ): { readonly height: number; readonly bytes: Uint8Array; readonly isCanonical: boolean } | undefined;
  /** Ascending canonical SignedBlocks, at most `count` and `bytesMax`, but one at least if it exists. */
  readRange(firstHeight: number, count: number, bytesMax: number): Uint8Array[];
  hashAt(height: number): Uint8Array | undefined;
  heightOf(hash: Uint8Array): number | undefined;
  subscribe(listener: (event: ChainEvent) => void): { close(): void };
  close(): Promise<void>;
}
