/**
 * Runs the tests: all of them, or the files and folders named. Each file is a process of its own. Slow suites
 * (`*.slow.test.ts`) run only when named.
 */

import { spawnSync } from "node:child_process";
import { globSync, statSync } from "node:fs";

/** A file that takes longer than this hangs: it is ended and reported. */
const FILE_TIMEOUT_MS = 240_000;

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
const run = spawnSync(
  process.execPath,
  ["--test", "--test-concurrency=2", `--test-timeout=${FILE_TIMEOUT_MS}`, ...chosen.sort()],
  { stdio: "inherit", env: { ...process.env, NODE_ENV: "test" } },
);
process.exit(run.status ?? 1);
