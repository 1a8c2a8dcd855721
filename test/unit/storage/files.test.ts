/** Atomic files and locks of folders. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { lockDirectory } from "../../../src/storage/directory-lock.ts";
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

describe("lockDirectory", () => {
  const lockPath = join(folder, "LOCK");

  it("holds once, and again after release", () => {
    const lock = lockDirectory(folder);
    assert.throws(() => lockDirectory(folder), {
      code: "FAILED_PRECONDITION",
      reason: "DATA_DIRECTORY_LOCKED",
      message: new RegExp(String(process.pid)),
    });
    lock.release();
    lock.release();
    assert.equal(existsSync(lockPath), false);
    lockDirectory(folder).release();
  });

  it("names a living holder, and takes over from a dead one", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000); console.log('up')"]);
    await once(child.stdout, "data");
    writeFileSync(lockPath, JSON.stringify({ pid: child.pid, started: "" }));
    assert.throws(() => lockDirectory(folder), { message: new RegExp(`process ${child.pid} `) });
    child.kill("SIGKILL");
    await once(child, "exit");
    lockDirectory(folder).release();
  });

  it("takes over from an earlier process with the same number, and from half a lock", () => {
    const stale = [
      { pid: process.pid, started: "1@boot" },
      { pid: process.ppid, started: "1@boot" },
      { pid: -1 },
    ];
    for (const holder of stale) {
      writeFileSync(lockPath, JSON.stringify(holder));
      lockDirectory(folder).release();
    }
    writeFileSync(lockPath, "{");
    lockDirectory(folder).release();
    assert.deepEqual(readdirSync(folder), ["file"]);
  });
});
