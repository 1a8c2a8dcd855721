/**
 * The long scenario of a federation that changes: its history has a change already, a member leaves now, and comes back when the
 * rules let it. Whoever synchronises from genesis follows them all.
 */

import { ProducerService } from "../../../gen/alys/producer/v1/producer_pb.ts";
import { authoritySet } from "../../../src/chain/authorities.ts";
import type { SecretKey } from "../../../src/chain/bls.ts";
import { equalBytes } from "../../../src/chain/bytes.ts";
import { provePossession } from "../../../src/chain/possession.ts";
import { assert } from "../../../src/kernel/errors.ts";
import { SLOT_MS } from "../scenario.ts";
import type { Stage } from "./stage.ts";

const CHANGED_MS = 60_000;
const SYNC_MS = 90_000;
/** Blocks from one change to the next, by the rules. */
const DISTANCE = 64;

export async function authorityChanges(stage: Stage): Promise<void> {
  const { world } = stage;
  const all = world.history.forge.secretKeys;
  // One that a script played is no loss; else the last one.
  const leaving = world.scenario.byzantine[0] ?? all.length - 1;
  const others = all.filter((_, index) => index !== leaving);
  await change(stage, others, CHANGED_MS);
  const height = stage.bestHeight;
  await stage.within("the smaller federation goes on", 10 * SLOT_MS, () => stage.bestHeight >= height + 2);
  const machine = stage.observer();
  machine.disturb();
  machine.wipe();
  await stage.mustGoOn(SYNC_MS);
  await change(stage, all, 2 * DISTANCE * SLOT_MS + CHANGED_MS);
  world.count("authorityChanges");
  await stage.mustGoOn(CHANGED_MS, stage.bestHeight + 2);
}

/** All members' operators schedule the set; in time it is in force on every node. */
async function change(stage: Stage, secretKeys: readonly SecretKey[], ms: number): Promise<void> {
  const { world } = stage;
  const { genesisHash } = world.history.facts;
  const keys = secretKeys.map((key) => key.publicKey);
  const proofs = secretKeys.map((key) => provePossession(key, genesisHash));
  for (const { machine, cells } of world.processes()) {
    if (machine.key === undefined) continue;
    const asked = cells.producer.ref.ask(ProducerService.method.scheduleAuthorities, { keys, proofs });
    // Whoever is no member now has nothing to schedule.
    asked.catch((thrown: unknown) => world.trace.add(machine.name, `does not schedule: ${String(thrown)}`));
  }
  const { root } = authoritySet(keys);
  const isInForce = (): boolean =>
    world.processes().every(({ chain }) => {
      const { height } = chain.snapshot().head;
      return equalBytes(chain.authoritiesAt(height + 1).root, root);
    });
  assert(keys.length > 0, "somebody stays");
  await stage.within(`the set of ${keys.length} is in force everywhere`, ms, isInForce);
}
