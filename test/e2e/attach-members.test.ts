/**
 * Processes attached to the members of a real local network: a ChainActor by pulling, an EngineActor and a BridgeActor by
 * streams. They are told what happens, and reach each other over the federation's channel.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BridgeService,
  type BridgeServiceAttachResponse,
  ChainService,
  EngineService,
  type EngineServiceAttachResponse,
  ImportVerdict,
  WorkOutcome,
} from "../../gen/alys/integration/v1/integration_pb.ts";
import { ProductionStage } from "../../gen/alys/integration/v1/notice_pb.ts";
import { type ChildStatus, SupervisorService } from "../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { Connection } from "../../src/cli/client.ts";
import { connectTo, eventually, heightOf, prepareNetwork } from "./local-network.ts";

const BLOCKS = 70;
const PROGRESS_MS = 120_000;
const HELLO = { protocolVersion: 1, creditCalls: 8, creditBytes: 4_000_000n };

/** Attaches by a stream; `answer` gives the answer to a call. What is told is gathered. */
function attachTo<M extends typeof BridgeService.method.attach | typeof EngineService.method.attach>(
  connection: Connection,
  method: M,
  answer: (
    message: (BridgeServiceAttachResponse | EngineServiceAttachResponse)["message"],
  ) => object | undefined,
) {
  const told: string[] = [];
  const stream = connection.duplex(method as typeof BridgeService.method.attach);
  stream.send({ message: { case: "hello", value: { ...HELLO, instanceId: "e2e" } } });
  const beat = setInterval(() => stream.send({ message: { case: "heartbeat", value: {} } }), 2_000);
  const ended = (async () => {
    for await (const { callId, message } of stream.responses) {
      told.push(message.case ?? "");
      const said = callId > 0n ? answer(message) : undefined;
      if (said !== undefined) stream.send({ callId, message: said } as never);
    }
  })().catch(() => {});
  const leave = async (): Promise<void> => {
    clearInterval(beat);
    stream.halfClose();
    await ended;
  };
  return { told, leave };
}

