/**
 * The ChainActor that a node needs is killed in the middle of a sync and stays away for a minute: nothing is imported
 * meanwhile, no peer is blamed, and within two seconds of its return the sync goes on. The ChainActor is the TypeScript
 * example client, a process of its own. Run by `npm run test:e2e -- attach-away`.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { pause } from "../../src/cli/localnet/processes.ts";
import { type SyncingNode, serveHistory } from "./served-history.ts";

const CLIENT = fileURLToPath(new URL("../../clients/typescript/import-blocks.ts", import.meta.url));
const BLOCKS = 20_000;
/** The client holds each of its batches up so long, milliseconds: there is a middle to be killed in. */
const DELAY_MS = 25;
const KILL_HEIGHT = 3_000;
const AWAY_MS = 60_000;
const RESUMED_MS_MAX = 2_000;
const DEADLINE_MS = 120_000;
const POLL_MS = 20;
/** Imports that were handed to the chain before are written after. */
const SETTLE_MS = 2_000;

function startClient(t: TestContext, node: SyncingNode): ChildProcess {
  const store = join(node.folder, "chain-actor");
  const args = [CLIENT, "--address", node.socketAddress, "--store", store, "--until", String(BLOCKS)];
  const client = spawn(process.execPath, [...args, "--delay-ms", String(DELAY_MS)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  t.after(() => client.kill("SIGKILL"));
  return client;
}

const heightOf = async (node: SyncingNode): Promise<number> =>
  Number((await node.status())?.head?.height ?? 0n);

async function until(
  what: string,
  withinMs: number,
  holds: () => boolean | Promise<boolean>,
): Promise<number> {
  const beganMs = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - beganMs < withinMs, `not within ${withinMs} ms: ${what}`);
    await pause(POLL_MS);
  }
  return performance.now() - beganMs;
}

test("a ChainActor that is away for a minute costs no peer anything, and the sync goes on when it is back", async (t) => {
  const history = await serveHistory(t, BLOCKS);
  const node = history.node("observer", { integrations: { chain_required: true } });
  await node.start();
  const first = startClient(t, node);
  await until("the sync is on its way", DEADLINE_MS, async () => (await heightOf(node)) >= KILL_HEIGHT);
  first.kill("SIGKILL");
  await once(first, "exit");
  await pause(SETTLE_MS);
  const height = await heightOf(node);
  assert.ok(height < BLOCKS, `all ${BLOCKS} blocks were there before`);
  await pause(AWAY_MS - SETTLE_MS);
  const status = await node.status();
  t.diagnostic(`away for ${AWAY_MS} ms at height ${height}: "${status?.reason}"`);
  assert.equal(Number(status?.head?.height), height, "blocks were imported without a ChainActor");
  assert.match(status?.reason ?? "", /ChainActor is away/);
  assert.equal(status?.connectedPeers, 1, "the peer is still connected");
  assert.deepEqual(await node.blamed(), []);

  const attachments = node.lines("attached").length;
  const second = startClient(t, node);
  await until("the client attaches again", DEADLINE_MS, () => node.lines("attached").length > attachments);
  const resumedMs = await until("the sync goes on", DEADLINE_MS, async () => (await heightOf(node)) > height);
  t.diagnostic(`resumed ${Math.round(resumedMs)} ms after the client attached again`);
  assert.ok(resumedMs <= RESUMED_MS_MAX, `the sync went on after ${Math.round(resumedMs)} ms`);

  const [code] = (await once(second, "exit")) as [number | null];
  assert.equal(code, 0, "the client has all blocks");
  await until("the sync is complete", DEADLINE_MS, async () => (await heightOf(node)) === BLOCKS);
  assert.deepEqual(await node.blamed(), []);
});
