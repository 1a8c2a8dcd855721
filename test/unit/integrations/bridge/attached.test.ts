/** The bridge port with an attached BridgeActor and without one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { BridgeServiceAttachRequestSchema } from "../../../../gen/alys/integration/v1/integration_pb.ts";
import { AttachHub } from "../../../../src/integrations/attach/hub.ts";
import { AttachedBridge } from "../../../../src/integrations/bridge/attached.ts";
import { EmbeddedBridge } from "../../../../src/integrations/bridge/embedded.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { MemoryLog, silentLog } from "../../../../src/kernel/ports/log.ts";
import { settleMicrotasks } from "../../../../src/kernel/ports/scheduler.ts";
import { bridgePortContract } from "../../../contract/bridge-port.ts";
import { attachProcess, pullProcess } from "../attach/stub-process.ts";

for (const [way, attach] of [
  ["by a stream", attachProcess],
  ["by pulling", pullProcess],
] as const) {
  bridgePortContract(`AttachedBridge ${way}`, async () => {
    const point = { height: 0, hash: new Uint8Array(32) };
    const parts = { name: "bridge", genesisHash: point.hash, clock: new FakeClock(), log: silentLog };
    const hub = new AttachHub({ ...parts, progress: () => ({ head: point, final: point }) });
    const labels: string[] = [];
    attach(hub, BridgeServiceAttachRequestSchema, ({ value }) => {
      labels.push((value as { label: string }).label);
      return { case: "federationMessage", value: { reply: new Uint8Array(2) } };
    });
    await settleMicrotasks();
    assert.equal(hub.isAttached, true);
    return { bridge: new AttachedBridge(hub, new EmbeddedBridge(silentLog)), taken: () => labels };
  });
}

const note = { memberKey: new Uint8Array(48).fill(1), label: "peg-out", content: new Uint8Array([1, 2, 3]) };

test("AttachedBridge delivers to the attached process, to the embedded twin without one", async () => {
  const point = { height: 0, hash: new Uint8Array(32) };
  const parts = { name: "bridge", genesisHash: point.hash, clock: new FakeClock(), log: silentLog };
  const hub = new AttachHub({ ...parts, progress: () => ({ head: point, final: point }) });
  const log = new MemoryLog();
  const bridge = new AttachedBridge(hub, new EmbeddedBridge(log));
  await bridge.deliver(note);
  assert.equal(log.records.length, 1);
  const got: object[] = [];
  const kill = attachProcess(hub, BridgeServiceAttachRequestSchema, ({ value }) => {
    got.push(value);
    return got.length === 1
      ? { case: "federationMessage", value: {} }
      : { case: "error", value: { code: 8, message: "full" } };
  });
  await settleMicrotasks();
  await bridge.deliver(note);
  const { memberKey, label, content: message } = note;
  assert.deepEqual(got, [{ memberKey, label, message }]);
  assert.equal(log.records.length, 1);
  await assert.rejects(bridge.deliver(note), { code: "RESOURCE_EXHAUSTED", reason: "ATTACHED_FAILED" });
  kill();
  await settleMicrotasks();
  await bridge.deliver(note);
  assert.equal(log.records.length, 2);
  await bridge.close();
});
