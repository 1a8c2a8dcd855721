/**
 * Reading a file that is to be one user's alone: not through a link, not one that others can read, not one that is another
 * user's. Whoever could put one in its place could otherwise hand us a token of its choice, or learn ours.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { geteuid } from "node:process";

/** Anyone but the owner. */
const OTHERS = 0o077;
/** A token has at most 4,096 characters. A longer file is none of ours. */
const FILE_BYTES_MAX = 8_192;

/**
 * The text of the file; undefined when it is not there, or is not `owner`'s alone (our own without it) or root's. Throws the
 * error of the operating system when it cannot be read.
 */
export function readOwn(path: string, owner: number | undefined = geteuid?.()): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    // ELOOP: it is a link.
    if (code === "ENOENT" || code === "ELOOP") return undefined;
    throw thrown;
  }
  try {
    const stat = fstatSync(file);
    const isOwn = owner === undefined || stat.uid === owner || stat.uid === 0;
    if (!stat.isFile() || !isOwn || (stat.mode & OTHERS) !== 0 || stat.size > FILE_BYTES_MAX)
      return undefined;
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}
