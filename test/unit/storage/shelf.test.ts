/** Shelves: the folder and its twin in memory answer alike. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Failure } from "../../../src/kernel/errors.ts";
import { FolderShelf, MemoryShelf, type Shelf } from "../../../src/storage/shelf.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function holds(shelf: Shelf): Promise<void> {
  assert.deepEqual(await shelf.names(), []);
  assert.equal(await shelf.read("a.checkpoint", 10), undefined);
  await shelf.remove("a.checkpoint");
  await shelf.write("b.checkpoint", bytes("old"));
  await shelf.write("b.checkpoint", bytes("newer"));
  await shelf.write("a.checkpoint", bytes("one"));
  assert.deepEqual(await shelf.names(), ["a.checkpoint", "b.checkpoint"]);
  assert.deepEqual(await shelf.read("b.checkpoint", 5), bytes("newer"));
  assert.equal(await shelf.read("b.checkpoint", 4), undefined);
  await shelf.remove("b.checkpoint");
  assert.deepEqual(await shelf.names(), ["a.checkpoint"]);
}

test("MemoryShelf keeps files by name", () => holds(new MemoryShelf()));

test("FolderShelf keeps whole files by name, sees no others, and leaves its folder by no name", async () => {
  const root = mkdtempSync(join(tmpdir(), "alys-shelf-"));
  try {
    const folder = join(root, "checkpoints");
    const shelf = new FolderShelf(folder);
    await holds(shelf);
    writeFileSync(join(folder, "c.checkpoint.partial"), "half");
    writeFileSync(join(root, "secret.key"), "x");
    assert.deepEqual(await shelf.names(), ["a.checkpoint"]);
    assert.equal(await shelf.read("../secret.key", 10), undefined);
    await assert.rejects(shelf.write("../x.checkpoint", bytes("x")), (thrown) => thrown instanceof Failure);
    assert.deepEqual(readdirSync(root).sort(), ["checkpoints", "secret.key"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("FolderShelf removes with its first file what a kill left half-written, and nothing else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "alys-shelf-"));
  try {
    for (const name of ["a.checkpoint.partial", "a.checkpoint", "notes.txt", ".partial", "x.partial"])
      writeFileSync(join(folder, name), "half");
    const shelf = new FolderShelf(folder);
    assert.deepEqual(await shelf.names(), ["a.checkpoint", "notes.txt", "x.partial"]);
    await shelf.write("b.checkpoint", bytes("whole"));
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
