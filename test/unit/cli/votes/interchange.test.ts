/** The interchange file: a round trip, and everything that a reader refuses. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { VoteRecord } from "../../../../src/chain/vote.ts";
import { encodeInterchange, readInterchange } from "../../../../src/cli/votes/interchange.ts";
import { Failure } from "../../../../src/kernel/errors.ts";

const owner = { publicKey: new Uint8Array(48).fill(3), genesisHash: new Uint8Array(32).fill(4) };
const vote: VoteRecord = { slot: 855_000_123, height: 77, hash: new Uint8Array(32).fill(5) };

const metadata = { interchange_format_version: "1", genesis_hash: `0x${"04".repeat(32)}` };
const block = { slot: "855000123", height: "77", block_hash: `0x${"05".repeat(32)}` };
const other = { public_key: `0x${"07".repeat(48)}`, signed_blocks: [{ slot: "999999999" }] };
const entry = (...signed_blocks: object[]) => ({ public_key: `0x${"03".repeat(48)}`, signed_blocks });

/** The text of a file of this content. */
const file = (data: unknown, about: object = metadata): string => JSON.stringify({ metadata: about, data });

function refused(text: string, reader = owner): Failure {
  const read = readInterchange(text, reader);
  assert.ok(read instanceof Failure, "it is refused");
  return read;
}

test("vote-interchange: whatever was recorded comes back, in the form that is written down", () => {
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(number, number, bytes, (slot, height, hash) => {
      const text = encodeInterchange({ slot, height, hash }, owner);
      assert.deepEqual(readInterchange(text, owner), { slot, height, hash });
    }),
    { seed: 19, numRuns: 200 },
  );
  assert.deepEqual(JSON.parse(encodeInterchange(vote, owner)), { metadata, data: [entry(block)] });
});

test("vote-interchange: of several blocks the newest counts, of several keys our own", () => {
  const blocks = [block, { slot: "855000200" }, { slot: "855000100", height: "1" }];
  const read = readInterchange(file([other, entry(...blocks)]), owner);
  assert.deepEqual(read, { slot: 855_000_200, height: 0, hash: new Uint8Array(32) });
});

test("vote-interchange: another chain, another key and another version are refused", () => {
  const text = encodeInterchange(vote, owner);
  const elsewhere = { ...owner, genesisHash: new Uint8Array(32) };
  assert.equal(refused(text, elsewhere).reason, "INTERCHANGE_OTHER_CHAIN");
  assert.equal(refused(file([other])).reason, "INTERCHANGE_OTHER_KEY");
  assert.equal(refused(file([entry()])).reason, "INTERCHANGE_OTHER_KEY");
  const later = file([entry(block)], { ...metadata, interchange_format_version: "5" });
  assert.equal(refused(later).detail.field, "metadata.interchange_format_version");
});

test("vote-interchange: what is no number, no hash or no list is refused with its place", () => {
  for (const [path, value] of [
    ["slot", 5],
    ["slot", "-1"],
    ["slot", "9007199254740993"],
    ["slot", "0x10"],
    ["height", "1.5"],
    ["block_hash", "0x12"],
    ["block_hash", null],
  ] as const) {
    const { field } = refused(file([entry({ ...block, [path]: value })])).detail;
    assert.equal(field, `data[0].signed_blocks[0].${path}`);
  }
  for (const text of ["", "[]", "null", "{", file({}), file([{}]), file([{ ...entry(), signed_blocks: {} }])])
    assert.equal(refused(text).reason, "INTERCHANGE_INVALID");
});
