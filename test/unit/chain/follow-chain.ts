/**
 * Follows a forged chain through both halves of validation as a node does: cut into segments, each checked under the
 * sets in force, then judged in order on what came before.
 */

import { type Ancestors, StackedAncestors } from "../../../src/chain/auxpow/ancestors.ts";
import type { BlockFault } from "../../../src/chain/block-fault.ts";
import { checkSegment } from "../../../src/chain/check-segment.ts";
import type { ChainFacts } from "../../../src/chain/facts.ts";
import type { ChainForge } from "../../../src/chain/forge.ts";
import { HEADER_LENGTH, headerHash } from "../../../src/chain/header.ts";
import { authoritiesAt } from "../../../src/chain/lineage.ts";
import { cutSegments } from "../../../src/chain/segment.ts";
import { checkSequence, genesisState, type SequenceState } from "../../../src/chain/sequence.ts";
import type { Policy } from "../../../src/chain/validator.ts";
import { ancestorsOf } from "./build-chain.ts";

const NOW_MS = 1_800_000_000_000;

/** Which half found the fault, at which height. */
export interface Found {
  readonly stage: "segment" | "sequence";
  readonly height: number;
  readonly fault: BlockFault;
}

export class ChainFollower {
  readonly facts: ChainFacts;
  state: SequenceState;
  #ancestors: Ancestors;

  constructor(forge: ChainForge, facts = forge.facts()) {
    this.facts = facts;
    this.state = genesisState(facts, forge.genesis.authorities);
    this.#ancestors = ancestorsOf([facts.genesisHash]);
  }

  /** Stands on the last of the blocks, or says what is wrong with one. Cuts the run unless told. */
  follow(blocks: readonly Uint8Array[], policy: Policy, isOneSegment = false): Found | undefined {
    for (const segment of isOneSegment ? [blocks] : cutSegments(blocks)) {
      const { state, facts } = this;
      const first = state.height + 1;
      const verdict = checkSegment(facts, {
        blocks: segment,
        policy,
        authorities: state.authorities,
        parentAuthorities: authoritiesAt(state.lineage, state.height),
        nowMs: NOW_MS,
      });
      if (!verdict.ok) return { stage: "segment", height: first + verdict.index, fault: verdict.fault };
      const ancestors = this.#ancestors;
      const next = checkSequence(state, verdict.segment, { facts, ancestors });
      if (!next.ok) return { stage: "sequence", height: first + next.index, fault: next.fault };
      this.#ancestors = new StackedAncestors(ancestors, state.height, [verdict.segment.hashes]);
      this.state = next.state;
    }
    return undefined;
  }
}

export function hashesOf(blocks: readonly Uint8Array[]): Uint8Array[] {
  return blocks.map((block) => headerHash(block.subarray(0, HEADER_LENGTH)));
}
