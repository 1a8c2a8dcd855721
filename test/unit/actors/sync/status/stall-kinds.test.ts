/** Every StallKind is brought about by a situation of the running SyncActor, with its numbers and its words. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { StallKind } from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import { kindName, SITUATIONS } from "./stall-situations.ts";

for (const [name, situation] of Object.entries(SITUATIONS)) {
  test(`SyncStatus names ${name} with its numbers and words`, async () => {
    const { status, fields, words } = await situation();
    assert(status.stall !== undefined, `"${status.reason}"`);
    assert.equal(kindName(status.stall.kind), name, status.reason);
    assert.partialDeepStrictEqual(status.stall, fields);
    assert.match(status.reason, words);
  });
}

test("there is a situation for every StallKind", () => {
  assert.deepEqual(["UNSPECIFIED", ...Object.keys(SITUATIONS)], Object.keys(StallKind));
});
