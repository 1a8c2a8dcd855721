/** Making folders, where none can be made too. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder } from "../../../../src/kernel/ports/folder.ts";

test("makeFolder() makes what is missing, with the mode, and takes what is there", (t) => {
  const root = mkdtempSync(join(tmpdir(), "alys-folder-"));
  t.after(() => rmSync(root, { recursive: true }));
  const deep = join(root, "a", "b", "c");
  makeFolder(deep, 0o700);
  makeFolder(deep);
  assert.equal(statSync(join(root, "a")).mode & 0o777, 0o700);
  writeFileSync(join(root, "file"), "");
  assert.throws(() => makeFolder(join(root, "file")), { code: "EEXIST" });
  assert.throws(() => makeFolder(join(root, "file", "below")), { code: "ENOTDIR" });
});

test("makeFolder() returns where the system makes no folders", (t) => {
  if (!existsSync("/proc/self")) return t.skip("there is no /proc here");
  assert.throws(() => makeFolder("/proc/nope/deeper"), { code: "ENOENT" });
});
