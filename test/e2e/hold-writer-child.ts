/** Holds the database's own lock of its one writer, until it is killed: whoever wants to write there hangs in the library. */
import { openDatabases } from "../../src/storage/lmdb.ts";
import { MAP_BYTES } from "../../src/storage/lmdb-layout.ts";

const { environment } = openDatabases(process.argv[2] ?? "", MAP_BYTES, false);
environment.transactionSync(() => {
  process.stdout.write("held\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
