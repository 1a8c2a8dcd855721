/** Shelves: the folder and its twin in memory answer alike. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Failure } from "../../../src/kernel/errors.ts";
import { type FileStore, FolderFileStore, MemoryFileStore } from "../../../src/storage/file-store.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function holds(files: FileStore): Promise<void> {
  assert.deepEqual(await files.names(), []);
  assert.equal(await files.read("a.checkpoint", 10), undefined);
  await files.remove("a.checkpoint");
  await files.write("b.checkpoint", bytes("old"));
  await files.write("b.checkpoint", bytes("newer"));
  await files.write("a.checkpoint", bytes("one"));
  assert.deepEqual(await files.names(), ["a.checkpoint", "b.checkpoint"]);
  assert.deepEqual(await files.read("b.checkpoint", 5), bytes("newer"));
  assert.equal(await files.read("b.checkpoint", 4), undefined);
  await files.remove("b.checkpoint");
  assert.deepEqual(await files.names(), ["a.checkpoint"]);
}

test("MemoryFileStore keeps files by name", () => holds(new MemoryFileStore()));

test("FolderFileStore keeps whole files by name, sees no others, and leaves its folder by no name", async () => {
  const root = mkdtempSync(join(tmpdir(), "alys-shelf-"));
  try {
    const folder = join(root, "checkpoints");
    const files = new FolderFileStore(folder);
    await holds(files);
    writeFileSync(join(folder, "c.checkpoint.partial"), "half");
    writeFileSync(join(root, "secret.key"), "x");
    assert.deepEqual(await files.names(), ["a.checkpoint"]);
    assert.equal(await files.read("../secret.key", 10), undefined);
    await assert.rejects(files.write("../x.checkpoint", bytes("x")), (thrown) => thrown instanceof Failure);
    assert.deepEqual(readdirSync(root).sort(), ["checkpoints", "secret.key"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("FolderFileStore removes with its first file what a kill left half-written, and nothing else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "alys-shelf-"));
  try {
    for (const name of ["a.checkpoint.partial", "a.checkpoint", "notes.txt", ".partial", "x.partial"])
      writeFileSync(join(folder, name), "half");
    const files = new FolderFileStore(folder);
    assert.deepEqual(await files.names(), ["a.checkpoint", "notes.txt", "x.partial"]);
    await files.write("b.checkpoint", bytes("whole"));
    assert.deepEqual(readdirSync(folder).sort(), [
      ".partial",
      "a.checkpoint",
      "b.checkpoint",
      "notes.txt",
      "x.partial",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
