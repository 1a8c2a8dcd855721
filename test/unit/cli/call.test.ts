/** Methods by their name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SyncService } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { findMethod } from "../../../src/cli/reference/services.ts";
import { Failure } from "../../../src/kernel/errors.ts";

test("findMethod takes full, short and local names", () => {
  for (const name of ["alys.sync.v1.SyncService/GetBlock", "SyncService/GetBlock", "syncservice/getBlock"]) {
    assert.equal(findMethod(name), SyncService.method.getBlock, name);
  }
});

test("findMethod names what there is", () => {
  const noService = findMethod("Nothing/At");
  assert.ok(noService instanceof Failure && noService.message.includes("SyncService"));
  const noMethod = findMethod("SyncService/Fly");
  assert.ok(noMethod instanceof Failure && noMethod.message.includes("GetSyncStatus"));
});
