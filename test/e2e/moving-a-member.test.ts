/**
 * docs/operations/moving-a-member.md, executed: its commands verbatim, one after the other, move a member of a running local
 * federation to another directory. `systemctl`, `scp` and `shred` are stand-ins that do the same to processes and folders of
 * this test. And `alysctl votes` in its corners: a running node, a lower file, another key, a conflict.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { test } from "node:test";
import { parse, stringify, type TomlTable } from "smol-toml";
import { ProducerService, SigningRefusal } from "../../gen/alys/producer/v1/producer_pb.ts";
import { readChain } from "../../src/chain/chain-file.ts";
import { loadAuthorityKey } from "../../src/chain/keys.ts";
import { decodeVoteRecord, encodeVoteRecord } from "../../src/chain/vote.ts";
import type { Connection } from "../../src/cli/client.ts";
import { authorityKeyFile, type NodePlan } from "../../src/cli/localnet/plan.ts";
import { NodeProcess } from "../../src/cli/localnet/processes.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { openVoteFile } from "../../src/storage/vote-file.ts";
import {
  assertNobodySignedTwice,
  connectTo,
  eventually,
  type LoggedVote,
  linesOf,
  prepareNetwork,
  votesOf,
} from "./local-network.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const DOCUMENT = readFileSync(join(ROOT, "docs/operations/moving-a-member.md"), "utf8");
const DEADLINE_MS = 120_000;
const COMMAND_MS_MAX = 120_000;

/** Lines of console blocks that begin with a dollar. */
const COMMANDS = [...DOCUMENT.matchAll(/^\$ (.+)$/gm)].map(([, command]) => command ?? "");

async function alysctl(...args: readonly string[]) {
  const terminal = new MemoryTerminal();
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  return { status, text: terminal.text, errors: terminal.errors.join("\n") };
}

