/** The embedded engine. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EmbeddedEngine } from "../../../../src/integrations/engine/embedded.ts";

test("EmbeddedEngine accepts 1 byte to 1 MiB", async () => {
  const engine = new EmbeddedEngine();
  const verdicts = [0, 1, 1024 * 1024, 1024 * 1024 + 1].map((length) => {
    return engine.validateTransaction(new Uint8Array(length), 1000);
  });
  assert.deepEqual(await Promise.all(verdicts), ["reject", "accept", "accept", "reject"]);
});
