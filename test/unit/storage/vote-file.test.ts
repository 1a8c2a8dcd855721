/** The vote file: what was recorded last is there, and damage is never an empty store. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

  it("reports each truncation, and damage of both copies, and frees its lock", () => {
    const sound = readFileSync(path);
    assert.equal(sound.length, FILE_BYTES);
    const damaged = [
      ...[0, 1, 100, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 100, FILE_BYTES - 1].map((length) =>
        sound.subarray(0, length),
      ),
      Buffer.concat([sound, Buffer.of(0)]),
      ...Array.from({ length: RECORD_BYTES }, (_, at) => altered(sound, at, SLOT_BYTES + at)),
    ];
    for (const content of damaged) {
      writeFileSync(path, content);
      assert.throws(() => openVoteFile(path), { code: "DATA_LOSS", reason: "VOTE_RECORD_CORRUPT" });
    }
    writeFileSync(path, sound);
    openVoteFile(path).close();
  });

  it("takes the copy of a damaged record, and mends it", () => {
    const sound = readFileSync(path);
    for (const first of [0, SLOT_BYTES]) {
      for (let at = first; at < first + RECORD_BYTES; at++) {
        writeFileSync(path, altered(sound, at));
        const votes = openVoteFile(path);
        assert.deepEqual(votes.last(), Uint8Array.of(5));
        votes.close();
        assert.deepEqual(readFileSync(path), sound);
      }
    }
  });

  it("has the old record or the new one, wherever a crash tears the write", () => {
    const before = readFileSync(path);
    const votes = openVoteFile(path);
    votes.record(Uint8Array.of(6));
    votes.close();
    const after = readFileSync(path);
    // First slot torn after each byte with the second one old; then the second torn with the first one new.
    for (let torn = 0; torn <= FILE_BYTES; torn = nextTear(torn)) {
      writeFileSync(path, Buffer.concat([after.subarray(0, torn), before.subarray(torn)]));
      const again = openVoteFile(path);
      assert.deepEqual(again.last(), Uint8Array.of(torn < RECORD_BYTES ? 5 : 6));
      again.close();
    }
  });

  it("takes over a file of the form before, and what is damaged there stays damage", () => {
    const old = join(folder, "old");
    const content = singleVote(7n, Uint8Array.of(1, 2, 3));
    writeFileSync(old, content, { mode: 0o600 });
    const votes = openVoteFile(old);
    assert.deepEqual(votes.last(), Uint8Array.of(1, 2, 3));
    assert.throws(() => openVoteFile(old), { reason: "DATA_DIRECTORY_LOCKED" });
    votes.record(Uint8Array.of(4));
    votes.close();
    assert.equal(readFileSync(old).length, FILE_BYTES);
    const again = openVoteFile(old);
    assert.deepEqual(again.last(), Uint8Array.of(4));
    again.close();
    for (let at = 0; at < content.length; at++) {
      writeFileSync(old, altered(content, at));
      assert.throws(() => openVoteFile(old), { reason: "VOTE_RECORD_CORRUPT" });
    }
  });

  it("makes a missing file anew, whole, after a kill in the middle of making it too", () => {
    const fresh = join(folder, "fresh");
    writeFileSync(`${fresh}.partial`, "half");
    openVoteFile(fresh).close();
    assert.equal(readFileSync(fresh).length, FILE_BYTES);
    assert.equal(existsSync(`${fresh}.partial`), false);
    const again = openVoteFile(fresh);
    assert.equal(again.last(), undefined);
    again.close();
  });

  it("signs nothing once its file is gone or another one", () => {
    const gone = join(folder, "gone");
    for (const take of [() => rmSync(gone), () => renameSync(gone, `${gone}.old`)]) {
      const votes = openVoteFile(gone);
      votes.record(Uint8Array.of(1));
      take();
      assert.throws(() => votes.record(Uint8Array.of(2)), { reason: "VOTE_RECORD_REPLACED" });
      assert.deepEqual(votes.last(), Uint8Array.of(1));
      votes.close();
    }
  });

  it("records with no descriptor left in the process", async () => {
    const { status, stderr } = await run(`
      import { openSync } from "node:fs";
      import { openVoteFile } from ${JSON.stringify(new URL("../../../src/storage/vote-file.ts", import.meta.url).href)};
      const votes = openVoteFile(${JSON.stringify(join(folder, "full"))});
      let code;
      try { for (;;) openSync("/dev/null", "r"); } catch (error) { code = error.code; }
      if (code !== "EMFILE") throw new Error("descriptors are left: " + code);
      for (let vote = 1; vote < 50; vote++) votes.record(Uint8Array.of(vote));
      if (votes.last()[0] !== 49) throw new Error("not recorded");
      process.exit(0);
    `);
    assert.equal(status, 0, stderr);
    const votes = openVoteFile(join(folder, "full"));
    assert.deepEqual(votes.last(), Uint8Array.of(49));
    votes.close();
  });
});

const SLOT_BYTES = 8192;
const FILE_BYTES = 2 * SLOT_BYTES;
/** Magic, sequence, length, one byte, checksum. */
const RECORD_BYTES = 10 + 8 + 4 + 1 + 32;

function altered(content: Uint8Array, ...at: number[]): Uint8Array {
  return content.map((byte, index) => (at.includes(index) ? byte ^ 1 : byte));
}

/** Each byte of the records, and nothing of what lies between them. */
function nextTear(torn: number): number {
  return torn === RECORD_BYTES ? SLOT_BYTES : torn === SLOT_BYTES + RECORD_BYTES ? FILE_BYTES + 1 : torn + 1;
}

function singleVote(sequence: bigint, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(22);
  head.write("ALYSVOTE1\n");
  head.writeBigUInt64LE(sequence, 10);
  head.writeUInt32LE(bytes.length, 18);
  const content = Buffer.concat([head, bytes]);
  return Buffer.concat([content, hash("sha256", content, "buffer")]);
}

/** A module in a process of its own that may have 64 descriptors. */
function run(script: string): Promise<{ status: number; stderr: string }> {
  return new Promise((resolve) => {
    const command = `ulimit -n 64; exec "$0" --input-type=module -e "$1"`;
    execFile("sh", ["-c", command, process.execPath, script], (error, _stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? 1), stderr }),
    );
  });
}
