/**
 * Runs the tests: all of them, or the files and folders named. Each file is a process of its own. Slow suites
 * (`*.slow.test.ts`) run only when named.
 */

import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { globSync, statSync } from "node:fs";

/** Makes properties repeatable; `PROPERTY_SEED=random npm test -- test/property` looks where no run has looked. */
const PROPERTY_SEED = "./test/property/seed.ts";

/** A file that takes longer than this hangs: it is ended and reported. */
const FILE_TIMEOUT_MS = 600_000;

const named = process.argv.slice(2);
const patterns = named.length === 0 ? ["test"] : named;
const files = patterns.flatMap((pattern) => {
  const isFolder = statSync(pattern, { throwIfNoEntry: false })?.isDirectory() === true;
  return globSync(isFolder ? `${pattern}/**/*.test.ts` : pattern);
});
const chosen = named.length === 0 ? files.filter((file) => !file.endsWith(".slow.test.ts")) : files;
if (chosen.length === 0) {
  console.error(`no test file matches ${patterns.join(" ")}`);
  process.exit(64);
}
const { PROPERTY_SEED: wanted } = process.env;
const seed = wanted === "random" ? String(randomInt(2 ** 31)) : wanted;
if (seed !== undefined) console.log(`PROPERTY_SEED=${seed}`);
const run = spawnSync(
  process.execPath,
  [
    "--import",
    PROPERTY_SEED,
    "--test",
    "--test-concurrency=2",
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    ...chosen.sort(),
  ],
  {
    stdio: "inherit",
    env: { ...process.env, NODE_ENV: "test", ...(seed === undefined ? {} : { PROPERTY_SEED: seed }) },
  },
);
process.exit(run.status ?? 1);
