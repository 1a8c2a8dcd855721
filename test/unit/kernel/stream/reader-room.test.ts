/** Places of a stream's readers: the node's own, those of each account, and those of administrators. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReaderRoom } from "../../../../src/kernel/stream/subscription.ts";

const of = (account: string | undefined, isAdministrator = false) => ({ account, isAdministrator });

/** How many places are given before one is refused, and the refusal's reason. */
function fill(room: ReaderRoom, who: ReturnType<typeof of> | undefined): [number, string | undefined] {
  for (let taken = 0; ; taken++) {
    const refusal = room.enter(who);
    if (refusal !== undefined) return [taken, refusal.reason];
  }
}

test("an account has a quarter of the places, and gets back what it leaves", () => {
  const room = new ReaderRoom(8);
  assert.deepEqual(fill(room, of("a")), [2, "TOO_MANY_READERS_OF_PRINCIPAL"]);
  room.leave(of("a"));
  assert.equal(room.enter(of("a")), undefined);
  assert.deepEqual(fill(room, of("b")), [2, "TOO_MANY_READERS_OF_PRINCIPAL"]);
});

test("the smallest stream has one place an account", () => {
  assert.deepEqual(fill(new ReaderRoom(1), of("a")), [1, "TOO_MANY_READERS"]);
  assert.deepEqual(fill(new ReaderRoom(2), of("a")), [1, "TOO_MANY_READERS_OF_PRINCIPAL"]);
});

test("when outsiders took every place, the node reads on, and so do administrators and the owner", () => {
  const room = new ReaderRoom(8);
  for (const account of ["a", "b", "c", "d"]) assert.equal(fill(room, of(account))[0], 2);
  assert.equal(room.enter(of("e"))?.reason, "TOO_MANY_READERS");
  assert.deepEqual(fill(room, of("admin", true)), [2, "TOO_MANY_READERS_OF_PRINCIPAL"]);
  assert.deepEqual(fill(room, of(undefined, true)), [14, "TOO_MANY_READERS"]);
  assert.deepEqual(fill(room, undefined), [64, "TOO_MANY_READERS"]);
  room.leave(undefined);
  assert.equal(room.enter(undefined), undefined);
});
