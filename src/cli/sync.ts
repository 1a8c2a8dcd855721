/** `alysctl sync`: where synchronisation stands, and its operator's commands. */
import { type Command, Option } from "commander";
import {
  CanProduceBlocksResponseSchema,
  GetSyncStatusResponseSchema,
  ProductionConditionSchema,
  type ProductionStatus,
  StallKind,
  StartSyncResponseSchema,
  SyncMode,
  SyncModeSchema,
  SyncService,
  SyncState,
  SyncStateSchema,
  type SyncStatus,
  SyncStatusSchema,
} from "../../gen/alys/sync/v1/sync_pb.ts";
import { duration, enumName, grouped, shortHash, size, yesNo } from "./format.ts";
import { addOperationCommands, followOperation } from "./operation.ts";
import { parseUint64 } from "./options.ts";
import { plainProgress } from "./progress.ts";
import type { Run, Session } from "./session.ts";
import { syncProgress } from "./sync-progress.ts";
import { type FieldRow, renderFields } from "./table.ts";
import { rewatch } from "./watch.ts";

const MODES: Readonly<Record<string, SyncMode>> = {
  fast: SyncMode.FAST,
  full: SyncMode.FULL,
  checkpoint: SyncMode.CHECKPOINT,
  federation: SyncMode.FEDERATION,
  recovery: SyncMode.RECOVERY,
};

export function addSyncCommands(program: Command, run: Run): void {
  const sync = program.command("sync").description("synchronisation");
  sync
    .command("status")
    .description("where it stands")
    .action(() => run(showStatus));
  sync
    .command("watch")
    .description("follow it with a progress bar; plain lines where the output is no terminal")
    .option("--once", "end with 0 as soon as the node is synced")
    .action(({ once }: { once?: boolean }) => run((session) => watchSync(session, once === true)));
  sync
    .command("start")
    .description("start synchronising")
    .addOption(new Option("--mode <mode>", "how; default: the configured one").choices(Object.keys(MODES)))
    .addOption(new Option("--target <height>", "stop at this height").argParser(parseUint64))
    .option("--checkpoint <id>", "mode checkpoint: the only one to begin from, on disk or of peers")
    .option("--wait", "follow it to its end; the exit status says how it ended")
    .action((options: StartOptions) => run((session) => start(session, options)));
  addOperationCommands(sync, run);
  sync
    .command("stop")
    .description("end downloading and following; what is imported stays")
    .argument("[reason]", "for the log", "")
    .action((reason: string) => run((session) => act(session, "stopSync", reason, "stopped")));
  sync
    .command("pause")
    .description("send no new requests; what is in flight is finished")
    .argument("[reason]", "shown in the status", "")
    .action((reason: string) => run((session) => act(session, "pauseSync", reason, "paused")));
  sync
    .command("resume")
    .description("go on after pause")
    .action(() => run((session) => act(session, "resumeSync", "", "resumed")));
  sync
    .command("can-produce")
    .description("whether this node may produce blocks, and every condition that is not met")
    .action(() => run(canProduce));
}

async function showStatus(session: Session): Promise<void> {
  const answer = await session.client(SyncService).getSyncStatus({}, session.call);
  session.show(GetSyncStatusResponseSchema, answer, ({ status }) =>
    status === undefined ? "the node tells no status" : renderFields(syncFields(status)),
  );
}

/** Follows the status until Ctrl-C, or with `isOnce` until the node is synced. */
async function watchSync(session: Session, isOnce: boolean): Promise<void> {
  const sync = session.client(SyncService);
  const line = session.progress();
  try {
    for await (const { event } of rewatch(session, (resumeToken) =>
      sync.watchSyncStatus({ resumeToken }, session.call),
    )) {
      if (event.case !== "snapshot" && event.case !== "status") continue;
      const isDone = isOnce && event.value.state === SyncState.SYNCED;
      if (session.isJson) session.showEvent(SyncStatusSchema, event.value, undefined);
      else line.show(syncProgress(event.value), isDone);
      if (isDone) return;
    }
  } finally {
    line.end();
  }
}

