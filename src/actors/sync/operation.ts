/**
 * Operations: the long-running pieces of work that callers can ask after. At most one of them runs; a few
 * that ended are remembered so that their outcome can still be read.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { OperationSchema } from "../../../gen/alys/sync/v1/sync_pb.ts";

export interface Operation {
  readonly id: string;
  readonly kind: string;
  /** What it was started with; the same again is the same operation. */
  readonly parameters: string;
  /** Unix milliseconds. */
  readonly startedMs: number;
  /** Unix milliseconds; an empty error means that it reached its aim. */
  readonly end: { readonly error: string; readonly endedMs: number } | undefined;
  /** What it is doing, or what it came to. */
  readonly detail: string;
}

const PPM = 1_000_000;

/** Operations remembered; at the bound the oldest is forgotten. */
const OPERATIONS_MAX = 16;

export class Operations {
  readonly #prefix: string;
  #operations: Operation[] = [];
  #count = 0;

  /** Ids of two incarnations differ by their epoch, those of two kinds by the name. */
  constructor(epoch: number, name = "sync") {
    this.#prefix = `${name}-${epoch.toString(36)}`;
  }

  /** The last one that was started, ended or not. */
  get newest(): Operation | undefined {
    return this.#operations.at(-1);
  }

  get running(): Operation | undefined {
    const { newest } = this;
    return newest?.end === undefined ? newest : undefined;
  }

  start(kind: string, parameters: string, startedMs: number): Operation {
    this.finish("replaced by another one", startedMs);
    const id = `${this.#prefix}-${++this.#count}`;
    const operation: Operation = { id, kind, parameters, startedMs, end: undefined, detail: "" };
    this.#operations = [...this.#operations.slice(1 - OPERATIONS_MAX), operation];
    return operation;
  }

  /** Those remembered, oldest first. */
  get all(): readonly Operation[] {
    return this.#operations;
  }

  /** Ends the running one; an empty error means that it reached its aim. */
  finish(error: string, endedMs: number): void {
    const { running } = this;
    if (running === undefined) return;
    this.#operations = [...this.#operations.slice(0, -1), { ...running, end: { error, endedMs } }];
  }

  /** Says what the running one is doing. */
  tell(detail: string): void {
    const { running } = this;
    if (running === undefined || running.detail === detail) return;
    this.#operations = [...this.#operations.slice(0, -1), { ...running, detail }];
  }

  find(id: string): Operation | undefined {
    return this.#operations.find((operation) => operation.id === id);
  }
}

/** The same, saying first that it is paused where it has not ended. */
export function pausedOperation(operation: Operation, paused: string): Operation {
  if (operation.end !== undefined) return operation;
  const { detail } = operation;
  return { ...operation, detail: detail === "" ? paused : `${paused}; ${detail}` };
}

/** `progressPpm` is that of the running one. */
export function operationMessage(
  operation: Operation,
  progressPpm = 0,
): MessageInitShape<typeof OperationSchema> {
  const { end } = operation;
  return {
    id: operation.id,
    kind: operation.kind,
    isDone: end !== undefined,
    error: end?.error ?? "",
    detail: operation.detail,
    started: timestampFromMs(operation.startedMs),
    ...(end === undefined ? {} : { ended: timestampFromMs(end.endedMs) }),
    progressPpm: end?.error === "" ? PPM : progressPpm,
  };
}
