/**
 * A node that does not start because its newest blocks are damaged: `alysctl checkpoints recover --data-dir` brings its data
 * directory to where it starts again, in each mode and for each kind of damage, and a real node goes on from there.
 */

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { ChainForge } from "../../src/chain/forge.ts";
import { cutSegments } from "../../src/chain/segment.ts";
import { encodeChainSpecification } from "../../src/chain/spec.ts";
import { chainFolder } from "../../src/cli/localnet/plan.ts";
import { runAlysctl } from "../../src/cli/program.ts";
import { MemoryTerminal } from "../../src/cli/terminal.ts";
import {
  findDamage,
  missingHistory,
  prependHistory,
} from "../../src/integrations/chain/checkpoint/checkpoint-recovery.ts";
import { CheckpointStore } from "../../src/integrations/chain/checkpoint/checkpoint-store.ts";
import { readAwaited } from "../../src/integrations/chain/checkpoint/recovery-records.ts";
import { openEmbeddedChain } from "../../src/integrations/chain/embedded/embedded.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { FolderFileStore } from "../../src/storage/file-store.ts";
import { openDatabases } from "../../src/storage/lmdb.ts";
import { openLmdbStore } from "../../src/storage/lmdb-store.ts";
import { openVoteFile } from "../../src/storage/vote-file.ts";
import { segmentOf } from "../unit/integrations/chain/segments.ts";
import { connectTo, eventually, heightOf, prepareNetwork } from "./local-network.ts";

const LENGTH = 400;
const forge = new ChainForge({ members: 1 });
const blocks = Array.from({ length: LENGTH }, () => forge.next());
const facts = forge.facts(500, 64);

const pristine = mkdtempSync(join(tmpdir(), "alys-offline-"));
const specification = join(pristine, "chain.json");
/** Ids of the checkpoints, by height. */
const ids = new Map<number, string>();

async function open(folder: string) {
  const { genesis } = forge;
  const store = await openLmdbStore({ folder: join(folder, "chain"), genesisHash: facts.genesisHash });
  const chain = openEmbeddedChain({ store, facts, genesis, clock: realClock, log: silentLog });
  if (chain instanceof Failure) {
    await store.close();
    throw chain;
  }
  const files = new FolderFileStore(join(folder, "checkpoints"));
  const { authorities } = genesis;
  const checkpoints = new CheckpointStore({ chain, store, files, authorities, clock: realClock });
  const close = async (): Promise<void> => {
    await chain.close();
    await store.close();
  };
  const feed = async (from: number): Promise<void> => {
    for (const segment of cutSegments(blocks.slice(from))) {
      assert.equal((await chain.importSegment(segmentOf(segment, "SEGMENT"))).kind, "imported");
    }
  };
  return { store, chain, checkpoints, feed, close };
}

before(async () => {
  writeFileSync(specification, encodeChainSpecification(forge.parameters));
  const node = await open(pristine);
  await node.feed(0);
  for (const height of [100, 200, 300]) ids.set(height, (await node.checkpoints.create(height)).id);
  await node.close();
  const votes = openVoteFile(join(pristine, "vote"));
  votes.record(new TextEncoder().encode("the last vote"));
  votes.close();
});
after(() => rmSync(pristine, { recursive: true }));

