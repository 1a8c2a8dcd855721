/** Every ordeal by its name, and which seed goes through which. */

import type { Faults } from "../faults.ts";
import type { World } from "../world.ts";
import { authorityChanges } from "./authority.ts";
import { competingBlocks, deepAncestry, forkBelowFinal } from "./forks.ts";
import type { OrdealKind } from "./kinds.ts";
import { chainAway, halt, longPartition } from "./outages.ts";
import { Stage } from "./stage.ts";
import { badBodies, emptyRange, lyingHeads } from "./syncing.ts";

const ORDEALS: Readonly<Record<OrdealKind, (stage: Stage) => Promise<void>>> = {
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
};

/** Puts a world that is in peace through an ordeal; what must come about and does not is a violation. */
export async function runOrdeal(world: World, faults: Faults, kind: OrdealKind): Promise<void> {
  world.trace.add("ORDEAL", kind);
  await ORDEALS[kind](new Stage(world, faults, kind));
}
