/**
 * docs/grpcurl.md, executed: its commands verbatim in one bash, their output against what the document says. The document
 * names the usual ports; a grpcurl in front of the real one takes those of this run instead.
 */

import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { SyncState } from "../../gen/alys/sync/v1/sync_pb.ts";
import { choosePorts } from "../../src/cli/localnet/ports.ts";
import { connectTo, eventually, prepareNetwork, statusOf } from "./local-network.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const DOCUMENT = join(ROOT, "docs/grpcurl.md");
const SYNC_MS_MAX = 120_000;
const COMMAND_MS_MAX = 120_000;
/** So many that a node which is two blocks behind for a moment still counts as synced. */
const HISTORY_BLOCKS = 1_000;

interface Step {
  readonly line: number;
  readonly command: string;
  /** Lines of the output; "…" stands for anything within a line, and alone for any lines. */
  readonly expected: readonly string[];
}

/** The commands of the document's console blocks with the output below each. */
function stepsOf(document: string): Step[] {
  const steps: { line: number; command: string; expected: string[] }[] = [];
  let isConsole = false;
  for (const [index, line] of document.split("\n").entries()) {
    if (line.startsWith("```")) {
      isConsole = line === "```console";
      continue;
    }
    if (!isConsole) continue;
    const last = steps.at(-1);
    if (line.startsWith("$ ")) steps.push({ line: index + 1, command: line.slice(2), expected: [] });
    else if (line.startsWith("> ") && last?.expected.length === 0) last.command += `\n${line.slice(2)}`;
    else last?.expected.push(line);
  }
  return steps;
}

function patternOf(expected: readonly string[]): RegExp {
  const lines = expected.map((line) => {
    if (line.trim() === "…") return "(?:.*\\n)*?";
    const parts = line.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return `${parts.join(".*?")}\\n`;
  });
  return new RegExp(`^${lines.join("")}$`);
}

function findGrpcurl(): string | undefined {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    join(process.env["GOPATH"] ?? join(homedir(), "go"), "bin"),
  ];
  return folders
    .map((folder) => join(folder, "grpcurl"))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Bash that lives as long as the document, so that its variables and jobs do. */
class Shell {
  readonly #bash: ChildProcessWithoutNullStreams;
  #output = "";
  #ends = 0;
  #grown: () => void = () => {};

  constructor(folder: string, environment: Record<string, string>) {
    this.#bash = spawn("bash", ["--noprofile", "--norc"], {
      cwd: folder,
      detached: true,
      env: { ...process.env, ...environment },
    });
    for (const stream of [this.#bash.stdout, this.#bash.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#grown();
      });
    }
    this.#bash.stdin.write("exec 2>&1\n");
  }

  /** What the command printed. Rejects when it does not end in time. */
  run(command: string): Promise<string> {
    const mark = `---- end ${++this.#ends} ----\n`;
    this.#output = "";
    this.#bash.stdin.write(`${command}\nprintf '%s\\n' '${mark.trimEnd()}'\n`);
    return new Promise((resolve_, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not done in ${COMMAND_MS_MAX} ms: ${command}\n${this.#output}`)),
        COMMAND_MS_MAX,
      );
      this.#grown = () => {
        if (!this.#output.endsWith(mark)) return;
        clearTimeout(timer);
        resolve_(this.#output.slice(0, -mark.length));
      };
    });
  }

  /** Ends bash and what it started in the background, which is of its process group. */
  async close(): Promise<void> {
    const { pid } = this.#bash;
    if (pid === undefined || this.#bash.exitCode !== null) return;
    const ended = new Promise((settle) => this.#bash.once("exit", settle));
    process.kill(-pid, "SIGKILL");
    await ended;
  }
}

/** A folder with bin/ as in a checkout, and the grpcurl that knows this run's ports. */
function makeFolder(t: TestContext, grpcurl: string, ports: ReadonlyMap<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "alys-grpcurl-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "front"));
  symlinkSync(join(ROOT, "proto"), join(folder, "proto"));
  for (const name of ["alysd", "alysctl"]) symlinkSync(join(ROOT, "bin", name), join(folder, "bin", name));
  const cases = [...ports].map(([usual, real]) => `    ${usual}) argument=${real} ;;`).join("\n");
  const script = `#!/bin/bash
arguments=()
for argument; do
  case $argument in
${cases}
  esac
  arguments+=("$argument")
done
exec ${grpcurl} "\${arguments[@]}"
`;
  writeFileSync(join(folder, "front/grpcurl"), script, { mode: 0o755 });
  return folder;
}

const grpcurl = findGrpcurl();
const missing = [
  ...(grpcurl === undefined ? ["grpcurl (looked in PATH and GOPATH/bin)"] : []),
  ...(spawnSync("bash", ["-c", "exit 0"]).error === undefined ? [] : ["bash"]),
];

test("every command of docs/grpcurl.md does what the document says", async (t) => {
  if (grpcurl === undefined || missing.length > 0) {
    t.skip(`not installed: ${missing.join(", ")}`);
    return;
  }
  const network = await prepareNetwork(t, 3, HISTORY_BLOCKS);
  await network.startMembers();
  await network.start("observer");
  const observer = connectTo(t, network.observer);
  await eventually("the observer is synced and has three peers", SYNC_MS_MAX, async () => {
    const status = await statusOf(observer);
    return status?.state === SyncState.SYNCED && status.connectedPeers === 3;
  });
  const own = (await choosePorts(3, "any")).map(({ control }) => `127.0.0.1:${control}`);
  const [plain = "", tls = "", mutual = ""] = own;
  const ports = new Map([
    ...network.plan.nodes.map(
      ({ controlAddress }, at) => [`127.0.0.1:${50_051 + at}`, controlAddress] as const,
    ),
    ...own.map((address, at) => [`127.0.0.1:${50_061 + at}`, address] as const),
  ]);
  const folder = makeFolder(t, grpcurl, ports);
  const shell = new Shell(folder, {
    PATH: `${join(folder, "front")}${delimiter}${process.env["PATH"]}`,
    DATA: network.observer.folder,
    ALYS__CONTROL__LISTEN_ADDRESS: plain,
    ALYS__CONTROL__TLS__LISTEN_ADDRESS: tls,
    ALYS__CONTROL__TLS__MUTUAL_LISTEN_ADDRESS: mutual,
  });
  t.after(() => shell.close());
  for (const { line, command, expected } of stepsOf(readFileSync(DOCUMENT, "utf8"))) {
    const output = await shell.run(command);
    if (process.env["SHOW"] !== undefined) console.log(`$ ${command}\n${output}`);
    // A job that was started says its number and process.
    const text = output.replaceAll(/^\[\d+\] \d+\n/gm, "");
    assert.match(text, patternOf(expected), `docs/grpcurl.md:${line}: ${command}\n${output}`);
  }
});

test("every method that docs/grpcurl.md names is in docs/api.md", () => {
  const api = readFileSync(join(ROOT, "docs/api.md"), "utf8");
  const named = readFileSync(DOCUMENT, "utf8").matchAll(/alys\.\w+\.v1\.(\w+Service)\/(\w+)/g);
  for (const [, service, method] of named) assert.ok(api.includes(`### ${service}/${method}\n`), method);
});
