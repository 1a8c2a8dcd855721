/**
 * Random histories of two hosts over real libp2p: connections are opened from either side and from both at once, doubled, closed
 * and reset. After each step gossip flows both ways within two heartbeats, and reaches those that are subscribed.
 */

import { after, before, describe, test } from "node:test";
import { seededRandom } from "../../src/kernel/ports/random.ts";
import { assertFlows, Doubled, part, type TransportName, until } from "./doubles-world.ts";

/** Over each transport: two hundred in all. */
const HISTORIES = 100;
const SEED = 20_261_130;

type Step = "one dials" | "two dials" | "both dial" | "close" | "reset";
const STEPS: readonly Step[] = [
  "one dials",
  "two dials",
  "both dial",
  "both dial",
  "close",
  "close",
  "reset",
];

for (const transport of ["tcp", "quic"] satisfies TransportName[]) {
  describe(`doubled connections over ${transport}`, () => {
    const one = new Doubled(SEED, transport);
    const two = new Doubled(SEED + 1, transport);

    before(async () => {
      await one.open();
      await two.open();
    });
    after(async () => {
      await Promise.all([one.host.close(), two.host.close()]);
    });

    test(`${HISTORIES} random histories of opens, doublings, resets and closes`, async (t) => {
      const random = seededRandom(SEED);
      const pick = <T>(of: readonly T[]): T => of[random.integer(of.length)] as T;
      let slowestMs = 0;
      for (let history = 0; history < HISTORIES; history++) {
        await part(one, two);
        const trace: string[] = [];
        for (let step = 0; step < 5; step++) {
          const chosen = one.to(two).length === 0 ? pick(STEPS.slice(0, 4)) : pick(STEPS);
          trace.push(chosen);
          await take(chosen, pick([one, two]), pick);
          await until(() => one.to(two).length === two.to(one).length, `${trace}: both know the same`);
          if (one.to(two).length === 0) continue;
          const what = `seed ${SEED}, history ${history}: ${trace}`;
          slowestMs = Math.max(slowestMs, await assertFlows(one, two, what));
        }
      }
      t.diagnostic(`gossip flowed again after ${Math.round(slowestMs)} ms at the latest`);
    });

    async function take(step: Step, side: Doubled, pick: <T>(of: readonly T[]) => T): Promise<void> {
      const other = side === one ? two : one;
      switch (step) {
        case "one dials":
          return one.dial(two);
        case "two dials":
          return two.dial(one);
        case "both dial":
          // One of them may find that the other's choice has closed it already.
          await Promise.allSettled([one.dial(two), two.dial(one)]);
          return;
        case "close":
          return pick(side.to(other)).close();
        case "reset":
          return pick(side.to(other)).abort(new Error("reset by the test"));
      }
    }
  });
}
