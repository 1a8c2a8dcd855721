/** What attached processes are told: the present when they attach, then what happens in the chain and above it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  BridgeServiceAttachRequestSchema,
  ChainServiceAttachRequestSchema,
  EngineServiceAttachRequestSchema,
} from "../../../gen/alys/integration/v1/integration_pb.ts";
import { ProductionStage, SyncChange } from "../../../gen/alys/integration/v1/notice_pb.ts";
import {
  EquivocationSchema,
  SyncService,
  SyncState,
  SyncStatusSchema,
} from "../../../gen/alys/sync/v1/sync_pb.ts";
import { EMPTY_BODY, encodeBody, joinBlock, splitBlock } from "../../../src/chain/block.ts";
import { sha256 } from "../../../src/chain/hash.ts";
import { AttachHub } from "../../../src/integrations/attach/hub.ts";
import { AttachedBridge } from "../../../src/integrations/bridge/attached.ts";
import { EmbeddedBridge } from "../../../src/integrations/bridge/embedded.ts";
import { AttachedChain } from "../../../src/integrations/chain/attached/attached.ts";
import { AttachedEngine } from "../../../src/integrations/engine/attached.ts";
import { EmbeddedEngine } from "../../../src/integrations/engine/embedded.ts";
import { silentLog } from "../../../src/kernel/ports/log.ts";
import { settleMicrotasks } from "../../../src/kernel/ports/scheduler.ts";
import type { StreamReader } from "../../../src/kernel/stream/reader.ts";
import { FederationChannel } from "../../../src/node/federation-channel.ts";
import { Notices, pegsOf } from "../../../src/node/notices.ts";
import { StreamClient } from "../integrations/attach/clients.ts";
import { ChainRig, quickForge, run, segmentOf } from "../integrations/chain/segments.ts";

/** A ref of which only `watch` is used. */
class FakeRef {
  readonly readers: StreamReader<unknown>[] = [];
  closed = 0;

  watch(_method: unknown, _request: unknown, reader: StreamReader<unknown>) {
    this.readers.push(reader);
    return {
      close: () => {
        this.closed++;
      },
    };
  }

  tell(event: object): void {
    this.readers.at(-1)?.onMessage({ event });
  }
}

class Place {
  readonly rig = new ChainRig(quickForge(3));
  readonly sync = new FakeRef();
  readonly blocks = new FakeRef();
  readonly producer = new FakeRef();
  readonly chain: AttachedChain;
  readonly clients: Readonly<Record<"chain" | "engine" | "bridge", StreamClient>>;
  readonly notices: Notices;

  constructor() {
    const { rig } = this;
    const { clock } = rig;
    const { genesisHash } = rig.facts;
    const progress = () => rig.chain.snapshot();
    const hubOf = (name: string) => new AttachHub({ name, genesisHash, clock, log: silentLog, progress });
    const hubs = { chain: hubOf("chain"), engine: hubOf("engine"), bridge: hubOf("bridge") };
    this.chain = new AttachedChain({
      chain: rig.chain,
      hub: hubs.chain,
      isRequired: false,
      clock,
      log: silentLog,
    });
    const ownKey = rig.forge.authorities.keys[1];
    const channel = new FederationChannel({ chain: this.chain, clock, ownKey, changed: () => {} });
    const engine = new AttachedEngine(hubs.engine, new EmbeddedEngine());
    const bridge = new AttachedBridge(hubs.bridge, new EmbeddedBridge(silentLog));
    this.notices = new Notices({ chain: this.chain, hubs, engine, bridge, channel, clock, ownKey });
    const sync = {
      watch: (method: object, request: object, reader: StreamReader<unknown>) =>
        (method === SyncService.method.watchBlocks ? this.blocks : this.sync).watch(method, request, reader),
    };
    this.notices.connect({ sync: sync as never, producer: this.producer as never });
    this.clients = {
      chain: new StreamClient(hubs.chain, ChainServiceAttachRequestSchema),
      engine: new StreamClient(hubs.engine, EngineServiceAttachRequestSchema),
      bridge: new StreamClient(hubs.bridge, BridgeServiceAttachRequestSchema),
    };
  }

  async attach(): Promise<void> {
    for (const client of Object.values(this.clients)) await client.attach({ creditCalls: 256 });
  }

  async import(blocks: readonly Uint8Array[]): Promise<void> {
    const outcome = this.chain.importSegment(segmentOf(blocks));
    await this.rig.scheduler.runUntilIdle();
    await settleMicrotasks();
    await outcome;
  }

  /** Cases that the client was told since the last time. */
  told(who: "chain" | "engine" | "bridge"): { case: string; value: object }[] {
    const frames = this.clients[who].frames.splice(0);
    return frames.filter(({ callId }) => callId === 0n).map(({ message }) => message);
  }

  kinds(who: "chain" | "engine" | "bridge"): string[] {
    return this.told(who).map((message) => message.case);
  }
}

test("who attaches is told the present first", async () => {
  const place = new Place();
  await place.attach();
  assert.deepEqual(place.kinds("chain"), ["head", "authorities"]);
  assert.deepEqual(place.kinds("engine"), ["head"]);
  const [authorities, federation] = place.told("bridge");
  assert.equal((authorities as { value: { keys: object[] } }).value.keys.length, 3);
  type Status = { quorum: number; members: { isSelf: boolean }[] };
  const { status } = (federation as { value: { status: Status } }).value;
  assert.equal(status.quorum, 2);
  assert.deepEqual(
    status.members.map(({ isSelf }) => isSelf),
    [false, true, false],
  );
});

