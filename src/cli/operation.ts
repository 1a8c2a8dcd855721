/** Long work of a node (`Operation`), followed to its end with a progress bar; and the commands that ask of one or end it. */
import type { Command } from "commander";
import {
  CancelOperationResponseSchema,
  GetOperationResponseSchema,
  type Operation,
  OperationSchema,
  SyncService,
} from "../../gen/alys/sync/v1/sync_pb.ts";
import { failure } from "../kernel/errors.ts";
import { time } from "./format.ts";
import type { ProgressFacts } from "./progress.ts";
import type { Run, Session } from "./session.ts";
import { type FieldRow, renderFields } from "./table.ts";
import { rewatch } from "./watch.ts";

export function addOperationCommands(sync: Command, run: Run): void {
  sync
    .command("operation")
    .description("how far an operation is: a start, a checkpoint, a recovery")
    .argument("<id>", "as start and recover say it")
    .option("--wait", "follow it to its end; the exit status says how it ended")
    .action((id: string, { wait }: { wait?: boolean }) =>
      run((session) => (wait === true ? followOperation(session, id) : show(session, id))),
    );
  sync
    .command("cancel")
    .description("end an operation")
    .argument("<id>", "as start and recover say it")
    .action((id: string) =>
      run(async (session) => {
        const answer = await session.client(SyncService).cancelOperation({ id }, session.call);
        session.show(CancelOperationResponseSchema, answer, () => `${id} is cancelled`);
      }),
    );
}

async function show(session: Session, id: string): Promise<void> {
  const answer = await session.client(SyncService).getOperation({ id }, session.call);
  session.show(GetOperationResponseSchema, answer, ({ operation }) =>
    operation === undefined ? "the node tells nothing of it" : renderFields(operationFields(operation)),
  );
}

/**
 * Shows the operation until it ends. Rejects with ABORTED/OPERATION_FAILED and the node's words when it failed; Ctrl-C
 * leaves it running.
 */
export async function followOperation(session: Session, id: string): Promise<void> {
  const sync = session.client(SyncService);
  const line = session.progress();
  try {
    for await (const { event } of rewatch(session, (resumeToken) =>
      sync.watchOperation({ id, resumeToken }, session.call),
    )) {
      if (event.case !== "snapshot" && event.case !== "operation") continue;
      const operation = event.value;
      if (session.isJson) session.showEvent(OperationSchema, operation, undefined);
      else line.show(operationProgress(operation), operation.isDone);
      if (!operation.isDone) continue;
      if (operation.error === "") return;
      throw failure("ABORTED", "OPERATION_FAILED", operation.error, { metadata: { operation: id } });
    }
  } finally {
    line.end();
  }
}

const WHOLE_PPM = 1_000_000;

/** As a bar of percents; without one where the node does not know how far it is. */
export function operationProgress({ kind, progressPpm, detail, isDone, error }: Operation): ProgressFacts {
  const partsPerMillion = isDone && error === "" ? WHOLE_PPM : progressPpm;
  return {
    label: kind,
    done: Math.floor(partsPerMillion / 10_000),
    total: 100,
    partsPerMillion,
    notes: detail === "" ? [] : [detail],
  };
}

function operationFields(operation: Operation): FieldRow[] {
  const { id, kind, isDone, error, detail, started, ended, progressPpm } = operation;
  const state = !isDone
    ? `${(progressPpm / 10_000).toFixed(1)} %`
    : error === ""
      ? "done"
      : `failed: ${error}`;
  const fields: FieldRow[] = [
    ["operation", id],
    ["kind", kind],
    ["state", state],
    ["started", time(started)],
    ["ended", time(ended)],
  ];
  return detail === "" ? fields : [...fields, ["detail", detail]];
}
