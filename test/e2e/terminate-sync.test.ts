/** SIGTERM in the middle of a sync that runs as fast as it can: a clean end within five seconds, and nothing lost. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { serveHistory } from "./served-history.ts";

const BLOCKS = 24_000;
/** Terminated at the first block of at least this height: most are still to come. */
const TERMINATE_HEIGHT = 2_000;
const STOP_MS_MAX = 5_000;
const DEADLINE_MS = 120_000;

test("SIGTERM during heavy sync ends the node in order within five seconds", async (t) => {
  const history = await serveHistory(t, BLOCKS);
  const node = history.node("fresh");
  await node.start();
  const told = await node.importedFrom(TERMINATE_HEIGHT, DEADLINE_MS);
  const { tookMs, status } = await node.terminate();
  t.diagnostic(`at height ${told}: gone after ${Math.round(tookMs)} ms`);
  assert.equal(status, 0, node.process.logTail());
  assert.ok(tookMs <= STOP_MS_MAX, `${Math.round(tookMs)} ms`);

  await node.start();
  const resumed = Number((await node.status())?.resumedFromHeight);
  assert.ok(resumed >= told && resumed < BLOCKS, `told ${told}, resumed from ${resumed}`);
  await node.importedFrom(BLOCKS, DEADLINE_MS);
  assert.deepEqual(await node.blamed(), []);
});
