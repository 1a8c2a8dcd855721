/**
 * A process is killed at every named point of making a checkpoint and of each recovery, on the real disk: what it leaves
 * opens, is carried to its end, and holds the whole chain.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { findDamage } from "../../src/integrations/chain/checkpoint/checkpoint-recovery.ts";
import { readRecovery } from "../../src/integrations/chain/checkpoint/recovery-records.ts";
import { CREATED_HEIGHT, type Deed, MOMENTS, POINTS, RECOVERED_HEIGHT } from "./recovery-points.ts";
import { LENGTH, openWorld } from "./recovery-world.ts";

const CHILD = join(import.meta.dirname, "recovery-child.ts");
/** Kept at most. */
const CHECKPOINTS = 10;

const pristine = mkdtempSync(join(tmpdir(), "alys-recovery-kill-"));

async function prepare(): Promise<void> {
  const world = await openWorld(pristine);
  await world.feed();
  // As many as are kept, so that one more makes the oldest go.
  for (let at = 0; at < CHECKPOINTS; at++) await world.checkpoints.create(RECOVERED_HEIGHT - 10 * at);
  await world.close();
}

async function killedAt(deed: Deed, point: string, moment: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "alys-recovery-kill-"));
  cpSync(pristine, folder, { recursive: true });
  const child = spawn(process.execPath, [CHILD, folder, deed, point, moment], { stdio: "inherit" });
  const [, signal] = await once(child, "exit");
  assert.equal(signal, "SIGKILL", `${deed}, ${point} ${moment} is a point that is passed`);
  return folder;
}

/** What the next process does, to the end. */
async function afterwards(folder: string, deed: Deed, name: string): Promise<void> {
  const world = await openWorld(folder);
  const { head } = world.chain.snapshot();
  assert([0, RECOVERED_HEIGHT, LENGTH].includes(head.height), `${name}: the head is ${head.height}`);
  const unfinished = readRecovery(world.store);
  if (unfinished !== undefined) {
    assert.equal(unfinished.mode, deed, name);
    await world.recover(unfinished.mode, unfinished.checkpointId);
    assert.equal(readRecovery(world.store), undefined, name);
  }
  await world.feed();
  await world.backFill();
  assert.equal(await findDamage(world.checkpoints), undefined, name);
  const end = world.chain.snapshot();
  assert.deepEqual([end.head.height, end.earliestHeight], [LENGTH, 1], name);
  for (const { id } of await world.checkpoints.list()) await world.checkpoints.sound(id);
  await world.checkpoints.create(CREATED_HEIGHT);
  assert.equal((await world.checkpoints.list()).length, CHECKPOINTS, name);
  const files = readdirSync(join(folder, "checkpoints"));
  assert(
    files.every((file) => file.endsWith(".checkpoint")),
    `${name}: ${files.join()}`,
  );
  await world.close();
}

/** Kills at each point; at both moments of it, or at one and the other in turn. */
export function testRecoveryKills(moments: "both" | "in turn"): void {
  before(prepare);
  after(() => rmSync(pristine, { recursive: true }));
  for (const deed of Object.keys(POINTS) as Deed[]) {
    test(`${deed}: killed at each of its points, the next process ends with the whole chain`, async () => {
      for (const [index, point] of POINTS[deed].entries()) {
        for (const moment of moments === "both" ? MOMENTS : [MOMENTS[index % 2] as string]) {
          const folder = await killedAt(deed, point, moment);
          try {
            await afterwards(folder, deed, `${deed}, ${point} ${moment}`);
          } finally {
            rmSync(folder, { recursive: true });
          }
        }
      }
    });
  }
}
