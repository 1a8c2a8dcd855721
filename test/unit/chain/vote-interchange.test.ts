/** The interchange file: a round trip, and everything that a reader refuses. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { VoteRecord } from "../../../src/chain/vote.ts";
import { encodeInterchange, readInterchange } from "../../../src/chain/vote-interchange.ts";
import { Failure } from "../../../src/kernel/errors.ts";

const owner = { publicKey: new Uint8Array(48).fill(3), genesisHash: new Uint8Array(32).fill(4) };
const vote: VoteRecord = { slot: 855_000_123, height: 77, hash: new Uint8Array(32).fill(5) };

type Json = Record<string, unknown>;

/** The file with something changed. */
function bent(
  change: (file: { metadata: Json; data: { public_key: unknown; signed_blocks: Json[] }[] }) => void,
): string {
  const file = JSON.parse(encodeInterchange(vote, owner)) as Parameters<typeof change>[0];
  change(file);
  return JSON.stringify(file);
}

function reasonOf(text: string, reader = owner): string {
  const read = readInterchange(text, reader);
  assert.ok(read instanceof Failure, "it is refused");
  return read.reason;
}

test("vote-interchange: whatever was recorded comes back", () => {
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(number, number, hash, (slot, height, bytes) => {
      assert.deepEqual(readInterchange(encodeInterchange({ slot, height, hash: bytes }, owner), owner), {
        slot,
        height,
        hash: bytes,
      });
    }),
    { seed: 19, numRuns: 200 },
  );
});

test("vote-interchange: of several blocks the newest counts, of several keys our own", () => {
  const text = bent(({ data }) => {
    data.unshift({ public_key: `0x${"07".repeat(48)}`, signed_blocks: [{ slot: "999999999" }] });
    data[1]!.signed_blocks.push({ slot: "855000200" }, { slot: "855000100", height: "1" });
  });
  assert.deepEqual(readInterchange(text, owner), { slot: 855_000_200, height: 0, hash: new Uint8Array(32) });
});

test("vote-interchange: another chain, another key and another version are refused", () => {
  const text = encodeInterchange(vote, owner);
  assert.equal(reasonOf(text, { ...owner, genesisHash: new Uint8Array(32) }), "INTERCHANGE_OTHER_CHAIN");
  assert.equal(reasonOf(text, { ...owner, publicKey: new Uint8Array(48) }), "INTERCHANGE_OTHER_KEY");
  assert.equal(reasonOf(bent(({ data }) => void (data[0]!.signed_blocks = []))), "INTERCHANGE_OTHER_KEY");
  assert.equal(
    reasonOf(bent(({ metadata }) => void (metadata["interchange_format_version"] = "5"))),
    "INTERCHANGE_INVALID",
  );
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
    const read = readInterchange(
      bent(({ data }) => void (data[0]!.signed_blocks[0]![path] = value)),
      owner,
    );
    assert.ok(read instanceof Failure);
    assert.equal(read.detail.field, `data[0].signed_blocks[0].${path}`);
  }
  for (const text of ["", "[]", "null", "{", bent((file) => void ((file as Json)["data"] = {}))])
    assert.equal(reasonOf(text), "INTERCHANGE_INVALID");
});
