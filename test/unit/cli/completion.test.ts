/** The completion scripts: what they offer, asked of the shells themselves where they are installed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { runAlysctl } from "../../../src/cli/program.ts";
import { SERVICES } from "../../../src/cli/reference/services.ts";
import { MemoryTerminal } from "../../../src/cli/terminal.ts";

const scripts = new Map<string, string>();

before(async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const terminal = new MemoryTerminal();
    const status = await runAlysctl(["completion", shell], terminal, new AbortController().signal);
    assert.equal(status, 0, terminal.errors.join("\n"));
    scripts.set(shell, terminal.text);
  }
});

/** The script in a file, if the shell is here; else the test says that it is not. */
function scriptFile(t: TestContext, shell: string): string | undefined {
  if (spawnSync(shell, ["-c", "exit 0"]).error !== undefined) {
    t.skip(`${shell} is not installed: its completion script is not run`);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "alys-completion-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, `alysctl.${shell}`);
  writeFileSync(file, scripts.get(shell) ?? "");
  return file;
}

/** What bash offers when Tab is pressed at the end of the line. */
function offeredByBash(file: string, line: string): string[] {
  const words = line.split(" ");
  const program = `
    source "$1"; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _alysctl
    printf '%s\\n' "\${COMPREPLY[@]}"
  `;
  const run = spawnSync("bash", ["-c", program, "bash", file, ...words], { encoding: "utf8" });
  assert.equal(run.stderr, "");
  return run.stdout
    .trim()
    .split("\n")
    .filter((word) => word !== "");
}

test("the bash script completes commands, options, their values, and methods", (t) => {
  const file = scriptFile(t, "bash");
  if (file === undefined) return;
  assert.deepEqual(offeredByBash(file, "alysctl pee"), ["peers"]);
  assert.deepEqual(offeredByBash(file, "alysctl peers ba"), ["ban", "bans"]);
  assert.deepEqual(offeredByBash(file, "alysctl peers tr"), ["trust"]);
  assert.deepEqual(offeredByBash(file, "alysctl peers dist"), ["distrusted"]);
  assert.ok(offeredByBash(file, "alysctl peers trust --").includes("--reason"));
  assert.deepEqual(offeredByBash(file, "alysctl peers list --t"), ["--type", "--timeout", "--token-file"]);
  assert.deepEqual(offeredByBash(file, "alysctl peers list --type mi"), ["miner"]);
  assert.deepEqual(offeredByBash(file, "alysctl sync start --mode f"), ["fast", "full", "federation"]);
  assert.deepEqual(offeredByBash(file, "alysctl checkpoints recover --mode s"), ["safe"]);
  assert.deepEqual(offeredByBash(file, "alysctl -o j"), ["json"]);
  assert.deepEqual(offeredByBash(file, "alysctl call SyncService/GetB"), ["SyncService/GetBlock"]);
  assert.deepEqual(offeredByBash(file, "alysctl call --req"), ["--request-id"]);
  assert.deepEqual(offeredByBash(file, "alysctl node config get --j"), ["--json"]);
  assert.deepEqual(offeredByBash(file, "alysctl checkpoints recover --conf"), ["--config"]);
  assert.deepEqual(offeredByBash(file, "alysctl completion f"), ["fish"]);
});

test("the bash script is not led astray by options and their values", (t) => {
  const file = scriptFile(t, "bash");
  if (file === undefined) return;
  assert.deepEqual(offeredByBash(file, "alysctl --address peers sync sta"), ["status", "start"]);
  assert.deepEqual(offeredByBash(file, "alysctl -o json peers unb"), ["unban"]);
  assert.deepEqual(offeredByBash(file, "alysctl peers ban --reason x"), []);
  assert.ok(offeredByBash(file, "alysctl sync ").includes("can-produce"));
  assert.deepEqual(offeredByBash(file, "alysctl audit verify package.jso"), ["package.json"]);
});

test("the zsh script loads", (t) => {
  const file = scriptFile(t, "zsh");
  if (file === undefined) return;
  const program = 'autoload -Uz compinit; compinit -D; source "$1"; print -r -- $_comps[alysctl]';
  const run = spawnSync("zsh", ["-fc", program, "zsh", file], { encoding: "utf8" });
  assert.deepEqual([run.stdout.trim(), run.stderr], ["_alysctl", ""]);
});

test("the zsh script offers what fits the place", (t) => {
  const file = scriptFile(t, "zsh");
  if (file === undefined) return;
  // What the shell's own functions would show is printed: they choose by the word that was begun.
  const program = `
    compdef() { : }
    _describe() { [[ $1 == -o ]] && shift; print -rl -- \${(P)2} }
    _files() { print -r -- FILES }
    file=$1; shift
    source $file
    words=("$@") CURRENT=$#
    _alysctl
  `;
  const offered = (line: string): string[] => {
    const run = spawnSync("zsh", ["-fc", program, "zsh", file, ...line.split(" ")], { encoding: "utf8" });
    assert.equal(run.stderr, "");
    const found = run.stdout.split("\n").filter((word) => word !== "");
    return found.map((word) => word.split(":")[0] ?? "");
  };
  assert.ok(offered("alysctl ").includes("peers"));
  assert.ok(offered("alysctl peers ").includes("unban"));
  assert.ok(offered("alysctl -o json --address x sync ").includes("can-produce"));
  assert.deepEqual(offered("alysctl peers list --type "), ["federation", "miner", "regular"]);
  assert.ok(offered("alysctl peers list -").includes("--known"));
  assert.ok(offered("alysctl peers list -").includes("--address"));
  assert.ok(offered("alysctl call ").includes("SyncService/GetBlock"));
  assert.deepEqual(offered("alysctl --ca "), ["FILES"]);
  assert.deepEqual(offered("alysctl audit verify "), ["FILES"]);
});

test("the fish script completes commands and methods", (t) => {
  const shell = "fish";
  const file = scriptFile(t, shell);
  if (file === undefined) return;
  const offered = (line: string): string[] => {
    const program = 'source $argv[1]; complete -C "$argv[2]"';
    const run = spawnSync(shell, ["--no-config", "-c", program, file, line], { encoding: "utf8" });
    assert.equal(run.stderr, "");
    return run.stdout
      .split("\n")
      .map((each) => each.split("\t")[0] ?? "")
      .filter((word) => word !== "");
  };
  assert.deepEqual(offered("alysctl pee"), ["peers"]);
  assert.deepEqual(offered("alysctl peers ba"), ["ban", "bans"]);
  assert.deepEqual(offered("alysctl call SyncService/GetB"), ["SyncService/GetBlock"]);
});

test("every script names every method and every command", () => {
  for (const [shell, script] of scripts) {
    for (const { name, methods } of SERVICES) {
      for (const method of methods)
        assert.ok(script.includes(`${name}/${method.name}`), `${shell} ${method.name}`);
    }
    for (const command of ["can-produce", "dead-letters", "log-level", "send-transaction", "attenuate"])
      assert.ok(script.includes(command), `${shell} ${command}`);
    // An unbalanced quote would eat the rest of the script.
    const bare = script.replaceAll(/#.*$/gm, "").replaceAll(/'\\''/g, "").replaceAll(/\\'/g, "");
    assert.equal((bare.match(/'/g)?.length ?? 0) % 2, 0, shell);
  }
});

test("an unknown shell is a wrong call", async () => {
  const status = await runAlysctl(["completion", "tcsh"], new MemoryTerminal(), new AbortController().signal);
  assert.equal(status, 64);
});
