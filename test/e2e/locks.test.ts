/**
 * One data directory in two pid namespaces, and one authority key in two data directories: the second node does not start and
 * says who is there, the first one goes on, and what it held is free when it is gone, however it went.
 */
import assert from "node:assert/strict";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import type { LocalNetwork } from "../../src/cli/localnet/network.ts";
import { authorityKeyFile, type NodePlan } from "../../src/cli/localnet/plan.ts";
import { connectTo, eventually, heightOf, prepareNetwork } from "./local-network.ts";
import { missingPidNamespaces, namespaced, namespacedNode, plainNode, type Ward } from "./namespaces.ts";

const BLOCKS = 40;
const DEADLINE_MS = 120_000;
const EXIT_CONFIG = 78;

/** Ports of its own beside the first node's. */
const BESIDE = {
  ALYS__NETWORK__LISTEN_ADDRESSES: "/ip4/127.0.0.1/tcp/0",
  ALYS__CONTROL__LISTEN_ADDRESS: "127.0.0.1:0",
  ALYS__CONTROL__UNIX_SOCKET: "",
};

test("a data directory in two pid namespaces has one node, and the refused one takes no lock away", async (t) => {
  const missing = missingPidNamespaces();
  if (missing !== undefined) return t.skip(missing);
  const network = await prepareNetwork(t, 1, BLOCKS);
  const member = memberOf(network);
  const first = namespacedNode(member.configFile);
  t.after(() => first.kill());
  await network.start("observer");
  await goesOn(t, member, "the first node proposes");
  const locks = [join(member.folder, "chain", "LOCK"), join(member.folder, "vote")];
  const inodes = () => locks.map((path) => statSync(path).ino);
  const [before, text] = [inodes(), readFileSync(locks[0]!, "utf8")];
  assert.equal((JSON.parse(text) as { pid: number }).pid, 1);

  // Process 1 like the first one, then another number, then outside of any namespace.
  for (const start of [
    () => namespacedNode(member.configFile, BESIDE),
    () => namespacedNode(member.configFile, BESIDE, false),
    () => plainNode(member.configFile, BESIDE),
  ]) {
    const refused = await start().ended;
    assert.equal(refused.status, EXIT_CONFIG, refused.stderr);
    assert.match(refused.stderr, /is in use by process 1 on /);
    assert.deepEqual([inodes(), readFileSync(locks[0]!, "utf8")], [before, text]);
  }
  assert.equal(first.child.exitCode, null);
  await goesOn(t, member, "the first node goes on");

  await first.kill();
  const next = namespacedNode(member.configFile);
  t.after(() => next.kill());
  await goesOn(t, member, "the next node after a kill");
  assert.deepEqual(inodes(), before);
});

test("a vote file in two pid namespaces has one process, until that is killed", async (t) => {
  const missing = missingPidNamespaces();
  if (missing !== undefined) return t.skip(missing);
  const folder = mkdtempSync(join(tmpdir(), "alys-votes-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "vote");
  const module = new URL("../../src/storage/vote-file.ts", import.meta.url).href;
  const opens = (then: string): Ward =>
    namespaced([
      process.execPath,
      "--input-type=module",
      "-e",
      `import { writeFileSync } from "node:fs";
       import { openVoteFile } from ${JSON.stringify(module)};
       try {
         const votes = openVoteFile(${JSON.stringify(path)});
         votes.record(Uint8Array.of((votes.last()?.[0] ?? 0) + 1));
         writeFileSync(${JSON.stringify(join(folder, "held"))}, String(process.pid));
         ${then}
       } catch (error) {
         process.exitCode = 3;
         console.error(error.reason, error.message);
       }`,
    ]);
  const first = opens("setInterval(() => votes, 1000);");
  t.after(() => first.kill());
  await eventually("the first has it", DEADLINE_MS, async () => isThere(join(folder, "held")));
  const { ino } = statSync(path);
  for (let attempt = 0; attempt < 2; attempt++) {
    const refused = await opens("process.exit(0);").ended;
    assert.equal(refused.status, 3, refused.stderr);
    assert.match(refused.stderr, /DATA_DIRECTORY_LOCKED .* is in use by process 1 on /);
  }
  await first.kill();
  const next = await opens("votes.close(); process.exit(votes.last()[0] === 2 ? 0 : 4);").ended;
  assert.equal(next.status, 0, next.stderr);
  assert.equal(statSync(path).ino, ino);
});

test("an authority key in two data directories has one node, whichever name leads to the key", async (t) => {
  const network = await prepareNetwork(t, 1, BLOCKS);
  const member = memberOf(network);
  const first = plainNode(member.configFile);
  t.after(() => first.kill());
  await network.start("observer");
  await goesOn(t, member, "the first node proposes");
  const key = keyOf(member);
  const other = join(dirname(member.folder), "other");
  mkdirSync(other, { mode: 0o700 });
  symlinkSync(key, join(other, "symbolic.key"));
  linkSync(key, join(other, "hard.key"));
  const second = (file: string): Ward =>
    plainNode(member.configFile, {
      ...BESIDE,
      ALYS__STORAGE__DATA_DIRECTORY: other,
      ALYS__TELEMETRY__LOG_FILE: "",
      ALYS__PRODUCER__AUTHORITY_KEY_FILE: file,
    });
  for (const file of [key, join(other, "symbolic.key"), join(other, "hard.key")]) {
    const refused = await second(file).ended;
    assert.equal(refused.status, EXIT_CONFIG, refused.stderr);
    assert.match(refused.stderr, /authority key .* is in use by .*: a second process would sign its slots/);
    if (!file.includes("hard")) {
      assert.match(
        refused.stderr,
        new RegExp(`process ${first.child.pid} on .*data directory ${member.folder}`),
      );
    }
  }
  await goesOn(t, member, "the first node goes on");
  await first.kill();
  const next = second(key);
  t.after(() => next.kill());
  await eventually("the other node has the key", DEADLINE_MS, async () => {
    assert.equal(next.child.exitCode, null);
    return isThere(join(other, "node.json"));
  });
});

test("an authority key that others may read is refused before it is locked", async (t) => {
  const network = await prepareNetwork(t, 1, BLOCKS);
  const member = memberOf(network);
  const key = keyOf(member);
  const content = readFileSync(key);
  rmSync(key);
  writeFileSync(key, content, { mode: 0o644 });
  const { status, stderr } = await plainNode(member.configFile).ended;
  assert.equal(status, EXIT_CONFIG);
  assert.match(stderr, /chmod 0600/);
});

function memberOf(network: LocalNetwork): NodePlan {
  const member = network.members[0];
  assert.ok(member);
  return member;
}

function keyOf(member: NodePlan): string {
  return authorityKeyFile(dirname(member.folder), member.name);
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

async function goesOn(t: TestContext, member: NodePlan, what: string): Promise<void> {
  const connection = connectTo(t, member);
  let from = 0;
  await eventually(what, DEADLINE_MS, async () => {
    const height = await heightOf(connection);
    if (from === 0) from = height;
    return from > 0 && height > from;
  });
}