function find(status: ChildStatus | undefined, id: string): ChildStatus | undefined {
  if (status === undefined || status.id === id) return status;
  for (const child of status.children) {
    const found = find(child, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

test("processes of members are told what happens, answer each other, and are seen in the tree", async (t) => {
  const network = await prepareNetwork(t, 3, BLOCKS);
  await network.startMembers();
  const [one, two] = network.members.map((plan) => connectTo(t, plan)) as [Connection, Connection];
  await eventually("blocks are made", PROGRESS_MS, async () => (await heightOf(one)) > BLOCKS);

  // A bridge and an engine at the second member, asked from the first.
  const payloads = new Map<string, Uint8Array>();
  const bridge = attachTo(two, BridgeService.method.attach, (message) => {
    if (message.case !== "federationMessage") return undefined;
    const reply = new TextEncoder().encode(`${message.value.label} of ${message.value.message.length}`);
    return { case: "federationMessage", value: { reply } };
  });
  const engine = attachTo(two, EngineService.method.attach, (message) => {
    switch (message.case) {
      case "receivePayload":
        payloads.set(Buffer.from(message.value.payloadHash).toString("hex"), message.value.payload);
        return { case: "receivePayload", value: {} };
      case "providePayload": {
        const payload = payloads.get(Buffer.from(message.value.payloadHash).toString("hex"));
        if (payload === undefined) return { case: "error", value: { code: 5, message: "unknown" } };
        return { case: "providePayload", value: { payload } };
      }
      default:
        return undefined;
    }
  });
  await eventually("both are attached", PROGRESS_MS, async () => {
    const { root } = await two.client(SupervisorService).getTree({});
    return ["bridge", "engine"].every((id) => find(root, id)?.attachment?.isAttached === true);
  });
  const asked = one.client(BridgeService);
  await eventually("members are connected", PROGRESS_MS, async () => {
    const { status } = await asked.getFederationStatus({});
    return status?.members.every(({ isConnected }) => isConnected) === true && status.isSynced;
  });
  const { receipts } = await asked.sendFederationMessage({ label: "collect", content: new Uint8Array(5) });
  assert.equal(receipts.length, 2);
  assert.ok(receipts.every(({ isDelivered }) => isDelivered));
  assert.ok(receipts.some(({ reply }) => new TextDecoder().decode(reply) === "collect of 5"));
  await assert.rejects(asked.sendFederationMessage({ label: "engine/x" }), { reason: "LABEL_RESERVED" });

  const engines = one.client(EngineService);
  const payloadHash = new Uint8Array(32).fill(3);
  await assert.rejects(engines.requestPayload({ payloadHash }), { reason: "PAYLOAD_UNKNOWN" });
  await engines.broadcastPayload({ payloadHash, payload: new Uint8Array(100_000).fill(4) });
  const { payload } = await engines.requestPayload({ payloadHash });
  assert.equal(payload.length, 100_000);
  await engines.announceHead({ block: { height: 5n, hash: payloadHash }, isSyncing: true });
  await eventually("the head came", PROGRESS_MS, async () => engine.told.includes("engineHead"));

  await pullBlocks(one);
  await bridge.leave();
  await engine.leave();
  assert.deepEqual(bridge.told.slice(0, 3), ["welcome", "authorities", "federation"]);
  assert.equal(engine.told[0], "welcome");
  assert.ok(engine.told.filter((kind) => kind === "head").length > 1);
  assert.ok(engine.told.includes("sync"));
});

/** A ChainActor without a stream: it follows to the head and hears of a block of its member. */
async function pullBlocks(connection: Connection): Promise<void> {
  const chain = connection.client(ChainService);
  const stages = new Set<ProductionStage>();
  let [epoch, height] = [0n, 0n];
  await eventually("the ChainActor is at the head and hears of production", PROGRESS_MS, async () => {
    const hello = { ...HELLO, instanceId: "puller", withBlockViews: true };
    const pulled = await chain.pullWork({ hello, epoch, waitMs: 1_000 });
    epoch = pulled.welcome?.epoch ?? 0n;
    const frames = pulled.frames.flatMap(({ callId, message }) => {
      if (message.case === "production") stages.add(message.value.stage);
      if (message.case !== "importBlocks") return [];
      const { blocks, views } = message.value;
      assert.equal(views.length, blocks.length);
      assert.equal(views[0]?.height, message.value.firstHeight);
      height = views.at(-1)?.height ?? 0n;
      const verdicts = blocks.map(() => ImportVerdict.IMPORTED);
      return [{ callId, message: { case: "importBlocks" as const, value: { verdicts } } }];
    });
    if (frames.length > 0) {
      const { receipts } = await chain.completeWork({ instanceId: "puller", epoch, frames });
      assert.ok(receipts.every(({ outcome }) => outcome === WorkOutcome.ACCEPTED));
    }
    const isTold = stages.has(ProductionStage.SLOT_BEGUN) && stages.has(ProductionStage.PUBLISHED);
    return isTold && height >= (pulled.heartbeat?.head?.height ?? 0n);
  });
  const { root } = await connection.client(SupervisorService).getTree({});
  const attachment = find(root, "chain")?.attachment;
  assert.equal(attachment?.isAttached, true);
  assert.equal(attachment?.isPulled, true);
  assert.deepEqual([attachment?.instanceId, attachment?.epoch], ["puller", 0n], "its epoch is its own");
  assert.equal(attachment?.instanceId, "puller");
  await contradict(connection, epoch);
  const block = { ssz: new Uint8Array(10) };
  await assert.rejects(chain.reportBlockProduced({ block }), { code: "INVALID_ARGUMENT" });
}

/** It says that it builds on another block than it confirmed: the tree names both, and those who watch are told. */
async function contradict(connection: Connection, epoch: bigint): Promise<void> {
  const reasons: string[] = [];
  const watching = new AbortController();
  const supervisor = connection.client(SupervisorService);
  const watched = (async () => {
    for await (const { event } of supervisor.watchSupervision({}, { signal: watching.signal }))
      if (event.case !== "heartbeat")
        reasons.push(event.case === "change" ? event.value.reason : (event.case ?? ""));
  })().catch(() => {});
  await eventually("it watches", PROGRESS_MS, async () => reasons.includes("snapshot"));
  const hash = new Uint8Array(32).fill(0xee);
  const message = { case: "heartbeat" as const, value: { head: { height: 1n, hash } } };
  await connection
    .client(ChainService)
    .completeWork({ instanceId: "puller", epoch, frames: [{ callId: 0n, message }] });
  const { root } = await supervisor.getTree({});
  const contradiction = find(root, "chain")?.attachment?.contradiction;
  assert.equal(contradiction?.of, "head");
  assert.deepEqual(contradiction?.theirHash, hash);
  const { view } = await connection.client(SyncService).getBlock({ by: { case: "height", value: 1n } });
  assert.deepEqual(contradiction?.ourHash, view?.hash);
  await eventually("those who watch are told", PROGRESS_MS, async () =>
    reasons.some((reason) =>
      reason.startsWith("the attached process is on another chain: its head at height 1"),
    ),
  );
  watching.abort();
  await watched;
}
