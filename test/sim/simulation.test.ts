/** A short run of the simulation: the committed hashes, the same run in another process, and mutants that still fit. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { EXPECTED_SEEDS, hashesOf, readExpected } from "./expected.ts";
import { failureReport, runSeeds } from "./many.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

test("three seeds violate nothing and give the committed hashes, in any process", async () => {
  const [first = 1, second = 1] = EXPECTED_SEEDS;
  const [results, again] = await Promise.all([
    runSeeds({ first, count: EXPECTED_SEEDS.length, processes: 1 }, () => false),
    runSeeds({ first: second, count: 1, processes: 1 }, () => false),
  ]);
  const failed = results.filter(({ violations }) => violations.length > 0);
  assert.deepEqual(failed.map(failureReport), []);
  assert.deepEqual(
    again.map(hashesOf),
    results.filter(({ seed }) => seed === second).map(hashesOf),
    "a run depends on what ran before it",
  );
  const hint = "what happens in a run has changed; if it was meant to: npm run test:sim -- --expect";
  assert.deepEqual(results.map(hashesOf), readExpected(), hint);
});

test("every mutant can be planted", () => {
  const patches = globSync(`${ROOT}/test/sim/mutants/*.patch`);
  assert.ok(patches.length >= 8);
  for (const patch of patches) execFileSync("git", ["apply", "--check", "-C1", patch], { cwd: ROOT });
});
