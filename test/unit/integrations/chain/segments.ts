/**
 * Segments for tests of the chain: forged blocks wrapped as a validator would, without verifying a signature, so that
 * property tests can afford thousands of them. And an embedded chain on a simulated disk to put them into.
 */

import assert from "node:assert/strict";
import { encodeApproval } from "../../../../src/chain/approval.ts";
import { joinBlock, parentApprovalBytes, parseBlock, splitBlock } from "../../../../src/chain/block.ts";
import { concatBytes } from "../../../../src/chain/bytes.ts";
import type { ChainFacts } from "../../../../src/chain/facts.ts";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { HEADER_LENGTH, headerHash } from "../../../../src/chain/header.ts";
import type { Policy, ValidatedSegment } from "../../../../src/chain/validator.ts";
import {
  type EmbeddedChain,
  openEmbeddedChain,
} from "../../../../src/integrations/chain/embedded/embedded.ts";
import type { ChainEvent, ImportOutcome } from "../../../../src/integrations/chain/port.ts";
import { Failure } from "../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../../src/kernel/ports/log.ts";
import { SimulatedScheduler } from "../../../../src/kernel/ports/scheduler.ts";
import { MemoryDisk, openMemoryStore } from "../../../../src/storage/memory.ts";
import type { BlockStore } from "../../../../src/storage/port.ts";

/** A forge that signs nothing: its approvals are fillers. One member unless told, so that forking is cheap. */
export function quickForge(members = 1): ChainForge {
  return new ChainForge({ members, signEvery: 1_000_000_007 });
}

/** `count` blocks in a row. */
export function run(forge: ChainForge, count: number): Uint8Array[] {
  return Array.from({ length: count }, () => forge.next());
}

export function hashOfBlock(block: Uint8Array): Uint8Array {
  return headerHash(block.subarray(0, HEADER_LENGTH));
}

/** What a validator makes of linked blocks: each one's approval is the one inside its successor. */
export function segmentOf(blocks: readonly Uint8Array[], policy: Policy = "EVERY_BLOCK"): ValidatedSegment {
  const parsed = blocks.map(parseBlock);
  const [first, last] = [parsed[0], parsed.at(-1)];
  assert(first !== undefined && last !== undefined);
  const records = blocks.map((block, index) => {
    const next = parsed[index + 1];
    const { header, body, approval } = splitBlock(block);
    return joinBlock(header, body, (next && parentApprovalBytes(next.body)) ?? approval);
  });
  const offsets = new Uint32Array(records.length + 1);
  for (const [index, record] of records.entries()) offsets[index + 1] = offsets[index]! + record.length;
  return {
    policy,
    count: blocks.length,
    bytes: concatBytes(records),
    offsets,
    hashes: concatBytes(blocks.map(hashOfBlock)),
    firstParentHash: first.header.parentHash,
    first: first.header,
    last: last.header,
    headers: concatBytes(blocks.map((block) => block.subarray(0, HEADER_LENGTH))),
    firstParentApproval: parentApprovalBytes(first.body)?.slice(),
  };
}

/** The same block as another quorum approved it. */
export function withOtherApproval(block: Uint8Array, fill: number): Uint8Array {
  const { header, body } = splitBlock(block);
  const { length } = parseBlock(block).approval;
  const bits = 2 ** length - 1;
  return joinBlock(header, body, encodeApproval({ bits, length, signature: new Uint8Array(96).fill(fill) }));
}

/** An embedded chain on a simulated disk that can crash and be opened again. */
export class ChainRig {
  readonly forge: ChainForge;
  readonly facts: ChainFacts;
  readonly disk = new MemoryDisk();
  readonly clock: FakeClock;
  readonly events: ChainEvent[] = [];
  scheduler = new SimulatedScheduler();
  store: BlockStore;
  chain: EmbeddedChain;

  constructor(forge = quickForge(), finalityDepth = 64) {
    this.forge = forge;
    this.facts = forge.facts(500, finalityDepth);
    // Far enough for every block that a test forges from slot 1 on.
    this.clock = new FakeClock(1_000_000 * this.facts.slotDurationMs);
    this.store = this.#openStore();
    this.chain = this.#openChain();
  }

  /** Imports and lets the disk do its work. */
  async import(blocks: readonly Uint8Array[], policy?: Policy): Promise<ImportOutcome> {
    const outcome = this.chain.importSegment(segmentOf(blocks, policy));
    await this.scheduler.runUntilIdle();
    return outcome;
  }

  /** The process is killed and started again; writes that waited are lost but for the survivors. */
  reopenAfterCrash(survivors = 0): void {
    this.disk.crash({ survivors });
    this.scheduler = new SimulatedScheduler();
    this.store = this.#openStore();
    this.chain = this.#openChain();
  }

  #openStore(): BlockStore {
    const { disk, scheduler, facts } = this;
    return openMemoryStore({ disk, genesisHash: facts.genesisHash, scheduler });
  }

  #openChain(): EmbeddedChain {
    const { genesis } = this.forge;
    const chain = openEmbeddedChain({
      store: this.store,
      facts: this.facts,
      genesis: { header: genesis.header, authorities: genesis.authorities },
      clock: this.clock,
      log: silentLog,
    });
    if (chain instanceof Failure) throw chain;
    chain.subscribe((event) => this.events.push(event));
    return chain;
  }
}