test("the chain's events go to chain and engine, a reorganization with what it reverted", async () => {
  const place = new Place();
  const { forge } = place.rig;
  await place.attach();
  place.kinds("chain");
  place.kinds("engine");
  await place.import(run(forge, 2));
  assert.deepEqual(place.kinds("engine"), ["head"]);
  assert.deepEqual(place.kinds("chain"), ["head"]);
  const late = forge.fork().next({ skippedSlots: 3 });
  await place.import([late]);
  place.told("chain");
  await place.import([forge.fork().next({ skippedSlots: 1 })]);
  const [head] = place.told("chain");
  const { value } = head as { value: { blocksReverted: number; commonHeight: bigint } };
  assert.deepEqual([value.blocksReverted, value.commonHeight], [1, 2n]);
});

test("a turn of synchronisation is told once to chain, engine and bridge", async () => {
  const place = new Place();
  await place.attach();
  for (const who of ["chain", "engine", "bridge"] as const) place.told(who);
  const status = (state: SyncState) => ({ case: "status", value: create(SyncStatusSchema, { state }) });
  for (const state of [SyncState.BLOCKS, SyncState.SYNCED, SyncState.SYNCED, SyncState.CATCH_UP]) {
    place.sync.tell(status(state));
  }
  await settleMicrotasks();
  const changes = place.told("chain").map(({ value }) => (value as { change: SyncChange }).change);
  assert.deepEqual(changes, [SyncChange.COMPLETED, SyncChange.REQUIRED]);
  assert.deepEqual(place.kinds("engine"), ["sync", "sync"]);
  const synced = place
    .told("bridge")
    .map(({ value }) => (value as { status: { isSynced: boolean } }).status.isSynced);
  assert.deepEqual(synced, [true, false]);
});

test("steps of production and our own approvals go to the chain, others' votes do not", async () => {
  const place = new Place();
  await place.attach();
  place.told("chain");
  const block = { height: 1n, hash: new Uint8Array(32) };
  const step = { slot: 3n, stage: ProductionStage.PROPOSED, block };
  place.producer.tell({ case: "production", value: step });
  for (const authorityIndex of [0, 1]) {
    place.producer.tell({ case: "vote", value: { slot: 4n, block, authorityIndex, isProposal: false } });
  }
  await settleMicrotasks();
  const stages = place.told("chain").map(({ value }) => (value as { stage: ProductionStage }).stage);
  assert.deepEqual(stages, [ProductionStage.PROPOSED, ProductionStage.APPROVED]);
});

test("evidence against members goes to chain and bridge", async () => {
  const place = new Place();
  await place.attach();
  place.told("chain");
  place.told("bridge");
  const memberKeys = [new Uint8Array(48).fill(1)];
  const [firstHeader, secondHeader] = [new Uint8Array(184).fill(1), new Uint8Array(184).fill(2)];
  const value = create(EquivocationSchema, { slot: 5n, memberKeys, firstHeader, secondHeader });
  place.blocks.tell({ case: "equivocation", value });
  await settleMicrotasks();
  for (const who of ["chain", "bridge"] as const) {
    const [{ case: kind, value: told } = assert.fail()] = place.told(who);
    assert.equal(kind, "equivocation");
    const { guiltyKeys, second } = told as { guiltyKeys: Uint8Array[]; second: { header: Uint8Array } };
    assert.deepEqual([guiltyKeys, second.header], [memberKeys, secondHeader]);
  }
});

test("pegsOf() tells peg-ins and digests of peg-outs; nothing of a block without", () => {
  const forge = quickForge();
  const plain = forge.next();
  assert.equal(pegsOf(plain, 1, new Uint8Array(32)), undefined);
  const { header, approval } = splitBlock(plain);
  const pegin = (byte: number) => ({
    txid: new Uint8Array(32).fill(byte),
    blockHash: new Uint8Array(32).fill(byte + 100),
  });
  const proposal = Uint8Array.of(1, 2, 3);
  const finalized = Uint8Array.of(4);
  const body = encodeBody({
    ...EMPTY_BODY,
    pegins: Array.from({ length: 300 }, (_, index) => pegin(index % 100)),
    pegoutProposal: proposal,
    finalizedPegouts: [finalized],
  });
  const told = pegsOf(joinBlock(header, body, approval), 7, new Uint8Array(32).fill(7));
  assert.equal(told?.pegInCount, 300);
  assert.equal(told?.pegIns?.length, 256);
  assert.deepEqual(told?.pegIns?.[1], {
    txid: pegin(1).txid,
    bitcoinBlockHash: pegin(1).blockHash,
  });
  assert.deepEqual(told?.pegOutProposal, { digest: sha256(proposal), sizeBytes: 3 });
  assert.deepEqual(told?.finalizedPegOuts, [{ digest: sha256(finalized), sizeBytes: 1 }]);
  assert.equal(told?.block?.height, 7n);
});

test("Notices follows an actor again after its stream ended, and lets go when it is closed", () => {
  const place = new Place();
  assert.equal(place.sync.readers.length, 1);
  place.sync.readers[0]?.onEnd(undefined);
  place.rig.clock.advance(1_000);
  assert.equal(place.sync.readers.length, 2);
  place.notices.close();
  place.sync.readers[1]?.onEnd(undefined);
  place.rig.clock.advance(10_000);
  assert.equal(place.sync.readers.length, 2);
  assert.equal(place.sync.closed, 1);
});
