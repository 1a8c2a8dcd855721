/** Folders that commands fill: made, or there and empty. */

import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { asError, failure } from "../kernel/errors.ts";
import { makeFolder } from "../kernel/ports/folder.ts";

/**
 * Makes the folder, mode 0700; `option` is how the command line names it. Throws FAILED_PRECONDITION/FOLDER_NOT_EMPTY,
 * INVALID_ARGUMENT/FOLDER_NOT_MADE.
 */
export function emptyFolder(named: string, option: string): string {
  const folder = resolve(named);
  let files: readonly string[];
  try {
    makeFolder(folder, 0o700);
    files = readdirSync(folder);
  } catch (thrown) {
    throw failure("INVALID_ARGUMENT", "FOLDER_NOT_MADE", `${option} ${folder}: ${asError(thrown).message}`);
  }
  if (files.length === 0) return folder;
  throw failure("FAILED_PRECONDITION", "FOLDER_NOT_EMPTY", `${option} ${folder} is not empty`);
}
