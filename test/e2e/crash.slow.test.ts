/**
 * A history of 200,000 blocks, synchronised by a node that is killed twenty times without warning on the way, ends with the
 * same chain and state as one that nothing disturbed. Takes some four minutes on two idle cores: `npm run test:e2e -- crash`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pause } from "../../src/cli/localnet/processes.ts";
import { type Random, seededRandom } from "../../src/kernel/ports/random.ts";
import { chainStateOf, type SyncingNode, serveHistory } from "./served-history.ts";

/** Fewer for a quick look: `CRASH_BLOCKS=20000 CRASH_KILLS=5`. */
const BLOCKS = Number(process.env["CRASH_BLOCKS"] ?? 200_000);
const KILLS = Number(process.env["CRASH_KILLS"] ?? 20);
const SEED = Number(process.env["CRASH_SEED"] ?? 1);
const SYNC_DEADLINE_MS = 300_000;
/** From the start of the process: it opens its store and its host in a second or two. */
const STARTING_MS_MAX = 2_500;
/** From the moment at which it serves. */
const RUNNING_MS_MAX = 900;

/** When a process is killed. */
type Instant =
  | { readonly kind: "starting"; readonly afterMs: number }
  | { readonly kind: "running"; readonly afterMs: number }
  /** As soon as so many more blocks are told as imported. */
  | { readonly kind: "progress"; readonly blocks: number };

function instantOf(random: Random, kill: number, height: number): Instant {
  const share = random.next();
  if (kill % 5 === 4) return { kind: "starting", afterMs: Math.floor(share * STARTING_MS_MAX) };
  if (kill % 5 === 2) return { kind: "running", afterMs: Math.floor(share * RUNNING_MS_MAX) };
  // Three kills of five go by progress; something is left for each that is still to come.
  const step = (BLOCKS - height) / (0.6 * (KILLS - kill) + 2);
  return { kind: "progress", blocks: 1 + Math.floor(share * 2 * step) };
}

/** Starts a process and kills it at the instant. The highest height that it told as durable. */
async function killAt(node: SyncingNode, instant: Instant, height: number): Promise<number> {
  node.spawn();
  if (instant.kind === "starting") {
    await pause(instant.afterMs);
    await node.kill();
    return height;
  }
  await node.ready();
  if (instant.kind === "running") await pause(instant.afterMs);
  const wanted = instant.kind === "progress" ? height + instant.blocks : 0;
  const told = await node.importedFrom(wanted, SYNC_DEADLINE_MS);
  await node.kill();
  return told;
}

test(`a sync of ${BLOCKS} blocks that is killed ${KILLS} times ends as an undisturbed one`, async (t) => {
  const random = seededRandom(SEED);
  const beganMs = performance.now();
  const history = await serveHistory(t, BLOCKS);
  t.diagnostic(`seed ${SEED}; forged ${BLOCKS} blocks in ${seconds(beganMs)} s`);

  const calm = history.node("undisturbed");
  await calm.start();
  await calm.importedFrom(BLOCKS, SYNC_DEADLINE_MS);
  const expected = await chainStateOf(calm.connection);
  await calm.end();
  t.diagnostic(`undisturbed: ${JSON.stringify(expected)}`);
  assert.equal(expected.count, BLOCKS);

  const node = history.node("killed");
  let told = 0;
  let onTheWay = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const instant = instantOf(random, kill, told);
    const before = told;
    told = await killAt(node, instant, before);
    if (told < BLOCKS) onTheWay += 1;
    const isHeard = instant.kind !== "starting";
    const resumed = resumedFrom(node);
    const from = isHeard ? `, resumed from ${resumed}` : "";
    t.diagnostic(`kill ${kill + 1}: ${JSON.stringify(instant)}${from}, killed at height ${told}`);
    // What was told as imported is durable; a process that was killed while it started may have said nothing.
    assert.ok(!isHeard || resumed >= before, `${before} was told, ${resumed} was there`);
  }
  await node.start();
  await node.importedFrom(BLOCKS, SYNC_DEADLINE_MS);
  const actual = await chainStateOf(node.connection);
  assert.ok(resumedFrom(node) >= told, `${told} was told, ${resumedFrom(node)} was there`);
  t.diagnostic(`killed ${KILLS} times: ${JSON.stringify(actual)}`);
  assert.deepEqual(actual, expected);
  assert.equal(onTheWay, KILLS, "a kill came after the end");
  assert.deepEqual(await node.blamed(), []);
  t.diagnostic(`took ${seconds(beganMs)} s`);
});

/** The height at which the newest process found its chain, as it says itself. */
function resumedFrom(node: SyncingNode): number {
  return Number(node.lines("sync starts").at(-1)?.["resumedFromHeight"] ?? 0);
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1_000).toFixed(1);
}
