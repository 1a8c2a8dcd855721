/** Atomic files. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { writeFileAtomic, writeFileAtomicSync } from "../../../src/storage/files.ts";

const folder = mkdtempSync(join(tmpdir(), "alys-files-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("writeFileAtomic", () => {
  it("writes and replaces, for the owner alone, and leaves nothing beside", async () => {
    const path = join(folder, "file");
    await writeFileAtomic(path, Buffer.from("one"));
    writeFileAtomicSync(path, Buffer.from("two"));
    assert.equal(readFileSync(path, "utf8"), "two");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ["file"]);
  });

  it("answers what the system refuses with a failure that names the file", async () => {
    const path = join(folder, "missing", "file");
    await assert.rejects(writeFileAtomic(path, Buffer.from("x")), {
      reason: "FILE_WRITE_FAILED",
      message: /missing/,
    });
    assert.throws(() => writeFileAtomicSync(path, Buffer.from("x")), { reason: "FILE_WRITE_FAILED" });
  });
});
