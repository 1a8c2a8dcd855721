/** The SyncActor over a chain whose ChainActor is another process that goes away. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ProductionCondition } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { AttachHub } from "../../../../src/integrations/attach/hub.ts";
import { AttachedChain } from "../../../../src/integrations/chain/attached/attached.ts";
import type { EmbeddedChain } from "../../../../src/integrations/chain/embedded/embedded.ts";
import type { Clock } from "../../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../../src/kernel/ports/log.ts";
import { FakeClient } from "../../integrations/attach/fake-client.ts";
import { hashOfBlock } from "../../integrations/chain/segments.ts";
import { forgeBlocks, SyncRig } from "./sync-rig.ts";

/** The rig makes its clock after we are asked for the chain. */
function lateClock(): Clock & { inner: Clock | undefined } {
  const clock = {
    inner: undefined as Clock | undefined,
    nowMs: () => clock.inner?.nowMs() ?? 0,
    monotonicMs: () => clock.inner?.monotonicMs() ?? 0,
    coarseMs: () => clock.inner?.coarseMs() ?? 0,
    setTimer: (delayMs: number, run: () => void) => {
      assert(clock.inner !== undefined);
      return clock.inner.setTimer(delayMs, run);
    },
  };
  return clock;
}

/** A node of 600 blocks to get, and a required ChainActor that is attached. */
function required() {
  const { forge, blocks } = forgeBlocks(600);
  const clock = lateClock();
  const hubs: AttachHub[] = [];
  const chainOf = (inner: EmbeddedChain): AttachedChain => {
    const { genesisHash } = inner.facts;
    const hub = new AttachHub({
      name: "chain",
      genesisHash,
      clock,
      log: silentLog,
      progress: () => inner.snapshot(),
    });
    hubs.push(hub);
    return new AttachedChain({ chain: inner, hub, isRequired: true, clock, log: silentLog });
  };
  const rig = new SyncRig(forge, { config: { batchBlocks: 16, maxParallelDownloads: 1 }, chain: chainOf });
  clock.inner = rig.simulation.clock;
  const [hub = assert.fail("the rig asks for the chain")] = hubs;
  const client = new FakeClient();
  client.attach(hub);
  rig.connect({ a: { blocks }, b: { blocks } });
  return { rig, hub, client };
}

test("SyncActor stands still while a required ChainActor is away for a minute, blames nobody, and goes on within 2 s", async () => {
  const { rig, hub, client } = required();
  while (rig.height < 100) await rig.run(20);
  client.vanish();
  await rig.run(1_000);
  const stoodAt = rig.height;
  assert(stoodAt < 600, `the sync was still under way, at ${stoodAt}`);
  await rig.run(60_000);
  assert.equal(rig.height, stoodAt);
  assert.deepEqual(rig.offences(), []);
  const { unmet } = await rig.production();
  assert(unmet.some(({ condition }) => condition === ProductionCondition.CHAIN));

  client.attach(hub);
  await rig.run(2_000);
  assert(rig.height > stoodAt, `at ${rig.height} 2 s after the client was back`);
  while (rig.height < 600) await rig.run(500);
  await rig.run(500);
  assert.equal(client.blocks.length, 600);
  assert.deepEqual(rig.offences(), []);
  client.vanish();
  await rig.stop();
});

test("SyncActor and production wait while a required ChainActor contradicts the chain, and say in what", async () => {
  const { rig, client } = required();
  while (rig.height < 100) await rig.run(20);
  const reported = (hash: Uint8Array): void => {
    client.say({ message: { case: "heartbeat", value: { head: { height: 50n, hash } } } });
  };
  reported(new Uint8Array(32).fill(0xee));
  await rig.run(1_000);
  const stoodAt = rig.height;
  assert(stoodAt < 600, `the sync was still under way, at ${stoodAt}`);
  await rig.run(20_000);
  assert.equal(rig.height, stoodAt);
  const said = new RegExp(`its head at height 50 is ${"ee".repeat(32)}, our block there is [0-9a-f]{64}`);
  assert.match((await rig.status()).reason, said);
  const { unmet } = await rig.production();
  const chain = unmet.find(({ condition }) => condition === ProductionCondition.CHAIN);
  assert.match(chain?.detail ?? "", said);
  reported(hashOfBlock(client.blocks[49] ?? assert.fail("it has block 50")));
  while (rig.height < 600) await rig.run(500);
  assert.deepEqual(rig.offences(), []);
  client.vanish();
  await rig.stop();
});
