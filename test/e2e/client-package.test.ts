/**
 * @alys-network/client as it is packed, on Node 20 with nothing else: its README's lines run, its example imports blocks,
 * and its declarations compile. test/interop/documented.ts runs the installation, which asks a registry.
 */

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { prepareNetwork } from "./local-network.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const RUN_MS_MAX = 120_000;
const UNTIL = 16;
/** What the package depends on, and the types of Node for its declarations. */
const DEPENDENCIES = ["@bufbuild/protobuf", "@grpc/grpc-js", "@types/node"];

const run = promisify(execFile);

/** The first Node 20 on PATH; the repository's own comes before it. */
function node20(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = folders.map((folder) => join(folder, "node")).filter((file) => existsSync(file));
  return candidates.find((file) =>
    spawnSync(file, ["--version"], { encoding: "utf8" }).stdout.startsWith("v20."),
  );
}

/** A project of its own with the packed client in it. */
async function project(t: TestContext, node: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "alys-client-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = `${dirname(node)}${delimiter}${process.env["PATH"]}`;
  const inRoot = { cwd: ROOT, env: { ...process.env, PATH: path }, timeout: RUN_MS_MAX };
  await run("npm", ["run", "build", "--prefix", "clients/typescript"], inRoot);
  await run("npm", ["pack", "./clients/typescript", "--pack-destination", folder], inRoot);
  const modules = join(folder, "node_modules");
  const home = join(modules, "@alys-network/client");
  mkdirSync(home, { recursive: true });
  const tarball = join(folder, "alys-network-client-0.1.0.tgz");
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", home]);
  for (const name of DEPENDENCIES) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "app", type: "module" }));
  return folder;
}

const readme = readFileSync(join(ROOT, "clients/typescript/README.md"), "utf8");
const example = /```js\n(.*?)```/s.exec(readme)?.[1] ?? assert.fail("its README has an example");

test("the packed client runs on Node 20: the lines of its README, and the importer", async (t) => {
  const node = node20();
  if (node === undefined) return t.skip("there is no Node 20 on PATH");
  const folder = await project(t, node);
  const network = await prepareNetwork(t, 1, UNTIL);
  await network.startMembers();
  const [member = assert.fail()] = network.members;
  const { tokenFile } = member;
  const env = {
    PATH: dirname(node),
    ALYS_ADDRESS: member.controlAddress,
    ALYS_TOKEN: readFileSync(tokenFile, "utf8").trim(),
  };
  const options = { cwd: folder, env, timeout: RUN_MS_MAX };
  writeFileSync(join(folder, "example.js"), example);
  const { stdout: height } = await run(node, ["example.js"], options);
  assert.ok(Number(height.replace("height ", "")) >= UNTIL, height);
  const { bin } = JSON.parse(
    readFileSync(join(folder, "node_modules/@alys-network/client/package.json"), "utf8"),
  );
  const importer = join(folder, "node_modules/@alys-network/client", bin["alys-import-blocks"]);
  const where = ["--address", member.controlAddress, "--token-file", tokenFile];
  const { stdout } = await run(
    node,
    [importer, ...where, "--store", "blocks", "--until", `${UNTIL}`],
    options,
  );
  assert.ok(JSON.parse(stdout).height >= UNTIL, stdout);
});

test("the packed client's declarations compile, and know what a method answers", async (t) => {
  const folder = await project(t, process.execPath);
  const typed = example
    .replace("process.env.ALYS_ADDRESS", '"127.0.0.1:50051"')
    .replace("status.head.height", "status?.head?.height satisfies bigint | undefined");
  const attached =
    'import { attachChain, ImportVerdict } from "@alys-network/client";\nexport const chain = attachChain;\nexport const verdict = ImportVerdict.IMPORTED;\n';
  writeFileSync(join(folder, "example.ts"), typed);
  writeFileSync(join(folder, "attached.ts"), attached);
  const compilerOptions = {
    module: "nodenext",
    target: "es2022",
    strict: true,
    noEmit: true,
    types: ["node"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const tsc = spawnSync("tsc", ["-p", folder], { encoding: "utf8", timeout: RUN_MS_MAX });
  assert.equal(tsc.status, 0, tsc.stdout);
});
