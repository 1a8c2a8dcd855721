/** A node is killed while it writes, again and again: what it said was durable is there, whole and nothing else. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../../src/kernel/ports/random.ts";
import { openLmdbStore } from "../../src/storage/lmdb-store.ts";
import { blockHash } from "../contract/block-batches.ts";
import { assertChain } from "../contract/block-store.ts";
import { expectedBranches, lastWrite } from "./storage-writes.ts";

const ROUNDS = 16;
const SEED = 20_251;
const child = join(import.meta.dirname, "storage-child.ts");

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "alys-kill-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Opens the folder and compares it with what its writes must have left; gives the number of the last. */
async function checkFolder(folder: string): Promise<number> {
  const store = await openLmdbStore({ folder, genesisHash: blockHash(0), runBlocks: 256 });
  try {
    const writes = lastWrite(store);
    const branches = expectedBranches(writes);
    if (writes > 0) assertChain(store, 1, branches.length - 1, (height) => branches[height]!);
    store.verify(Number.POSITIVE_INFINITY);
    return writes;
  } finally {
    await store.close();
  }
}

describe("openLmdbStore", () => {
  it(`keeps what was durable through ${ROUNDS} kills (seed ${SEED})`, () =>
    inFolder(async (folder) => {
      const random = seededRandom(SEED);
      let before = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const writer = spawn(process.execPath, [child, folder], { stdio: ["ignore", "pipe", "inherit"] });
        const enough = before + 1 + random.integer(30);
        let reported = 0;
        const exited = once(writer, "exit");
        for await (const line of createInterface({ input: writer.stdout })) {
          assert.equal(Number(line), Math.max(before, reported) + 1, "each write is said once, in order");
          reported = Number(line);
          if (reported !== enough) continue;
          // Somewhere between two flushes.
          await delay(random.next() * 3);
          writer.kill("SIGKILL");
        }
        const [, signal] = await exited;
        assert.equal(signal, "SIGKILL");
        const stored = await checkFolder(folder);
        assert.ok(stored >= reported, `round ${round}: write ${reported} was durable, stored is ${stored}`);
        before = stored;
      }
      assert.ok(before >= ROUNDS);
    }));

  it("answers a disk without room with a failure, keeps what it has, and goes on with room", () =>
    inFolder(async (folder) => {
      // A limit on the size of files stands for a full disk: 2 MiB in blocks of 512 bytes.
      const limited = `ulimit -f 4096; exec "$0" "$@"`;
      const args = ["-c", limited, process.execPath, child, folder];
      const writer = spawn("sh", args, { stdio: ["ignore", "pipe", "inherit"] });
      const exited = once(writer, "exit");
      const lines: string[] = [];
      for await (const line of createInterface({ input: writer.stdout })) lines.push(line);
      assert.deepEqual(await exited, [0, null]);
      const [word, code, reason, last] = lines.at(-1)!.split(" ");
      assert.equal(word, "failed");
      assert.ok(
        ["RESOURCE_EXHAUSTED DISK_FULL", "DATA_LOSS DISK_FAILED"].includes(`${code} ${reason}`),
        lines.at(-1),
      );
      assert.ok(Number(last) > 10);
      assert.equal(await checkFolder(folder), Number(last));
    }));
});
