/**
 * Holds every key of the federation and ten thousand certified blocks that nobody else has, down to genesis. It gossips
 * their newest, far above everybody's head, and some right above it, and serves whatever ancestor is asked for.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BlocksByHashRequestSchema,
  BlocksByHashResponseSchema,
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
} from "../../../gen/alys/wire/v1/wire_pb.ts";
import { splitBlock } from "../../../src/chain/block.ts";
import { ChainForge } from "../../../src/chain/forge.ts";
import { SLOT_MS, START_MS } from "../scenario.ts";
import type { World } from "../world.ts";
import { Adversary, type Claim, type RequestEvent } from "./adversary.ts";

const ANCESTRY_BLOCKS = 10_000;
/** Signed are the ends of segments, what lies around the others' heads, and the newest. */
const SEGMENT_BLOCKS = 64;
const NEAR_HEIGHTS = { first: 100, last: 900 } as const;
const NEWEST_SIGNED = 80;
/** So far above our head its lower blocks begin: a lookup may still think that it can close the gap. */
const ABOVE_HEAD = 2;
const NEAR_BLOCKS = 20;

interface Ancestry {
  /** Of heights 1 and up. */
  readonly blocks: readonly Uint8Array[];
  readonly hashes: readonly string[];
  readonly heightOf: ReadonlyMap<string, number>;
}

/** By the number of members; the keys follow from it. */
const ancestries = new Map<number, Ancestry>();

function ancestryOf(members: number): Ancestry {
  const known = ancestries.get(members);
  if (known !== undefined) return known;
  const forge = ChainForge.of({
    members,
    blocks: ANCESTRY_BLOCKS,
    endTimestampMs: START_MS,
    slotDurationMs: SLOT_MS,
    signEvery: SEGMENT_BLOCKS,
  });
  const blocks: Uint8Array[] = [];
  const hashes: string[] = [];
  for (let height = 1; height <= ANCESTRY_BLOCKS; height++) {
    const isNear = height >= NEAR_HEIGHTS.first && height <= NEAR_HEIGHTS.last;
    blocks.push(forge.next({}, isNear || height > ANCESTRY_BLOCKS - NEWEST_SIGNED));
    hashes.push(Buffer.from(forge.headHash).toString("hex"));
  }
  const heightOf = new Map(hashes.map((hash, index) => [hash, index + 1]));
  const made = { blocks, hashes, heightOf };
  ancestries.set(members, made);
  return made;
}

export class DeepAncestry extends Adversary {
  readonly #where: "far" | "near";
  #isBegun = false;

  /**
   * Far: its head is ten thousand blocks high, and it serves them by range. Near: its head is everybody's, and it answers
   * by hash alone, so that its blocks are led back parent by parent.
   */
  constructor(world: World, where: "far" | "near", number: number) {
    super(world, `ancient-${where}-${number}`, number);
    this.#where = where;
  }

  protected override claim(): Claim {
    if (this.#where === "near") return super.claim();
    const { header, approval } = splitBlock(this.#begun().blocks.at(-1) as Uint8Array);
    return { headHeader: header.slice(), headApproval: approval.slice() };
  }

  protected act(): void {
    if (this.connected().length === 0 || this.ticks % 2 !== 1) return;
    const { blocks } = this.#begun();
    const far = blocks.length - this.random.integer(NEWEST_SIGNED / 2);
    const near = this.world.mischief.strayFrom + this.random.integer(NEAR_BLOCKS);
    this.did("deepAncestry");
    this.gossipBlock(blocks[(this.#where === "far" ? far : near) - 1] as Uint8Array, false);
  }

  protected override onRequest(event: RequestEvent): void {
    if (event.protocol === "blocks-by-range" && this.#where === "far") return this.#serveRange(event);
    if (event.protocol === "blocks-by-hash") return this.#serveHashes(event);
    super.onRequest(event);
  }

  #begun(): Ancestry {
    const ancestry = ancestryOf(this.world.scenario.members);
    if (this.#isBegun) return ancestry;
    this.#isBegun = true;
    const { mischief } = this.world;
    if (mischief.strayBlocks.size > 0) return ancestry;
    for (const hash of ancestry.hashes) mischief.strayBlocks.add(hash);
    mischief.strayFrom = this.truth().snapshot().head.height + ABOVE_HEAD;
    return ancestry;
  }

  #serveRange(event: RequestEvent): void {
    const { startHeight, count } = fromBinary(BlocksByRangeRequestSchema, event.payload);
    const first = Number(startHeight) - 1;
    const blocks = this.#begun().blocks.slice(first, first + count);
    const response = create(BlocksByRangeResponseSchema, { blocks });
    this.host.respond(event.handle, [toBinary(BlocksByRangeResponseSchema, response)]);
  }

  #serveHashes(event: RequestEvent): void {
    const { blocks, heightOf } = this.#begun();
    const { mischief } = this.world;
    const { hashes } = fromBinary(BlocksByHashRequestSchema, event.payload);
    const wanted = hashes.flatMap((hash) => heightOf.get(Buffer.from(hash).toString("hex")) ?? []);
    for (const height of wanted) {
      mischief.strayRequests += 1;
      mischief.strayLowest = Math.min(mischief.strayLowest, height);
    }
    const response = create(BlocksByHashResponseSchema, {
      blocks: wanted.map((height) => blocks[height - 1] as Uint8Array),
    });
    this.host.respond(
      event.handle,
      wanted.length === 0 ? [] : [toBinary(BlocksByHashResponseSchema, response)],
    );
  }
}
