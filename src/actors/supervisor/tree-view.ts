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

export function treeView(tree: SupervisorTree): ChildStatus {
  return create(ChildStatusSchema, {
    id: tree.name,
    state: SUPERVISOR_STATES[tree.state],
    strategy: tree.strategy,
    children: tree.children.map(childView),
  });
}

function childView(child: ChildTree): ChildStatus {
  return create(ChildStatusSchema, {
    strategy: child.supervisor?.strategy ?? "",
    children: child.supervisor?.children.map(childView) ?? [],
    id: child.id,
    state: CHILD_STATES[child.state],
    epoch: BigInt(child.epoch ?? 0),
    restarts: BigInt(child.restarts),
    mailboxMessages: child.mailboxDepth ?? 0,
    lastFailure: child.lastError ?? "",
    ...(child.startedAtMs === undefined ? {} : { started: timestampFromMs(child.startedAtMs) }),
  });
}
