/**
 * The authority key file: made, loaded, never overwritten. Owns the file's form and its access rights: 0600
 * in a folder that is 0700, anything looser is refused, because whoever reads this file votes as the member.
 * Blocking file calls, for start-up and the command line only.
 */
import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { type Failure, failure } from "../kernel/errors.ts";
import { makeFolder } from "../kernel/ports/folder.ts";
import type { Random } from "../kernel/ports/random.ts";
import { SECRET_KEY_LENGTH, SecretKey } from "./bls.ts";
import { fromHex, toHex } from "./hex.ts";

/** First line of every key file; the number is the version of the form. */
const KEY_FILE_HEADER = "alys-authority-key 1";
/** A well-formed file has about 230 bytes; a longer one is no key file and is not read. */
const KEY_FILE_BYTES_MAX = 1024;
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Bits that give the group or everyone any right. */
const LOOSE_BITS = 0o077;

/**
 * A fresh key from the system's randomness (pass the real one; a seeded one makes a key that all can guess).
 */
export function generateSecretKey(random: Random): SecretKey {
  return SecretKey.fromSeed(random.bytes(SECRET_KEY_LENGTH));
}

/**
 * Writes the key to a new file (0600; a missing folder is made 0700), complete or not at all, and durable
 * when it returns. `undefined` on success. Failures: ALREADY_EXISTS/KEY_FILE_EXISTS,
 * FAILED_PRECONDITION/KEY_FOLDER_TOO_OPEN, INTERNAL/KEY_FILE_NOT_WRITTEN.
 */
export function writeAuthorityKey(path: string, key: SecretKey, random: Random): Failure | undefined {
  const folder = dirname(path);
  const draft = `${path}.${toHex(random.bytes(8))}.new`;
  try {
    makeFolder(folder, FOLDER_MODE);
    const loose = checkFolder(folder);
    if (loose !== undefined) return loose;
    const file = openSync(draft, "wx", FILE_MODE);
    try {
      fchmodSync(file, FILE_MODE);
      writeSync(file, encodeKeyFile(key));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    try {
      // A hard link, unlike a rename, never replaces a key that is already there.
      linkSync(draft, path);
    } finally {
      unlinkSync(draft);
    }
    syncFolder(folder);
    return undefined;
  } catch (error) {
    if (codeOf(error) === "EEXIST") {
      return failure("ALREADY_EXISTS", "KEY_FILE_EXISTS", `${path} exists; a key is never overwritten`);
    }
    return failure("INTERNAL", "KEY_FILE_NOT_WRITTEN", `${path} could not be written: ${codeOf(error)}`);
  }
}

/**
 * Loads the key. Failures: NOT_FOUND/KEY_FILE_MISSING, FAILED_PRECONDITION/KEY_FILE_TOO_OPEN or
 * KEY_FOLDER_TOO_OPEN (they name the chmod that mends it), DATA_LOSS/KEY_FILE_MALFORMED,
 * PERMISSION_DENIED/KEY_FILE_UNREADABLE. No message ever holds a part of the file.
 */
export function loadAuthorityKey(path: string): SecretKey | Failure {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    const code = codeOf(error);
    return code === "ENOENT" || code === "ENOTDIR"
      ? failure("NOT_FOUND", "KEY_FILE_MISSING", `there is no authority key at ${path}`)
      : failure("PERMISSION_DENIED", "KEY_FILE_UNREADABLE", `${path} cannot be read: ${code}`);
  }
  try {
    // The open file is asked, not the path, so that what is checked is what is read.
    const status = fstatSync(file);
    if (!status.isFile()) return malformed(path, "it is not a file");
    if ((status.mode & LOOSE_BITS) !== 0) {
      return tooOpen("KEY_FILE_TOO_OPEN", path, status.mode, FILE_MODE);
    }
    const loose = checkFolder(dirname(path));
    if (loose !== undefined) return loose;
    if (status.size > KEY_FILE_BYTES_MAX) return malformed(path, `it has ${status.size} bytes`);
    const bytes = Buffer.alloc(KEY_FILE_BYTES_MAX);
    const length = readSync(file, bytes);
    return decodeKeyFile(path, bytes.toString("latin1", 0, length));
  } catch (error) {
    return failure("PERMISSION_DENIED", "KEY_FILE_UNREADABLE", `${path} cannot be read: ${codeOf(error)}`);
  } finally {
    closeSync(file);
  }
}

function encodeKeyFile(key: SecretKey): string {
  return [
    KEY_FILE_HEADER,
    "# Secret: whoever holds this file votes as this member. Keep it 0600, on one machine.",
    `public ${toHex(key.publicKey)}`,
    `secret ${toHex(key.toBytes())}`,
    "",
  ].join("\n");
}

function decodeKeyFile(path: string, text: string): SecretKey | Failure {
  const [header, ...lines] = text.split(/\r?\n/);
  if (header !== KEY_FILE_HEADER) return malformed(path, `its first line is not "${KEY_FILE_HEADER}"`);
  const values = new Map<string, string>();
  for (const line of lines) {
    if (line === "" || line.startsWith("#")) continue;
    const match = /^(public|secret) ([0-9a-f]+)$/.exec(line);
    const [, name, value] = match ?? [];
    if (name === undefined || value === undefined) return malformed(path, "it has an unknown line");
    if (values.has(name)) return malformed(path, `it has two lines "${name}"`);
    values.set(name, value);
  }
  const secret = values.get("secret");
  if (secret?.length !== SECRET_KEY_LENGTH * 2)
    return malformed(path, "the secret key has not 64 hex digits");
  const key = SecretKey.fromBytes(fromHex(secret));
  if (key === undefined) return malformed(path, "the secret key is out of range");
  // The public key is there so that a damaged digit is an error here and not a member nobody knows.
  if (toHex(key.publicKey) !== values.get("public"))
    return malformed(path, "public and secret key do not match");
  return key;
}

function checkFolder(folder: string): Failure | undefined {
  const { mode } = statSync(folder);
  return (mode & LOOSE_BITS) === 0 ? undefined : tooOpen("KEY_FOLDER_TOO_OPEN", folder, mode, FOLDER_MODE);
}

function tooOpen(reason: string, path: string, mode: number, wanted: number): Failure {
  const octal = (value: number) => (value & 0o777).toString(8).padStart(4, "0");
  const chmod = `chmod ${octal(wanted)} ${path}`;
  const message = `${path} has mode ${octal(mode)}: others can reach the key; run ${chmod}`;
  return failure("FAILED_PRECONDITION", reason, message);
}

function malformed(path: string, what: string): Failure {
  return failure("DATA_LOSS", "KEY_FILE_MALFORMED", `${path} is not an authority key file: ${what}`);
}

/** Makes the new name durable, not only the file's bytes. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
