/** The process whose system calls are counted: appends one after the other, then a checkpoint's file. Says when each begins. */

import { writeSync } from "node:fs";
import { join } from "node:path";
import { FolderFileStore } from "../../src/storage/file-store.ts";
import { openLmdbStore } from "../../src/storage/lmdb-store.ts";
import { blockBatch, blockHash } from "../contract/block-batches.ts";

/** Transactions whose flushes are counted. */
export const APPENDS = 5;
const BLOCKS = 8;

async function main(folder: string): Promise<void> {
  const options = { folder: join(folder, "chain"), genesisHash: blockHash(0), mapBytes: 1024 ** 3 };
  const store = await openLmdbStore(options);
  // The first one makes pages that the others only change.
  await store.append(blockBatch(1, BLOCKS));
  const files = new FolderFileStore(join(folder, "checkpoints"));
  await files.write("a.checkpoint", new Uint8Array(100));
  for (let index = 1; index <= APPENDS; index++) {
    writeSync(1, `append ${index}\n`);
    await store.append(blockBatch(1 + index * BLOCKS, BLOCKS));
  }
  writeSync(1, "file\n");
  await files.write("b.checkpoint", new Uint8Array(100));
  writeSync(1, "end\n");
  await store.close();
}

const [, , folder] = process.argv;
if (folder !== undefined) await main(folder);
