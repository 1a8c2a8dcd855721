/** Locks of folders, of files in them and of keys: the kernel's, told to people by a text that decides nothing. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { lockDataFile, lockDirectory, lockKeyFile } from "../../../src/storage/directory-lock.ts";
import { lockObjection } from "../../../src/storage/file-systems.ts";
import { realLockSystem } from "../../../src/storage/kernel-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "alys-locks-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const lockPath = join(folder, "LOCK");
const HELD = { code: "FAILED_PRECONDITION", reason: "DATA_DIRECTORY_LOCKED" };

describe("lockDirectory", () => {
  it("holds once, names its holder, and holds again after release", () => {
    const lock = lockDirectory(folder);
    assert.throws(() => lockDirectory(folder), {
      ...HELD,
      message: new RegExp(`process ${process.pid} on \\S+ since 20`),
    });
    lock.release();
    lock.release();
    lockDirectory(folder).release();
  });

  it("leaves the file where it is, and believes no text in it", () => {
    for (const text of ["{", "", JSON.stringify({ pid: process.ppid, started: "" }), "x".repeat(10_000)]) {
      writeFileSync(lockPath, text);
      lockDirectory(folder).release();
      assert.ok(existsSync(lockPath));
    }
  });

  it("is not dropped by other opens of the same file in this process", () => {
    const lock = lockDirectory(folder);
    const other = openSync(lockPath, "r+");
    readSync(other, Buffer.alloc(8));
    closeSync(other);
    readFileSync(lockPath);
    assert.throws(() => lockDirectory(folder), HELD);
    lock.release();
  });

  it("is another process's until that one ends, however it ends", async () => {
    const child = await holder(`lockDirectory(${JSON.stringify(folder)})`);
    assert.throws(() => lockDirectory(folder), { ...HELD, message: new RegExp(`process ${child.pid} `) });
    assert.throws(() => lockDirectory(folder), HELD, "the refused one took nothing away");
    child.kill("SIGKILL");
    await once(child, "exit");
    lockDirectory(folder).release();
  });

  it("locks the file that the path names, replaced while it waits or not", () => {
    let isReplaced = false;
    const lock = lockDirectory(folder, {
      ...realLockSystem,
      tryLock(file) {
        if (!isReplaced) {
          isReplaced = true;
          writeFileSync(`${lockPath}.new`, "");
          renameSync(`${lockPath}.new`, lockPath);
        }
        return realLockSystem.tryLock(file);
      },
    });
    assert.throws(() => lockDirectory(folder), HELD);
    lock.release();
  });

  it("refuses file systems where locks do not hold, with the reason", () => {
    const on = (fileSystemType: number) => () =>
      lockDirectory(folder, { ...realLockSystem, fileSystemType: () => fileSystemType });
    for (const [type, name] of [
      [0x6969, /NFS/],
      [0xff534d42, /CIFS/],
      [0xff534d42 | 0, /CIFS/],
      [0x65735546, /FUSE/],
      [0x01021997, /9p/],
      [0x12345678, /unknown type 0x12345678/],
    ] as const) {
      const refusal = { code: "FAILED_PRECONDITION", reason: "LOCKS_DO_NOT_HOLD", message: name };
      assert.throws(on(type), refusal);
    }
    for (const type of [0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0x01021994, 0x794c7630])
      on(type)().release();
    assert.equal(lockObjection(26, "darwin"), undefined);
  });

  it("refuses a system that grants the lock twice", () => {
    assert.throws(() => lockDirectory(folder, { ...realLockSystem, tryLock: () => true }), {
      reason: "LOCKS_DO_NOT_HOLD",
      message: /second lock was granted/,
    });
    lockDirectory(folder).release();
  });

  it("says what it cannot open", () => {
    assert.throws(() => lockDirectory(join(folder, "missing")), {
      reason: "LOCK_FAILED",
      message: /missing/,
    });
  });
});

describe("lockKeyFile", () => {
  const keys = join(folder, "keys");
  const path = join(keys, "authority.key");
  mkdirSync(keys, { mode: 0o700 });
  writeFileSync(path, "secret\n", { mode: 0o600 });

  it("has one holder, whichever name leads to the file, and tells who", () => {
    const names = [path, join(folder, "by-link"), join(folder, "by-symlink")];
    linkSync(path, names[1] ?? "");
    symlinkSync(path, names[2] ?? "");
    for (const held of names) {
      const lock = lockKeyFile(held, "data directory m1");
      for (const name of names) {
        assert.throws(() => lockKeyFile(name, "data directory m2"), {
          code: "FAILED_PRECONDITION",
          reason: "AUTHORITY_KEY_IN_USE",
        });
      }
      assert.throws(() => lockKeyFile(held, "data directory m2"), {
        message: new RegExp(`process ${process.pid} on .*\\(data directory m1\\)`),
      });
      lock.release();
    }
    assert.equal(readFileSync(path, "utf8"), "secret\n");
  });

  it("is read by others meanwhile, and never made", () => {
    const lock = lockKeyFile(path, "");
    assert.equal(readFileSync(path, "utf8"), "secret\n");
    lock.release();
    assert.throws(() => lockKeyFile(join(keys, "none"), ""), { reason: "LOCK_FAILED" });
    assert.equal(existsSync(join(keys, "none")), false);
  });

  it("holds where the holder cannot be written down", () => {
    mkdirSync(`${path}.holder.d`);
    rmSync(`${path}.holder`);
    mkdirSync(`${path}.holder`);
    const lock = lockKeyFile(path, "");
    assert.throws(() => lockKeyFile(path, ""), {
      reason: "AUTHORITY_KEY_IN_USE",
      message: /another process/,
    });
    lock.release();
    chmodSync(keys, 0o700);
  });
});

describe("lockDataFile", () => {
  it("gives the descriptor, and closes it once", () => {
    const path = join(folder, "data");
    writeFileSync(path, "content");
    const locked = lockDataFile(path);
    const bytes = Buffer.alloc(16);
    assert.equal(readSync(locked.file, bytes), 7);
    assert.throws(() => lockDataFile(path), HELD);
    locked.close();
    locked.close();
    lockDataFile(path).close();
  });
});

/** A process that holds a lock until it is killed. */
async function holder(call: string): Promise<import("node:child_process").ChildProcess> {
  const module = new URL("../../../src/storage/directory-lock.ts", import.meta.url).href;
  const script = `import { lockDirectory } from ${JSON.stringify(module)}; const held = ${call}; setInterval(() => held, 1000); console.log("up");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}
