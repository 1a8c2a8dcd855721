/** The folder of a local network: never somebody else's, and keys that only their owner reads. */

import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadChain } from "../../../../src/chain/chain-file.ts";
import { ChainForge, forgeSecretKeys } from "../../../../src/chain/forge.ts";
import { loadAuthorityKey } from "../../../../src/chain/keys.ts";
import {
  copyHistory,
  makeNetworkFolder,
  makeNodes,
  writeNetwork,
} from "../../../../src/cli/localnet/folders.ts";
import { writeHistory } from "../../../../src/cli/localnet/history.ts";
import { authorityKeyFile, chainFolder, planNetwork } from "../../../../src/cli/localnet/plan.ts";
import { loadSettings } from "../../../../src/config/load.ts";
import { Failure } from "../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { seededRandom } from "../../../../src/kernel/ports/random.ts";
import { openLmdbStore } from "../../../../src/storage/lmdb-store.ts";

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "alys-folders-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("makeNetworkFolder makes a named folder, and refuses one that holds something", async (t) => {
  const parent = await temporaryFolder(t);
  const named = join(parent, "deep", "net");
  assert.equal(await makeNetworkFolder(named), named);
  assert.equal(await makeNetworkFolder(named), named);
  await writeFile(join(named, "precious"), "");
  await assert.rejects(makeNetworkFolder(named), { reason: "FOLDER_NOT_EMPTY" });
  await assert.rejects(makeNetworkFolder(join(named, "precious")), { reason: "FOLDER_NOT_MADE" });
});

test("writeNetwork writes a proven chain, keys for their owner alone, and files that load", async (t) => {
  const folder = await temporaryFolder(t);
  const random = seededRandom(1);
  const nodes = await makeNodes(folder, 2, random);
  const plan = planNetwork(folder, nodes, []);
  await writeNetwork(plan, { seed: 9, random, auxpowEvery: 0 });
  const chain = loadChain(plan.specificationFile, { proofs: plan.proofsFile });
  assert.ok(!(chain instanceof Failure));
  assert.equal(chain.warning, undefined);
  assert.equal(chain.parameters.slotDurationMs, 2000);
  for (const [index, name] of ["member-1", "member-2"].entries()) {
    const file = authorityKeyFile(folder, name);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, name, "identity.key"))).mode & 0o777, 0o600);
    const key = loadAuthorityKey(file);
    assert.ok(!(key instanceof Failure));
    assert.deepEqual(key.publicKey, forgeSecretKeys(2, 9)[index]?.publicKey);
  }
  for (const { configFile, folder: own } of plan.nodes) {
    assert.equal(loadSettings(configFile, {}).storage.dataDirectory, own);
  }
});

test("copyHistory gives every member the chain and no lock", async (t) => {
  const folder = await temporaryFolder(t);
  const nodes = await makeNodes(folder, 2, seededRandom(2));
  const members = nodes.filter(({ isMember }) => isMember);
  await writeHistory({
    blocks: 10,
    members: 2,
    folder: chainFolder(folder, "member-1"),
    clock: new FakeClock(),
  });
  await copyHistory(folder, members);
  const genesisHash = new ChainForge({ members: 2 }).genesis.hash;
  for (const { name } of members) {
    const store = await openLmdbStore({ folder: chainFolder(folder, name), genesisHash });
    assert.equal(store.head()?.height, 10);
    await store.close();
  }
});
