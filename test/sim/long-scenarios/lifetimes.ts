/**
 * The long scenario of delegations that live shorter than the run: every member renews its own several times while blocks go on,
 * and at no moment does anybody who is connected to it take it for a stranger.
 */

import { SLOT_MS } from "../scenario.ts";
import type { Stage } from "./stage.ts";

/** Renewals of each member that are waited for; each comes after half of a lifetime at most. */
const RENEWALS = 4;

export async function shortDelegations(stage: Stage): Promise<void> {
  const { world } = stage;
  const { delegationLifetimeMs } = world.scenario;
  const members = world.processes().filter(({ machine }) => machine.key !== undefined);
  const before = new Map(members.map((process) => [process, process.delegation?.renewals ?? 0]));
  const height = stage.bestHeight;
  const beganMs = world.nowMs;
  await stage.within("every member renewed its delegation", (RENEWALS + 1) * delegationLifetimeMs, () =>
    members.every((process) => {
      const renewed = (process.delegation?.renewals ?? 0) - (before.get(process) ?? 0);
      // One that was started anew begins with a new delegation.
      return !process.life.isAlive || renewed >= RENEWALS;
    }),
  );
  const slots = Math.floor((world.nowMs - beganMs) / SLOT_MS);
  const grown = stage.bestHeight - height;
  // The slots of members that a script plays may stay empty, and an actor may fall in the middle.
  stage.must(`${grown} blocks in ${slots} slots while delegations were renewed`, grown >= slots / 3);
  await stage.mustGoOn(delegationLifetimeMs);
}
