/** The engine port with an attached EngineActor and without one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EngineServiceAttachRequestSchema,
  type TransactionVerdict,
} from "../../../../gen/alys/integration/v1/integration_pb.ts";
import { toHex } from "../../../../src/chain/hex.ts";
import { AttachHub } from "../../../../src/integrations/attach/hub.ts";
import { AttachedEngine } from "../../../../src/integrations/engine/attached.ts";
import { EmbeddedEngine } from "../../../../src/integrations/engine/embedded.ts";
import { TRANSACTION_BYTES_MAX } from "../../../../src/integrations/engine/port.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../../src/kernel/ports/log.ts";
import { settleMicrotasks } from "../../../../src/kernel/ports/scheduler.ts";
import { enginePortContract } from "../../../contract/engine-port.ts";
import { attachProcess, pullProcess } from "../attach/stub-process.ts";

function place() {
  const clock = new FakeClock();
  const point = { height: 0, hash: new Uint8Array(32) };
  const progress = () => ({ head: point, final: point });
  const genesisHash = new Uint8Array(32);
  const hub = new AttachHub({ name: "engine", genesisHash, clock, log: silentLog, progress });
  return { clock, hub, engine: new AttachedEngine(hub, new EmbeddedEngine()) };
}

enginePortContract("AttachedEngine with nobody attached", () => Promise.resolve(place().engine));

for (const [way, attach] of [
  ["by a stream", attachProcess],
  ["by pulling", pullProcess],
] as const) {
  enginePortContract(`AttachedEngine ${way}`, async () => {
    const { hub, engine } = place();
    const payloads = new Map<string, Uint8Array>();
    attach(hub, EngineServiceAttachRequestSchema, (call) => {
      const value = call.value as { payloadHash: Uint8Array; payload: Uint8Array };
      switch (call.case) {
        case "validateTransaction":
          return { case: "validateTransaction", value: { verdict: 1 } };
        case "receivePayload":
          payloads.set(toHex(value.payloadHash), value.payload.slice());
          return { case: "receivePayload", value: {} };
        default: {
          const payload = payloads.get(toHex(value.payloadHash));
          if (payload === undefined) return { case: "error", value: { code: 5, message: "unknown" } };
          return { case: "providePayload", value: { payload } };
        }
      }
    });
    await settleMicrotasks();
    assert.equal(hub.isAttached, true);
    return engine;
  });
}

test("AttachedEngine tells who a transaction came from, as far as it is known", async () => {
  const { hub } = place();
  const known = { address: "/ip4/10.0.0.1/tcp/1", reputation: -3 };
  const engine = new AttachedEngine(hub, new EmbeddedEngine(), (peerId) =>
    peerId === "known" ? known : undefined,
  );
  const sources: unknown[] = [];
  attachProcess(hub, EngineServiceAttachRequestSchema, ({ value }) => {
    sources.push((value as { source?: object }).source);
    return verdictOf(1);
  });
  await settleMicrotasks();
  for (const peerId of ["known", "other", undefined]) {
    await engine.validateTransaction(Uint8Array.of(1), 100, peerId);
  }
  assert.deepEqual(sources, [{ peerId: "known", ...known }, { peerId: "other" }, undefined]);
});

const verdictOf = (verdict: TransactionVerdict) => ({ case: "validateTransaction", value: { verdict } });

test("AttachedEngine asks the embedded check alone while nobody is attached", async () => {
  const { engine } = place();
  assert.equal(await engine.validateTransaction(new Uint8Array(1), 100), "accept");
  assert.equal(await engine.validateTransaction(new Uint8Array(), 100), "reject");
  await engine.close();
});

test("AttachedEngine gives the attached process the last word, but not what can never be carried", async () => {
  const { hub, engine } = place();
  const asked: number[] = [];
  attachProcess(hub, EngineServiceAttachRequestSchema, ({ value }) => {
    const { transaction } = value as { transaction: Uint8Array };
    asked.push(transaction.length);
    return verdictOf(transaction.length as TransactionVerdict);
  });
  await settleMicrotasks();
  const verdicts = await Promise.all(
    [0, 1, 2, 3, 4, TRANSACTION_BYTES_MAX + 1].map((length) =>
      engine.validateTransaction(new Uint8Array(length), 100),
    ),
  );
  assert.deepEqual(verdicts, ["reject", "accept", "ignore", "reject", "ignore", "reject"]);
  assert.deepEqual(asked, [1, 2, 3, 4]);
});

test("AttachedEngine rejects UNAVAILABLE when the process is lost, DEADLINE_EXCEEDED when it is silent, then goes on alone", async () => {
  const { clock, hub, engine } = place();
  const kill = attachProcess(hub, EngineServiceAttachRequestSchema, () => undefined);
  await settleMicrotasks();
  const late = assert.rejects(engine.validateTransaction(new Uint8Array(1), 100), {
    code: "DEADLINE_EXCEEDED",
  });
  await settleMicrotasks();
  clock.advance(100);
  await late;
  const lost = assert.rejects(engine.validateTransaction(new Uint8Array(1), 100), { code: "UNAVAILABLE" });
  await settleMicrotasks();
  kill();
  await lost;
  assert.equal(hub.isAttached, false);
  assert.equal(await engine.validateTransaction(new Uint8Array(1), 100), "accept");
});
