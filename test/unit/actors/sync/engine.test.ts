/** What keeps synchronisation going among slow, silent and greedy peers: hedging, stealing, quotas, modes, stalls. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Operation, SyncMode, SyncService, SyncState } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import {
  type OpenRequest,
  requestToSteal,
  TypicalDuration,
} from "../../../../src/actors/sync/range/hedge.ts";
import { QuotaLedger } from "../../../../src/actors/sync/range/quota.ts";
import { splitBlock } from "../../../../src/chain/block.ts";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { type Failure, failure } from "../../../../src/kernel/errors.ts";
import { RequestAdmission } from "../../../../src/p2p/admission.ts";
import { PROTOCOL_LIMITS, type Protocol } from "../../../../src/p2p/protocols.ts";
import { forgeBlocks, honest, SyncRig, silent } from "./sync-rig.ts";

const { startSync, watchOperation } = SyncService.method;

test("the ledger never asks for more than half, is never refused, and never stands still", () => {
  const waits = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 200, maxLength: 400 });
  fc.assert(
    fc.property(waits, (steps) => {
      const ledger = new QuotaLedger();
      const admission = new RequestAdmission();
      const { burst, refillMs } = PROTOCOL_LIMITS["blocks-by-range"];
      const sentMs: number[] = [];
      let nowMs = 1_000;
      for (const waitMs of steps) {
        nowMs += waitMs;
        while (ledger.has("a", "blocks-by-range", nowMs)) {
          ledger.take("a", "blocks-by-range", nowMs);
          assert.equal(admission.admit("a", "blocks-by-range", false, nowMs), "admitted");
          admission.release("a", "blocks-by-range");
          ledger.ended("a", "blocks-by-range");
          sentMs.push(nowMs);
        }
        const inWindow = sentMs.filter((at) => at > nowMs - refillMs).length;
        assert.ok(inWindow <= burst, `${inWindow} requests in a window`);
        // After one refill at the latest something may be sent again.
        assert.ok(ledger.has("a", "blocks-by-range", nowMs + refillMs));
      }
    }),
    { seed: 7, numRuns: 50 },
  );
});

test("the ledger has half of what a peer serves at once open, at least one request, whoever asks", () => {
  const ledger = new QuotaLedger();
  const open = (protocol: Protocol): number => {
    let count = 0;
    for (; ledger.has("a", protocol, 0); count++) ledger.take("a", protocol, 0);
    return count;
  };
  assert.equal(open("blocks-by-range"), PROTOCOL_LIMITS["blocks-by-range"].concurrentMax / 2);
  assert.equal(open("blocks-by-hash"), PROTOCOL_LIMITS["blocks-by-hash"].concurrentMax / 2);
  assert.equal(open("checkpoint"), 1);
  assert.ok(ledger.has("b", "checkpoint", 0), "another peer is asked as ever");
  ledger.ended("a", "checkpoint");
  assert.ok(ledger.has("a", "checkpoint", 0));
  ledger.ended("a", "checkpoint");
  assert.equal(open("checkpoint"), 1, "an end too many allows none more");
});

test("requestToSteal() takes the second request of a busy peer, not one that was sent just now", () => {
  const request = (requestId: number, peerId: string, sinceMs: number): OpenRequest => ({
    requestId,
    batchId: requestId,
    peerId,
    sinceMs,
  });
  const open = [request(1, "a", 0), request(2, "a", 0), request(3, "b", 0)];
  assert.equal(requestToSteal(open, ["c"], 1_000, 100)?.requestId, 2);
  assert.equal(requestToSteal(open, [], 1_000, 100), undefined);
  assert.equal(requestToSteal(open, ["c"], 50, 100), undefined);
  assert.equal(requestToSteal([request(3, "b", 0)], ["c"], 1_000, 100), undefined);
});

test("TypicalDuration follows what answers take, within bounds", () => {
  const typical = new TypicalDuration();
  assert.equal(typical.overdueMs, 4_000);
  for (let count = 0; count < 50; count++) typical.add(20);
  assert.equal(typical.overdueMs, 500);
  for (let count = 0; count < 50; count++) typical.add(60_000);
  assert.equal(typical.overdueMs, 5_000);
});

test("a silent peer's requests are asked of others long before their deadline, and it is left alone", async () => {
  const { forge, blocks } = forgeBlocks(1_000);
  const rig = new SyncRig(forge, { config: { requestDeadlineMs: 60_000 } });
  rig.connect({ a: { blocks, behaviour: silent, score: 100 }, b: { blocks }, c: { blocks } });
  await rig.run(8_000);
  assert.equal(rig.height, 1_000);
  assert.ok((rig.metrics?.get("requestsHedged") ?? 0) > 0);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("three silent peers of eight cost the others little", async () => {
  const { forge, blocks } = forgeBlocks(2_000);
  const took = async (bad: number): Promise<number> => {
    const rig = new SyncRig(forge, { config: { requestDeadlineMs: 60_000 } });
    for (let index = 0; index < 8; index++) {
      rig.connect({ [`p${index}`]: { blocks, behaviour: index < bad ? silent : honest, score: 50 } });
    }
    let ms = 0;
    for (; rig.height < 2_000 && ms < 60_000; ms += 100) await rig.run(100);
    await rig.stop();
    return ms;
  };
  const good = await took(0);
  const mixed = await took(3);
  assert.ok(mixed - good < 10_000, `${good} ms without them, ${mixed} ms with them`);
});

test("all peers empty for a range that exists: a stall with its reason within the bound, never synced", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge);
  const empty = () => [];
  rig.connect({ a: { blocks, behaviour: empty }, b: { blocks, behaviour: empty } });
  await rig.run(30_000);
  const status = await rig.status();
  assert.notEqual(status.state, SyncState.SYNCED);
  assert.match(status.reason, /no peer delivers|stalled/);
  await rig.stop();
});

test("a peer that never answers at all is a stall with its reason within the bound", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge, { config: { requestDeadlineMs: 120_000 } });
  rig.connect({ a: { blocks, behaviour: silent } });
  await rig.run(25_000);
  assert.match((await rig.status()).reason, /^stalled: the head stands still for \d+ s, .*downloaded$/);
  await rig.stop();
});

test("mode FEDERATION asks members alone for ranges", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge, { config: { isAutoStart: false } });
  rig.connect({ stranger: { blocks, score: 100 } });
  await rig.ask(rig.cell.ref.ask(startSync, { syncMode: SyncMode.FEDERATION }));
  await rig.run(5_000);
  assert.equal(rig.requests.length, 0);
  assert.equal((await rig.status()).mode, SyncMode.FEDERATION);
  rig.connect({ member: { blocks, memberKey: forge.authorities.keys[0]! } });
  await rig.run(3_000);
  assert.equal(rig.height, 300);
  assert.deepEqual(new Set(rig.requests.map(({ peerId }) => peerId)), new Set(["member"]));
  await rig.stop();
});

test("mode RECOVERY checks the store's tail first, then asks for one range at a time", async () => {
  const { forge, blocks } = forgeBlocks(400);
  const rig = new SyncRig(forge, { config: { isAutoStart: false } });
  rig.connect({ a: { blocks }, b: { blocks } });
  await rig.ask(rig.cell.ref.ask(startSync, { targetHeight: 200n }));
  await rig.run(3_000);
  assert.equal(rig.height, 200);
  rig.mostInFlight = 0;
  const { status } = await rig.ask(rig.cell.ref.ask(startSync, { syncMode: SyncMode.RECOVERY }));
  assert.match(status?.reason ?? "", /checking the store: at height 1$/);
  await rig.run(5_000);
  assert.equal(rig.height, 400);
  assert.equal(rig.mostInFlight, 1);
  await rig.stop();
});

test("mode RECOVERY names a damaged block, and asks nobody for anything", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge, {
    config: { isAutoStart: false },
    chain: (inner) =>
      new Proxy(inner, {
        get(target, name) {
          if (name === "readRange") {
            return (first: number, count: number, bytesMax: number) =>
              target.readRange(first, count, bytesMax).map((block, index) => {
                if (first + index === 77) block[100] = (block[100] ?? 0) ^ 1;
                return block;
              });
          }
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === "function" ? member.bind(target) : member;
        },
      }),
  });
  rig.connect({ a: { blocks } });
  await rig.ask(rig.cell.ref.ask(startSync, { targetHeight: 200n }));
  await rig.run(3_000);
  const asked = rig.requests.length;
  await rig.ask(rig.cell.ref.ask(startSync, { syncMode: SyncMode.RECOVERY }));
  await rig.run(3_000);
  const status = await rig.status();
  assert.equal(status.state, SyncState.FAILED);
  assert.match(status.reason, /^the store is damaged at height 77: /);
  assert.equal(rig.requests.length, asked);
  await rig.stop();
});

test("watchOperation() tells the present, progress and the end", async () => {
  const { forge, blocks } = forgeBlocks(300);
  const rig = new SyncRig(forge, { config: { isAutoStart: false } });
  const { operation } = await rig.ask(rig.cell.ref.ask(startSync, { targetHeight: 200n }));
  const seen: Operation[] = [];
  const ends: (Failure | undefined)[] = [];
  const watch = (id: string) =>
    rig.cell.ref.watch(
      watchOperation,
      { id },
      {
        onMessage: ({ event }) => {
          if (event.case === "snapshot" || event.case === "operation") seen.push(event.value);
        },
        onEnd: (reason) => ends.push(reason),
      },
    );
  const subscription = watch(operation!.id);
  watch("sync-unknown");
  rig.connect({ a: { blocks } });
  await rig.run(5_000);
  assert.equal(ends[0]?.code, "NOT_FOUND");
  assert.equal(seen[0]?.isDone, false);
  const last = seen.at(-1);
  assert.deepEqual(
    [last?.id, last?.isDone, last?.error, last?.progressPpm],
    [operation!.id, true, "", 1_000_000],
  );
  assert.ok(last?.ended !== undefined);
  subscription.close();
  await rig.stop();
});

test("GetSyncStatus tells how full the pools are, never above their bounds", async () => {
  const { forge, blocks } = forgeBlocks(600);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks }, b: { blocks } });
  let isBusy = false;
  for (let step = 0; step < 40; step++) {
    await rig.run(10);
    const { pools } = await rig.status();
    assert.ok(pools.length >= 7);
    for (const { name, used, bound } of pools) {
      assert.ok(used <= bound, `${name}: ${used} of ${bound}`);
      if (name === "requests" && used > 0n) isBusy = true;
    }
  }
  assert.ok(isBusy);
  await rig.stop();
});

test("an emergency is logged once when no block came for too long", async () => {
  const { forge, blocks } = forgeBlocks(100);
  const rig = new SyncRig(forge);
  rig.connect({ a: { blocks } });
  await rig.run(1_000);
  await rig.run(60_000);
  const told = rig.log.records.filter(({ message }) => message.startsWith("emergency"));
  assert.equal(told.length, 1);
  assert.equal(rig.metrics?.get("emergencies"), 1);
  await rig.stop();
});

test("a peer that rate-limits us is left alone for as long as it says, and never blamed", async () => {
  const { forge, blocks } = forgeBlocks(200);
  let isLimiting = true;
  const limited = failure("RESOURCE_EXHAUSTED", "RATE_LIMITED", "slow down", { retryDelayMs: 5_000 });
  const rig = new SyncRig(forge);
  rig.connect({
    a: { blocks, behaviour: (first, count, all) => (isLimiting ? limited : honest(first, count, all)) },
  });
  await rig.run(4_000);
  const asked = rig.requests.length;
  assert.ok(asked <= 2, `${asked} requests`);
  isLimiting = false;
  await rig.run(4_000);
  assert.equal(rig.height, 200);
  assert.deepEqual(rig.offences(), []);
  await rig.stop();
});

test("mode FULL: an approval that two segments of an answer share is verified with the one that it ends", async () => {
  const forge = ChainForge.of({ blocks: 200, signEvery: 1_000, endTimestampMs: 1_700_000_000_000 });
  const unsigned = 64;
  const blocks = Array.from({ length: 200 }, (_, index) => forge.next({}, index + 1 !== unsigned));
  const seams: (Uint8Array | undefined)[] = [];
  const rig = new SyncRig(forge, {
    config: { mode: "FULL", batchBlocks: 200 },
    validator: (inner) => ({
      validateSegment: (input, signal) => {
        seams.push(input.verifiedParentApproval);
        return inner.validateSegment(input, signal);
      },
      verifyApprovals: (checks) => inner.verifyApprovals(checks),
      verifySignatures: (checks) => inner.verifySignatures(checks),
      close: () => inner.close(),
    }),
  });
  rig.connect({ a: { blocks } });
  await rig.run(1_000);
  assert.equal(rig.height, 0);
  assert.match(rig.log.records.map(({ fields }) => fields["detail"]).join(), /block 64: .*signature/);
  assert.ok(rig.offences().length > 0 && rig.offences().every(({ peerId }) => peerId === "a"));
  const own = splitBlock(blocks[unsigned - 1]!).approval;
  assert.deepEqual(seams.slice(0, 2), [undefined, own]);
  await rig.stop();
});
