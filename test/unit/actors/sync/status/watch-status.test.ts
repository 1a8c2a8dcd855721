/** WatchSyncStatus: what counts as a change of the reason why synchronisation stands still. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { StallKind, SyncService, type SyncStatus } from "../../../../../gen/alys/sync/v1/sync_pb.ts";
import { TICK_MS } from "../../../../../src/actors/sync/config.ts";
import { stallMessage, stallNews } from "../../../../../src/actors/sync/status/stall-message.ts";
import { failure } from "../../../../../src/kernel/errors.ts";
import { forgeBlocks, SyncRig, silent } from "../sync-rig.ts";

const { pauseSync, resumeSync, watchSyncStatus } = SyncService.method;

/** What is told, with the clock of each. */
function watched(rig: SyncRig): { readonly status: SyncStatus; readonly atMs: number }[] {
  const told: { status: SyncStatus; atMs: number }[] = [];
  rig.cell.ref.watch(
    watchSyncStatus,
    {},
    {
      onMessage: ({ event }) => {
        if (event.case === "status")
          told.push({ status: event.value, atMs: rig.simulation.clock.monotonicMs() });
      },
      onEnd: () => undefined,
    },
  );
  return told;
}

test("WatchSyncStatus tells another note of the operator, though only a digit of it differs", async () => {
  const rig = new SyncRig(forgeBlocks(1).forge);
  const told = watched(rig);
  await rig.ask(rig.cell.ref.ask(pauseSync, { reason: "ticket 7" }));
  await rig.run(1_000);
  await rig.ask(rig.cell.ref.ask(pauseSync, { reason: "ticket 8" }));
  await rig.run(1_000);
  const notes = told.filter(({ status }) => status.isPaused).map(({ status }) => status.stall?.note);
  assert.deepEqual(notes, ["ticket 7", "ticket 8"]);
  await rig.stop();
});

test("WatchSyncStatus tells another kind of stall in the next tick, whatever it told just before", async () => {
  const rig = new SyncRig(forgeBlocks(1).forge);
  const told = watched(rig);
  await rig.run(1_000);
  for (let round = 0; round < 3; round++) {
    for (const kind of [StallKind.PAUSED, StallKind.NO_PROVEN_HEAD]) {
      const sinceMs = rig.simulation.clock.monotonicMs();
      const isPause = kind === StallKind.PAUSED;
      await rig.ask(rig.cell.ref.ask(isPause ? pauseSync : resumeSync, {}));
      await rig.run(TICK_MS);
      const last = told.at(-1);
      assert(last !== undefined && last.status.stall?.kind === kind, `round ${round}`);
      assert(last.atMs - sinceMs <= TICK_MS, `${last.atMs - sinceMs} ms later`);
    }
  }
  await rig.stop();
});

test("WatchSyncStatus is silent while only the time of a stall goes on", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge, { config: { requestDeadlineMs: 120_000 } });
  const told = watched(rig);
  rig.connect({ a: { blocks, behaviour: silent } });
  await rig.run(25_000);
  assert.equal(told.at(-1)?.status.stall?.kind, StallKind.HEAD_STANDS_STILL);
  const before = (await rig.status()).stall?.lastingMs ?? 0n;
  const { length } = told;
  await rig.run(30_000);
  assert(((await rig.status()).stall?.lastingMs ?? 0n) >= before + 30_000n);
  assert.equal(told.length, length);
  await rig.stop();
});

test("stallNews() changes with the cause and with what it is about, and not with attempts or times", () => {
  const head = { height: 9, slot: 9, hash: new Uint8Array(32).fill(1) };
  const news = (...reason: Parameters<typeof stallMessage>) => stallNews(stallMessage(...reason));
  const full = failure("RESOURCE_EXHAUSTED", "DISK_FULL", "12 bytes are left");
  const fuller = failure("RESOURCE_EXHAUSTED", "DISK_FULL", "11 bytes are left");
  const other = failure("INTERNAL", "DISK_FAILED", "12 bytes are left");
  const refused = news({ type: "importRefused", failure: full, attempts: 1 });
  assert.equal(news({ type: "importRefused", failure: fuller, attempts: 2 }), refused);
  assert.notEqual(news({ type: "importRefused", failure: other, attempts: 1 }), refused);
  assert.notEqual(news({ type: "validationFailed", failure: full, attempts: 1 }), refused);
  const unserved = news({ type: "headUnserved", head, retryMs: 5_000 });
  assert.equal(news({ type: "headUnserved", head, retryMs: 0 }), unserved);
  const twin = { ...head, hash: new Uint8Array(32).fill(2) };
  assert.notEqual(news({ type: "headUnserved", head: twin, retryMs: 5_000 }), unserved);
  assert.notEqual(news({ type: "headUnserved", head: { ...head, height: 8 }, retryMs: 0 }), unserved);
  const still = news({ type: "headStandsStill", forMs: 20_000, next: "downloading" });
  assert.equal(news({ type: "headStandsStill", forMs: 90_000, next: "downloading" }), still);
  assert.notEqual(news({ type: "headStandsStill", forMs: 20_000, next: undefined }), still);
  assert.equal(stallNews(undefined), "");
});
