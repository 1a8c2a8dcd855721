/** The integrations in the tree: a store is opened again, a bounded number of times; a validator that gave up ends the supervisor. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Failure, failure } from "../../../src/kernel/errors.ts";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../src/kernel/ports/log.ts";
import { seededRandom } from "../../../src/kernel/ports/random.ts";
import type { Supervisor, SupervisorEvent } from "../../../src/kernel/supervision/supervisor.ts";
import { integrationsSupervisor } from "../../../src/node/integrations.ts";

const DIED = failure("UNAVAILABLE", "STORE_WRITER_DIED", "the writer ended");

class World {
  readonly clock = new FakeClock();
  readonly events: SupervisorEvent[] = [];
  readonly validator = Promise.withResolvers<Failure>();
  readonly supervisor: Supervisor;
  death = Promise.withResolvers<Failure>();
  reopened = 0;
  /** What opening again comes to. */
  refusal: Failure | undefined;

  constructor() {
    const world = this;
    const store = {
      get died() {
        return world.death.promise;
      },
      async reopen() {
        if (world.refusal !== undefined) throw world.refusal;
        world.reopened++;
        world.death = Promise.withResolvers<Failure>();
      },
    };
    const run = { clock: this.clock, random: seededRandom(1), log: silentLog };
    const validator = { gaveUp: this.validator.promise };
    this.supervisor = integrationsSupervisor(run, (event) => this.events.push(event), { store, validator });
  }

  child(id: string) {
    return this.supervisor.tree().children.find((each) => each.id === id);
  }

  /** The store's writer ends, and whatever follows from it. */
  async kill(): Promise<void> {
    this.death.resolve(DIED);
    for (let turn = 0; turn < 20; turn++) {
      await new Promise(setImmediate);
      await this.clock.advance(1_000);
    }
  }
}

describe("integrationsSupervisor", () => {
  it("opens a store again whose writer died, and tells of it", async () => {
    const world = new World();
    await world.supervisor.start();
    assert.equal(world.reopened, 0, "it was open");
    await world.kill();
    assert.equal(world.reopened, 1);
    assert.equal(world.supervisor.tree().state, "running");
    assert.deepEqual(
      [world.child("store")?.restarts, world.child("store")?.lastError],
      [1, "the writer ended"],
    );
    assert.equal(world.child("chain")?.restarts, 0);
    const told = world.events.filter(({ childId }) => childId === "store").map(({ kind }) => kind);
    assert.ok(told.includes("crashed") && told.at(-1) === "started", told.join());
  });

  it("gives up when it dies again and again", async () => {
    const world = new World();
    await world.supervisor.start();
    for (let count = 0; count < 4; count++) await world.kill();
    assert.equal(world.reopened, 3);
    assert.equal((await world.supervisor.escalated).childId, "store");
  });

  it("gives up with the reason when the store cannot be opened again", async () => {
    const world = new World();
    await world.supervisor.start();
    world.refusal = failure("DATA_LOSS", "DATABASE_CORRUPT", "the file is damaged");
    for (let count = 0; count < 4; count++) await world.kill();
    const { childId, failure: cause } = await world.supervisor.escalated;
    assert.equal(childId, "store");
    assert.match(cause.message, /damaged|ended/);
  });

  it("gives up with the cause when the validator does", async () => {
    const world = new World();
    await world.supervisor.start();
    const cause = failure("UNAVAILABLE", "NO_WORKERS", "it ended");
    world.validator.resolve(cause);
    const escalation = await world.supervisor.escalated;
    assert.equal(escalation.childId, "validator");
    assert.equal(escalation.failure, cause);
    assert.equal(world.child("validator")?.lastError, "it ended");
  });
});
