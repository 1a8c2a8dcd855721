/** The README's first command, as its own process: it ends as promised and leaves nothing behind. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { lockDirectory } from "../../src/storage/directory-lock.ts";

interface Run {
  readonly child: ChildProcess;
  /** A temporary folder of its own, so that what is left behind is seen. */
  readonly temporary: string;
  output(): string;
  /** Resolves when the output has the text; rejects when the process ends before. */
  until(text: string): Promise<void>;
  ended(): Promise<readonly [status: number | null, signal: string | null]>;
}

function runLocalnet(t: TestContext, ...args: string[]): Run {
  const temporary = mkdtempSync(join(tmpdir(), "alys-test-"));
  const child = spawn(process.execPath, ["src/main.ts", "localnet", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary },
  });
  let text = "";
  const grown = new EventTarget();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      grown.dispatchEvent(new Event("grown"));
    });
  }
  const ended = once(child, "exit") as Promise<[number | null, string | null]>;
  t.after(() => {
    child.kill("SIGKILL");
    rmSync(temporary, { recursive: true, force: true });
  });
  const until = (wanted: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (text.includes(wanted)) resolve();
      };
      grown.addEventListener("grown", look);
      void ended.then(() => reject(new Error(`ended before "${wanted}":\n${text}`)));
      look();
    });
  return { child, temporary, output: () => text, until, ended: () => ended };
}

/** Processes whose command line names the folder: all nodes of one network do. */
function processesOf(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder);
      } catch {
        return false;
      }
    });
}

async function gone(folder: string, withinMs: number): Promise<void> {
  for (const endMs = Date.now() + withinMs; processesOf(folder).length > 0; ) {
    assert.ok(Date.now() < endMs, `processes of ${folder} still run after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("alysd localnet --once ends 0 when the observer is synced and followed live blocks", async (t) => {
  const run = runLocalnet(t, "--once", "--blocks", "2000", "--members", "3", "--deadline-s", "150");
  const [status] = await run.ended();
  assert.equal(status, 0, run.output());
  assert.match(run.output(), /synced +100\.0 %/);
  assert.match(run.output(), /^all over TCP \+ TLS 1\.3 +2,0\d\d /m);
  for (const member of ["member-1", "member-2", "member-3"]) {
    assert.match(run.output(), new RegExp(`^${member} .* tcp$`, "m"));
  }
  assert.deepEqual(readdirSync(run.temporary), []);
  assert.deepEqual(processesOf(run.temporary), []);
});

test("a local chain that requires an AuxPoW every eight blocks lives, because its members mine", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, "net");
  const options = ["--members", "2", "--blocks", "20", "--auxpow-every", "1", "--data-dir", data];
  const run = runLocalnet(t, "--once", ...options);
  const [status] = await run.ended();
  assert.equal(status, 0, run.output());
  assert.match(readFileSync(join(data, "chain.json"), "utf8"), /"maxBlocksWithoutPow": 8,/);
});

test("alysd localnet says what is missing when the deadline passes, and ends 1", async (t) => {
  const run = runLocalnet(t, "--once", "--blocks", "100", "--members", "1", "--deadline-s", "8");
  const [status] = await run.ended();
  assert.equal(status, 1, run.output());
  assert.match(
    run.output(),
    /not synced and following after 8 s: the observer (is .* live blocks of 5|never told its status)/,
  );
  assert.deepEqual(readdirSync(run.temporary), []);
});

test("Ctrl-C ends alysd localnet with 0 within 5 s and leaves no process and no folder", async (t) => {
  const run = runLocalnet(t, "--blocks", "300");
  await run.until("goes on until Ctrl-C");
  assert.ok(processesOf(run.temporary).length >= 4);
  const startMs = performance.now();
  run.child.kill("SIGINT");
  const [status] = await run.ended();
  assert.ok(performance.now() - startMs < 5_000);
  assert.equal(status, 0, run.output());
  assert.deepEqual(readdirSync(run.temporary), []);
  assert.deepEqual(processesOf(run.temporary), []);
});

test("Ctrl-C while the history is forged ends alysd localnet at once", async (t) => {
  const run = runLocalnet(t, "--blocks", "100000");
  await run.until("forged");
  const startMs = performance.now();
  run.child.kill("SIGINT");
  const [status] = await run.ended();
  assert.ok(performance.now() - startMs < 5_000);
  assert.equal(status, 0, run.output());
  assert.deepEqual(readdirSync(run.temporary), []);
});

test("nodes end by themselves when alysd localnet is killed", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const run = runLocalnet(t, "--blocks", "300", "--data-dir", folder);
  await run.until("goes on until Ctrl-C");
  run.child.kill("SIGKILL");
  await gone(folder, 5_000);
  for (const name of ["observer", "member-1", "member-2", "member-3"]) {
    assert.ok(!existsSync(join(folder, name, "control.sock")), `${name} left its socket`);
    assert.ok(!existsSync(join(folder, name, "node.json")), `${name} left node.json`);
    // The file stays; what was upon it was the process's.
    lockDirectory(join(folder, name, "chain")).release();
  }
});

test("alysd localnet refuses a folder that is not empty, and nonsense", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const first = runLocalnet(t, "--blocks", "0", "--data-dir", join(import.meta.dirname));
  assert.deepEqual((await first.ended())[0], 1);
  assert.match(first.output(), /^alysd localnet: --data-dir .* is not empty$/m);
  assert.doesNotMatch(first.output(), /forged/);
  const second = runLocalnet(t, "--members", "99");
  assert.deepEqual((await second.ended())[0], 64);
  assert.match(second.output(), /--members must be a whole number from 1 to 15/);
});