/** A copy of the data directory that may be spoilt. */
async function inCopy(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "alys-offline-"));
  try {
    cpSync(pristine, folder, { recursive: true });
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Spoil = (databases: ReturnType<typeof openDatabases>) => void;

async function spoil(folder: string, change: Spoil): Promise<void> {
  const databases = openDatabases(join(folder, "chain"), 1024 ** 3, false);
  databases.environment.transactionSync(() => change(databases));
  await databases.environment.close();
}

/** Overwrites a byte of each stored block from a height to the head, in its header. */
const scribbled =
  (from: number): Spoil =>
  ({ blocks: records }) => {
    for (let height = from; height <= LENGTH; height++) {
      const bytes = records.getBinary(height)!;
      bytes[40]! ^= 0xff;
      records.putSync(height, new Uint8Array(bytes));
    }
  };

async function alysctl(folder: string, ...args: string[]): Promise<{ status: number; text: string }> {
  const terminal = new MemoryTerminal();
  const paths = ["--data-dir", folder, "--chain", specification];
  const { signal } = new AbortController();
  const status = await runAlysctl(["checkpoints", "recover", ...args, ...paths], terminal, signal);
  return { status, text: terminal.text + terminal.errors.join("\n") };
}

async function failsToOpen(folder: string): Promise<Failure> {
  const failed = await open(folder).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert(failed instanceof Failure && failed.code === "DATA_LOSS", "a node does not start on it");
  return failed;
}

const DAMAGES: Record<string, { readonly change: Spoil; readonly kept: number }> = {
  "the newest blocks overwritten": { change: scribbled(395), kept: 300 },
  "the head alone overwritten": { change: scribbled(LENGTH), kept: 300 },
  "all from below a checkpoint overwritten": { change: scribbled(250), kept: 200 },
  "a hole in the newest blocks": { change: ({ blocks: records }) => void records.removeSync(390), kept: 300 },
  "hashes missing": { change: ({ hashes }) => void hashes.removeSync(Math.floor(LENGTH / 32)), kept: 300 },
};

for (const [name, { change, kept }] of Object.entries(DAMAGES)) {
  test(`minimal, ${name}: back to the newest sound checkpoint below the damage, all after verifying`, () =>
    inCopy(async (folder) => {
      await spoil(folder, change);
      await failsToOpen(folder);
      const vote = readFileSync(join(folder, "vote"));
      const database = readFileSync(join(folder, "chain", "data.mdb"));
      const dry = await alysctl(folder, "--mode", "minimal", "--dry-run");
      assert.equal(dry.status, 0, dry.text);
      assert.match(dry.text, new RegExp(`would roll back to checkpoint ${ids.get(kept)}`));
      assert.deepEqual(
        readFileSync(join(folder, "chain", "data.mdb")),
        database,
        "a dry run changes nothing",
      );
      const { status, text } = await alysctl(folder, "--mode", "minimal", "--yes");
      assert.equal(status, 0, text);
      assert.match(text, new RegExp(`block ${kept}, opened and sound`));
      const node = await open(folder);
      assert.equal(node.chain.snapshot().head.height, kept);
      assert.equal(await findDamage(node.checkpoints), undefined);
      await node.feed(kept);
      assert.equal(node.chain.snapshot().head.height, LENGTH);
      assert.equal(await findDamage(node.checkpoints), undefined);
      await node.close();
      assert.deepEqual(readFileSync(join(folder, "vote")), vote, "the vote record is as it was");
      assert(!existsSync(join(folder, "vote.lock")));
    }));
}

for (const mode of ["fast", "safe", "full"] as const) {
  test(`${mode} on a damaged chain: the node starts and gets the rest`, () =>
    inCopy(async (folder) => {
      await spoil(folder, scribbled(50));
      await failsToOpen(folder);
      const { status, text } = await alysctl(folder, ids.get(200)!, "--mode", mode, "--yes");
      assert.equal(status, 0, text);
      const node = await open(folder);
      const isFull = mode === "full";
      assert.equal(node.chain.snapshot().head.height, isFull ? 0 : 200);
      assert.equal(readAwaited(node.store), isFull ? ids.get(200) : undefined);
      await node.feed(isFull ? 0 : 200);
      for (
        let missing = missingHistory(node.checkpoints);
        missing > 0;
        missing = missingHistory(node.checkpoints)
      )
        await prependHistory(node.checkpoints, blocks.slice(Math.max(0, missing - 64), missing));
      assert.equal(await findDamage(node.checkpoints), undefined);
      assert.equal(node.chain.snapshot().head.height, LENGTH);
      await node.close();
    }));
}

test("it refuses what it must, and then nothing was changed", () =>
  inCopy(async (folder) => {
    const refused = async (what: RegExp, ...args: string[]): Promise<void> => {
      const { status, text } = await alysctl(folder, ...args);
      assert.notEqual(status, 0);
      assert.match(text, what);
    };
    const node = await open(folder);
    await refused(/DATA_DIRECTORY_LOCKED|process/, "--mode", "minimal");
    await node.close();
    await spoil(folder, scribbled(50));
    const database = readFileSync(join(folder, "chain", "data.mdb"));
    await refused(/no sound checkpoint lies on the chain below the damage at block 50/, "--mode", "minimal");
    await refused(/there is no checkpoint 7-00000000/, "7-00000000", "--mode", "fast");
    const file = join(folder, "checkpoints", `${ids.get(200)}.checkpoint`);
    const bytes = readFileSync(file);
    bytes[700]! ^= 1;
    writeFileSync(file, bytes);
    await refused(/does not hold: CHECKSUM/, ids.get(200)!, "--mode", "safe");
    assert.deepEqual(readFileSync(join(folder, "chain", "data.mdb")), database);
    const terminal = new MemoryTerminal();
    const { signal } = new AbortController();
    const alone = ["checkpoints", "recover", "--mode", "minimal", "--data-dir", folder];
    assert.notEqual(await runAlysctl(alone, terminal, signal), 0);
    assert.match(terminal.errors.join(), /needs --config, .* or --chain/);
    const nowhere = ["checkpoints", "recover", "--mode", "minimal", "--data-dir", join(folder, "none")];
    assert.notEqual(await runAlysctl([...nowhere, "--chain", specification], terminal, signal), 0);
    assert(!existsSync(join(folder, "none")));
  }));

test("a sound chain is left alone without --force, and nothing is done without a yes", () =>
  inCopy(async (folder) => {
    const database = (): Buffer => readFileSync(join(folder, "chain", "data.mdb"));
    const before = database();
    for (const mode of ["minimal", "fast", "safe", "full"]) {
      const named = [ids.get(200)!, "--mode", mode];
      const dry = await alysctl(folder, ...named, "--dry-run");
      assert.equal(dry.status, 0, dry.text);
      assert.match(dry.text, /would .*: \d+ blocks go.*no stored block is damaged: only with --force/);
      const sound = await alysctl(folder, ...named, "--yes");
      assert.notEqual(sound.status, 0);
      assert.match(sound.text, /no stored block is damaged, and it would .*: \d+ blocks go/);
      const silent = await alysctl(folder, ...named, "--force");
      assert.notEqual(silent.status, 0);
      assert.match(silent.text, /: \d+ blocks go.*Blocks are deleted.*with --yes/);
      assert.deepEqual(database(), before);
    }
    const forced = await alysctl(folder, ids.get(200)!, "--mode", "minimal", "--force", "--yes");
    assert.equal(forced.status, 0, forced.text);
    assert.match(forced.text, /block 200, opened and sound/);
  }));

test("with --config it takes directory, chain and finality depth from the node's configuration, and says what it assumes without", () =>
  inCopy(async (folder) => {
    await spoil(folder, scribbled(395));
    const file = join(folder, "node.toml");
    const lines = ["[storage]", 'data_directory = "."', "[chain]", "specification_file = 'chain.json'"];
    writeFileSync(file, [...lines, "finality_depth = 32"].join("\n"));
    const recovered = async (
      ...args: string[]
    ): Promise<{ said: string; answer: Record<string, unknown> }> => {
      const terminal = new MemoryTerminal();
      const { signal } = new AbortController();
      const call = ["-o", "json", "checkpoints", "recover", "--mode", "minimal", ...args];
      const status = await runAlysctl(call, terminal, signal);
      const said = terminal.errors.join("\n");
      assert.equal(status, 0, said);
      return { said, answer: JSON.parse(terminal.text) };
    };
    const assumed = await recovered("--dry-run", "--data-dir", folder, "--chain", specification);
    assert.equal(assumed.answer["finalityDepth"], 64);
    assert.match(
      assumed.said,
      /no --config: taking a finality depth of 64 blocks and merged mining in coinbase outputs/,
    );
    const { said, answer } = await recovered("--config", file, "--yes");
    assert.doesNotMatch(said, /no --config/);
    assert.match(said, /"final_height":368/, "400 less 32");
    assert.equal(answer["finalityDepth"], 32);
    assert.equal(answer["configuration"], file);
    assert.equal(answer["height"], 300);
    const node = await open(folder);
    assert.equal(node.chain.snapshot().head.height, 300);
    await node.close();
  }));

test("a node with damaged newest blocks refuses to start, is recovered, starts and synchronises", async (t) => {
  const network = await prepareNetwork(t, 1, LENGTH);
  await network.startMembers();
  const running = await network.start("observer");
  const first = connectTo(t, network.observer);
  await eventually("it synced", 120_000, async () => (await heightOf(first)) >= LENGTH);
  // Many at once are one file, and each is answered.
  const made = await Promise.all(
    Array.from({ length: 8 }, () => first.client(SyncService).createCheckpoint({ height: 200n })),
  );
  assert.deepEqual(readdirSync(join(network.observer.folder, "checkpoints")), [
    ...new Set(made.map(({ checkpoint }) => `${checkpoint?.id}.checkpoint`)),
  ]);
  assert(await running.stop(5_000));
  const { folder } = network.observer;
  const databases = openDatabases(chainFolder(network.plan.folder, "observer"), 1024 ** 3, false);
  databases.environment.transactionSync(() => {
    for (let height = LENGTH - 5; ; height++) {
      const bytes = databases.blocks.getBinary(height);
      if (bytes === undefined) break;
      bytes[40]! ^= 0xff;
      databases.blocks.putSync(height, new Uint8Array(bytes));
    }
  });
  await databases.environment.close();
  await assert.rejects(network.start("observer"), {
    reason: "NODE_ENDED",
    message: /history root|its hash names/,
  });
  const terminal = new MemoryTerminal();
  const { specificationFile } = network.plan;
  const args = [
    "checkpoints",
    "recover",
    "--mode",
    "minimal",
    "--data-dir",
    folder,
    "--chain",
    specificationFile,
    "--yes",
  ];
  const status = await runAlysctl(args, terminal, new AbortController().signal);
  assert.equal(status, 0, terminal.text + terminal.errors.join("\n"));
  assert.match(terminal.text, /block 200, opened and sound/);
  await network.start("observer");
  const again = connectTo(t, network.observer);
  await eventually("it synced again", 120_000, async () => (await heightOf(again)) >= LENGTH);
});
