/** SetLogLevel through the NodeActor itself: with the timers of an incarnation, as the node has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeActor } from "../../../../src/actors/node/actor.ts";
import { ActorTimers } from "../../../../src/kernel/actor/timers.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";

test("a level that is set for a while through the actor returns", () => {
  const clock = new FakeClock();
  const levels: Record<string, string> = { sync: "info" };
  const setLogLevel = (actor = "", level: string) => {
    const before = levels[actor];
    levels[actor] = level;
    return before;
  };
  const parts = { actors: () => ["sync"], setLogLevel, tokens: {}, config: {}, profiler: {} } as never;
  const timers = new ActorTimers(clock, (run) => run());
  const actor = nodeActor(parts).create({ clock, timers } as never);
  const request = { actor: "sync", level: "debug", lifetimeMs: 1_000n } as never;
  assert.deepEqual(actor.handlers.setLogLevel(request, {} as never), { previousLevel: "info" });
  assert.equal(levels["sync"], "debug");
  clock.advance(1_000);
  assert.equal(levels["sync"], "info");
});
