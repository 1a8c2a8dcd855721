/** Serves every block with its genuine header and approval, and one of them with another body. */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
} from "../../../gen/alys/wire/v1/wire_pb.ts";
import { decodeBody, encodeBody, joinBlock, splitBlock } from "../../../src/chain/block.ts";
import { Adversary, type RequestEvent } from "./adversary.ts";

export class BadBody extends Adversary {
  protected act(): void {}

  protected override onRequest(event: RequestEvent): void {
    if (event.protocol !== "blocks-by-range" || !this.hasTruth) return super.onRequest(event);
    const { startHeight, count } = fromBinary(BlocksByRangeRequestSchema, event.payload);
    const blocks = this.truth().readRange(Number(startHeight), count, 1 << 20);
    const at = this.random.integer(Math.max(1, blocks.length));
    const good = blocks[at];
    if (good !== undefined) {
      blocks[at] = this.#withOtherBody(good);
      this.world.mischief.badBodies.add(Number(startHeight) + at);
      this.did("badBody");
    }
    this.host.respond(event.handle, [
      toBinary(BlocksByRangeResponseSchema, create(BlocksByRangeResponseSchema, { blocks })),
    ]);
  }

  #withOtherBody(block: Uint8Array): Uint8Array {
    const { header, body, approval } = splitBlock(block);
    const other = encodeBody({ ...decodeBody(body), transactions: [this.random.bytes(16)] });
    return joinBlock(header, other, approval);
  }
}
