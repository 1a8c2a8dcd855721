/** The tree of actors, drawn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ChildState, ChildStatusSchema } from "../../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { renderTree } from "../../../src/cli/supervisor.ts";

test("renderTree draws children below their supervisors", () => {
  const child = (id: string, restarts = 0n) => ({ id, state: ChildState.RUNNING, restarts });
  const root = create(ChildStatusSchema, {
    ...child("root"),
    strategy: "one_for_one",
    children: [
      { ...child("network"), strategy: "rest_for_one", children: [child("peer"), child("sync", 2n)] },
      { id: "node", state: ChildState.BACKING_OFF, lastFailure: "out of luck" },
    ],
  });
  const [, ...rows] = renderTree(root).split("\n");
  assert.deepEqual(
    rows.map((row) => row.slice(0, 26).trimEnd()),
    ["root (one_for_one)", "├─ network (rest_for_one)", "│  ├─ peer", "│  └─ sync", "└─ node"],
  );
  assert.match(rows[3] ?? "", /running +2 /);
  assert.match(rows[4] ?? "", /backing off .*out of luck$/);
});
