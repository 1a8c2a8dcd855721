/** How alysctl finds a node of its own, and what it does not take for one. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pid } from "node:process";
import { type TestContext, test } from "node:test";
import { wayTo } from "../../../src/cli/local-node.ts";

const TOKEN = "alys1.the-token";
const GONE = 2 ** 22 + 1;

/** A data directory as a running node leaves it; in a local network's folder when `isFound`. */
function dataDirectory(t: TestContext, facts: object, isFound = false): string {
  const base = mkdtempSync(join(tmpdir(), isFound ? "alys-localnet-" : "alys-cli-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const folder = join(base, "node");
  mkdirSync(join(folder, "control"), { recursive: true, mode: 0o700 });
  const whole = {
    pid,
    controlAddress: "127.0.0.1:49998",
    unixSocket: join(folder, "control.sock"),
    ...facts,
  };
  writeFileSync(join(folder, "node.json"), JSON.stringify(whole), { mode: 0o600 });
  writeFileSync(join(folder, "control", "local.token"), `${TOKEN}\n`, { mode: 0o600 });
  return folder;
}

const wanted = (more: object = {}) => ({
  address: undefined,
  folder: undefined,
  hasCredentials: false,
  ...more,
});

test("a folder that is named is reached by its socket, without a token", (t) => {
  const folder = dataDirectory(t, {});
  assert.deepEqual(wayTo(wanted({ folder })), {
    address: `unix:${join(folder, "control.sock")}`,
    token: undefined,
    folder,
  });
});

test("a socket that asks for tokens, and a node without a socket, get the owner's", (t) => {
  const strict = dataDirectory(t, { requireTokens: true });
  assert.equal(wayTo(wanted({ folder: strict })).token, TOKEN);
  const without = dataDirectory(t, { unixSocket: "" });
  assert.deepEqual(wayTo(wanted({ folder: without })), {
    address: "127.0.0.1:49998",
    token: TOKEN,
    folder: without,
  });
});

test("the port of a process that is gone does not get the token", (t) => {
  const folder = dataDirectory(t, { unixSocket: "", pid: GONE });
  assert.throws(() => wayTo(wanted({ folder })), { reason: "NODE_NOT_RUNNING" });
});

test("an address that is said comes first, with the token only where the node itself is", (t) => {
  const folder = dataDirectory(t, {});
  assert.equal(wayTo(wanted({ folder, address: "127.0.0.1:49998" })).token, TOKEN);
  assert.equal(wayTo(wanted({ folder, address: "127.0.0.1:49997" })).token, undefined);
  assert.equal(wayTo(wanted({ folder, address: "127.0.0.1:49998", hasCredentials: true })).token, undefined);
});

test("a local network of one's own is found by its address", (t) => {
  dataDirectory(t, { controlAddress: "127.0.0.1:49996" }, true);
  assert.equal(wayTo(wanted({ address: "127.0.0.1:49996" })).token, TOKEN);
});

test("a folder that others can enter, a link, and the folder of a dead process are not found", (t) => {
  const open = dataDirectory(t, { controlAddress: "127.0.0.1:49995" }, true);
  chmodSync(open, 0o755);
  dataDirectory(t, { controlAddress: "127.0.0.1:49994", pid: GONE }, true);
  const real = dataDirectory(t, { controlAddress: "127.0.0.1:49993" });
  const base = mkdtempSync(join(tmpdir(), "alys-localnet-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  symlinkSync(real, join(base, "node"));
  for (const port of [49995, 49994, 49993]) {
    assert.equal(wayTo(wanted({ address: `127.0.0.1:${port}` })).token, undefined, String(port));
  }
});

test("a token that is a link, or open to others, is not shown to anybody", (t) => {
  const folder = dataDirectory(t, { unixSocket: "" });
  const file = join(folder, "control", "local.token");
  chmodSync(file, 0o640);
  assert.equal(wayTo(wanted({ folder })).token, undefined);
  const elsewhere = join(folder, "elsewhere");
  writeFileSync(elsewhere, TOKEN, { mode: 0o600 });
  rmSync(file);
  symlinkSync(elsewhere, file);
  assert.equal(wayTo(wanted({ folder })).token, undefined);
});

test("a folder without a node is said to be one", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  assert.throws(() => wayTo(wanted({ folder })), { reason: "NODE_NOT_RUNNING" });
  assert.throws(() => wayTo(wanted({ folder: join(folder, "none") })), { reason: "NODE_NOT_RUNNING" });
});
