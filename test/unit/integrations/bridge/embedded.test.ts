/** The embedded bridge. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EmbeddedBridge } from "../../../../src/integrations/bridge/embedded.ts";
import { MemoryLog } from "../../../../src/kernel/ports/log.ts";
import { bridgePortContract } from "../../../contract/bridge-port.ts";

bridgePortContract("EmbeddedBridge", () => {
  const log = new MemoryLog();
  const taken = () =>
    log.records.flatMap(({ message, fields }) =>
      message === "federation message" ? [String(fields["label"])] : [],
    );
  return Promise.resolve({ bridge: new EmbeddedBridge(log), taken });
});

test("EmbeddedBridge logs that a message came, not what it says", async () => {
  const log = new MemoryLog();
  const note = { memberKey: new Uint8Array(48), label: "pegout", content: new Uint8Array([1, 2, 3]) };
  await new EmbeddedBridge(log).deliver(note);
  assert.deepEqual(log.records[0]?.fields, { memberKey: "00".repeat(48), label: "pegout", bytes: 3 });
});
