/**
 * Real processes: an observer that is killed again and again while it synchronises, and whose operator stops and starts its
 * sync, is accused of nothing by any member.
 */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { PeerService } from "../../gen/alys/peer/v1/peer_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { pause } from "../../src/cli/localnet/processes.ts";
import { Failure } from "../../src/kernel/errors.ts";
import { connectTo, eventually, heightOf, linesOf, prepareNetwork } from "./local-network.ts";

const BLOCKS = 30_000;
const KILLS = 5;
const STOPS = 14;
const DEADLINE_MS = 120_000;

test("an observer that is killed, stopped and started while it synchronises has a reputation of 0 with all", async (t) => {
  const network = await prepareNetwork(t, 3, BLOCKS);
  await network.startMembers();
  const { name, configFile } = network.observer;
  const configuration = readFileSync(configFile, "utf8");
  // Small ranges: many requests are under way at each moment.
  const small = configuration.includes("[sync]")
    ? configuration.replace("[sync]", "[sync]\nbatch_blocks = 64")
    : `${configuration}\n[sync]\nbatch_blocks = 64\n`;
  writeFileSync(configFile, small);
  let own = await network.start(name);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const connection = connectTo(t, network.observer);
    const before = await heightOf(connection);
    // In the middle of its sync, or at once.
    await eventually(
      "blocks came",
      DEADLINE_MS,
      async () => kill % 2 === 1 || (await heightOf(connection)) > before,
    );
    await own.kill();
    own = await network.start(name);
  }
  const observer = connectTo(t, network.observer);
  const sync = observer.client(SyncService);
  const ask = (work: Promise<unknown>): Promise<unknown> =>
    work.catch((thrown: unknown) => assert.ok(thrown instanceof Failure, String(thrown)));
  for (let stop = 0; stop < STOPS; stop += 1) {
    await ask(sync.stopSync({ reason: "a drill" }, { deadlineMs: 10_000 }));
    await ask(sync.startSync({}, { deadlineMs: 10_000 }));
    await pause(100 + 40 * (stop % 5));
  }
  await eventually("the sync is complete", DEADLINE_MS, async () => (await heightOf(observer)) >= BLOCKS);

  const [{ peer: ownId } = { peer: "" }] = linesOf(network.members[0]!, "peer connected").filter(
    ({ peer }) => !network.members.some((member) => member.peerId === peer),
  );
  assert.ok(String(ownId) !== "", "the members know the observer");
  for (const member of network.members) {
    assert.deepEqual(linesOf(member, "peer offended"), []);
    assert.deepEqual(linesOf(member, "peer is banned"), []);
    const { peer } = await connectTo(t, member)
      .client(PeerService)
      .getPeerStatus({ peerId: String(ownId) });
    assert.equal(peer?.score?.reputation, 0);
  }
  assert.deepEqual(linesOf(network.observer, "peer offended"), [], "nor does it accuse anybody");
});
