/** Refused calls cannot fill the log. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RefusalLines } from "../../../src/control/refusals.ts";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import type { Fields } from "../../../src/kernel/ports/log.ts";

test("a window has twenty lines, the next one begins with how many were left out", () => {
  const clock = new FakeClock();
  const lines: [string, Fields | undefined][] = [];
  const log = { warn: (message: string, fields?: Fields) => lines.push([message, fields]) } as never;
  const refusals = new RefusalLines(log, clock);
  for (let call = 0; call < 1_000; call++) refusals.write({ call });
  assert.equal(lines.length, 20);
  clock.advance(10_000);
  refusals.write({ call: 1_000 });
  assert.deepEqual(lines.slice(20), [
    ["more control calls were refused", { calls: 980 }],
    ["control call refused", { call: 1_000 }],
  ]);
  clock.advance(10_000);
  refusals.write({ call: 1_001 });
  assert.equal(lines.length, 23);
});
