/** The process that is killed: does one deed on a folder and kills itself at one point of it. */

import { CREATED_HEIGHT, type Deed, RECOVERED_HEIGHT } from "./recovery-points.ts";
import { openWorld } from "./recovery-world.ts";

/** Has each call counted, and the process killed at the one that is named, when it was made or when it is answered. */
function kills(
  subject: object,
  prefix: string,
  names: readonly string[],
  point: string,
  moment: string,
): void {
  const counts = new Map<string, number>();
  for (const name of names) {
    const method = Reflect.get(subject, name) as (...args: unknown[]) => Promise<unknown>;
    Reflect.set(subject, name, async (...args: unknown[]) => {
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      const isHere = point === `${prefix}.${name} ${count}`;
      const work = method.apply(subject, args);
      if (isHere && moment === "made") process.kill(process.pid, "SIGKILL");
      const result = await work;
      if (isHere) process.kill(process.pid, "SIGKILL");
      return result;
    });
  }
}

const STORE_CALLS = ["writeMeta", "pruneSide", "truncateAbove", "append", "prepend"];

async function main(folder: string, deed: Deed, point: string, moment: string): Promise<void> {
  const world = await openWorld(folder);
  const kept = (await world.checkpoints.list()).find(({ height }) => height === RECOVERED_HEIGHT);
  kills(world.store, "store", STORE_CALLS, point, moment);
  kills(world.files, "shelf", ["write", "remove"], point, moment);
  if (deed === "CREATE") await world.checkpoints.create(CREATED_HEIGHT);
  else {
    await world.recover(deed, kept?.id ?? "");
    if (deed === "FAST" || deed === "SAFE") await world.backFill();
  }
  await world.close();
}

const [, , folder = "", deed = "", point = "", moment = ""] = process.argv;
if (folder !== "") await main(folder, deed as Deed, point, moment);
