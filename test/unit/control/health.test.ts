/** The board of what serves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthCheckResponse_ServingStatus as Status } from "../../../gen/grpc/health/v1/health_pb.ts";
import { HealthBoard } from "../../../src/control/health.ts";

test("services serve from the start unless something else was said before", () => {
  const board = new HealthBoard();
  board.set("b", false);
  board.add("a");
  board.add("b");
  assert.deepEqual(board.entries(), [
    ["", Status.SERVING],
    ["b", Status.NOT_SERVING],
    ["a", Status.SERVING],
  ]);
  assert.equal(board.get("c"), undefined);
});

test("listeners hear changes only, until they stop", () => {
  const board = new HealthBoard();
  const heard: string[] = [];
  const stop = board.listen((service) => heard.push(service));
  board.set("a", true);
  board.set("a", true);
  board.set("a", false);
  stop();
  board.set("a", true);
  assert.deepEqual(heard, ["a", "a"]);
  assert.equal(board.listeners, 0);
});

test("shutDown is for good", () => {
  const board = new HealthBoard();
  board.add("a");
  board.shutDown();
  board.set("a", true);
  board.set("", true);
  assert.deepEqual(
    board.entries().map(([, status]) => status),
    [Status.NOT_SERVING, Status.NOT_SERVING],
  );
});
