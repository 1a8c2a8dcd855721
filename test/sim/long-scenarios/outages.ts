/** Long scenarios of things that are gone for long: the network between nodes, a ChainActor, the whole federation. */

import type { Observation } from "../observation.ts";
import type { Stage } from "./stage.ts";

const PARTITION_MS = 60_000;
const AWAY_MS = 600_000;
/** Reconnecting has back-offs of up to a minute. */
const MERGED_MS = 90_000;
const RESUMED_MS = 60_000;

export async function longPartition(stage: Stage): Promise<void> {
  const { machines } = stage.world;
  const order = machines.map((_, index) => ({ index, at: stage.random.next() }));
  const shuffled = order.sort((left, right) => left.at - right.at).map(({ index }) => index);
  const side = shuffled.slice(0, 1 + stage.random.integer(machines.length - 1));
  stage.faults.strike({ kind: "partition", side, forMs: PARTITION_MS });
  stage.world.count("longPartition");
  await stage.pass(PARTITION_MS + 1_000);
  await stage.mustGoOn(MERGED_MS);
}

export async function chainAway(stage: Stage): Promise<void> {
  const machine = stage.anyone();
  const { process } = machine;
  stage.must("it runs", process !== undefined);
  machine.disturb();
  process?.away.leave();
  stage.world.count("chainAway");
  await stage.pass(5_000);
  const height = stage.heightOf(machine);
  await stage.pass(AWAY_MS - 5_000);
  stage.must("it imported without a ChainActor", stage.heightOf(machine) === height);
  stage.must("its process ended", machine.process === process);
  process?.away.comeBack();
  machine.disturb();
  await stage.mustGoOn(RESUMED_MS);
}

export async function halt(stage: Stage): Promise<void> {
  const { world } = stage;
  const { machines } = world;
  let waived = 0;
  const listen = (observation: Observation): void => {
    if (observation.type === "production" && observation.status.waived.length > 0) waived += 1;
  };
  for (const machine of machines) {
    machine.disturb();
    machine.kill("killed", false);
    await stage.pass(stage.random.integer(400));
  }
  world.count("halt");
  await stage.pass(45_000 + stage.random.integer(60_000));
  const height = heightOnDisk(stage);
  world.listeners.add(listen);
  for (const machine of machines) {
    machine.disturb();
    machine.start();
    await stage.pass(stage.random.integer(3_000));
  }
  await stage.mustGoOn(RESUMED_MS, height);
  await stage.within("it goes on", RESUMED_MS, () => stage.bestHeight >= height + 3);
  world.listeners.delete(listen);
  stage.must("no member waived the age of the head", waived > 0);
}

/** Nobody runs: what the best disk holds. */
function heightOnDisk({ world }: Stage): number {
  return Math.max(0, ...world.machines.map(({ disk }) => disk.chain.extent.head));
}
