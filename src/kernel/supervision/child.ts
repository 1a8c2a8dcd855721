/**
 * What a supervisor supervises: anything that starts, stops and says when it ended by itself. Actors are children
 * through their cell; hosts, stores and listeners implement `RunningChild` directly; a supervisor can be a child too.
 */

import type { CellCounts } from "../actor/runner.ts";
import type { Backoff } from "./restart.ts";

export interface ChildSpec {
  /** Unique among its siblings. */
  readonly id: string;
  /** Starts it. A throw or rejection is a failed start: at first that of the supervisor, later a crash. */
  start(): RunningChild | Promise<RunningChild>;
  /**
   * OTP's words: permanent is always restarted, transient only after a crash, temporary never.
   */
  readonly restart: "permanent" | "transient" | "temporary";
  /** Restarts allowed in any `periodMs`; one more escalates. */
  readonly intensity: number;
  readonly periodMs: number;
  readonly backoff: Backoff;
  /** How long its `stop` may take; then it is killed and the stop of the others goes on. */
  readonly stopDeadlineMs: number;
  /** How long its `start` may take, START_DEADLINE_MS without it; then it counts as failed. */
  readonly startDeadlineMs?: number;
}

export interface RunningChild {
  /** Stops in order; resolves when nothing of it is left. Called at most once. */
  stop(): Promise<void>;
  /** Its messages wait from now on, until `resume` or its end. */
  suspend?(): void;
  resume?(): void;
  /** Ends it by force; called when `stop` was late or failed. Must not block and not throw. */
  kill?(): void;
  /** Resolves with the cause when it fails by itself; never rejects. */
  readonly crashed?: Promise<unknown>;
  /** Resolves when it is done by itself. */
  readonly finished?: Promise<unknown>;
  describe?(): ChildDescription;
}

/** What a running child says about itself, for the tree. */
export interface ChildDescription {
  readonly epoch?: number;
  readonly mailboxDepth?: number;
  readonly mailboxBytes?: number;
  readonly repliesOpen?: number;
  /** Its messages wait until it is resumed. */
  readonly isSuspended?: boolean;
  /** False while a ping through its mailbox is late. */
  readonly isResponsive?: boolean;
  /** How long the last ping took. */
  readonly pingMs?: number | undefined;
  readonly counts?: Readonly<CellCounts>;
  readonly supervisor?: SupervisorTree;
}

export type ChildState = "stopped" | "starting" | "running" | "waiting" | "stopping" | "finished";
export type SupervisorState = "idle" | "starting" | "running" | "stopping" | "stopped" | "escalated";
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";

/** A snapshot, for operators and tests. */
export interface SupervisorTree {
  readonly name: string;
  readonly strategy: Strategy;
  readonly state: SupervisorState;
  readonly children: readonly ChildTree[];
}

export interface ChildTree extends ChildDescription {
  readonly id: string;
  /** `waiting` is down until its backoff is over or a child before it is up. */
  readonly state: ChildState;
  /** How often it was started again, for its own fault or with others. */
  readonly restarts: number;
  /** Unix milliseconds of the last start. */
  readonly startedAtMs: number | undefined;
  /** Message of the error that ended it last. */
  readonly lastError: string | undefined;
}
