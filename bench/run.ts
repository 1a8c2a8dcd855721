/**
 * `npm run bench -- NAME [--quick]` runs one benchmark, `npm run bench -- --list` names them all with what they claim.
 * Ends 0 when every target was met, 1 when one was missed, 64 for a wrong call.
 */

import { globSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Benchmark, runBenchmark } from "./harness.ts";

async function loadAll(): Promise<readonly Benchmark[]> {
  const files = globSync("bench/*.bench.ts", { cwd: resolve(import.meta.dirname, "..") }).sort();
  return Promise.all(
    files.map(async (file) => {
      const module = (await import(pathToFileURL(resolve(import.meta.dirname, "..", file)).href)) as {
        readonly benchmark: Benchmark;
      };
      return module.benchmark;
    }),
  );
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, list: { type: "boolean", default: false } },
});
const benchmarks = await loadAll();
if (values.list) {
  for (const { name, claim } of benchmarks) console.log(`${name.padEnd(12)} ${claim}`);
  process.exit(0);
}
const chosen = benchmarks.find(({ name }) => name === positionals[0]);
if (chosen === undefined || positionals.length !== 1) {
  const names = benchmarks.map(({ name }) => name).join(", ");
  console.error(`usage: npm run bench -- NAME [--quick], or --list; NAME is one of ${names}`);
  process.exit(64);
}
process.exit((await runBenchmark(chosen, values.quick)) ? 0 : 1);
