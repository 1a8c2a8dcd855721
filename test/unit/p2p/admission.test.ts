/** Admission of inbound requests: rates, numbers, and what is forgotten. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  REQUESTS_PER_SECOND_MAX,
  REQUESTS_SERVING_MAX,
  RequestAdmission,
} from "../../../src/p2p/admission.ts";
import { levelOf } from "../../../src/p2p/fair-shares.ts";
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
  for (let index = 0; index < burst; index += 1) assert.equal(ask(0), "refused");
  assert.equal(ask(0), "flooding");
  assert.equal(ask(refillMs / burst), "admitted");
  assert.equal(ask(refillMs / burst), "refused", "patience is regained");

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

/** Callers that ask evenly, for 30 s; the share of each one's requests that was admitted, and how often it flooded. */
function crowd(rates: readonly number[]): { readonly admitted: number; readonly flooding: number }[] {
  const admission = new RequestAdmission();
  const asked = rates.flatMap((rate, caller) =>
    Array.from({ length: rate * 30 }, (_, index) => ({ caller, atMs: (index * 1000) / rate + caller * 0.3 })),
  );
  const told = rates.map(() => ({ admitted: 0, refused: 0, flooding: 0 }));
  for (const { caller, atMs } of asked.sort((left, right) => left.atMs - right.atMs)) {
    const answer = admission.admit(`peer-${caller}`, "blocks-by-range", false, atMs);
    told[caller]![answer] += 1;
    if (answer === "admitted") admission.release(`peer-${caller}`, "blocks-by-range");
  }
  return told.map(({ admitted, flooding }, caller) => ({
    admitted: admitted / (rates[caller]! * 30),
    flooding,
  }));
}

test("admit gives each peer its share: callers within their own limit do not starve one that asks for less", () => {
  for (const callers of [4, 8, 9, 12, 20, 40]) {
    const rates = [16, ...Array.from({ length: callers }, () => 62)];
    const [honest, ...gang] = crowd(rates);
    const equal = Math.min(1, (0.85 * REQUESTS_PER_SECOND_MAX) / rates.length / 16);
    assert.ok(honest!.admitted >= 0.97 * equal, `${callers} callers: ${honest!.admitted} of ${equal}`);
    assert.equal(honest!.flooding, 0);
    for (const { flooding } of gang) assert.equal(flooding, 0, "nobody above its own limit");
  }
});

test("admit lets a peer at its own limit never flood, whatever others do, and one above it soon", () => {
  assert.equal(crowd([64, ...Array.from({ length: 30 }, () => 200)])[0]!.flooding, 0);
  const [above] = crowd([180]);
  assert.ok(above!.flooding > 1000);
});

test("levelOf() fills what there is, and everybody below the level has all that it wants", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 500 }),
      (wants, total) => {
        const level = levelOf(wants, total);
        const sum = wants.reduce((all, want) => all + want, 0);
        if (level === Number.POSITIVE_INFINITY) return assert.ok(sum <= total);
        const given = wants.reduce((all, want) => all + Math.min(want, level), 0);
        assert.ok(
          sum > total && given <= total + wants.length && given >= Math.min(total, sum) - wants.length,
        );
      },
    ),
  );
});
