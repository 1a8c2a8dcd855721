/**
 * Makes the generated code of the Go, Python and Rust clients from proto/: `npm run gen:clients`. It needs go, python3 with venv,
 * cargo, and their packages; what it misses it names. clients/schema.sha256 then says of which schema the code is, so
 * that a test without any of them sees code that is behind.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { schemaHash } from "./schema-hash.ts";

const ROOT = resolve(import.meta.dirname, "..");
const CLIENTS = join(ROOT, "clients");
/** With downloads, on a busy machine. */
const STEP_MS_MAX = 600_000;

/** Ends the process with what went wrong, unless the command succeeds. */
function run(command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): void {
  const options = { cwd, env: { ...process.env, ...env }, encoding: "utf8", timeout: STEP_MS_MAX } as const;
  const { error, status, stderr } = spawnSync(command, args, options);
  if (status === 0) return;
  console.error(`✗ ${command} ${args.join(" ")}: ${error?.message ?? stderr.slice(-2_000)}`);
  process.exit(1);
}

const scratch = mkdtempSync(join(tmpdir(), "alys-client-code-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

run(join(ROOT, "node_modules/.bin/buf"), ["generate"], join(CLIENTS, "go"));
console.log("✓ go");

const python = join(scratch, "venv/bin/python");
run("python3", ["-m", "venv", join(scratch, "venv")], CLIENTS);
const wanted = ["grpcio-tools==1.75.1", "mypy-protobuf==3.7.0", "setuptools<81"];
run(python, ["-m", "pip", "-q", "install", ...wanted], CLIENTS);
run("sh", ["generate.sh"], join(CLIENTS, "python"), { PYTHON: python });
console.log("✓ python");

const target = process.env["CARGO_TARGET_DIR"] ?? join(scratch, "target");
run("cargo", ["run", "-q", "--locked"], join(CLIENTS, "rust/generate"), { CARGO_TARGET_DIR: target });
console.log("✓ rust");

writeFileSync(join(CLIENTS, "schema.sha256"), `${schemaHash(ROOT)}\n`);
