/** Lineage: growing, cutting back, forgetting, and its record. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { equalBytes } from "../../../src/chain/bytes.ts";
import { ChainForge } from "../../../src/chain/forge.ts";
import {
  authoritiesAt,
  decodeLineage,
  encodeLineage,
  genesisLineage,
  lastChangeHeight,
  lineageUpTo,
  pruneLineage,
  SETS_MAX,
  withAuxPow,
  withChange,
} from "../../../src/chain/lineage.ts";
import { MalformedError } from "../../../src/chain/malformed.ts";
import { VALUE_BYTES_MAX } from "../../../src/storage/port.ts";

const forge = new ChainForge({ members: 3 });
const facts = forge.facts();
const GENESIS = genesisLineage(facts, forge.authorities);
const key = (value: number): Uint8Array => new Uint8Array(48).fill(value);

test("lineage: each height is answered with the set that was in force, however far it is cut back", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 12 });
  fc.assert(
    fc.property(gaps, fc.nat(120), (distances, cut) => {
      let lineage = GENESIS;
      const changes: number[] = [];
      for (const [index, distance] of distances.entries()) {
        const height = (changes.at(-1) ?? 0) + distance;
        lineage = withChange(lineage, height, [key(index)]);
        lineage = withAuxPow(lineage, { carrierHeight: height, rangeEndHeight: height - 1, bits: index });
        changes.push(height);
      }
      const kept = lineageUpTo(lineage, cut);
      for (let height = 1; height <= cut + 1; height++) {
        const index = changes.findLastIndex((change) => change < height);
        const expected = index < 0 ? forge.authorities.keys : [key(index)];
        assert.deepEqual(authoritiesAt(kept, height).keys, expected);
      }
      assert.equal(
        lastChangeHeight(kept),
        changes.findLast((change) => change <= cut),
      );
      assert.equal(kept.auxpows.at(-1)?.carrierHeight, changes.findLast((change) => change <= cut) ?? 0);
      assert.deepEqual(decodeLineage(encodeLineage(facts.genesisHash, kept), facts.genesisHash), kept);
    }),
  );
});

test("pruneLineage: keeps the newest AuxPoW at or below the final block, and all above", () => {
  let lineage = GENESIS;
  for (const carrierHeight of [10, 20, 30]) {
    lineage = withAuxPow(lineage, { carrierHeight, rangeEndHeight: carrierHeight - 1, bits: 1 });
  }
  const carriers = (final: number) =>
    pruneLineage(lineage, final, 64).auxpows.map(({ carrierHeight }) => carrierHeight);
  assert.deepEqual(carriers(9), [0, 10, 20, 30]);
  assert.deepEqual(carriers(10), [10, 20, 30]);
  assert.deepEqual(carriers(29), [20, 30]);
  assert.deepEqual(carriers(1000), [30]);
  assert.equal(pruneLineage(lineage, 0, 64), lineage);
});

test("lineage: stays within its bounds, and its record fits the store", () => {
  const keys = Array.from({ length: 15 }, (_, index) => key(index));
  let lineage = GENESIS;
  for (let change = 1; change <= SETS_MAX + 10; change++) lineage = withChange(lineage, 64 * change, keys);
  for (let carrierHeight = 1; carrierHeight < 2000; carrierHeight++) {
    const next = withAuxPow(lineage, { carrierHeight, rangeEndHeight: carrierHeight - 1, bits: 1 });
    lineage = pruneLineage(next, 0, 64);
  }
  assert.equal(lineage.periods.length, SETS_MAX);
  assert(lineage.auxpows.length < 600);
  assert(encodeLineage(facts.genesisHash, lineage).length < VALUE_BYTES_MAX);
  // Below the oldest that is left it is the answer.
  assert(equalBytes(authoritiesAt(lineage, 1).root, lineage.periods[0]!.authorities.root));
});

test("decodeLineage: damage is read or malformed, another chain's record is told", () => {
  const record = encodeLineage(facts.genesisHash, withChange(GENESIS, 5, [key(1)]));
  assert.equal(decodeLineage(record, new Uint8Array(32)), undefined);
  for (let length = 0; length < record.length; length++) {
    assert.throws(() => decodeLineage(record.subarray(0, length), facts.genesisHash), MalformedError);
  }
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(record.length - 1), fc.nat(255)), { minLength: 1 }), (damage) => {
      const bytes = record.slice();
      for (const [at, value] of damage) bytes[at] = value;
      try {
        decodeLineage(bytes, facts.genesisHash);
      } catch (error) {
        assert(error instanceof MalformedError, String(error));
      }
    }),
  );
});