async function isSigning(connection: Connection): Promise<boolean> {
  try {
    const answer = await connection.client(ProducerService).getProducerStatus({});
    return answer.status?.signing?.refusal === SigningRefusal.UNSPECIFIED;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

/** A directory for the member that is to come, configured as the old one but for places. Its ports are the old one's. */
function makeNew(folder: string, old: NodePlan): NodePlan {
  const own = join(folder, "moved");
  mkdirSync(own, { mode: 0o700 });
  const settings = parse(readFileSync(old.configFile, "utf8"));
  const section = (key: string): TomlTable => settings[key] as TomlTable;
  const [configFile, logFile] = [join(own, "alysd.toml"), join(own, "alysd.log")];
  settings["storage"] = { data_directory: own };
  settings["telemetry"] = { ...section("telemetry"), log_file: logFile };
  settings["producer"] = { ...section("producer"), authority_key_file: join(own, "authority.key") };
  writeFileSync(configFile, stringify(settings), { mode: 0o600 });
  const socketAddress = `unix:${join(own, "control.sock")}`;
  return { ...old, name: "moved", folder: own, configFile, logFile, socketAddress };
}

/** Programs of this name come before the system's. */
function standIn(folder: string, name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

test("the runbook moves a member, and nothing is signed twice", async (t) => {
  const network = await prepareNetwork(t, 3, 30);
  const { folder } = network.plan;
  const [old] = network.members as readonly [NodePlan, ...NodePlan[]];
  for (const { name } of network.members) await network.start(name);
  const hasVoted = (node: NodePlan) => async () =>
    (linesOf(node, "vote") as unknown as LoggedVote[]).some(({ authorityIndex }) => authorityIndex === 0);
  await eventually("the member votes", DEADLINE_MS, hasVoted(old));
  const moved = makeNew(folder, old);
  const tools = join(folder, "tools");
  const carried = join(folder, "carried");
  for (const made of [tools, carried]) mkdirSync(made, { mode: 0o700 });
  standIn(tools, "systemctl", 'echo "$1" > "$UNIT"');
  standIn(tools, "scp", `shift; for f; do case "$f" in new:*) ;; *) cp -p "$f" "${carried}/";; esac; done`);
  standIn(tools, "shred", 'shift; rm "$1"');
  standIn(tools, "alysctl", `exec "${join(ROOT, "bin/alysctl")}" "$@"`);
  const unit = join(folder, "unit");
  const env = {
    ...process.env,
    PATH: [tools, process.env["PATH"] ?? ""].join(delimiter),
    UNIT: unit,
    OLD: old.configFile,
    NEW: moved.configFile,
    KEY: authorityKeyFile(folder, old.name),
    NEW_KEY: join(moved.folder, "authority.key"),
    ADDRESS: moved.socketAddress,
  };
  const busy = await alysctl(
    "votes",
    "export",
    "--config",
    old.configFile,
    "--file",
    join(folder, "early.json"),
  );
  assert.match(busy.errors, /LOCKED/, "a running member's record is not exported");

  assert.equal(COMMANDS.length, 9, "the document's commands");
  for (const command of COMMANDS) {
    const text = command.replaceAll("/run/alys-move", carried);
    const run = spawnSync("bash", ["-ec", text], {
      cwd: folder,
      env,
      encoding: "utf8",
      timeout: COMMAND_MS_MAX,
    });
    assert.equal(run.status, 0, `${command}\n${run.stdout}${run.stderr}`);
    if (!existsSync(unit)) continue;
    // What the service manager does.
    const order = readFileSync(unit, "utf8").trim();
    rmSync(unit);
    if (order === "disable") await network.process(old.name).stop(30_000);
    else {
      const started = NodeProcess.start(moved);
      t.after(() => started.stop(5_000));
      await started.ready(DEADLINE_MS);
    }
  }
  assert.equal(existsSync(env.KEY), false, "the old machine has no key any more");
  const connection = connectTo(t, moved);
  await eventually("the moved member signs", DEADLINE_MS, () => isSigning(connection));
  await eventually("it votes", DEADLINE_MS, hasVoted(moved));
  const voted = linesOf(moved, "vote") as unknown as LoggedVote[];
  assertNobodySignedTwice([...votesOf(network), ...voted]);
});

test("alysctl votes: import raises and never lowers, and refuses what is not its own", async (t) => {
  const network = await prepareNetwork(t, 2, 0);
  const { folder } = network.plan;
  const [one, other] = network.members as readonly [NodePlan, NodePlan];
  const key = loadAuthorityKey(authorityKeyFile(folder, one.name));
  const chain = readChain(network.plan.specificationFile);
  assert.ok(!(key instanceof Failure) && !(chain instanceof Failure));
  const recordedOwner = { publicKey: key.publicKey, genesisHash: chain.genesis.hash };

  const recordOf = (node: NodePlan) => {
    const votes = openVoteFile(join(node.folder, "vote"));
    const bytes = votes.last();
    votes.close();
    return bytes && decodeVoteRecord(bytes);
  };
  const file = (name: string): string => join(folder, name);
  const votes = (word: "export" | "import", node: NodePlan, name: string) =>
    alysctl("votes", word, "--config", node.configFile, "--file", file(name));
  const write = (slot: number, mark: number): void => {
    const kept = openVoteFile(join(one.folder, "vote"));
    kept.record(encodeVoteRecord({ slot, height: 9, hash: new Uint8Array(32).fill(mark) }, recordedOwner));
    kept.close();
  };
  assert.match((await votes("export", one, "a.json")).errors, /VOTE_RECORD_MISSING|no vote record/);

  write(1_000, 1);
  assert.equal((await votes("export", one, "a.json")).status, 0);
  assert.match((await votes("export", one, "a.json")).errors, /EEXIST|exists/, "no file is overwritten");
  assert.match((await votes("import", other, "a.json")).errors, /no vote of key/);

  write(900, 1);
  assert.equal((await votes("import", one, "a.json")).status, 0);
  assert.equal(recordOf(one)?.slot, 1_000, "raised");
  assert.deepEqual(recordOf(one)?.owner, recordedOwner);
  write(1_100, 1);
  assert.match((await votes("import", one, "a.json")).text, /stays/);
  assert.equal(recordOf(one)?.slot, 1_100, "not lowered");
  write(1_000, 2);
  assert.match((await votes("import", one, "a.json")).errors, /signed twice/);

  // The same directory with the other's key: its record is none of this key's.
  copyFileSync(authorityKeyFile(folder, other.name), authorityKeyFile(folder, one.name));
  assert.match((await votes("export", one, "b.json")).errors, /no vote record of this key/);
});
