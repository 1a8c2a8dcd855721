/** When the observer counts as synced and following, and what is said when it does not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SyncState, SyncStatusSchema } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { hasFollowed, isLevel, shortfall } from "../../../../src/cli/localnet/observer.ts";

const status = (init: MessageInitShape<typeof SyncStatusSchema>) => create(SyncStatusSchema, init);

test("hasFollowed wants the state and five live blocks", () => {
  const following = { state: SyncState.SYNCED, blocksFollowed: 5n };
  assert.ok(hasFollowed(status(following)));
  assert.ok(!hasFollowed(status({ ...following, blocksFollowed: 4n })));
  assert.ok(!hasFollowed(status({ ...following, state: SyncState.CATCH_UP })));
});

test("isLevel allows for one block on its way, and wants a member's word", () => {
  assert.ok(isLevel(100n, [100n, 101n, 99n]));
  assert.ok(!isLevel(100n, [100n, 102n]));
  assert.ok(!isLevel(100n, []));
});

test("shortfall says what is missing", () => {
  const head = { height: 90n };
  const text = shortfall(status({ state: SyncState.BLOCKS, head, blocksFollowed: 2n, reason: "no peers" }), [
    100n,
  ]);
  assert.match(text, /blocks \(no peers\) at height 90, members are at 100; it followed 2 live blocks of 5/);
  assert.match(shortfall(undefined, []), /never told/);
  assert.match(shortfall(status({}), []), /no member answers/);
});
