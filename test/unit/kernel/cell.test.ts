/** The cell: asks and tells, every way a message can end, crashes, stops, and refs that survive restarts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actorCell } from "../../../src/kernel/cell.ts";
import type { Deferred } from "../../../src/kernel/deferred.ts";
import { failure } from "../../../src/kernel/errors.ts";
import { later } from "../../../src/kernel/protocol.ts";
import { ProbeInternalService, ProbeService } from "./probe.ts";
import { assertFailed, probeDefinition, see, startProbe, world } from "./probe-actor.ts";

const { control, normal, bulk, lossy, consensus } = ProbeService.method;

test("ask() resolves with the handler's answer", async () => {
  const { cell, simulation } = startProbe();
  const seen = see(cell.ref.ask(normal, { value: 1 }));
  await simulation.settle();
  assert.equal(seen.value?.value, 2);
});
