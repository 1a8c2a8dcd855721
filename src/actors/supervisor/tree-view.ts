/**
 * The supervision tree as it is answered. Pure.
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type AttachmentStatusSchema,
  ChildState,
  type ChildStatus,
  ChildStatusSchema,
} from "../../../gen/alys/supervisor/v1/supervisor_pb.ts";
import type { CellCounts } from "../../kernel/actor/runner.ts";
import type {
  ChildTree,
  ChildState as KernelState,
  SupervisorState,
  SupervisorTree,
} from "../../kernel/supervision/child.ts";
import type { LoopLagSummary } from "../../kernel/supervision/health.ts";

const CHILD_STATES: Readonly<Record<KernelState, ChildState>> = {
  stopped: ChildState.STOPPED,
  starting: ChildState.STARTING,
  running: ChildState.RUNNING,
  waiting: ChildState.BACKING_OFF,
  stopping: ChildState.STOPPING,
  finished: ChildState.STOPPED,
};

const SUPERVISOR_STATES: Readonly<Record<SupervisorState, ChildState>> = {
  idle: ChildState.STOPPED,
  starting: ChildState.STARTING,
  running: ChildState.RUNNING,
  stopping: ChildState.STOPPING,
  stopped: ChildState.STOPPED,
  escalated: ChildState.STOPPED,
};

/** Which process does the work of the child of this id; undefined for children that take none. */
export type AttachmentOf = (id: string) => MessageInitShape<typeof AttachmentStatusSchema> | undefined;

/** `lag` is of the thread that all of the tree runs on. */
export function treeView(
  tree: SupervisorTree,
  lag: LoopLagSummary,
  attachmentOf: AttachmentOf = () => undefined,
): ChildStatus {
  return create(ChildStatusSchema, {
    isResponsive: tree.state === "running",
    eventLoopLag: lag,
    id: tree.name,
    state: SUPERVISOR_STATES[tree.state],
    strategy: tree.strategy,
    children: tree.children.map((child) => childView(child, attachmentOf)),
  });
}

function childView(child: ChildTree, attachmentOf: AttachmentOf): ChildStatus {
  const isRunning = child.state === "running";
  const attachment = attachmentOf(child.id);
  return create(ChildStatusSchema, {
    strategy: child.supervisor?.strategy ?? "",
    children: child.supervisor?.children.map((one) => childView(one, attachmentOf)) ?? [],
    id: child.id,
    state: isRunning && child.isSuspended === true ? ChildState.SUSPENDED : CHILD_STATES[child.state],
    epoch: BigInt(child.epoch ?? 0),
    restarts: BigInt(child.restarts),
    mailboxMessages: child.mailboxDepth ?? 0,
    mailboxBytes: BigInt(child.mailboxBytes ?? 0),
    pingMs: child.pingMs ?? 0,
    isResponsive: isRunning && child.isResponsive !== false,
    ...(child.counts === undefined ? {} : { counts: countsView(child.counts) }),
    lastFailure: child.lastError ?? "",
    ...(attachment && { attachment }),
    ...(child.startedAtMs === undefined ? {} : { started: timestampFromMs(child.startedAtMs) }),
  });
}

function countsView(counts: CellCounts): Readonly<Record<keyof CellCounts, bigint>> {
  return {
    handled: BigInt(counts.handled),
    refused: BigInt(counts.refused),
    dropped: BigInt(counts.dropped),
    expired: BigInt(counts.expired),
    crashes: BigInt(counts.crashes),
    slow: BigInt(counts.slow),
  };
}
