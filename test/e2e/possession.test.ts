/**
 * alysd and a chain whose authorities have no proofs of possession: it does not start, and names the commands that make
 * them; these make it start. A development chain goes without.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { stringify, type TomlTable } from "smol-toml";
import { forgeParameters, forgeSecretKeys } from "../../src/chain/forge.ts";
import { writeAuthorityKey } from "../../src/chain/keys.ts";
import { encodeChainSpecification } from "../../src/chain/spec.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import { realRandom } from "../../src/kernel/ports/random.ts";

const EXIT_CONFIG = 78;
const MEMBERS = 3;
const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

interface World {
  readonly folder: string;
  readonly specification: string;
  readonly keyFiles: readonly string[];
}

function prepare(t: TestContext): World {
  const folder = mkdtempSync(join(tmpdir(), "alys-possession-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const keys = forgeSecretKeys(MEMBERS, realRandom.integer(1_000_000));
  const specification = join(folder, "chain.json");
  writeFileSync(specification, encodeChainSpecification(forgeParameters(keys, 2_000, {})));
  const keyFiles = keys.map((key, index) => {
    mkdirSync(join(folder, `member-${index}`), { mode: 0o700 });
    const file = join(folder, `member-${index}`, "authority.key");
    assert.equal(writeAuthorityKey(file, key, realRandom), undefined);
    return file;
  });
  return { folder, specification, keyFiles };
}

function configuration({ folder, specification }: World, chain: TomlTable): string {
  const file = join(folder, "alysd.toml");
  const settings = {
    storage: { data_directory: join(folder, "data") },
    chain: { specification_file: specification, ...chain },
    network: { auto_start: false, listen_addresses: ["/ip4/127.0.0.1/tcp/0"] },
    control: { listen_address: "127.0.0.1:0" },
  };
  writeFileSync(file, stringify(settings));
  return file;
}

/** Runs alysd until it ends, or is told to once it runs; its status and all that it said. */
async function run(config: string): Promise<{ readonly status: number | null; readonly text: string }> {
  const child = spawn(process.execPath, [MAIN, "--config", config], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  let isTold = false;
  const hear = (bytes: unknown): void => {
    text += String(bytes);
    if (isTold || !text.includes('"node is up"')) return;
    isTold = true;
    child.kill("SIGTERM");
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { status, text };
}

async function alysctl(...args: readonly string[]) {
  const terminal = new MemoryTerminal();
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  return { status, errors: terminal.errors.join("\n") };
}

test("alysd refuses a chain without proofs of possession with status 78, and starts once the named commands made them", async (t) => {
  const world = prepare(t);
  const { folder, specification, keyFiles } = world;
  const refused = await run(configuration(world, {}));
  assert.equal(refused.status, EXIT_CONFIG, refused.text);
  assert.match(refused.text, /chain\.proofs_file/);
  assert.match(refused.text, /rogue-key/);
  assert.ok(refused.text.includes(`alysctl keys authority --file authority.key --chain ${specification}`));
  assert.ok(refused.text.includes(`alysctl keys proofs --chain ${specification} --out proofs.json`));

  const files = keyFiles.map((_, index) => join(folder, `member-${index}.proof.json`));
  for (const [index, file] of keyFiles.entries()) {
    const options = ["--file", file, "--chain", specification, "--proof-file", files[index]!];
    const made = await alysctl("keys", "authority", ...options);
    assert.equal(made.status, 0, made.errors);
  }
  const proofs = join(folder, "proofs.json");
  const joining = ["keys", "proofs", "--chain", specification, "--out", proofs];
  const short = await alysctl(...joining, ...files.slice(1));
  assert.notEqual(short.status, 0);
  assert.match(short.errors, /POSSESSION_UNPROVEN/);
  const whole = await alysctl(...joining, ...files);
  assert.equal(whole.status, 0, whole.errors);

  const one = await run(configuration(world, { proofs_file: files[0]! }));
  assert.equal(one.status, EXIT_CONFIG, "some of the proofs are not enough");
  assert.match(one.text, /2 of the chain specification's authorities/);
  const started = await run(configuration(world, { proofs_file: proofs }));
  assert.equal(started.status, 0, started.text);
});

test("alysd starts a development chain without proofs, and says at each start what that risks", async (t) => {
  const world = prepare(t);
  const config = configuration(world, { development: true });
  for (const start of [1, 2]) {
    const { status, text } = await run(config);
    assert.equal(status, 0, `start ${start}: ${text}`);
    assert.match(text, /a development chain, never to be worth anything: 3 of .*rogue-key/);
  }
});

test("alysd is a member or a sentry, not both", async (t) => {
  const world = prepare(t);
  const config = configuration(world, { development: true });
  const both = `\n[producer]\nauthority_key_file = "${world.keyFiles[0]}"\n\n[network.federation]\ndelegation_file = "sentry.json"\n`;
  appendFileSync(config, both);
  const { status, text } = await run(config);
  assert.equal(status, EXIT_CONFIG, text);
  assert.match(text, /network\.federation\.delegation_file makes a sentry/);
});
