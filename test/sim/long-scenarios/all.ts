/** Every long scenario by its name, and which seed goes through which. */

import type { Faults } from "../faults.ts";
import type { NodeProcess } from "../machine.ts";
import type { World } from "../world.ts";
import { authorityChanges } from "./authority.ts";
import { barredMember, clockLeaps } from "./clocks.ts";
import { competingBlocks, deepAncestry, forkBelowFinal } from "./forks.ts";
import type { LongScenarioKind } from "./kinds.ts";
import { shortDelegations } from "./lifetimes.ts";
import { chainAway, halt, longPartition } from "./outages.ts";
import { Stage } from "./stage.ts";
import { badBodies, emptyRange, lyingHeads } from "./syncing.ts";

const ORDEALS: Readonly<Record<LongScenarioKind, (stage: Stage) => Promise<void>>> = {
  "empty-range": emptyRange,
  "lying-heads": lyingHeads,
  "competing-blocks": competingBlocks,
  "fork-below-final": forkBelowFinal,
  "long-partition": longPartition,
  "chain-away": chainAway,
  "deep-ancestry": deepAncestry,
  "bad-bodies": badBodies,
  halt,
  "authority-changes": authorityChanges,
  "short-delegations": shortDelegations,
  "clock-leaps": clockLeaps,
  "barred-member": barredMember,
};

const CRASHES = 2;
const CRASHES_WITHIN_MS = 30_000;
const ACTORS = ["peer", "network", "sync", "producer"] as const;

/** The pause before a restart grows with the crashes before it. */
const RESTARTED_MS = 60_000;

function isWhole({ supervisor }: NodeProcess): boolean {
  return supervisor.tree().children.every(({ state }) => state === "running");
}

function crashSome({ world, faults, random }: Stage, crashes: { readonly areOver: boolean }): void {
  for (let crash = 0; crash < CRASHES; crash++) {
    const node = random.integer(world.machines.length);
    const actor = ACTORS[random.integer(ACTORS.length)] ?? "sync";
    world.after(random.integer(CRASHES_WITHIN_MS), () => {
      if (!crashes.areOver) faults.strike({ kind: "actorCrash", node, actor });
    });
  }
}

/** Puts a world that is in peace through a long scenario; what must come about and does not is a violation. */
export async function runLongScenario(world: World, faults: Faults, kind: LongScenarioKind): Promise<void> {
  world.trace.add("ORDEAL", kind);
  const stage = new Stage(world, faults, kind);
  // In the seeds, where it is no scenario by itself, actors fall in the middle of it.
  const crashes = { areOver: false };
  if (world.scenario.faults.length > 0) crashSome(stage, crashes);
  await ORDEALS[kind](stage);
  crashes.areOver = true;
  await stage.within("everybody runs", RESTARTED_MS, () => world.processes().every(isWhole));
}
