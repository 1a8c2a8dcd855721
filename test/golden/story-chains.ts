/**
 * The chains that a golden story speaks of, by name: forged from a seed, branched where the story says. A block is written
 * `main:7`, a run of them `main:1..16`, and a hash is written as the first block that bears it.
 */

import assert from "node:assert/strict";
import { joinBlock, splitBlock } from "../../src/chain/block.ts";
import { ChainForge, forgeSecretKeys } from "../../src/chain/forge.ts";
import { HEADER_LENGTH, headerHash } from "../../src/chain/header.ts";
import { toHex } from "../../src/chain/hex.ts";

/** The last block of the chain that was forged first lies in this slot. */
export const START_MS = 1_700_000_000_000;

const MEMBERS = 3;

export class StoryChains {
  readonly #chains = new Map<string, readonly Uint8Array[]>();
  /** A forge at the end of each, and at each block where another chain parts. */
  readonly #forges = new Map<string, ChainForge>();
  readonly #names = new Map<string, string>();
  #root: ChainForge | undefined;

  /** Of genesis, for what it fixes. */
  get forge(): ChainForge {
    assert(this.#root !== undefined, "a story begins with a chain");
    return this.#root;
  }

  /** Three members; with `changesAt` a fourth joins behind that block. `partsAt`: heights where others will part. */
  forgeChain(name: string, count: number, changesAt: number | undefined, partsAt: readonly number[]): void {
    const keys = forgeSecretKeys(MEMBERS + 1, 1);
    const authorityChanges = changesAt === undefined ? [] : [{ height: changesAt, set: keys }];
    const forge = ChainForge.of({
      blocks: count,
      seed: 1,
      members: MEMBERS,
      endTimestampMs: START_MS,
      authorityChanges,
    });
    this.#root ??= forge.fork();
    this.#grow(name, forge, [], count, partsAt);
  }

  /** Another chain that shares the blocks up to `height` with `parent` and goes on to `count`, a slot later. */
  branch(name: string, parent: string, height: number, count: number): void {
    const forge = this.#forges.get(`${parent}:${height}`)?.fork();
    assert(forge !== undefined, `${parent} does not part at ${height}`);
    const shared = this.#chain(parent).slice(0, height);
    this.#grow(name, forge, [...shared, forge.next({ skippedSlots: 1 })], count, []);
  }

  /** `main:7`, or `bad main:7`: the same header over another body, which its approval does not save. */
  block(words: string): Uint8Array {
    const [, bad, name = "", height] = /^(bad )?(\w+):(\d+)$/.exec(words) ?? [];
    const block = this.#chain(name)[Number(height) - 1];
    assert(block !== undefined, `no block ${words}`);
    return bad === undefined ? block : spoiled(block);
  }

  /** `main:1..16`, or `main:1..16 bad 7`. */
  blocks(words: string): Uint8Array[] {
    const [, name = "", first, last, bad] = /^(\w+):(\d+)\.\.(\d+)(?: bad (\d+))?$/.exec(words) ?? [];
    const from = Number(first);
    const run = this.#chain(name).slice(from - 1, Number(last));
    assert.equal(run.length, Number(last) - from + 1, `no blocks ${words}`);
    return run.map((block, index) => (from + index === Number(bad) ? spoiled(block) : block));
  }

  nameOf(hash: Uint8Array): string {
    return this.#names.get(toHex(hash)) ?? toHex(hash).slice(0, 8);
  }

  /** `main:1..16`, `main:3`, or the blocks one by one where they are no run of one chain. */
  runOf(blocks: readonly Uint8Array[]): string {
    const names = blocks.map((block) => this.nameOf(headerHash(block.subarray(0, HEADER_LENGTH))));
    const [first = "none"] = names;
    const last = names.at(-1) ?? first;
    return names.length < 2 ? first : `${first}..${last.replace(/^\w+:/, "")}`;
  }

  #chain(name: string): readonly Uint8Array[] {
    const chain = this.#chains.get(name);
    assert(chain !== undefined, `no chain ${name}`);
    return chain;
  }

  #grow(
    name: string,
    forge: ChainForge,
    blocks: Uint8Array[],
    count: number,
    partsAt: readonly number[],
  ): void {
    while (blocks.length < count) {
      if (partsAt.includes(blocks.length)) this.#forges.set(`${name}:${blocks.length}`, forge.fork());
      blocks.push(forge.next());
    }
    this.#chains.set(name, blocks);
    for (const [index, block] of blocks.entries()) {
      const hash = toHex(headerHash(block.subarray(0, HEADER_LENGTH)));
      if (!this.#names.has(hash)) this.#names.set(hash, `${name}:${index + 1}`);
    }
  }
}

function spoiled(block: Uint8Array): Uint8Array {
  const { header, body, approval } = splitBlock(block);
  const other = body.slice();
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
  return joinBlock(header, other, approval);
}
