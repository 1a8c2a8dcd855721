/**
 * The note that this member's key was seen elsewhere, in a file beside the vote record: as long as it is there the member
 * signs nothing. Written whole and flushed, removed with a flush; one that cannot be read still counts, as nobody can
 * say any more that it was lifted.
 */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { asError, failure } from "../kernel/errors.ts";
import { writeFileAtomicSync } from "./files.ts";
import type { StopStore } from "./port.ts";

/** The file at `path`; it need not be there. */
export function openStopFile(path: string): StopStore {
  return {
    read() {
      try {
        return new Uint8Array(readFileSync(path));
      } catch (thrown) {
        const error = asError(thrown);
        // Whatever else keeps it from being read: it is there.
        return "code" in error && error.code === "ENOENT" ? undefined : new Uint8Array();
      }
    },
    write: (bytes) => writeFileAtomicSync(path, bytes),
    clear() {
      try {
        rmSync(path, { force: true });
        const folder = openSync(dirname(path), "r");
        try {
          fsyncSync(folder);
        } finally {
          closeSync(folder);
        }
      } catch (thrown) {
        throw failure("INTERNAL", "FILE_WRITE_FAILED", `${path}: ${asError(thrown).message}`);
      }
    },
  };
}
