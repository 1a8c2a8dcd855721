/**
 * The validation stage alone, as the SyncActor runs it: segments go to the workers, what is valid goes to the embedded
 * chain in order, and counts when it is flushed. As many segments are under way as the SyncActor lets be, always.
 */

import { ANSWER_BLOCK_BYTES_MAX } from "../../src/actors/network/config.ts";
import { IMPORTS_MAX, syncConfig, validationRoom } from "../../src/actors/sync/config.ts";
import { equalBytes } from "../../src/chain/bytes.ts";
import type { ChainForge } from "../../src/chain/forge.ts";
import type { ThreadValidator } from "../../src/chain/pool/threads.ts";
import { ownApproval, segmentLength } from "../../src/chain/segment.ts";
import type { Policy, SegmentVerdict } from "../../src/chain/validator.ts";
import type { EmbeddedChain } from "../../src/integrations/chain/embedded/embedded.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import type { BlockFile } from "./block-file.ts";

export interface PumpParts {
  readonly validator: ThreadValidator;
  readonly chain: EmbeddedChain;
  readonly authorities: ChainForge["authorities"];
  readonly policy: Policy;
  /** Segments with the workers at a time, as the SyncActor counts them. */
  readonly validationsMax: number;
}

/** When a segment was offered and when it was flushed, milliseconds, and its blocks. */
export interface Passed {
  readonly offeredMs: number;
  readonly flushedMs: number;
  readonly blocks: number;
}

/** Blocks that wait to be cut; a segment never lacks one that is there. */
const READY_BLOCKS = 256;

const { batchBlocks: BATCH_BLOCKS } = syncConfig(undefined, 1);

export class Pump {
  readonly #parts: PumpParts;
  #ready: Uint8Array[] = [];
  readonly #answer = new AnswerRoom();

  constructor(parts: PumpParts) {
    this.#parts = parts;
  }

  /** Takes `blocks` blocks through; resolves when the last one is flushed. */
  async run(file: BlockFile, blocks: number): Promise<Passed[]> {
    const { validationsMax, policy } = this.#parts;
    const passed: Passed[] = [];
    const importing: Promise<void>[] = [];
    const checking = new Map<Promise<void>, number>();
    let order: Promise<unknown> = Promise.resolve();
    for (let left = blocks; left > 0; ) {
      const segment = await this.#cut(file, left);
      if (segment.length === 0) throw new Error("the file has too few blocks");
      left -= segment.length;
      // Whichever is settled first makes room, as with the SyncActor.
      const room = validationRoom(policy, segment);
      while (sum(checking.values()) + room > validationsMax) await Promise.race(checking.keys());
      // Without this bound the workers would run ahead of the disk, and the queue between them grow.
      await importing[importing.length - (validationsMax / room + IMPORTS_MAX)];
      const offeredMs = performance.now();
      const verdict = this.#validate(segment);
      const check: Promise<void> = verdict.then(() => void checking.delete(check));
      checking.set(check, room);
      // In order, and no more at a time than the SyncActor hands over.
      const handedOver = Promise.all([verdict, order, importing[importing.length - IMPORTS_MAX]]);
      const placed = handedOver.then(([value]) => this.#import(value));
      order = placed;
      importing.push(
        placed
          .then(({ done }) => done)
          .then(() => {
            passed.push({ offeredMs, flushedMs: performance.now(), blocks: segment.length });
          }),
      );
    }
    await Promise.all(importing);
    return passed;
  }

  async #cut(file: BlockFile, left: number): Promise<Uint8Array[]> {
    if (this.#ready.length < 64) this.#ready.push(...(await file.take(READY_BLOCKS)));
    const count = Math.min(left, segmentLength(this.#ready, 0));
    return this.#ready.splice(0, count);
  }

  #validate(blocks: readonly Uint8Array[]): Promise<SegmentVerdict> {
    const { validator, authorities, policy, chain } = this.#parts;
    const { head } = chain.snapshot();
    const isOnHead = head.height > 0 && blocks[0] && equalBytes(blocks[0].subarray(0, 32), head.hash);
    const parentApproval = this.#answer.add(blocks);
    const verifiedParentApproval = isOnHead ? head.approval : parentApproval;
    return validator.validateSegment({
      blocks,
      policy,
      authorities,
      nowMs: realClock.nowMs(),
      ...(verifiedParentApproval && { verifiedParentApproval }),
    });
  }

  /** Hands over at once; `done` when durable. Wrapped, so that handing over and being done can be told apart. */
  #import(verdict: SegmentVerdict): { readonly done: Promise<void> } {
    if (!verdict.ok) throw new Error(`block ${verdict.index} of a segment: ${JSON.stringify(verdict.fault)}`);
    const done = this.#parts.chain.importSegment(verdict.segment).then((outcome) => {
      if (outcome.kind !== "imported") throw new Error(`not imported: ${JSON.stringify(outcome)}`);
    });
    return { done };
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** How many segments come in one answer of a peer, whose approvals at the seams need not be verified twice. */
class AnswerRoom {
  #blocks = 0;
  #bytes = 0;
  #approval: Uint8Array | undefined;

  /** The approval that the segment's parent has in the same answer; undefined when the segment begins one. */
  add(segment: readonly Uint8Array[]): Uint8Array | undefined {
    const bytes = sum(segment.map(({ length }) => length));
    this.#blocks += segment.length;
    this.#bytes += bytes;
    const isFirst = this.#blocks > BATCH_BLOCKS || this.#bytes > ANSWER_BLOCK_BYTES_MAX;
    const before = isFirst ? undefined : this.#approval;
    if (isFirst) {
      this.#blocks = segment.length;
      this.#bytes = bytes;
    }
    const last = segment.at(-1);
    this.#approval = last && ownApproval(last).slice();
    return before;
  }
}
