/**
 * The supervision tree as it is answered. Pure.
 */

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ChildState,
  type ChildStatus,
  ChildStatusSchema,
} from "../../../gen/alys/supervisor/v1/supervisor_pb.ts";
import type {
  ChildTree,
  ChildState as KernelState,
  SupervisorState,
  SupervisorTree,
} from "../../kernel/child.ts";
import type { LoopLagSummary } from "../../kernel/health.ts";
import type { CellCounts } from "../../kernel/runner.ts";

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

/** `lag` is of the thread that all of the tree runs on. */
export function treeView(tree: SupervisorTree, lag: LoopLagSummary): ChildStatus {
  return create(ChildStatusSchema, {
    isResponsive: tree.state === "running",
    eventLoopLag: lag,
    id: tree.name,
    state: SUPERVISOR_STATES[tree.state],
    strategy: tree.strategy,
    children: tree.children.map(childView),
  });
}

function childView(child: ChildTree): ChildStatus {
  const isRunning = child.state === "running";
  return create(ChildStatusSchema, {
    strategy: child.supervisor?.strategy ?? "",
    children: child.supervisor?.children.map(childView) ?? [],
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
