/**
 * The SyncActor of the control plane's benchmark: answers at once what the real one answers, streams blocks that are none,
 * and publishes statuses at a given pace.
 */
import { SyncInternalService, SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import type { ActorDefinition } from "../../src/kernel/actor/actor.ts";
import { later } from "../../src/kernel/protocol.ts";
import { Topic } from "../../src/kernel/stream/topic.ts";
import { Transfer } from "../../src/kernel/stream/transfer.ts";
import { CHUNK_BYTES, STATUS } from "./load.ts";

type Sync = typeof SyncService;
type SyncInternal = typeof SyncInternalService;

const BLOCK = new Uint8Array(CHUNK_BYTES).fill(7);
const chunkOf = (startHeight: bigint) => ({ startHeight, blocks: [BLOCK] });

/** The actor, how to publish a change of its status, and who reads that. */
export function servedSync(): {
  definition: ActorDefinition<Sync, SyncInternal>;
  publish(height: bigint): void;
  readers(): number;
} {
  const notHere = later("not in this benchmark");
  const statusOf = (height: bigint) => ({ ...STATUS, head: { ...STATUS.head, height } });
  const watchSyncStatus = new Topic(SyncService.method.watchSyncStatus, {
    mode: "latest",
    snapshot: () => ({ event: { case: "snapshot" as const, value: STATUS } }),
  });
  const definition: ActorDefinition<Sync, SyncInternal> = {
    name: "sync",
    service: SyncService,
    internal: SyncInternalService,
    create: () => ({
      handlers: {
        startSync: notHere,
        stopSync: () => ({}),
        pauseSync: () => ({}),
        resumeSync: notHere,
        getSyncStatus: () => ({ status: STATUS }),
        canProduceBlocks: notHere,
        getBlock: notHere,
        setProductionOverride: notHere,
        createCheckpoint: notHere,
        listCheckpoints: notHere,
        proveBlock: notHere,
        recoverFromCheckpoint: notHere,
        getOperation: notHere,
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
        streamBlocks: new Transfer(SyncService.method.streamBlocks, {
          open: function* ({ count }) {
            for (let made = 0n; made < count; made++) yield chunkOf(made);
          },
        }),
      },
      onStart() {},
      onStop() {},
    }),
  };
  return {
    definition,
    readers: () => watchSyncStatus.readers,
    publish: (height) => watchSyncStatus.publish({ event: { case: "status", value: statusOf(height) } }),
  };
}
