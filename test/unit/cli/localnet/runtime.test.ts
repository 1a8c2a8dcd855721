/** Nodes of a local network run as bin/launch.sh runs one. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { RUNTIME_ENVIRONMENT, RUNTIME_FLAGS } from "../../../../src/cli/localnet/processes.ts";

test("the launcher gives the same flags and environment", () => {
  const launcher = readFileSync(new URL("../../../../bin/launch.sh", import.meta.url), "utf8");
  const [, command = ""] = /^exec "\$node" (.*)$/m.exec(launcher) ?? [];
  for (const flag of RUNTIME_FLAGS) assert.ok(command.split(" ").includes(flag), flag);
  for (const [name, value] of Object.entries(RUNTIME_ENVIRONMENT)) {
    assert.ok(launcher.includes(`export ${name}="\${${name}:-${value}}"`), name);
  }
});
