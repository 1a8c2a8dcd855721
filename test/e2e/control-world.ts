/**
 * A control plane over a small real actor: SyncService with handlers that a test can reach into. Used by
 * the control-* tests; everything is real but the actor's business.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { EngineService } from "../../gen/alys/integration/v1/integration_pb.ts";
import { SyncInternalService, SyncService, SyncState } from "../../gen/alys/sync/v1/sync_pb.ts";
import { type Connection, connect } from "../../src/cli/client.ts";
import type { AttachHandler } from "../../src/control/bind.ts";
import { type ControlOptions, type RunningControl, startControl } from "../../src/control/server.ts";
import type { ActorContext, ActorDefinition } from "../../src/kernel/actor/actor.ts";
import { type ActorCell, actorCell } from "../../src/kernel/actor/cell.ts";
import { environment } from "../../src/kernel/actor/environment.ts";
import type { Call } from "../../src/kernel/call.ts";
import { failure } from "../../src/kernel/errors.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { MemoryLog } from "../../src/kernel/ports/log.ts";
import { later } from "../../src/kernel/protocol.ts";
import { Topic } from "../../src/kernel/stream/topic.ts";
import { Transfer } from "../../src/kernel/stream/transfer.ts";
import type { RunningChild } from "../../src/kernel/supervision/child.ts";

type Sync = typeof SyncService;
type SyncInternal = typeof SyncInternalService;
type SyncContext = ActorContext<Sync, SyncInternal>;

/** What a test sees of the actor. */
export interface Probe {
  readonly calls: Call[];
  /** Height that the status tells. */
  height: number;
  /** Bytes of padding in the status, to fill buffers. */
  padding: string;
  publish(height: number): void;
  skipped(): number;
  readers(): number;
  chunksPulled: number;
}

/** Chunk of the transfer: 256 KiB, as the real one. */
const CHUNK = new Uint8Array(256 * 1024).fill(7);

function statusOf(probe: Probe) {
  const head = { height: BigInt(probe.height), hash: new Uint8Array(32).fill(0xab) };
  const target = { height: 1000n, hash: new Uint8Array(32) };
  const state = probe.height >= 1000 ? SyncState.SYNCED : SyncState.BLOCKS;
  const progressPpm = probe.height * 1000;
  return { state, head, target, progressPpm, blocksPerSecond: 100, reason: probe.padding, connectedPeers: 3 };
}

function definition(probe: Probe, readersMax: number | undefined): ActorDefinition<Sync, SyncInternal> {
  return {
    name: "sync",
    service: SyncService,
    internal: SyncInternalService,
    create: (context) => create(context, probe, readersMax),
  };
}

function create(context: SyncContext, probe: Probe, readersMax: number | undefined) {
  const watchSyncStatus = new Topic(SyncService.method.watchSyncStatus, {
    mode: "latest",
    ...(readersMax === undefined ? {} : { readersMax }),
    snapshot: () => ({ event: { case: "snapshot" as const, value: statusOf(probe) } }),
  });
  probe.publish = (height) => {
    probe.height = height;
    watchSyncStatus.publish({ event: { case: "status" as const, value: statusOf(probe) } });
  };
  probe.skipped = () => watchSyncStatus.skippedTotal;
  probe.readers = () => watchSyncStatus.readers;
  const streamBlocks = new Transfer(SyncService.method.streamBlocks, {
    open: function* ({ startHeight, count }) {
      for (let made = 0n; made < count; made++) {
        probe.chunksPulled += 1;
        yield { blocks: [CHUNK], startHeight: startHeight + made };
      }
    },
  });
  const notHere = later("not in this test");
  return {
    handlers: {
      startSync: () => failure("ALREADY_EXISTS", "SYNC_RUNNING", "it runs", { metadata: { operation: "7" } }),
      stopSync: (_: unknown, call: Call) => {
        probe.calls.push(call);
        return {};
      },
      // Never answered by the actor: the deadline, the caller or the stop answers.
      pauseSync: (_: unknown, call: Call) => {
        probe.calls.push(call);
        return context.deferred(SyncService.method.pauseSync);
      },
      resumeSync: () => {
        throw new Error("the secret of the actor");
      },
      getSyncStatus: (_: unknown, call: Call) => {
        probe.calls.push(call);
        return { status: statusOf(probe) };
      },
      canProduceBlocks: () => ({ status: { canProduce: false, unmet: [] } }),
      getBlock: () =>
        failure("INVALID_ARGUMENT", "BAD_HASH", "a hash has 32 bytes", { field: "hash", retryDelayMs: 1500 }),
      setProductionOverride: notHere,
      createCheckpoint: notHere,
      listCheckpoints: () => ({ checkpoints: [] }),
      proveBlock: notHere,
      recoverFromCheckpoint: notHere,
      getOperation: () => failure("NOT_FOUND", "NO_OPERATION", "there is none"),
      cancelOperation: notHere,
    },
    internal: { importBlock: notHere, reportApproval: notHere, reportSigning: notHere },
    internalStreams: {
      watchOwnApprovals: new Topic(SyncInternalService.method.watchOwnApprovals, {
        snapshot: () => ({ event: { case: "snapshot" as const, value: {} } }),
      }),
    },
    streams: {
      watchSyncStatus,
      watchOperation: notHere,
      watchProduction: notHere,
      watchBlocks: notHere,
      streamBlocks,
    },
    onStart() {},
    onStop() {},
  };
}

export interface World {
  readonly control: RunningControl;
  /** By the unix socket, as the owner. */
  readonly connection: Connection;
  readonly probe: Probe;
  readonly log: MemoryLog;
  readonly cell: ActorCell<Sync, SyncInternal>;
  readonly child: RunningChild;
  readonly port: number;
}

export interface WorldOptions extends Partial<ControlOptions> {
  /** Places of the status's topic; the topic's own bound without it. */
  readonly readersMax?: number;
  readonly attach?: AttachHandler;
}

/** A running control plane on a free port and a socket; torn down with the test. */
export async function world(t: TestContext, options: WorldOptions = {}): Promise<World> {
  const log = new MemoryLog();
  const probe: Probe = {
    calls: [],
    height: 10,
    padding: "",
    publish: () => {},
    skipped: () => 0,
    readers: () => 0,
    chunksPulled: 0,
  };
  const { attach, readersMax, ...rest } = options;
  const cell = actorCell(definition(probe, readersMax), environment({ log }));
  const child = cell.child.start();
  const control = await startControl({
    services: [
      { service: SyncService, ref: cell.ref },
      { service: EngineService, attach },
    ],
    listenAddress: "127.0.0.1:0",
    unixSocket: join(folder(t), "control.sock"),
    reflection: true,
    log,
    clock: realClock,
    ...rest,
  });
  const connection = connect(control.unixAddress ?? control.address ?? "");
  t.after(async () => {
    connection.close();
    await control.close();
    await child.stop();
  });
  const port = Number(control.address?.split(":").at(-1));
  return { control, connection, probe, log, cell, child, port };
}

/** A folder of its own, mode 0700, removed after the test. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "alys-control-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Asks `isTrue` after each turn of the event loop, for at most a minute. */
export async function until(isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error("it did not become true within a minute");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
