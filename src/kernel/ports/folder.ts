/** Making folders. Node's own recursive mkdir never returns where a folder exists and makes none in it, as /proc does. */

import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Makes the folder and those above it, unless they are there. Throws the error of the one that cannot be made. */
export function makeFolder(path: string, mode?: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    const above = dirname(path);
    if (code !== "ENOENT" || existsSync(above)) throw thrown;
    makeFolder(above, mode);
    makeFolder(path, mode);
  }
}
