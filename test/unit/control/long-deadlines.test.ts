/** Timeouts as callers write them, within what a timer takes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { boundedTimeout } from "../../../src/control/long-deadlines.ts";

test("boundedTimeout() caps what does not fit a timer, and leaves the rest as it is", () => {
  for (const short of ["5S", "99999999m", "596H", "1n", "0S", "nonsense", "123456789S", ""])
    assert.equal(boundedTimeout(short), short);
  for (const long of ["600H", "2160000S", "87600H", "99999999H", "35792M"])
    assert.equal(boundedTimeout(long), "2147483S");
});
