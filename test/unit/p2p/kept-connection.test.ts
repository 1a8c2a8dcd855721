/** Both sides keep the same connection, whichever order they saw them open in. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keptOf } from "../../../src/p2p/kept-connection.ts";

const named = (name: string, ordinal: number, isDialledByUs: boolean) => ({ name, ordinal, isDialledByUs });

test("the connection that the smaller id dialled is kept; of one side's own the newest", () => {
  const connections = [named("ours", 1, true), named("theirs", 2, false), named("ours again", 3, true)];
  assert.equal(keptOf("a", "b", connections)?.name, "ours again");
  assert.equal(keptOf("b", "a", connections)?.name, "theirs");
  assert.equal(keptOf("b", "a", connections.slice(0, 1))?.name, "ours");
  assert.equal(keptOf("a", "b", []), undefined);
});

test("two sides agree on any set of connections, although those of both opened in another order to each", () => {
  const dialled = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(dialled, fc.infiniteStream(fc.nat(1)), (byA, shuffle) => {
      // Each side sees its own and the other's in the order in which they were dialled, but interleaved at will.
      const all = byA.map((isByA, index) => ({ isByA, index }));
      const own = all.filter(({ isByA }) => isByA);
      const others = all.filter(({ isByA }) => !isByA);
      const seen = (): typeof all => {
        const [left, right] = [[...own], [...others]];
        const order: typeof all = [];
        while (left.length + right.length > 0) {
          const isLeft = right.length === 0 || (left.length > 0 && shuffle.next().value === 0);
          order.push(...(isLeft ? left.splice(0, 1) : right.splice(0, 1)));
        }
        return order;
      };
      const atA = seen().map(({ isByA, index }, at) => named(`${index}`, at, isByA));
      const atB = seen().map(({ isByA, index }, at) => named(`${index}`, at, !isByA));
      assert.equal(keptOf("a", "b", atA)?.name, keptOf("b", "a", atB)?.name);
    }),
  );
});
