/** Long scenarios of a node that loses its chain and synchronises anew while peers hinder it. */

import { SyncState } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { BadBody } from "../adversaries/bad-body.ts";
import { LyingHead } from "../adversaries/strangers.ts";
import type { Observation } from "../observation.ts";
import type { Stage } from "./stage.ts";

/** A whole history on a bad network, with cool-downs of a minute for peers that failed. */
const SYNC_MS = 90_000;
/** A stall is told 20 s after the last block; asking and the blocks before it take some more. */
const STALL_TOLD_MS = 40_000;
/** And so long it lasts at least. */
const STALL_MS = 40_000;

export async function emptyRange(stage: Stage): Promise<void> {
  const { world } = stage;
  const machine = stage.observer();
  // Far from the head, so that no lookup closes the gap.
  const from = 1 + stage.random.integer(100);
  world.withheld.begin(machine.peerId, from);
  machine.disturb();
  machine.wipe();
  await stage.within("the node has what it is given", STALL_TOLD_MS, () => {
    return world.withheld.occasions > 0 && stage.heightOf(machine) === from - 1;
  });
  await stage.within(
    "the stall is told",
    STALL_TOLD_MS,
    () => (stage.statusOf(machine)?.reason ?? "") !== "",
  );
  await stage.pass(STALL_MS);
  const status = stage.statusOf(machine);
  stage.must(
    `behind by ${from} and in state ${status?.state}, "${status?.reason}"`,
    status !== undefined && status.state !== SyncState.SYNCED && status.reason !== "",
  );
  stage.must("a block came from nowhere", stage.heightOf(machine) === from - 1);
  world.count("emptyRange", world.withheld.occasions);
  world.withheld.end();
  await stage.mustGoOn(SYNC_MS);
}

export async function lyingHeads(stage: Stage): Promise<void> {
  const machine = stage.observer();
  const liars = [1, 2, 3].map((which) =>
    stage.enter((world, number) => new LyingHead(world, `liar-${which}`, number)),
  );
  machine.disturb();
  machine.wipe();
  await stage.mustGoOn(SYNC_MS);
  stage.must("no liar was heard", stage.world.mischief.liedHeads.size > 0);
  const isBanned = ({ peerId }: { peerId: string }): boolean =>
    stage.world.processes().some(({ bans }) => bans.list().some((ban) => ban.peerId === peerId));
  await stage.within("a liar is banned", SYNC_MS, () => liars.some(isBanned));
  // Whether somebody goes for one of their heads is seen in what nodes say of themselves.
  await stage.pass(5_000);
  for (const liar of liars) liar.stop();
}

export async function badBodies(stage: Stage): Promise<void> {
  const { world } = stage;
  const machine = stage.observer();
  const forger = stage.enter((where, number) => new BadBody(where, "forger", number));
  let accused = 0;
  const listen = (observation: Observation): void => {
    if (observation.type !== "log" || observation.record.message !== "peer offended") return;
    if (observation.record.fields["peer"] === forger.peerId) accused += 1;
  };
  world.listeners.add(listen);
  machine.disturb();
  machine.wipe();
  // The others have nothing for it at first, so that it asks the forger.
  world.withheld.begin(machine.peerId, 1);
  await stage.within("the forger is asked", SYNC_MS, () => (world.counts.get("badBody") ?? 0) > 0);
  await stage.within("and accused", SYNC_MS, () => accused > 0);
  world.withheld.end();
  world.listeners.delete(listen);
  await stage.mustGoOn(SYNC_MS);
  forger.stop();
}
