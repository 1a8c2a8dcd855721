/** The embedded engine. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EmbeddedEngine } from "../../../../src/integrations/engine/embedded.ts";
import { enginePortContract } from "../../../contract/engine-port.ts";

enginePortContract("EmbeddedEngine", () => Promise.resolve(new EmbeddedEngine()));

test("EmbeddedEngine keeps the newest eight payloads", async () => {
  const engine = new EmbeddedEngine();
  const memberKey = new Uint8Array(48);
  const nameOf = (byte: number) => new Uint8Array(32).fill(byte);
  for (let byte = 0; byte < 9; byte++) {
    await engine.receivePayload({ memberKey, payloadHash: nameOf(byte), payload: Uint8Array.of(byte) });
  }
  await assert.rejects(engine.providePayload(memberKey, nameOf(0)), { reason: "PAYLOAD_UNKNOWN" });
  assert.deepEqual(await engine.providePayload(memberKey, nameOf(1)), Uint8Array.of(1));
});

test("EmbeddedEngine accepts 1 byte to 1 MiB", async () => {
  const engine = new EmbeddedEngine();
  const verdicts = [0, 1, 1024 * 1024, 1024 * 1024 + 1].map((length) => {
    return engine.validateTransaction(new Uint8Array(length), 1000);
  });
  assert.deepEqual(await Promise.all(verdicts), ["reject", "accept", "accept", "reject"]);
});
