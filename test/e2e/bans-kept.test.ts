/** Bans on a real disk: a burst of thousands is stored to the last one, and each is in force after a restart. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Offence } from "../../gen/alys/peer/v1/peer_pb.ts";
import { BanTable } from "../../src/actors/peer/ban-table.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { openLmdbStore } from "../../src/storage/lmdb-store.ts";

const BURST = 10_000;

test("ten thousand bans at once are all stored, none is refused by the store", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "alys-bans-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const open = () =>
    openLmdbStore({ folder: join(folder, "chain"), genesisHash: new Uint8Array(32).fill(7) });
  const store = await open();
  const bans = new BanTable(realClock, store.table("bans"));
  const evidence = new Uint8Array(32);
  const stored = Array.from({ length: BURST }, (_, made) =>
    bans.put({
      ...{ peerId: `made-up-${made}`, reason: "x", offence: Offence.FALSE_HEAD, evidence },
      durationMs: 43_200_000,
    }),
  ).map((put) => put?.stored);
  const outcomes = await Promise.allSettled(stored);
  assert.deepEqual(
    outcomes.filter(({ status }) => status === "rejected"),
    [],
  );
  assert.equal(bans.unsaved.count, 0);
  await store.close();
  const again = await open();
  t.after(() => again.close());
  const reread = new BanTable(realClock, again.table("bans"));
  assert.equal(reread.list().length, BURST);
  assert.equal(reread.allows("made-up-0"), false);
});
