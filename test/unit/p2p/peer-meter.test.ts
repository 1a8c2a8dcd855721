/** A peer may do as much as its budgets say, and no more, whatever the times. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BUDGETS, type Measure, PeerMeter } from "../../../src/p2p/peer-meter.ts";

const MEASURES = Object.keys(BUDGETS) as Measure[];

describe("PeerMeter", () => {
  for (const measure of MEASURES) {
    test(`allows the burst of ${measure} at once and no more`, () => {
      const meter = new PeerMeter();
      assert.equal(meter.take(measure, BUDGETS[measure].burst, 1000), true);
      assert.equal(meter.take(measure, 1, 1000), false);
    });
  }

  test("regains what was taken, and not more than the burst", () => {
    const meter = new PeerMeter();
    const { burst, perSecond } = BUDGETS.streams;
    assert.equal(meter.take("streams", burst, 0), true);
    assert.equal(meter.take("streams", perSecond, 1000), true);
    assert.equal(meter.take("streams", burst + 1, 3_600_000), false);
    assert.equal(meter.take("streams", burst, 3_600_000), true);
  });

  test("counts one measure apart from the others", () => {
    const meter = new PeerMeter();
    meter.take("pingBytes", BUDGETS.pingBytes.burst, 0);
    assert.equal(meter.take("pushBytes", 1, 0), true);
  });

  test("never allows more than burst and rate together, whatever the times", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ waitMs: fc.nat(2000), amount: fc.integer({ min: 1, max: 400 }) }), {
          maxLength: 60,
        }),
        (steps) => {
          const meter = new PeerMeter();
          const { burst, perSecond } = BUDGETS.streams;
          let nowMs = 0;
          let taken = 0;
          for (const { waitMs, amount } of steps) {
            nowMs += waitMs;
            if (meter.take("streams", amount, nowMs)) taken += amount;
            assert.ok(taken <= burst + (nowMs * perSecond) / 1000 + 1e-6);
          }
        },
      ),
    );
  });
});
