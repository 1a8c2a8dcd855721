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

const child = (id: string) => ({ id, state: ChildState.RUNNING });

test("renderTree tells below the tree which processes are attached, how, and where they stand", () => {
  const hash = new Uint8Array(32).fill(0xab);
  const contradiction = { of: "head", height: 7n, theirHash: hash, ourHash: hash.map(() => 0xcd) };
  const root = create(ChildStatusSchema, {
    ...child("root"),
    children: [
      {
        ...child("chain"),
        attachment: { isAttached: true, instanceId: "c-1", head: { height: 1234n, hash }, contradiction },
      },
      { ...child("engine"), attachment: { isAttached: true, isPulled: true, instanceId: "e\u001b[2J" } },
      { ...child("bridge"), attachment: { isAttached: false } },
    ],
  });
  const [heading, chain, engine, why, ...rest] = renderTree(root).split("\n\n")[1]?.split("\n") ?? [];
  assert.match(heading ?? "", /^ATTACHED +STATE +HEAD +SINCE +INSTANCE$/);
  assert.match(chain ?? "", /^chain +diverged +1,234 {2}0xabababab… .*c-1$/);
  assert.match(engine ?? "", /^engine +pulls +- .*e\\u001b\[2J$/);
  const hashes = `0x${"ab".repeat(32)}, our block there is 0x${"cd".repeat(32)}`;
  assert.equal(why, `chain is on another chain: its head at height 7 is ${hashes}`);
  assert.deepEqual(rest, []);
});

test("renderTree says that nobody is attached, and nothing where the node does not tell", () => {
  const attachment = { isAttached: false };
  const told = create(ChildStatusSchema, { ...child("root"), children: [{ ...child("chain"), attachment }] });
  assert.match(renderTree(told), /\n\nno process is attached \(chain\)$/);
  const silent = create(ChildStatusSchema, { ...child("root"), children: [child("chain")] });
  assert.doesNotMatch(renderTree(silent), /attached/);
});
