/** What unfinished messages may hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UNFINISHED_LIMITS, Unfinished, UnfinishedMessage } from "../../../src/control/unfinished.ts";

const begin = (unfinished: Unfinished, holder: string, isAnonymous = false): UnfinishedMessage => {
  const begun = unfinished.begin(holder, isAnonymous);
  assert.ok(begun instanceof UnfinishedMessage);
  return begun;
};

test("a holder has a share of the bytes, whatever the size of its chunks, and others have theirs", () => {
  for (const chunk of [1, 16_384, 4_000_000]) {
    const unfinished = new Unfinished();
    let bytes = 0;
    let refusal: object | undefined;
    while (refusal === undefined) {
      const message = begin(unfinished, "a");
      for (let sent = 0; sent < 4_000_000 && refusal === undefined; sent += chunk) {
        refusal = message.add(chunk);
        bytes += chunk;
      }
    }
    assert.ok(bytes <= UNFINISHED_LIMITS.bytes * UNFINISHED_LIMITS.share + chunk);
    assert.equal(begin(unfinished, "b").add(4_000_000), undefined);
  }
});

test("calls, too; what ends makes room, once", () => {
  const unfinished = new Unfinished({ ...UNFINISHED_LIMITS, calls: 32 });
  const held = Array.from({ length: 16 }, () => begin(unfinished, "a"));
  assert.ok(!(unfinished.begin("a", false) instanceof UnfinishedMessage));
  held[0]?.add(100);
  held[0]?.end();
  held[0]?.end();
  held[0]?.add(100);
  begin(unfinished, "a");
  assert.ok(!(unfinished.begin("a", false) instanceof UnfinishedMessage));
  for (const one of held) one.end();
  assert.deepEqual(unfinished.size, { calls: 1, bytes: 0 });
});

test("anonymous callers have little of everything together", () => {
  const unfinished = new Unfinished({ ...UNFINISHED_LIMITS, calls: 32 });
  const one = begin(unfinished, "anonymous", true);
  begin(unfinished, "anonymous", true);
  assert.ok(!(unfinished.begin("anonymous", true) instanceof UnfinishedMessage));
  assert.equal(one.add(UNFINISHED_LIMITS.anonymousBytes), undefined);
  assert.equal(one.add(1)?.reason, "REQUEST_TOO_LARGE");
});
