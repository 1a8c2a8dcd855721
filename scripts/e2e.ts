/**
 * Runs slow end-to-end suites by name: `npm run test:e2e -- crash` runs test/e2e/crash.slow.test.ts. Without a name it says
 * which there are. Each runs by itself, since what it measures or kills must not be disturbed.
 */

import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { basename } from "node:path";

const SUFFIX = ".slow.test.ts";
/** The longest suite takes four minutes on two idle cores. A file that takes this long hangs. */
const FILE_TIMEOUT_MS = 1_500_000;

const files = globSync(`test/e2e/*${SUFFIX}`).sort();
const names = files.map((file) => basename(file, SUFFIX));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (wanted.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no suite ${unknown.join(", ")}`);
  console.error(`usage: npm run test:e2e -- NAME…; suites: ${names.join(", ")}`);
  process.exit(64);
}
for (const name of wanted) {
  const file = `test/e2e/${name}${SUFFIX}`;
  const args = ["--test", "--test-reporter=spec", `--test-timeout=${FILE_TIMEOUT_MS}`, file];
  const { status } = spawnSync(process.execPath, args, {
    stdio: "inherit",
    env: { ...process.env, NODE_ENV: "test" },
  });
  if (status !== 0) process.exit(status ?? 1);
}
