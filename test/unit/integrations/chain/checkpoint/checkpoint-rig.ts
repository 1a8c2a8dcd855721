/** An embedded chain with signed blocks, a checkpoints for checkpoints beside it, and a way to let all of its work run. */

import { ChainForge, type ForgeOptions } from "../../../../../src/chain/forge.ts";
import { cutSegments } from "../../../../../src/chain/segment.ts";
import { CheckpointStore } from "../../../../../src/integrations/chain/checkpoint/checkpoint-store.ts";
import { MemoryFileStore } from "../../../../../src/storage/file-store.ts";
import { ChainRig } from "../segments.ts";

export class CheckpointRig {
  readonly forge: ChainForge;
  readonly chain: ChainRig;
  readonly files: MemoryFileStore;
  checkpoints: CheckpointStore;
  readonly blocks: Uint8Array[] = [];

  constructor(options: ForgeOptions | ChainForge = { members: 1 }, files = new MemoryFileStore()) {
    this.forge = options instanceof ChainForge ? options : new ChainForge(options);
    this.chain = new ChainRig(this.forge);
    this.files = files;
    this.checkpoints = this.#open();
  }

  async grow(count: number): Promise<void> {
    const blocks = Array.from({ length: count }, () => this.forge.next());
    this.blocks.push(...blocks);
    await this.feed(blocks);
  }

  /** Imports blocks that exist already. */
  async feed(blocks: readonly Uint8Array[]): Promise<void> {
    for (const segment of cutSegments(blocks)) await this.chain.import(segment, "SEGMENT");
  }

  /** Runs the disk and the timers until the work settles. */
  async settle<T>(work: Promise<T>): Promise<T> {
    let isSettled = false;
    work.then(
      () => {
        isSettled = true;
      },
      () => {
        isSettled = true;
      },
    );
    for (let turn = 0; !isSettled && turn < 100_000; turn++) {
      await this.chain.scheduler.runUntilIdle();
      this.chain.clock.advance(1);
      await Promise.resolve();
    }
    return work;
  }

  /** The process is killed and started again. */
  restart(survivors = 0): void {
    this.chain.reopenAfterCrash(survivors);
    this.checkpoints = this.#open();
  }

  #open(): CheckpointStore {
    const { chain, store, clock } = this.chain;
    const { authorities } = this.forge.genesis;
    return new CheckpointStore({ chain, store, files: this.files, authorities, clock });
  }
}
