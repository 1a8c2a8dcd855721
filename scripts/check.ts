/**
 * Everything that can be said of the code without running it: types, lint and format, dead code, protobuf lint and
 * compatibility, the document made from it, hashes of all packages. Prints each step with its time; ends with the first that fails.
 */

import { spawnSync } from "node:child_process";

const STEPS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["types", "tsc", "-p", "tsconfig.json"],
  ["lint and format", "biome", "check", "--error-on-warnings"],
  ["dead code", "knip"],
  ["protobuf lint", "buf", "lint"],
  ["protobuf compatibility", "buf", "breaking", "--against", "proto/baseline.binpb"],
  ["api reference", "node", "scripts/make-api.ts", "--check"],
  ["lock file", "node", "scripts/lock-file.ts"],
];

for (const [name, command, ...args] of STEPS) {
  const started = performance.now();
  const run = spawnSync(command, args, { stdio: "inherit" });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (run.status !== 0) {
    console.error(`✗ ${name} (${command} ${args.join(" ")}) after ${seconds} s`);
    process.exit(1);
  }
  console.log(`✓ ${name} ${seconds} s`);
}
