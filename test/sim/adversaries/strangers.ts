/** Adversaries without a key: each does one wrong thing, again and again. */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
  GossipTransactionSchema,
} from "../../../gen/alys/wire/v1/wire_pb.ts";
import { buildBlock } from "../../../src/actors/producer/block-builder.ts";
import { decodeApproval, encodeApproval } from "../../../src/chain/approval.ts";
import { joinBlock, splitBlock } from "../../../src/chain/block.ts";
import { decodeHeader, encodeHeader, headerHash } from "../../../src/chain/header.ts";
import { SLOT_MS } from "../scenario.ts";
import type { World } from "../world.ts";
import { Adversary, type Claim, type RequestEvent } from "./adversary.ts";
import { BadBody } from "./bad-body.ts";
import { DeepFork } from "./deep-fork.ts";
import type { AdversaryKind } from "./kinds.ts";

export class LyingHead extends Adversary {
  protected override claim(): Claim {
    const { head } = this.truth().snapshot();
    const { headHeader } = { headHeader: decodeHeader(head.header) };
    this.did("lyingHead");
    // A genuine approval, but of another header.
    const height = headHeader.height + 1_000 + this.random.integer(1_000_000);
    // Now and then under a set of authorities that nobody knows, so that the others may ask how it came about.
    const root = this.random.next() < 0.3 ? { authoritiesRoot: this.random.bytes(32) } : {};
    const lie = encodeHeader({ ...headHeader, height, ...root });
    this.world.mischief.liedHeads.add(Buffer.from(headerHash(lie)).toString("hex"));
    return { headHeader: lie, headApproval: head.approval };
  }

  protected act(): void {}
}

class InvalidBlock extends Adversary {
  protected act(): void {
    if (this.ticks % 3 !== 1 || this.connected().length === 0) return;
    const bad = invalidBlock(this);
    if (bad === undefined) return;
    this.did("invalidBlock");
    this.gossipBlock(bad, true);
  }

  block(): Uint8Array | undefined {
    const chain = this.truth();
    const template = chain.childTemplate();
    const { head } = chain.snapshot();
    if (template.parentApproval === undefined) return undefined;
    const nowMs = this.world.simulation.clock.nowMs();
    const slot = Math.floor(nowMs / SLOT_MS);
    switch (this.random.integer(3)) {
      case 0: {
        if (slot <= template.parentSlot) return undefined;
        const block = buildBlock(template, slot, nowMs, [this.random.bytes(8)]);
        const { length } = decodeApproval(template.parentApproval);
        const { signature } = decodeApproval(head.approval);
        const approval = encodeApproval({ bits: 2 ** length - 1, length, signature });
        return joinBlock(block.header, block.body, approval);
      }
      case 1: {
        const bytes = chain.readBlock(head.height);
        if (bytes === undefined) return undefined;
        const { header, body, approval } = splitBlock(bytes);
        const other = decodeHeader(header);
        const lie = encodeHeader({ ...other, stateRoot: this.random.bytes(32), height: other.height });
        return joinBlock(lie, body, approval);
      }
      default: {
        const bytes = chain.readBlock(head.height);
        // Cut in the middle, with a header of its own so that it is not simply known.
        if (bytes === undefined) return undefined;
        const cut = bytes.slice(0, bytes.length - 1 - this.random.integer(60));
        cut.set(this.random.bytes(4), 64);
        return cut;
      }
    }
  }
}

const invalidBlock = (adversary: InvalidBlock): Uint8Array | undefined => adversary.block();

class WrongRange extends Adversary {
  protected act(): void {}

  protected override onRequest(event: RequestEvent): void {
    if (event.protocol !== "blocks-by-range" || !this.hasTruth) return super.onRequest(event);
    const { startHeight, count } = fromBinary(BlocksByRangeRequestSchema, event.payload);
    this.did("wrongRange");
    this.host.respond(event.handle, [this.#answer(Number(startHeight), count)]);
  }

  #answer(start: number, count: number): Uint8Array {
    const chain = this.truth();
    const right = chain.readRange(start, count, 1 << 20);
    const wrap = (blocks: Uint8Array[]): Uint8Array =>
      toBinary(BlocksByRangeResponseSchema, create(BlocksByRangeResponseSchema, { blocks }));
    switch (this.random.integer(5)) {
      case 0:
        return wrap(chain.readRange(Math.max(1, start - 3), count, 1 << 20));
      case 1:
        return wrap([...right, ...right]);
      case 2:
        return this.random.bytes(200);
      case 3:
        return wrap(right.slice(0, -1).reverse());
      default: {
        const at = this.random.integer(Math.max(1, right.length));
        return wrap(
          right.map((block, index) =>
            index === at ? flipped(block, this.random.integer(block.length)) : block,
          ),
        );
      }
    }
  }
}

function flipped(block: Uint8Array, at: number): Uint8Array {
  const copy = block.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

class Silence extends Adversary {
  readonly #isMute: boolean;

  constructor(world: World, name: string, number: number) {
    super(world, name, number);
    this.#isMute = this.random.next() < 0.5;
  }

  protected override get greets(): boolean {
    return !this.#isMute;
  }

  protected act(): void {
    if (this.#isMute && this.ticks % 10 === 0 && this.connected().length > 0) this.did("silence");
  }

  protected override onRequest(event: RequestEvent): void {
    // Until the asker's deadline.
    if (event.protocol === "blocks-by-range") this.did("silence");
  }
}

class Flood extends Adversary {
  protected act(): void {
    const [victim] = this.connected();
    if (victim === undefined) return;
    this.did("flood");
    const request = create(BlocksByRangeRequestSchema, { startHeight: 1n, count: 1 });
    for (let number = 0; number < 40; number++) {
      const payload = toBinary(BlocksByRangeRequestSchema, request);
      this.world.background(this.ask(victim, "blocks-by-range", payload));
    }
    for (let number = 0; number < 10; number++)
      this.world.background(this.ask(victim, "federation", this.random.bytes(50)));
    for (let number = 0; number < 20; number++) {
      const transaction = this.random.bytes(32);
      const data = toBinary(GossipTransactionSchema, create(GossipTransactionSchema, { transaction }));
      this.world.background(this.host.publish("transactions", data));
    }
  }
}

/** A stranger that only wants a slot. */
export class Sybil extends Adversary {
  protected act(): void {
    if (this.ticks === 1) this.did("sybil");
  }
}

export function makeStranger(kind: AdversaryKind, world: World, name: string, number: number): Adversary {
  const kinds = {
    lyingHead: LyingHead,
    invalidBlock: InvalidBlock,
    wrongRange: WrongRange,
    silence: Silence,
    flood: Flood,
    deepFork: DeepFork,
    badBody: BadBody,
  } satisfies Record<AdversaryKind, new (world: World, name: string, number: number) => Adversary>;
  return new kinds[kind](world, name, number);
}
