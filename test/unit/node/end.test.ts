/** The end that waits for nothing, on a process of its own whose thread hangs in a call of the system. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const file = new URL("../../../src/node/end.ts", import.meta.url).href;

test("endNow ends with its status while a call of the system hangs, which isSystemBusy tells", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-end-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // Opening a pipe that nobody writes to takes for ever, and process.exit would wait for it.
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const script = `
    import { open } from "node:fs/promises";
    const { endNow, isSystemBusy } = await import("${file}");
    if (isSystemBusy()) process.exit(1);
    void open(${JSON.stringify(pipe)}, "r");
    if (!isSystemBusy()) process.exit(2);
    endNow(42);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "pipe" });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const end = await new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  assert.deepEqual(end, { code: 42, signal: null });
  assert.equal(errors, "");
});
