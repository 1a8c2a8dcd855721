/** Commands that cannot be taken back ask, and where nobody can be asked they want --yes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeService } from "../../../gen/alys/node/v1/node_pb.ts";
import { SyncService } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { runAlysctl } from "../../../src/cli/program.ts";
import { isDestructive } from "../../../src/cli/reference/destructive.ts";
import { MemoryTerminal } from "../../../src/cli/terminal.ts";
import { realClock } from "../../../src/kernel/ports/clock.ts";

/** Nobody listens there: whoever gets so far was not held back. */
const NOWHERE = ["--address", "unix:/nonexistent/alys.sock", "--timeout", "2s"];

const COMMANDS: readonly (readonly string[])[] = [
  ["node", "shutdown"],
  ["node", "drain"],
  ["tokens", "revoke", "abc"],
  ["call", "NodeService/Shutdown"],
  ["call", "alys.node.v1.NodeService/Drain"],
  ["call", "nodeservice/revokeToken", '{"id":"abc"}'],
  ["call", "SyncService/RecoverFromCheckpoint"],
];

async function run(args: readonly string[], terminal: MemoryTerminal): Promise<string> {
  const status = await runAlysctl([...NOWHERE, ...args], terminal, new AbortController().signal);
  assert.notEqual(status, 0);
  return terminal.errors.join("\n");
}

for (const command of COMMANDS) {
  test(`alysctl ${command.join(" ")} is not carried out without a yes`, async () => {
    assert.match(await run(command, new MemoryTerminal()), /Nobody can be asked here: with --yes/);
    for (const answer of ["", "n", "no", "yess"]) {
      const refused = await run(command, new MemoryTerminal(realClock, answer, true));
      assert.match(refused, /Go on\? \[y\/N\]/);
      assert.match(refused, /nothing was done/);
    }
    for (const answer of ["y", "YES", " yes "]) {
      const said = await run(command, new MemoryTerminal(realClock, answer, true));
      assert.doesNotMatch(said, /nothing was done/);
      assert.match(said, /UNAVAILABLE|cannot be reached|unix:/i);
    }
    const agreed = await run([...command, "--yes"], new MemoryTerminal());
    assert.doesNotMatch(agreed, /Go on|asked/);
  });
}

test("the table names methods that there are, and asks for nothing that can be undone", () => {
  for (const method of [...NodeService.methods, ...SyncService.methods]) {
    const isAsked = isDestructive(`${method.parent.name}/${method.name}`);
    const isKnown = ["RecoverFromCheckpoint", "RevokeToken", "Drain", "Shutdown"].includes(method.name);
    assert.equal(isAsked, isKnown, method.name);
  }
});
