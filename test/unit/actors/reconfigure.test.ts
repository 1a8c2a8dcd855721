/** Settings that change while the node runs: each actor takes them in by a turn of its own, also one that was restarted since. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerService } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { SyncMode, SyncService } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { onSettings } from "../../../src/kernel/actor/settings-turn.ts";
import { LiveSettings } from "../../../src/kernel/settings.ts";
import { World } from "./peer/rig.ts";
import { forgeBlocks, SyncRig, silent } from "./sync/sync-rig.ts";

test("a subscriber hears of each change, and none after it closed", () => {
  const settings = new LiveSettings({ size: 1 });
  const heard: number[] = [];
  const changes = settings.subscribe(({ size }) => heard.push(size));
  settings.replace({ size: 2 });
  assert.equal(settings.current.size, 2);
  changes.close();
  settings.replace({ size: 3 });
  assert.deepEqual(heard, [2]);
});

test("an actor takes a change in later, in a turn, and nothing more once it stopped", async () => {
  const settings = new LiveSettings(1);
  const controller = new AbortController();
  const taken: number[] = [];
  const context = {
    signal: controller.signal,
    effect: <W>(work: Promise<W>, done: (outcome: { ok: true; value: W }) => void): void =>
      void work.then((value) => done({ ok: true, value })),
  };
  onSettings(context, settings, (value) => taken.push(value));
  settings.replace(2);
  assert.deepEqual(taken, [], "not inside of the change");
  await Promise.resolve();
  assert.deepEqual(taken, [2]);
  controller.abort();
  settings.replace(3);
  await Promise.resolve();
  assert.deepEqual(taken, [2]);
});

test("SyncActor: more downloads are allowed, and they begin at once", async () => {
  const { forge, blocks } = forgeBlocks(2_000);
  const rig = new SyncRig(forge, { config: { maxParallelDownloads: 1 } });
  rig.connect(Object.fromEntries(["a", "b", "c", "d"].map((id) => [id, { blocks, behaviour: silent }])));
  await rig.run(400);
  assert.equal(rig.requests.length, 1);
  rig.settings.replace({ ...rig.settings.current, maxParallelDownloads: 4 });
  await rig.run(5);
  assert.equal(rig.requests.length, 4);
  await rig.stop();
});

test("SyncActor: the mode that is configured is that of the next start, of a recovery that was cut off too", async () => {
  const { forge, blocks } = forgeBlocks(100);
  const rig = new SyncRig(forge, { config: { isAutoStart: false, mode: "FAST" } });
  rig.connect({ a: { blocks } });
  rig.settings.replace({ ...rig.settings.current, mode: "FULL" });
  await rig.run(200);
  const answer = await rig.ask(rig.cell.ref.ask(SyncService.method.startSync, {}));
  assert.equal(answer.status?.mode, SyncMode.FULL);
  await rig.stop();
});

test("PeerActor: a smaller limit prunes, and a ban without a length lasts as long as is configured now", async () => {
  const world = new World();
  const one = await world.node({ config: { banDurationMs: 3_600_000 } });
  one.settings.replace({ ...one.settings.current, banDurationMs: 60_000 });
  await world.run(10);
  const banned = await world.node();
  await world.connect(banned, one);
  await world.drive(one.peer.ref.ask(PeerService.method.banPeer, { peerId: banned.id, reason: "a test" }));
  const { bans } = await world.drive(one.peer.ref.ask(PeerService.method.listBans, {}));
  const [ban] = bans;
  const lasting = Number(ban?.until?.seconds ?? 0n) * 1_000 - world.nowMs;
  assert.ok(lasting > 55_000 && lasting <= 61_000, `${lasting} ms`);
  const others = [await world.node(), await world.node(), await world.node()];
  for (const other of others) await world.connect(other, one);
  assert.equal((await one.connected()).size, 3);
  one.settings.replace({ ...one.settings.current, peersMax: 1 });
  await world.run(one.settings.current.healthCheckIntervalMs + 2_000);
  assert.equal((await one.connected()).size, 1);
});

test("a restarted actor begins with the settings that hold then", async () => {
  const world = new World();
  const one = await world.node({ config: { banDurationMs: 3_600_000 } });
  one.settings.replace({ ...one.settings.current, banDurationMs: 60_000 });
  await one.restartPeerActor();
  const other = await world.node();
  await world.drive(one.peer.ref.ask(PeerService.method.banPeer, { peerId: other.id, reason: "a test" }));
  const { bans } = await world.drive(one.peer.ref.ask(PeerService.method.listBans, {}));
  const lasting = Number(bans[0]?.until?.seconds ?? 0n) * 1_000 - world.nowMs;
  assert.ok(lasting <= 61_000, `${lasting} ms`);
});
