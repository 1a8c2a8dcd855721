/** Followed files: what counts as a change, and that nothing keeps it from looking on. */

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FollowedFiles } from "../../../../src/control/auth/followed-files.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";

test("FollowedFiles tells of content, rights, removal and what cannot be seen, once each", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-followed-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "server.crt");
  writeFileSync(file, "one", { mode: 0o600 });
  let changes = 0;
  const clock = new FakeClock();
  const followed = new FollowedFiles([file], clock, () => changes++);
  const told = (what: string): void => {
    const before = changes;
    clock.advance(2_000);
    assert.equal(changes, before + 1, what);
    clock.advance(10_000);
    assert.equal(changes, before + 1, `${what}, once`);
  };
  writeFileSync(file, "other");
  told("content");
  chmodSync(file, 0o640);
  told("rights");
  unlinkSync(file);
  told("removal");
  symlinkSync("server.crt", file);
  told("a loop of links");
  unlinkSync(file);
  writeFileSync(file, "one");
  told("it is back");
  followed.close();
});
