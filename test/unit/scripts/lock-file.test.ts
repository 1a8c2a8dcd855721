/** The check of package-lock.json finds what npm leaves out. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { lockFileFaults } from "../../../scripts/lock-file.ts";

const HASH = `sha512-${"A".repeat(86)}==`;

function lockFile(packages: Record<string, object>): string {
  return JSON.stringify({ packages: { "": { version: "1.0.0" }, ...packages } });
}

describe("lockFileFaults", () => {
  it("finds none in the project's own lock file, and what npm ci runs is none of a package's", () => {
    assert.deepEqual(lockFileFaults(readFileSync("package-lock.json", "utf8")), []);
    assert.match(readFileSync(".npmrc", "utf8"), /^ignore-scripts=true$/m);
  });

  it("names a package without a hash, with a weak one, and with a registry", () => {
    const text = lockFile({
      "node_modules/a": { version: "1.0.0" },
      "node_modules/a/node_modules/@b/c": { version: "2.0.0", integrity: "sha1-AAAA" },
      "node_modules/d": { version: "3.0.0", integrity: HASH, resolved: "https://registry.test/d.tgz" },
      "node_modules/alias": { version: "4.0.0", name: "real", optional: true },
      "node_modules/link": { link: true },
    });
    assert.deepEqual(lockFileFaults(text, new Set()), [
      "a@1.0.0 has no integrity hash",
      "@b/c@2.0.0 has a weak hash: sha1-AAAA",
      "d@3.0.0 names a registry: https://registry.test/d.tgz",
      "real@4.0.0 has no integrity hash",
    ]);
  });

  it("excuses what is not published as long as it is optional and has no hash", () => {
    const exempt = new Set(["a@1.0.0", "b@1.0.0", "c@1.0.0"]);
    const text = lockFile({
      "node_modules/a": { version: "1.0.0", optional: true },
      "node_modules/b": { version: "1.0.0" },
      "node_modules/c": { version: "1.0.0", optional: true, integrity: HASH },
    });
    assert.deepEqual(lockFileFaults(text, exempt), [
      "b@1.0.0 has no integrity hash",
      "b@1.0.0 is listed as not published, and needs it no more",
      "c@1.0.0 is listed as not published, and needs it no more",
    ]);
  });
});
