/** Attach over the real control plane: an EngineActor that answers, one too many, and one that is killed. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EngineService, TransactionVerdict } from "../../gen/alys/integration/v1/integration_pb.ts";
import { type Connection, connect } from "../../src/cli/client.ts";
import { startControl } from "../../src/control/server.ts";
import { AttachHub } from "../../src/integrations/attach/hub.ts";
import { AttachedEngine } from "../../src/integrations/engine/attached.ts";
import { EmbeddedEngine } from "../../src/integrations/engine/embedded.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { silentLog } from "../../src/kernel/ports/log.ts";
import { folder } from "./control-world.ts";

async function place(t: TestContext) {
  const point = { height: 7, hash: new Uint8Array(32).fill(7) };
  const parts = { name: "engine", genesisHash: new Uint8Array(32), clock: realClock, log: silentLog };
  const hub = new AttachHub({ ...parts, progress: () => ({ head: point, final: point }) });
  const control = await startControl({
    services: [{ service: EngineService, attach: hub.handler }],
    unixSocket: join(folder(t), "control.sock"),
    reflection: false,
    log: silentLog,
    clock: realClock,
  });
  assert(control.unixAddress !== undefined);
  return {
    hub,
    control,
    address: control.unixAddress,
    engine: new AttachedEngine(hub, new EmbeddedEngine()),
  };
}

function attach(connection: Connection, instanceId: string) {
  const controller = new AbortController();
  const duplex = connection.duplex(EngineService.method.attach, { signal: controller.signal });
  const value = { protocolVersion: 1, instanceId, creditCalls: 8, creditBytes: 1_000_000n };
  duplex.send({ message: { case: "hello", value } });
  return { duplex, frames: duplex.responses[Symbol.asyncIterator](), kill: () => controller.abort() };
}

/** Resolves when a process attached, or is gone. */
function changed(hub: AttachHub): Promise<boolean> {
  return new Promise((resolve) => {
    const leave = hub.listen((isAttached) => {
      leave();
      resolve(isAttached);
    });
  });
}

test("Attach carries calls and answers over gRPC, refuses a second process, and notices a killed one", async (t) => {
  const { hub, control, address, engine } = await place(t);
  const [one, two] = [connect(address), connect(address)];
  const { duplex, frames, kill } = attach(one, "one");
  const welcome = await frames.next();
  assert.equal(welcome.done === false && welcome.value.message.case, "welcome");
  const verdict = engine.validateTransaction(new Uint8Array([1, 2, 3]), 5_000);
  const call = await frames.next();
  assert(call.done === false && call.value.message.case === "validateTransaction");
  assert.deepEqual([...call.value.message.value.transaction], [1, 2, 3]);
  const { callId } = call.value;
  const value = { verdict: TransactionVerdict.REJECT };
  duplex.send({ callId, message: { case: "validateTransaction", value } });
  assert.equal(await verdict, "reject");

  await assert.rejects(attach(two, "two").frames.next(), { code: "ALREADY_EXISTS", reason: "ATTACH_TAKEN" });
  assert.equal(hub.isAttached, true);

  const lost = assert.rejects(engine.validateTransaction(new Uint8Array(1), 5_000), { code: "UNAVAILABLE" });
  const gone = changed(hub);
  const ended = assert.rejects(async () => {
    for (;;) if ((await frames.next()).done === true) throw new Error("ended");
  });
  kill();
  one.close();
  assert.equal(await gone, false);
  await Promise.all([lost, ended]);
  assert.equal(control.liveCalls, 0);
  two.close();
  await control.close();
});
