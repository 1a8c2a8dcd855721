/** The package as users install it: packed from this checkout, installed from the tarball, run with the PATH's own Node.js. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { test } from "node:test";
import { eventually } from "./local-network.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const DEADLINE_MS = 120_000;

test("npm run package makes a tarball whose alysd and alysctl found and run a federation of one", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  // Without what npm put there for this test: as in a shell of a user.
  const path = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((part) => !part.includes("node_modules"))
    .join(delimiter);
  const env = { PATH: path, HOME: folder };
  const run = (command: string, cwd: string): string => {
    const { status, stdout, stderr } = spawnSync("sh", ["-c", command], {
      cwd,
      env: { ...process.env, ...env },
      encoding: "utf8",
    });
    assert.equal(status, 0, `${command}: ${stdout}${stderr}`);
    return stdout;
  };
  run(`npm run package -- --pack-destination ${folder}`, ROOT);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  assert.ok(tarball);
  run(`npm install --global --prefix ${folder}/installed ${join(folder, tarball)}`, folder);
  const bin = join(folder, "installed/bin");
  assert.match(run(`${bin}/alysd --version`, folder), /^\d+\.\d+\.\d+/);
  run(`${bin}/alysctl init --new --members 1 --dir federation`, folder);
  const data = join(folder, "federation/member-1/data");
  const node = spawn(join(bin, "alysd"), ["--config", "federation/member-1/alysd.toml"], {
    cwd: folder,
    env,
    stdio: "ignore",
  });
  t.after(() => node.kill("SIGKILL"));
  await eventually("the node serves", DEADLINE_MS, async () => existsSync(join(data, "node.json")));
  assert.match(run(`${bin}/alysctl --node ${data} status`, folder), /synced/);
  node.kill("SIGTERM");
  assert.deepEqual(await once(node, "exit"), [0, null]);
});
