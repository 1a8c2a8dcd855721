/** Envelopes of gossip: one encoding each, and ids of what is inside. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { GossipBlockSchema, GossipTransactionSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { messageId, openEnvelope } from "../../../src/p2p/gossip-envelope.ts";

const sealed = (block: Uint8Array): Uint8Array =>
  toBinary(GossipBlockSchema, create(GossipBlockSchema, { block }));

const contents = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 300 }),
  fc
    .constantFrom(127, 128, 16_383, 16_384, 2_097_151, 2_097_152)
    .map((length) => new Uint8Array(length).fill(7)),
);

test("openEnvelope gives what was put in, of blocks and of transactions", () => {
  fc.assert(
    fc.property(contents, (content) => {
      assert.deepEqual(openEnvelope(sealed(content)), content);
      const message = create(GossipTransactionSchema, { transaction: content });
      assert.deepEqual(openEnvelope(toBinary(GossipTransactionSchema, message)), content);
    }),
    { seed: 28, numRuns: 150 },
  );
});

test("openEnvelope opens exactly what is its own content encoded again", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.uint8Array({ maxLength: 10 }).map((rest) => Uint8Array.of(0x0a, ...rest)),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.uint8Array({ maxLength: 4 }))
      .map(([content, more]) => Uint8Array.of(...sealed(content), ...more)),
  );
  fc.assert(
    fc.property(bytes, (data) => {
      const content = openEnvelope(data);
      assert.equal(content !== undefined, isCanonical(data));
    }),
    { seed: 28, numRuns: 5_000 },
  );
});

/** Slowly, by the library: decodes, holds something, and encodes to the same bytes with nothing unknown. */
function isCanonical(data: Uint8Array): boolean {
  try {
    const message = fromBinary(GossipBlockSchema, data);
    if (message.block.length === 0 || message.$unknown !== undefined) return false;
    return Buffer.compare(sealed(message.block), data) === 0;
  } catch {
    return false;
  }
}

test("other encodings of a message are refused, whatever a decoder makes of them", () => {
  const content = new Uint8Array(443).fill(5);
  const plain = sealed(content);
  const others: Record<string, Uint8Array> = {
    "an unknown field": Uint8Array.of(...plain, 0x78, 1),
    "an unknown field in front": Uint8Array.of(0x78, 1, ...plain),
    "the field twice": Uint8Array.of(...plain, ...plain),
    "a longer length": Uint8Array.of(0x0a, 0xbb, 0x83, 0x00, ...content),
    "a longer tag": Uint8Array.of(0x8a, 0x00, ...plain.subarray(1)),
    padding: Buffer.concat([plain, Uint8Array.of(0x7a, 0x80, 0x89, 0x7a), new Uint8Array(2_000_000)]),
    nothing: new Uint8Array(),
    "an empty field": Uint8Array.of(0x0a, 0),
  };
  assert.deepEqual(openEnvelope(plain), content);
  for (const [what, data] of Object.entries(others)) assert.equal(openEnvelope(data), undefined, what);
});

test("messageId is that of the content, by topic", () => {
  const id = messageId("a", sealed(Uint8Array.of(1, 2)));
  assert.equal(id.length, 20);
  assert.deepEqual(messageId("a", sealed(Uint8Array.of(1, 2))), id);
  assert.notDeepEqual(messageId("b", sealed(Uint8Array.of(1, 2))), id);
  assert.notDeepEqual(messageId("a", sealed(Uint8Array.of(1, 3))), id);
});
