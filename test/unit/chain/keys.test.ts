/**
 * The authority key file: the round trip, its modes, and every way in which a file is refused.
 */
import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { SecretKey } from "../../../src/chain/bls.ts";
import { toHex } from "../../../src/chain/hex.ts";
import { generateSecretKey, loadAuthorityKey, writeAuthorityKey } from "../../../src/chain/keys.ts";
import { Failure } from "../../../src/kernel/errors.ts";
import { seededRandom } from "../../../src/kernel/ports/random.ts";

const random = seededRandom(1);
const key = generateSecretKey(random);
let root: string;
let path: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "alys-keys-"));
  path = join(root, "keys", "authority.key");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(): void {
  assert.equal(writeAuthorityKey(path, key, random), undefined);
}

function assertFails(
  outcome: SecretKey | Failure | undefined,
  code: string,
  reason: string,
  says?: RegExp,
): void {
  assert.ok(outcome instanceof Failure, "a failure is expected");
  assert.equal(outcome.code, code);
  assert.equal(outcome.reason, reason);
  if (says !== undefined) assert.match(outcome.message, says);
  assert.ok(!outcome.message.includes(toHex(key.toBytes())), "the message holds the secret");
}

/** Replaces the text of a written file, with the modes as they must be. */
function rewrite(change: (text: string) => string): void {
  write();
  writeFileSync(path, change(readFileSync(path, "latin1")), "latin1");
}

describe("writeAuthorityKey", () => {
  it("writes 0600 in a folder it makes 0700, and what it writes loads", () => {
    write();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(root, "keys")).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(join(root, "keys")), ["authority.key"]);
    const loaded = loadAuthorityKey(path);
    assert.ok(loaded instanceof SecretKey);
    assert.deepEqual(loaded.toBytes(), key.toBytes());
    assert.ok(readFileSync(path, "latin1").startsWith("alys-authority-key 1\n"));
  });

  it("never overwrites a key and leaves no draft behind", () => {
    write();
    const before = readFileSync(path);
    const other = SecretKey.fromSeed(new Uint8Array(32).fill(8));
    assertFails(writeAuthorityKey(path, other, random), "ALREADY_EXISTS", "KEY_FILE_EXISTS");
    assert.deepEqual(readFileSync(path), before);
    assert.deepEqual(readdirSync(join(root, "keys")), ["authority.key"]);
  });

  it("refuses a folder that others can enter", () => {
    mkdirSync(join(root, "keys"));
    chmodSync(join(root, "keys"), 0o755);
    const outcome = writeAuthorityKey(path, key, random);
    assertFails(outcome, "FAILED_PRECONDITION", "KEY_FOLDER_TOO_OPEN", /mode 0755.*chmod 0700/);
    assert.deepEqual(readdirSync(join(root, "keys")), []);
  });

  it("says so when the folder cannot be made", () => {
    writeFileSync(join(root, "keys"), "a file where the folder should be");
    const outcome = writeAuthorityKey(path, key, random);
    assert.ok(outcome instanceof Failure);
  });
});

describe("loadAuthorityKey", () => {
  it("names a missing file", () => {
    assertFails(loadAuthorityKey(path), "NOT_FOUND", "KEY_FILE_MISSING");
    writeFileSync(join(root, "keys"), "");
    assertFails(loadAuthorityKey(path), "NOT_FOUND", "KEY_FILE_MISSING");
  });

  it("refuses every looser mode of the file and says what mends it", () => {
    for (const mode of [0o640, 0o604, 0o660, 0o644, 0o610, 0o601]) {
      rmSync(join(root, "keys"), { recursive: true, force: true });
      write();
      chmodSync(path, mode);
      assertFails(loadAuthorityKey(path), "FAILED_PRECONDITION", "KEY_FILE_TOO_OPEN", /chmod 0600/);
    }
  });

  it("refuses a looser folder, accepts tighter modes", () => {
    write();
    chmodSync(join(root, "keys"), 0o750);
    assertFails(loadAuthorityKey(path), "FAILED_PRECONDITION", "KEY_FOLDER_TOO_OPEN", /chmod 0700/);
    chmodSync(join(root, "keys"), 0o700);
    chmodSync(path, 0o400);
    assert.ok(loadAuthorityKey(path) instanceof SecretKey);
  });

  it("refuses a folder in place of the file", () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    assertFails(loadAuthorityKey(path), "DATA_LOSS", "KEY_FILE_MALFORMED", /not a file/);
  });

  const damages: [string, (text: string) => string, RegExp][] = [
    ["an empty file", () => "", /first line/],
    ["another version", (text) => text.replace("key 1", "key 2"), /first line/],
    ["bare hex", () => toHex(new Uint8Array(32).fill(1)), /first line/],
    ["a file that is too long", (text) => text + "#".repeat(2000), /bytes/],
    ["an unknown line", (text) => `${text}comment without a hash\n`, /unknown line/],
    ["two secrets", (text) => text + text.split("\n")[3], /two lines/],
    ["no secret", (text) => text.replace(/secret .*\n/, ""), /64 hex digits/],
    ["a short secret", (text) => text.replace(/(secret .*)..\n/, "$1\n"), /64 hex digits/],
    ["a secret of zero", (text) => text.replace(/secret .*/, `secret ${"0".repeat(64)}`), /out of range/],
    [
      "a secret above the order",
      (text) => text.replace(/secret .*/, `secret ${"f".repeat(64)}`),
      /out of range/,
    ],
    ["a secret that is not hex", (text) => text.replace(/secret ../, "secret zz"), /unknown line/],
    ["no public key", (text) => text.replace(/public .*\n/, ""), /do not match/],
    ["another public key", (text) => text.replace(/public ..../, "public 0000"), /do not match/],
  ];
  for (const [name, damage, says] of damages) {
    it(`refuses ${name}`, () => {
      rewrite(damage);
      assertFails(loadAuthorityKey(path), "DATA_LOSS", "KEY_FILE_MALFORMED", says);
    });
  }

  it("accepts the line ends of another system", () => {
    rewrite((text) => text.replaceAll("\n", "\r\n"));
    assert.ok(loadAuthorityKey(path) instanceof SecretKey);
  });
});
