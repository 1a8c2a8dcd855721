/** Runs test files in this process and ends it at the first test that fails: a mutant that one test sees is seen. */

import { run } from "node:test";

const tests = run({ files: process.argv.slice(2), isolation: "none", concurrency: 1 });
tests.on("test:fail", () => process.exit(1));
// Events are kept until somebody takes them.
tests.resume();
