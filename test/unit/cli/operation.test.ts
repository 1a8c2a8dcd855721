/** Operations as progress. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { OperationSchema } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { operationProgress } from "../../../src/cli/operation.ts";
import { plainProgress, renderProgress } from "../../../src/cli/progress.ts";

test("operationProgress shows kind, percents and what is being done", () => {
  const half = create(OperationSchema, {
    kind: "RecoverFromCheckpoint",
    progressPpm: 505_000,
    detail: "scanning",
  });
  assert.equal(plainProgress(operationProgress(half)), "RecoverFromCheckpoint  50.5 %  50 / 100  scanning");
  assert.match(renderProgress(operationProgress(half), 79), /█/);
  const done = create(OperationSchema, { kind: "StartSync", isDone: true });
  assert.match(plainProgress(operationProgress(done)), /100\.0 %/);
  const failed = create(OperationSchema, {
    kind: "StartSync",
    isDone: true,
    error: "no peers",
    progressPpm: 10,
  });
  assert.match(plainProgress(operationProgress(failed)), / 0\.0 %/);
});
