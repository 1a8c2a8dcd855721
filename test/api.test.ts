/** docs/api.md against the descriptors and comments, and the list of services against what is served. */

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { apiDocument } from "../scripts/make-api.ts";
import { ALYS_SERVICES } from "../src/cli/reference/services.ts";

test("docs/api.md is what proto/ says; `node scripts/make-api.ts` renews it", () => {
  assert.equal(readFileSync("docs/api.md", "utf8"), apiDocument());
});

test("every service that is not internal is in the document and can be called by name", () => {
  const declared = globSync("proto/alys/**/*.proto").flatMap((path) => {
    const source = readFileSync(path, "utf8");
    const package_ = /^package ([\w.]+);/m.exec(source)?.[1] ?? "";
    return [...source.matchAll(/^service (\w+)/gm)].map(([, name]) => `${package_}.${name}`);
  });
  const served = declared.filter((name) => !name.endsWith("InternalService"));
  assert.deepEqual(ALYS_SERVICES.map(({ typeName }) => typeName).sort(), served.sort());
});

test("every service, method and field in the document has a comment", () => {
  const text = apiDocument();
  // The names of an enum's values may say enough.
  const bare = text.split("\n").filter((line) => /^\| `.*\| {2}(\*.*)?\|$/.test(line));
  assert.deepEqual(bare, []);
  assert.deepEqual(text.match(/^#+ alys.*\n\n\n/gm) ?? [], []);
});
