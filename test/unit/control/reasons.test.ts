/** Every reason that a failure of the node carries is documented in alys.actor.v1.Reason. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReasonSchema } from "../../../gen/alys/actor/v1/reason_pb.ts";
import { reasonsInProto, reasonsInSources } from "../../../scripts/reasons.ts";

test("alys.actor.v1.Reason has every reason of the sources; node scripts/reasons.ts adds what is missing", () => {
  const known = reasonsInProto();
  assert.deepEqual([...reasonsInSources().keys()].filter((reason) => !known.has(reason)).sort(), []);
});

test("the generated enum is that of the proto", () => {
  const generated = ReasonSchema.values.map(({ name }) => name.replace("REASON_", ""));
  assert.deepEqual(new Set(generated.slice(1)), reasonsInProto());
});
