/** The note that a member's key is elsewhere: it lasts, it goes, and what cannot be read still counts. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { decodeNote, encodeNote } from "../../../src/actors/producer/sighting-note.ts";
import { openStopFile } from "../../../src/storage/stop-file.ts";

const SIGHTING = {
  kind: "block",
  slot: 855_000_001,
  hash: new Uint8Array(32).fill(6),
  peerId: "",
  seenMs: 1_710_000_002_000,
} as const;

test("stop-file: a note is there until it is cleared, readable by its owner alone", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-stop-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "vote.stop");
  assert.equal(openStopFile(path).read(), undefined);
  openStopFile(path).clear();
  openStopFile(path).write(encodeNote(SIGHTING));
  assert.deepEqual(decodeNote(openStopFile(path).read()), SIGHTING);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  openStopFile(path).clear();
  assert.equal(openStopFile(path).read(), undefined);
});

test("stop-file: whatever lies there instead of a note counts as one", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-stop-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "vote.stop");
  for (const text of ["", "{", "null", '{"version":1,"kind":"block","slot":-1,"hash":"","seenMs":0}']) {
    writeFileSync(path, text);
    assert.equal(decodeNote(openStopFile(path).read())?.kind, "unreadable", text);
  }
  rmSync(path);
  mkdirSync(path);
  assert.equal(decodeNote(openStopFile(path).read())?.kind, "unreadable", "a folder of this name");
  assert.throws(() => openStopFile(path).clear(), { reason: "FILE_WRITE_FAILED" });
});
