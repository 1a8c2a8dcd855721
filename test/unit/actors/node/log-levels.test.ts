/** LogLevels: set for ever or for a while, by actor, and back to what was before the first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LogLevels } from "../../../../src/actors/node/log-levels.ts";
import { Failure } from "../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";

function rig() {
  const clock = new FakeClock();
  const levels: Record<string, string> = { "": "info", peer: "info" };
  const made = new LogLevels({
    actors: () => ["peer"],
    set: (actor = "", level) => {
      if (!["debug", "info", "trace", "warn"].includes(level)) return undefined;
      const before = levels[actor];
      levels[actor] = level;
      return before;
    },
    after: (delayMs, run) => clock.setTimer(delayMs, run),
  });
  const set = (actor: string, level: string, lifetimeMs = 0) => {
    const answer = made.set(actor, level, lifetimeMs);
    return answer instanceof Failure ? answer.reason : answer.previousLevel;
  };
  return { clock, levels, set, made };
}

test("a level that is set for a while returns", () => {
  const { clock, levels, set } = rig();
  assert.equal(set("peer", "debug", 1_000), "info");
  assert.deepEqual(levels, { "": "info", peer: "debug" });
  clock.advance(1_000);
  assert.equal(levels["peer"], "info");
});

test("one on top of another returns to what was before the first, at the end of the last", () => {
  const { clock, levels, set } = rig();
  set("", "debug", 1_000);
  clock.advance(500);
  set("", "trace", 1_000);
  clock.advance(900);
  assert.equal(levels[""], "trace");
  clock.advance(100);
  assert.equal(levels[""], "info");
});

test("a level that is set for ever stays, whatever was set for a while before", () => {
  const { clock, levels, set } = rig();
  set("peer", "debug", 1_000);
  set("peer", "warn");
  clock.advance(10_000);
  assert.equal(levels["peer"], "warn");
});

test("a level of all ends what was set for a while for one", () => {
  const { clock, levels, set, made } = rig();
  set("peer", "debug", 1_000);
  set("", "warn");
  levels["peer"] = "warn";
  clock.advance(1_000);
  assert.equal(levels["peer"], "warn");
  set("", "trace", 1_000);
  made.forget("");
  clock.advance(1_000);
  assert.equal(levels[""], "trace");
  assert.equal(clock.pendingTimers, 0);
});

test("an unknown actor and an unknown level are refused", () => {
  const { levels, set } = rig();
  assert.equal(set("poor", "debug"), "ACTOR_UNKNOWN");
  assert.equal(set("peer", "loud", 10), "LOG_LEVEL_UNKNOWN");
  assert.deepEqual(levels, { "": "info", peer: "info" });
});
