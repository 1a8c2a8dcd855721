/** Two connections of one pair over real libp2p: whichever closes, gossip goes on over the other, and one is kept. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import { assertFlows, Doubled, part, type TransportName, until } from "./doubles-world.ts";

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

    for (const [closed, ends] of [
      ["the first is closed", "first"],
      ["the second is closed", "second"],
      ["the first is reset", "first"],
      ["the second is reset", "second"],
    ] as const) {
      test(`gossip goes on when ${closed} of two`, async () => {
        for (const closer of [one, two]) {
          await part(one, two);
          await one.dial(two);
          await assertFlows(one, two, "over one connection");
          const identified = [one.identified, two.identified] as const;
          await two.dial(one);
          await until(
            () => one.identified > identified[0] && two.identified > identified[1],
            "the second connection is identified",
          );
          await until(() => one.to(two).length === 2 && two.to(one).length === 2, "two connections");
          const other = closer === one ? two : one;
          const connection = closer.to(other)[ends === "first" ? 0 : 1];
          assert.ok(connection !== undefined);
          if (closed.endsWith("reset")) connection.abort(new Error("reset by the test"));
          else await connection.close();
          await assertFlows(one, two, closed);
        }
      });
    }

    test("both dial at once: gossip flows, and both keep the same one connection", async () => {
      for (let round = 0; round < 4; round++) {
        await part(one, two);
        await Promise.all([one.dial(two), two.dial(one)]);
        await assertFlows(one, two, "both dialled");
        await until(() => one.to(two).length === 1 && two.to(one).length === 1, "one connection is kept");
        await assertFlows(one, two, "one is kept");
        const smaller = one.host.peerId < two.host.peerId ? one : two;
        const larger = smaller === one ? two : one;
        assert.equal(smaller.to(larger)[0]?.direction, "outbound", "the smaller id's own is kept");
      }
    });

    test("a request that runs on a surplus connection ends before it is closed", async () => {
      await part(one, two);
      await two.dial(one);
      await one.dial(two);
      const answer = await one.host.request(two.host.peerId, "status", Uint8Array.of(1), {
        firstByteDeadlineMs: 5000,
        deadlineMs: 8000,
        responseBytesMax: 64,
        chunkBytesMax: 64,
        chunksMax: 1,
      });
      assert.deepEqual(answer, [Uint8Array.of(1)]);
      await until(() => one.to(two).length === 1 && two.to(one).length === 1, "one connection is kept");
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
