/** The integrations in the tree: whichever of them ends by itself ends the supervisor, with its cause. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Failure, failure } from "../../../src/kernel/errors.ts";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../src/kernel/ports/log.ts";
import { seededRandom } from "../../../src/kernel/ports/random.ts";
import type { SupervisorEvent } from "../../../src/kernel/supervision/supervisor.ts";
import { integrationsSupervisor } from "../../../src/node/integrations.ts";

describe("integrationsSupervisor", () => {
  for (const id of ["store", "validator"] as const) {
    it(`gives up with the cause when the ${id} ends by itself`, async () => {
      const end = Promise.withResolvers<Failure>();
      const events: SupervisorEvent[] = [];
      const run = { clock: new FakeClock(), random: seededRandom(1), log: silentLog };
      const supervisor = integrationsSupervisor(run, (event) => events.push(event), { [id]: end.promise });
      await supervisor.start();
      assert.equal(supervisor.tree().state, "running");

      const cause = failure("UNAVAILABLE", "STORE_WRITER_DIED", "it ended");
      end.resolve(cause);
      const escalation = await supervisor.escalated;
      assert.equal(escalation.childId, id);
      assert.equal(escalation.failure, cause);
      const tree = supervisor.tree();
      assert.equal(tree.state, "escalated");
      assert.equal(tree.children.find((child) => child.id === id)?.lastError, "it ended");
      assert.ok(events.some(({ kind, childId }) => kind === "crashed" && childId === id));
    });
  }
});
