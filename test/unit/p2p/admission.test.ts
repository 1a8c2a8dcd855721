/** Admission of inbound requests: rates, numbers, and what is forgotten. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  REQUESTS_PER_SECOND_MAX,
  REQUESTS_SERVING_MAX,
  RequestAdmission,
} from "../../../src/p2p/admission.ts";
import { PROTOCOL_LIMITS } from "../../../src/p2p/protocols.ts";

test("admit allows the burst, then the rate, then loses patience", () => {
  const admission = new RequestAdmission();
  const { burst, refillMs } = PROTOCOL_LIMITS.status;
  const ask = (nowMs: number): string => {
    const answer = admission.admit("peer", "status", false, nowMs);
    if (answer === "admitted") admission.release("peer", "status");
    return answer;
  };
  for (let index = 0; index < burst; index += 1) assert.equal(ask(0), "admitted");
  for (let index = 0; index < 2 * burst; index += 1) assert.equal(ask(0), "refused");
  assert.equal(ask(0), "flooding");
  assert.equal(ask(refillMs / burst), "admitted");
  assert.equal(ask(refillMs / burst), "refused");
  assert.equal(admission.admit("other", "status", false, refillMs / burst), "admitted");
});

test("admit bounds what is served at once, per peer and altogether, but keeps room for reserved peers", () => {
  const admission = new RequestAdmission();
  const { concurrentMax } = PROTOCOL_LIMITS.checkpoint;
  for (let index = 0; index < concurrentMax; index += 1) {
    assert.equal(admission.admit("peer", "checkpoint", false, 0), "admitted");
  }
  assert.equal(admission.admit("peer", "checkpoint", false, 0), "refused");
  for (let index = admission.serving; index < REQUESTS_SERVING_MAX; index += 1) {
    assert.equal(admission.admit(`peer-${index}`, "status", false, 0), "admitted");
  }
  assert.equal(admission.admit("one more", "status", false, 0), "refused");
  assert.equal(admission.admit("member", "federation", true, 0), "admitted");
});

test("admit bounds all peers together", () => {
  const admission = new RequestAdmission();
  let admitted = 0;
  for (let index = 0; index < 2 * REQUESTS_PER_SECOND_MAX; index += 1) {
    if (admission.admit(`peer-${index}`, "status", false, 0) !== "admitted") continue;
    admission.release(`peer-${index}`, "status");
    admitted += 1;
  }
  assert.equal(admitted, REQUESTS_PER_SECOND_MAX);
});

test("release of what was never admitted changes nothing, and many peers are forgotten", () => {
  const admission = new RequestAdmission();
  admission.release("nobody", "status");
  assert.equal(admission.serving, 0);
  for (let index = 0; index < 20_000; index += 1) {
    if (admission.admit(`peer-${index}`, "goodbye", false, index * 10) === "admitted") {
      admission.release(`peer-${index}`, "goodbye");
    }
  }
  assert.equal(admission.serving, 0);
  assert.equal(admission.refused, 0);
});
