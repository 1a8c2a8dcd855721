/**
 * The committed hashes of three runs, one of each size of federation. They change whenever anything changes that happens
 * in a run; `npm run test:sim -- --expect` writes them anew, and the difference belongs in the same commit.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runSeeds } from "./many.ts";
import type { RunResult } from "./simulate.ts";

const FILE = fileURLToPath(new URL("expected.json", import.meta.url));

/** Federations of 3, 4 and 7. */
export const EXPECTED_SEEDS: readonly number[] = [3, 4, 5];

export interface ExpectedRun {
  readonly seed: number;
  readonly traceHash: string;
  readonly stateHash: string;
}

export function readExpected(): ExpectedRun[] {
  return JSON.parse(readFileSync(FILE, "utf8")) as ExpectedRun[];
}

export function hashesOf({ seed, traceHash, stateHash }: RunResult): ExpectedRun {
  return { seed, traceHash, stateHash };
}

/** Runs them and writes the file; false when one of them fails. */
export async function writeExpected(): Promise<boolean> {
  const [first = 1] = EXPECTED_SEEDS;
  const results = await runSeeds({ first, count: EXPECTED_SEEDS.length, processes: 1 }, () => false);
  writeFileSync(FILE, `${JSON.stringify(results.map(hashesOf), undefined, 2)}\n`);
  return results.every(({ violations }) => violations.length === 0);
}
