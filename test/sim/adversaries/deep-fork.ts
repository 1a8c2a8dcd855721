/**
 * Holds every key of the federation, as it was: its chain is longer than ours and leaves it below the final block. All of
 * its kind in a world have the same fork, so that one confirms what the other says.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
} from "../../../gen/alys/wire/v1/wire_pb.ts";
import { splitBlock } from "../../../src/chain/block.ts";
import { SLOT_MS, START_MS } from "../scenario.ts";
import { Adversary, type Claim, type RequestEvent } from "./adversary.ts";
import type { Fork } from "./mischief.ts";

/** More than lie between the branch and the final block. */
const FIRST_BLOCKS = 24;

export class DeepFork extends Adversary {
  protected override claim(): Claim {
    const { first, blocks } = this.#fork();
    const last = blocks.at(-1);
    const height = first + blocks.length - 1;
    if (last === undefined || height <= this.truth().snapshot().head.height) return super.claim();
    this.did("deepFork");
    const { header, approval } = splitBlock(last);
    return { headHeader: header.slice(), headApproval: approval.slice() };
  }

  protected act(): void {
    if (this.ticks % 6 !== 3 || this.connected().length === 0) return;
    const { blocks } = this.#fork();
    // From below the final block upward, and the end; the rest is asked for by range.
    const some = this.ticks % 12 === 3 ? blocks.slice(0, FIRST_BLOCKS) : blocks.slice(-3);
    for (const block of some) this.gossipBlock(block, false);
  }

  protected override onRequest(event: RequestEvent): void {
    if (event.protocol !== "blocks-by-range" || !this.hasTruth) return super.onRequest(event);
    const { startHeight, count } = fromBinary(BlocksByRangeRequestSchema, event.payload);
    const fork = this.#fork();
    const blocks: Uint8Array[] = [];
    for (let height = Number(startHeight); height < Number(startHeight) + count; height++) {
      const block = height < fork.first ? this.truth().readBlock(height) : fork.blocks[height - fork.first];
      if (block === undefined) break;
      blocks.push(block);
    }
    this.did("deepForkServed");
    this.host.respond(event.handle, [
      toBinary(BlocksByRangeResponseSchema, create(BlocksByRangeResponseSchema, { blocks })),
    ]);
  }

  /**
   * Every slot since the branch has a block, made at once, up to the start of the run: approvals of slots in which honest
   * members signed otherwise would be theirs twice, and lose them everybody's trust.
   */
  #fork(): Fork {
    const { mischief, history } = this.world;
    if (mischief.fork !== undefined) return mischief.fork;
    const forge = history.forkForge.fork();
    const first = forge.head.height + 1;
    const blocks: Uint8Array[] = [];
    while (forge.head.slot < START_MS / SLOT_MS - 1) {
      blocks.push(forge.next({ transactions: [Uint8Array.of(0xf0)] }));
      mischief.forkBlocks.add(Buffer.from(forge.headHash).toString("hex"));
    }
    mischief.fork = { first, blocks };
    return mischief.fork;
  }
}
