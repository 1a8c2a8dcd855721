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

  it("lets writers of one path take turns: the last one's content stays, and all are answered", async () => {
    const path = join(folder, "shared");
    const contents = Array.from({ length: 16 }, (_, index) => Buffer.alloc(100_000, index));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    assert.deepEqual(readFileSync(path), contents.at(-1));
    rmSync(path);
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
