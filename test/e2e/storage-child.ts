/** The process that is killed: writes without end, three in flight, and says each number once it is durable. */
import { writeSync } from "node:fs";
import { Failure } from "../../src/kernel/errors.ts";
import { openLmdbStore } from "../../src/storage/lmdb-store.ts";
import { blockHash } from "../contract/block-batches.ts";
import { carryOut, lastWrite, writeAt } from "./storage-writes.ts";

/** Printed when a write failed: the failure's reason and the last durable write. */
export const FAILED = "failed";

async function main(folder: string): Promise<void> {
  const store = await openLmdbStore({ folder, genesisHash: blockHash(0), runBlocks: 256 });
  let head = store.head()?.height ?? 0;
  const inFlight: Promise<void>[] = [];
  try {
    for (let number = lastWrite(store) + 1; ; number++) {
      const written = carryOut(store, number, head).then(() => {
        writeSync(1, `${number}\n`);
      });
      const { above, count } = writeAt(number, head);
      head = above + count;
      inFlight.push(written);
      if (inFlight.length === 3) await inFlight.shift();
    }
  } catch (thrown) {
    await Promise.allSettled(inFlight);
    if (!(thrown instanceof Failure)) throw thrown;
    writeSync(1, `${FAILED} ${thrown.code} ${thrown.reason} ${lastWrite(store)}\n`);
    await store.close();
  }
}

const [, , folder] = process.argv;
if (folder !== undefined) await main(folder);