interface StartOptions {
  readonly mode?: string;
  readonly target?: bigint;
  readonly checkpoint?: string;
  readonly wait?: boolean;
}

async function start(session: Session, options: StartOptions): Promise<void> {
  const request = {
    ...(options.checkpoint === undefined ? {} : { checkpointId: options.checkpoint }),
    syncMode: MODES[options.mode ?? ""] ?? SyncMode.UNSPECIFIED,
    ...(options.target === undefined ? {} : { targetHeight: options.target }),
  };
  const answer = await session.client(SyncService).startSync(request, session.call);
  session.show(StartSyncResponseSchema, answer, ({ operation, status }) => {
    const at = status === undefined ? "" : `: ${plainProgress(syncProgress(status))}`;
    return `started, operation ${operation?.id ?? "-"}${at}`;
  });
  if (options.wait === true && answer.operation !== undefined)
    await followOperation(session, answer.operation.id);
}

async function act(
  session: Session,
  method: "stopSync" | "pauseSync" | "resumeSync",
  reason: string,
  done: string,
): Promise<void> {
  await session.client(SyncService)[method]({ reason }, session.call);
  session.say(done);
}

async function canProduce(session: Session): Promise<void> {
  const answer = await session.client(SyncService).canProduceBlocks({}, session.call);
  session.show(CanProduceBlocksResponseSchema, answer, ({ status }) =>
    status === undefined ? "the node tells nothing" : renderFields(productionFields(status)),
  );
}

/** Fields of the status; `alysctl status` shows the same. */
export function syncFields(status: SyncStatus): FieldRow[] {
  const { head, target, final } = status;
  const fields: FieldRow[] = [
    ["state", stateText(status)],
    ["mode", enumName(SyncModeSchema, status.mode)],
    ["head", blockText(head)],
    ["target", blockText(target)],
    ["final", blockText(final)],
    ["progress", plainProgress({ ...syncProgress(status), label: "", notes: [] }).trim()],
    ["head age", (head?.height ?? 0n) === 0n ? "-" : duration(status.headAgeMs)],
    ["peers", `${status.connectedPeers} connected, ${status.usefulPeers} ahead of us`],
    ["requests in flight", grouped(status.requestsInFlight)],
    ["buffered", `${size(status.bytesBuffered)} of ${size(status.bytesBufferedMax)}`],
    ["imported", `${grouped(status.blocksSynced)} synced, ${grouped(status.blocksFollowed)} followed live`],
    ["can produce", yesNo(status.canProduceBlocks)],
  ];
  if (status.unprovenTarget !== undefined)
    fields.splice(4, 0, ["unproven target", blockText(status.unprovenTarget)]);
  return status.resumedFromHeight === 0n
    ? fields
    : [...fields, ["resumed from", grouped(status.resumedFromHeight)]];
}

function stateText({ state, isPaused, reason, stall }: SyncStatus): string {
  const isSaid = stall?.kind === StallKind.PAUSED;
  const name = enumName(SyncStateSchema, state) + (isPaused && !isSaid ? ", paused" : "");
  return reason === "" ? name : `${name} (${reason})`;
}

function blockText(block: { height: bigint; hash: Uint8Array } | undefined): string {
  return block === undefined ? "-" : `${grouped(block.height)}  ${shortHash(block.hash)}`;
}

/** Fields of the answer whether blocks may be produced. */
export function productionFields(status: ProductionStatus): FieldRow[] {
  const conditions = (list: ProductionStatus["unmet"]): string[] =>
    list.map(({ condition, detail }) => `${enumName(ProductionConditionSchema, condition)}: ${detail}`);
  const fields: FieldRow[] = [["can produce", yesNo(status.canProduce)]];
  if (status.unmet.length > 0) fields.push(["unmet", conditions(status.unmet)]);
  if (status.waived.length > 0) fields.push(["waived", conditions(status.waived)]);
  return fields;
}
