/** What is said of a node that has no block yet, and of one that has. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { SyncState, SyncStatusSchema } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { plainProgress } from "../../../src/cli/progress.ts";
import { syncFields } from "../../../src/cli/sync.ts";
import { syncProgress } from "../../../src/cli/sync-progress.ts";

const status = (height: bigint, progressPpm: number) =>
  create(SyncStatusSchema, {
    state: SyncState.SYNCED,
    head: { height, hash: new Uint8Array(32) },
    target: { height, hash: new Uint8Array(32) },
    progressPpm,
    headAgeMs: 5_000n,
  });

test("of nothing there is no part, and genesis has no age", () => {
  const text = plainProgress(syncProgress(status(0n, 1_000_000)));
  assert.doesNotMatch(text, /%|old/);
  assert.deepEqual(
    syncFields(status(0n, 1_000_000)).find(([name]) => name === "head age"),
    ["head age", "-"],
  );
});

test("a head is shown with its part of the whole and its age", () => {
  const text = plainProgress(syncProgress(status(7n, 1_000_000)));
  assert.match(text, /100\.0 %.*7 \/ 7.*head 5 s old/);
});
