/**
 * How fast roots of large trees are made: the SIMD tree that the node uses, against node's own hash and @noble/hashes,
 * over the same leaves and with the same roots.
 */

import { hash } from "node:crypto";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { type HashPairs, hashPairs, hashPairsPortable } from "../src/chain/hash.ts";
import { seededRandom } from "../src/kernel/ports/random.ts";
import type { Benchmark, BenchmarkCase } from "./harness.ts";

const DEPTH = 16;
const SEED = 16;
/** A case is repeated for this long a round; one root at least. */
const ROUND_MS = 1_000;
const QUICK_ROUND_MS = 400;
/** The tree that the node uses is at least so many times faster than the other two. */
const TIMES_MIN = 5;

const nodePairs: HashPairs = (input, output) => {
  for (let offset = 0; offset < input.length; offset += 64) {
    output.set(hash("sha256", input.subarray(offset, offset + 64), "buffer"), offset / 2);
  }
};

const IMPLEMENTATIONS: Readonly<Record<string, HashPairs>> = {
  "2^16/simd": hashPairs,
  "2^16/node": nodePairs,
  "2^16/noble": hashPairsPortable,
};

/** Root of a complete tree; levels alternate between two halves of one buffer, so that nothing is allocated. */
function rootOf(
  leaves: Uint8Array,
  pairs: HashPairs,
  scratch: readonly [Uint8Array, Uint8Array],
): Uint8Array {
  let level = leaves;
  for (let height = 0; height < DEPTH; height++) {
    const above = (scratch[height % 2] as Uint8Array).subarray(0, level.length / 2);
    pairs(level, above);
    level = above;
  }
  return level.slice();
}

export const benchmark: Benchmark = {
  name: "merkle",
  claim: "roots of 65,536 leaves are made five times faster than by node's hash, and are the same",
  prepare: async ({ isQuick }) => {
    const leaves = seededRandom(SEED).bytes(2 ** DEPTH * 32);
    const scratch = [new Uint8Array(leaves.length / 2), new Uint8Array(leaves.length / 2)] as const;
    const expected = rootOf(leaves, hashPairs, scratch);
    // A wrong root would be a figure about something else; the first pair is checked against plain noble.
    const first = new Uint8Array(32);
    hashPairs(leaves.subarray(0, 64), first);
    if (Buffer.compare(first, nobleSha256(leaves.subarray(0, 64))) !== 0) throw new Error("a pair differs");
    const cases: BenchmarkCase[] = Object.entries(IMPLEMENTATIONS).map(([name, pairs]) => ({
      name,
      metrics: { roots_per_second: { unit: "roots/s" } },
      round: async () => {
        const startMs = performance.now();
        const endMs = startMs + (isQuick ? QUICK_ROUND_MS : ROUND_MS);
        let roots = 0;
        do {
          const root = rootOf(leaves, pairs, scratch);
          if (Buffer.compare(root, expected) !== 0) throw new Error(`${name} made another root`);
          roots++;
        } while (performance.now() < endMs);
        return { roots_per_second: (1000 * roots) / (performance.now() - startMs) };
      },
    }));
    return {
      cases,
      derive: (median) =>
        ["node", "noble"].map((other) => ({
          caseName: "2^16/simd",
          metric: `times_${other}`,
          value: median("2^16/simd", "roots_per_second") / median(`2^16/${other}`, "roots_per_second"),
          unit: "times",
          target: { atLeast: TIMES_MIN },
        })),
      close: async () => undefined,
    };
  },
};
