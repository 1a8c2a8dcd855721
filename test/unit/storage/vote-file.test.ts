/** The vote file: what was recorded last is there, and damage is never an empty store. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openVoteFile } from "../../../src/storage/vote-file.ts";

describe("openVoteFile", () => {
  const folder = mkdtempSync(join(tmpdir(), "alys-votes-"));
  const path = join(folder, "votes", "last");
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("has nothing before the first record, and the newest afterwards, opened again or not", () => {
    const votes = openVoteFile(path);
    assert.equal(votes.last(), undefined);
    votes.record(Uint8Array.of(1, 2, 3));
    votes.record(Uint8Array.of(4));
    assert.deepEqual(votes.last(), Uint8Array.of(4));
    votes.close();
    const again = openVoteFile(path);
    assert.deepEqual(again.last(), Uint8Array.of(4));
    again.record(Uint8Array.of());
    assert.deepEqual(again.last(), Uint8Array.of());
    again.record(Uint8Array.of(5));
    again.close();
  });

  it("is locked while it is open", () => {
    const votes = openVoteFile(path);
    assert.throws(() => openVoteFile(path), { reason: "DATA_DIRECTORY_LOCKED" });
    votes.close();
    assert.throws(() => votes.record(Uint8Array.of(1)), { name: "AssertionError" });
  });

  it("reports each truncation and each altered byte, and frees its lock", () => {
    const sound = readFileSync(path);
    const damaged = [
      ...Array.from({ length: sound.length }, (_, length) => sound.subarray(0, length)),
      ...Array.from({ length: sound.length }, (_, at) =>
        sound.map((byte, i) => (i === at ? byte ^ 1 : byte)),
      ),
      Buffer.concat([sound, Buffer.of(0)]),
    ];
    for (const content of damaged) {
      writeFileSync(path, content);
      assert.throws(() => openVoteFile(path), { code: "DATA_LOSS", reason: "VOTE_RECORD_CORRUPT" });
    }
    writeFileSync(path, sound);
    openVoteFile(path).close();
  });
});
