/**
 * Parting: where a downloaded run leaves our chain, and so how many of our blocks it would replace. A run that replaces
 * more than the tip waits until a second peer reports the head that it leads to. Pure but for reading the chain.
 */

import { HASH_LENGTH, HEADER_LENGTH, headerHash } from "../../../chain/header.ts";
import type { ChainPort } from "../../../integrations/chain/port.ts";
import type { ReorganizationUnconfirmed } from "../status/stall-reason.ts";
import type { SyncView } from "./situation.ts";

export type PartingReads = Pick<ChainPort, "heightOf" | "readBlockByHash">;

/** Two certified blocks on top of one are an everyday race; what replaces more needs a second witness. */
const UNCONFIRMED_DEPTH_MAX = 1;

/**
 * Blocks of our chain that are replaced once the run, blocks that nobody checked yet, is better than it. 0 where it
 * extends our head, holds nothing new, or builds on a block that we do not have.
 */
function blocksReplaced(chain: PartingReads, blocks: readonly Uint8Array[], headHeight: number): number {
  const first = blocks.find((block) => {
    if (block.length < HEADER_LENGTH) return true;
    return chain.heightOf(headerHash(block.subarray(0, HEADER_LENGTH))) === undefined;
  });
  if (first === undefined || first.length < HEADER_LENGTH) return 0;
  let hash = first.subarray(0, HASH_LENGTH);
  // Heights fall by one a step, since side blocks were checked against their parents: the loop ends.
  for (;;) {
    const height = chain.heightOf(hash);
    if (height !== undefined) return Math.max(0, headHeight - height);
    const beside = chain.readBlockByHash(hash);
    if (beside === undefined) return 0;
    hash = beside.bytes.subarray(0, HASH_LENGTH);
  }
}

/** Whether the pass under way may replace what it would, and why not. Once given, the word holds until the pass ends. */
export class ReorgConfirmation {
  #isGiven = false;
  #reason: ReorganizationUnconfirmed | undefined;

  /** Set while a reorganization waits. */
  get reason(): ReorganizationUnconfirmed | undefined {
    return this.#reason;
  }

  /** False while the run would replace more than our tip, and one party alone reports the head that it leads to. */
  allows(
    chain: PartingReads,
    blocks: readonly Uint8Array[],
    { head, target, isTargetConfirmed, connectedPeers }: SyncView,
  ): boolean {
    this.#isGiven ||= isTargetConfirmed;
    this.#reason = undefined;
    if (this.#isGiven || blocksReplaced(chain, blocks, head.height) <= UNCONFIRMED_DEPTH_MAX) return true;
    const height = target?.height ?? head.height;
    this.#reason = { type: "reorganizationUnconfirmed", height, connectedPeers };
    return false;
  }

  /** What was downloaded is dropped; what comes next may begin lower. */
  dropped(): void {
    this.#reason = undefined;
  }

  /** The pass ended, or our head lies on its chain. */
  ended(): void {
    this.#isGiven = false;
    this.#reason = undefined;
  }
}
