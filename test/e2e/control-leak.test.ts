/** Readers that come and go, and clients that vanish, leave no stream, no handle and no listener. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { subscribeAndLeave, subscribeAndVanish } from "../../bench/control/come-and-go.ts";
import { until, world } from "./control-world.ts";

/** Handles of this process by kind; timers come and go with the clock of others. */
function handles(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== "Timeout" && kind !== "Immediate") counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function listeners(): number {
  return process.eventNames().reduce((sum, event) => sum + process.listenerCount(event), 0);
}

test("five hundred readers that leave and a hundred clients that vanish leave nothing behind", async (t) => {
  const { control, probe } = await world(t);
  const address = control.address ?? "";
  const comeAndGo = async (share: number): Promise<void> => {
    await subscribeAndLeave(address, 500 * share);
    await subscribeAndVanish(address, 100 * share);
    await until(() => control.liveCalls === 0 && probe.readers() === 0);
  };
  await comeAndGo(0.1);
  const before = { handles: handles(), listeners: listeners() };
  await comeAndGo(1);
  await until(() => JSON.stringify(handles()) === JSON.stringify(before.handles));
  assert.equal(listeners(), before.listeners);
});
