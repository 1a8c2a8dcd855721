/**
 * A fresh node whose peer's head is under authorities that it does not know synchronises from genesis through three
 * changes of them, over real hosts, is killed between two, and ends on the same chain, blaming nobody.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { servedKeys } from "../../bench/sync/served-chain.ts";
import { connect } from "../../src/cli/client.ts";
import { eventually } from "./local-network.ts";
import { chainStateOf, serveHistory } from "./served-history.ts";

const BLOCKS = 4_000;
const DEADLINE_MS = 120_000;

test("a node killed between changes of the authorities follows them from genesis to the head", async (t) => {
  const keys = servedKeys();
  const set = (...members: number[]) => members.map((index) => keys[index]!);
  const history = await serveHistory(t, BLOCKS, [
    { height: 70, set: set(0, 1, 2, 3, 4) },
    { height: 1_700, set: set(1, 2, 3, 4) },
    // The head's set is one that no checkpoint leads to.
    { height: BLOCKS - 10, set: set(1, 2, 3, 4, 5) },
  ]);
  const node = history.node("follower");
  await node.start();
  const reached = await node.importedFrom(100, DEADLINE_MS);
  await node.kill();
  await node.start();
  await eventually("the head is reached", DEADLINE_MS, async () => {
    const status = await node.status();
    return Number(status?.head?.height ?? 0n) === BLOCKS;
  });
  const resumed = Number((await node.status())?.resumedFromHeight);
  assert.ok(resumed >= reached, `resumed from ${resumed} after ${reached}`);
  const server = connect(`unix:${history.server.facts.unixSocket}`);
  t.after(() => server.close());
  assert.deepEqual(await chainStateOf(node.connection), await chainStateOf(server));
  assert.deepEqual(await node.blamed(), []);
});
