/** Where the control plane of a node with these settings listens. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseSettings } from "../../../src/config/load.ts";
import { MemoryLog } from "../../../src/kernel/ports/log.ts";
import { openControlParts } from "../../../src/node/control-parts.ts";

async function partsOf(t: TestContext, control: string, name = "data") {
  const base = mkdtempSync(join(tmpdir(), "alys-parts-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const folder = join(base, name);
  mkdirSync(folder, { mode: 0o700 });
  const source = `storage.data_directory = "${folder}"\nchain.specification_file = "chain.json"\n${control}`;
  const log = new MemoryLog();
  const { options, audit } = await openControlParts(parseSettings(source, {}, base, "test"), log);
  await audit?.close();
  return { folder, options, log };
}

test("by default there are loopback for reading, the owner's socket, and the owner's token", async (t) => {
  const { folder, options } = await partsOf(t, "");
  assert.equal(options.unixSocket, join(folder, "control.sock"));
  assert.deepEqual([options.loopbackReads, options.requireTokens], ["open", false]);
  assert.equal(statSync(join(folder, "control", "local.token")).mode & 0o777, 0o600);
});

test("a socket whose path would be too long is left out with a warning, unless it was asked for", async (t) => {
  const long = "d".repeat(100);
  const { options, log } = await partsOf(t, "", long);
  assert.equal(options.unixSocket, "");
  const told = log.records.map(({ message }) => message);
  assert.ok(told.some((message) => message.startsWith("no unix socket: its path would be too long")));
  const asked = `/tmp/${long}/x.sock`;
  assert.equal((await partsOf(t, `control.unix_socket = "${asked}"`)).options.unixSocket, asked);
  // Without another way in it is better not to start.
  assert.notEqual((await partsOf(t, 'control.listen_address = ""', long)).options.unixSocket, "");
});

test("loopback_reads takes two values", async (t) => {
  assert.equal((await partsOf(t, 'control.loopback_reads = "token"')).options.loopbackReads, "token");
  await assert.rejects(partsOf(t, 'control.loopback_reads = "closed"'), { reason: "CONFIG_INVALID" });
});
