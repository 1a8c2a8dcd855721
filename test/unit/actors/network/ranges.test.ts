/** Ranges of blocks on the wire: what is written by hand is what the library writes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { BlocksByRangeResponseSchema } from "../../../../gen/alys/wire/v1/wire_pb.ts";
import { decodeRangeAnswer, encodeBlocks } from "../../../../src/actors/network/ranges.ts";

const lengths = fc.array(fc.oneof(fc.nat(300), fc.constantFrom(127, 128, 16_383, 16_384, 70_000)), {
  maxLength: 8,
});

test("encodeBlocks: the bytes of the library, and the blocks come back", () => {
  fc.assert(
    fc.property(lengths, fc.nat(255), (sizes, fill) => {
      const blocks = sizes.map((size) => new Uint8Array(size).fill(fill));
      const message = encodeBlocks(blocks);
      assert.deepEqual(
        message,
        toBinary(BlocksByRangeResponseSchema, create(BlocksByRangeResponseSchema, { blocks })),
      );
      assert.deepEqual(decodeRangeAnswer([message], blocks.length), blocks);
    }),
  );
});
