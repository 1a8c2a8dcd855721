/** The supervisor's actor: tree, orders and their codes, dead letters as a list and as a stream, faults. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  ChildState,
  Fault,
  RestartActorResponseSchema,
  SupervisorService,
  type WatchDeadLettersResponse,
} from "../../../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { type SupervisorActorParts, supervisorActor } from "../../../../src/actors/supervisor/actor.ts";
import { actorCell } from "../../../../src/kernel/actor/cell.ts";
import { failure } from "../../../../src/kernel/errors.ts";
import type { SupervisorTree } from "../../../../src/kernel/supervision/child.ts";
import { assertFailed, see, world } from "../../kernel/probe-actor.ts";

const { getTree, restartActor, stopActor, listDeadLetters, injectFault, watchDeadLetters } =
  SupervisorService.method;

const COUNTS = { handled: 9, refused: 1, dropped: 2, expired: 3, crashes: 4, slow: 5 };

const TREE: SupervisorTree = {
  name: "root",
  strategy: "one_for_one",
  state: "running",
  children: [
    {
      ...{ id: "sync", state: "running", restarts: 2, startedAtMs: 1_000, lastError: "broken", epoch: 7 },
      ...{ mailboxDepth: 3, mailboxBytes: 768, isSuspended: true, isResponsive: false, pingMs: 1.5 },
      counts: COUNTS,
    },
    { id: "peer", state: "waiting", restarts: 0, startedAtMs: undefined, lastError: undefined },
  ],
};

function start(parts: Partial<SupervisorActorParts> = {}) {
  const made = world();
  const { deadLetters } = made.environment;
  const cell = actorCell(
    supervisorActor({
      tree: () => TREE,
      lag: () => ({ p50Ms: 1, p99Ms: 2, maxMs: 3 }),
      restart: async () => undefined,
      stop: async () => undefined,
      inject: (id) => id === "sync",
      deadLetters,
      isFaultInjectionAllowed: true,
      ...parts,
    }),
    made.environment,
  );
  return { ...made, cell, running: cell.child.start(), deadLetters };
}

test("getTree() tells of every child how it is, and of the loop how late it is", async () => {
  const { cell, simulation } = start();
  const seen = see(cell.ref.ask(getTree, {}));
  await simulation.settle();
  const root = seen.value?.root;
  assert.equal(root?.eventLoopLag?.p99Ms, 2);
  const [sync, peer] = root?.children ?? [];
  assert.equal(sync?.state, ChildState.SUSPENDED);
  assert.equal(sync?.isResponsive, false);
  assert.equal(sync?.pingMs, 1.5);
  assert.equal(sync?.mailboxBytes, 768n);
  assert.equal(sync?.counts?.expired, 3n);
  assert.equal(sync?.lastFailure, "broken");
  assert.equal(peer?.state, ChildState.BACKING_OFF);
  assert.equal(peer?.isResponsive, false);
});

test("restartActor() and stopActor() answer what the supervisor answers", async () => {
  const aborted = failure("ABORTED", "RESTART_UNDER_WAY", "not now");
  const refuse = async (id: string) => (id === "sync" ? undefined : aborted);
  const { cell, simulation } = start({ restart: refuse, stop: refuse });
  const seen = ["sync", "peer"].flatMap((id) => [
    see(cell.ref.ask(restartActor, { id })),
    see(cell.ref.ask(stopActor, { id })),
  ]);
  const itself = see(cell.ref.ask(stopActor, { id: "supervisor" }));
  await simulation.settle();
  assert.deepEqual(seen[0]?.value, create(RestartActorResponseSchema, { epoch: 7n }));
  assert.equal(seen[1]?.failure, undefined);
  assertFailed(seen[2], "ABORTED", "RESTART_UNDER_WAY");
  assertFailed(seen[3], "ABORTED", "RESTART_UNDER_WAY");
  assertFailed(itself, "FAILED_PRECONDITION", "CANNOT_STOP_ITSELF");
});

test("injectFault() needs permission, a fault that is known and an actor of this name", async () => {
  const { cell, simulation } = start();
  const done = see(cell.ref.ask(injectFault, { id: "sync", fault: Fault.HANG }));
  const none = see(cell.ref.ask(injectFault, { id: "sync" }));
  const nobody = see(cell.ref.ask(injectFault, { id: "nobody", fault: Fault.CRASH }));
  await simulation.settle();
  assert.equal(done.failure, undefined);
  assertFailed(none, "INVALID_ARGUMENT", "FAULT_UNKNOWN");
  assertFailed(nobody, "NOT_FOUND", "NO_SUCH_CHILD");
  const strict = start({ isFaultInjectionAllowed: false });
  const refused = see(strict.cell.ref.ask(injectFault, { id: "sync", fault: Fault.CRASH }));
  await strict.simulation.settle();
  assertFailed(refused, "FAILED_PRECONDITION", "FAULTS_NOT_ALLOWED");
});

test("dead letters are listed newest first, and watched: the newest, then each new one", async () => {
  const { cell, simulation, deadLetters, running } = start();
  deadLetters.record("sync", "a.B.C", "actor_down", "c-1");
  deadLetters.record("sync", "a.B.D", "expired", "c-2");
  const heard: WatchDeadLettersResponse["event"][] = [];
  cell.ref.watch(watchDeadLetters, {}, { onMessage: ({ event }) => heard.push(event), onEnd: () => {} });
  const listed = see(cell.ref.ask(listDeadLetters, { pageSize: 1 }));
  await simulation.settle();
  deadLetters.record("peer", "a.B.E", "crashed", "c-3");
  await simulation.settle();
  assert.equal(listed.value?.total, 2n);
  assert.deepEqual(
    listed.value?.deadLetters.map(({ correlationId }) => correlationId),
    ["c-2"],
  );
  assert.deepEqual(
    heard.map((event) => event.case),
    ["snapshot", "deadLetter"],
  );
  assert.equal(heard[1]?.case === "deadLetter" && heard[1].value.reason, "crashed");
  // A life that ended observes no more: the next one may.
  for (let lives = 0; lives < 100; lives++) {
    cell.crash(new Error("broken"));
    cell.child.start();
  }
  await simulation.settle();
  assert.ok(running !== undefined);
});
