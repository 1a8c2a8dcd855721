/** `alysctl keys proofs` and `keys delegation`: what they write is what nodes take, and what is wrong is named. */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadChain } from "../../../src/chain/chain-file.ts";
import { readDelegationFile } from "../../../src/chain/delegation-file.ts";
import { forgeParameters, forgeSecretKeys } from "../../../src/chain/forge.ts";
import { writeAuthorityKey } from "../../../src/chain/keys.ts";
import { encodePossessionFile, encodePossessions, provePossession } from "../../../src/chain/possession.ts";
import { encodeChainSpecification, genesisOf } from "../../../src/chain/spec.ts";
import { runAlysctl } from "../../../src/cli/program.ts";
import { MemoryTerminal } from "../../../src/cli/terminal.ts";
import { Failure } from "../../../src/kernel/errors.ts";
import { realRandom } from "../../../src/kernel/ports/random.ts";
import { identityFromSeed } from "../../../src/p2p/identity.ts";
import { peerIdBytes } from "../../../src/p2p/peer-id.ts";

const keys = forgeSecretKeys(2, 5);
const parameters = forgeParameters(keys, 2_000, {});
const { hash } = genesisOf(parameters);

function folderOf(t: TestContext): (name: string, text?: string) => string {
  const folder = mkdtempSync(join(tmpdir(), "alys-keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o700);
  return (name, text) => {
    const path = join(folder, name);
    if (text !== undefined) writeFileSync(path, text);
    return path;
  };
}

async function alysctl(...args: readonly string[]) {
  const terminal = new MemoryTerminal();
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  return { status, errors: terminal.errors.join("\n") };
}

test("keys proofs joins the members' files; a proof that is missing, forged or of another chain leaves nothing written", async (t) => {
  const file = folderOf(t);
  const chain = file("chain.json", encodeChainSpecification(parameters));
  const [first, second] = keys.map((key, index) => file(`${index}.json`, encodePossessionFile([key], hash)));
  const out = file("proofs.json");
  const joined = (...files: string[]) => alysctl("keys", "proofs", "--chain", chain, "--out", out, ...files);
  const forged = [{ key: keys[1]!.publicKey, proof: provePossession(keys[0]!, hash) }];
  for (const [wrong, reason] of [
    [[first!], "POSSESSION_UNPROVEN"],
    [[first!, file("forged.json", encodePossessions(forged, hash))], "POSSESSION_FILE_INVALID"],
    [
      [first!, file("foreign.json", encodePossessionFile(keys, new Uint8Array(32)))],
      "POSSESSION_FILE_INVALID",
    ],
    [[first!, file("absent.json")], "FILE_UNREADABLE"],
  ] as const) {
    const { status, errors } = await joined(...wrong);
    assert.notEqual(status, 0);
    assert.ok(errors.includes(reason), errors);
    assert.equal(existsSync(out), false);
  }
  const { status, errors } = await joined(second!, first!);
  assert.equal(status, 0, errors);
  const loaded = loadChain(chain, { proofs: out });
  assert.ok(!(loaded instanceof Failure), String(loaded));
  assert.equal(loaded.warning, undefined);
});

test("keys delegation makes a file for one sentry of one chain, for the days that were asked for", async (t) => {
  const file = folderOf(t);
  const chain = file("chain.json", encodeChainSpecification(parameters));
  const secret = file("authority.key");
  assert.equal(writeAuthorityKey(secret, keys[0]!, realRandom), undefined);
  const { peerId } = identityFromSeed(new Uint8Array(32).fill(4));
  const out = file("sentry.json");
  const base = ["keys", "delegation", "--file", secret, "--chain", chain, "--out", out];
  assert.match((await alysctl(...base, "--peer-id", "nobody")).errors, /no peer id/);
  assert.notEqual((await alysctl(...base, "--peer-id", peerId, "--days", "366")).status, 0);
  const { status, errors } = await alysctl(...base, "--peer-id", peerId, "--days", "30");
  assert.equal(status, 0, errors);
  const read = readDelegationFile(readFileSync(out, "utf8"), peerIdBytes(peerId)!, hash);
  assert.ok(!(read instanceof Failure), String(read));
  assert.deepEqual(read.delegation.publicKey, keys[0]!.publicKey);
  const days = (read.delegation.expiryMs - new MemoryTerminal().clock.nowMs()) / 86_400_000;
  assert.ok(days > 29 && days <= 30, `${days} days`);
  assert.ok(!readFileSync(out, "utf8").includes(Buffer.from(keys[0]!.toBytes()).toString("hex")));
});
