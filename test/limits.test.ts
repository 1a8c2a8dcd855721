/** docs/limits.md against the sources. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { limitsDocument } from "../scripts/make-limits.ts";
import { BUDGET_TESTS, PROTOCOL_TESTS } from "../scripts/protocol-limits.ts";

test("docs/limits.md is what the sources say; `node scripts/make-limits.ts` renews it", () => {
  assert.equal(readFileSync("docs/limits.md", "utf8"), limitsDocument());
});

test("every row of docs/limits.md says what it bounds", () => {
  const blank = limitsDocument()
    .split("\n")
    .filter((line) => /^\| `.*\|\s*\|$/.test(line));
  assert.deepEqual(blank, []);
});

test("every protocol and budget names tests that there are", () => {
  const named = [...Object.values(PROTOCOL_TESTS), ...Object.values(BUDGET_TESTS)].flat();
  const missing = named.filter(
    (name) => !existsSync(`test/${name}.test.ts`) && !existsSync(`test/${name}.ts`),
  );
  assert.deepEqual(missing, []);
});
