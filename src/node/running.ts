/** A node as whoever runs it sees it: what it is made of, and what it is once it runs. */

import type { LoadedConfig } from "../config/load.ts";
import type { RootLog } from "../telemetry/log.ts";

export interface NodeOptions {
  readonly loaded: LoadedConfig;
  readonly log: RootLog;
  readonly version: string;
  readonly processId: number;
  readonly runtimeVersion: string;
}

export interface RunningNode {
  /** HOST:PORT of the control plane. */
  readonly controlAddress: string | undefined;
  /** Resolves with the reason when the node asks to be stopped: a supervisor gave up, or an operator's Shutdown. */
  readonly ended: Promise<NodeEnd>;
  /** Stops everything in order. Idempotent. */
  stop(): Promise<void>;
  /** The process is killed when it has not ended in this time, even if the calling thread stands still. */
  endWithin(deadlineMs: number): void;
}

export interface NodeEnd {
  readonly reason: string;
  readonly isFailure: boolean;
}
