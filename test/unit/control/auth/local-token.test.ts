/** The token that a node makes for its owner's programs: whose file it is, and how it is taken back. */
import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openTokenStore, type TokenStore } from "../../../../src/control/auth/token-store.ts";
import { realClock } from "../../../../src/kernel/ports/clock.ts";
import { realRandom } from "../../../../src/kernel/ports/random.ts";

interface Folder {
  readonly directory: string;
  readonly file: string;
  open(isNeeded?: boolean): TokenStore;
  text(): string;
}

function folder(t: TestContext): Folder {
  const base = mkdtempSync(join(tmpdir(), "alys-local-token-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const directory = join(base, "control");
  const file = join(directory, "local.token");
  return {
    directory,
    file,
    open: (isNeeded = false) => openTokenStore({ directory, clock: realClock, random: realRandom, isNeeded }),
    text: () => readFileSync(file, "utf8").trim(),
  };
}

const idOf = (token: string): string => token.split(".")[1] ?? "";

test("the first start makes a token of the owner, the next ones keep it", (t) => {
  const { directory, file, open, text } = folder(t);
  const grant = open().verify(text());
  assert.deepEqual([grant?.principal, grant?.scope, grant?.expiresMs], ["local", "admin", undefined]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  const first = text();
  assert.ok(open().verify(first));
  assert.equal(text(), first);
});

test("whoever deletes the file and starts again has taken the token back", (t) => {
  const { file, open, text } = folder(t);
  open();
  const first = text();
  rmSync(file);
  const store = open();
  assert.notEqual(text(), first);
  assert.equal(store.isRevoked(idOf(first)), true);
  assert.equal(open().isRevoked(idOf(first)), true);
  assert.equal(store.isRevoked(idOf(text())), false);
});

test("revoking it puts a new one in its place at once", async (t) => {
  const { open, text } = folder(t);
  const store = open();
  const first = text();
  await store.revoke(idOf(first));
  const second = text();
  assert.notEqual(second, first);
  for (const one of [store, open()]) {
    assert.equal(one.isRevoked(idOf(first)), true);
    assert.ok(one.verify(second));
  }
});

test("a file that others could read, or that holds no local token, is replaced and its token revoked", async (t) => {
  const { file, open, text } = folder(t);
  const store = open();
  const first = text();
  chmodSync(file, 0o644);
  assert.equal(open().isRevoked(idOf(first)), true);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const order = { principal: "ci", scope: "admin", methods: [], lifetimeMs: undefined } as const;
  const { token } = await store.create(order);
  for (const other of [token, "alys1.x", ""]) {
    writeFileSync(file, other, { mode: 0o600 });
    const again = open();
    assert.equal(again.verify(text())?.principal, "local");
  }
});

test("a link is not followed, neither to read nor to write", (t) => {
  const { directory, file, open, text } = folder(t);
  open();
  const first = text();
  const elsewhere = join(directory, "..", "elsewhere");
  writeFileSync(elsewhere, `${first}\n`, { mode: 0o600 });
  rmSync(file);
  symlinkSync(elsewhere, file);
  symlinkSync(elsewhere, `${file}.partial`);
  assert.throws(() => open(), { reason: "FILE_WRITE_FAILED" });
  open();
  assert.ok(!lstatSync(file).isSymbolicLink());
  assert.notEqual(text(), first);
  assert.equal(readFileSync(elsewhere, "utf8"), `${first}\n`);
});

test("a folder that is a link is refused", (t) => {
  const { directory, open } = folder(t);
  const elsewhere = mkdtempSync(join(directory, "..", "elsewhere-"));
  symlinkSync(elsewhere, directory);
  assert.throws(() => open(), { reason: "TOKEN_FILES_BAD" });
  assert.deepEqual(readdirSync(elsewhere), []);
});

test("it is no reason to go without the first tokens of listeners that ask for them", (t) => {
  const { directory, open } = folder(t);
  open();
  open(true);
  const tokens = readdirSync(directory).filter((name) => name.endsWith(".token"));
  assert.deepEqual(tokens.sort(), ["admin.token", "local.token", "operator.token", "readonly.token"]);
});

test("hundred rotations leave a bounded number of records", async (t) => {
  const { open, text } = folder(t);
  const store = open();
  for (let made = 0; made < 100; made++) await store.revoke(idOf(text()));
  assert.equal(store.records().length, 33);
  assert.equal(open().records().length, 33);
});
