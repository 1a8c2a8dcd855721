/**
 * Job: one question to a worker, from the call of a validator's method to the promise's end. It can be packed
 * more than once, because the worker that held it may be lost.
 */
import type { Transferable } from "node:worker_threads";
import type { Reply, Task } from "./task.ts";

export interface Job {
  /** Bytes of blocks it keeps waiting. */
  readonly bytes: number;
  /** Served before bulk: single blocks and approvals, for which somebody waits within a slot. */
  readonly isUrgent: boolean;
  /** Workers that were lost while they checked it. */
  losses: number;
  /** A small segment, which is checked together with others. */
  readonly isSmall: boolean;
  /** A worker was lost that had it: from then on it is checked alone, so that the next loss tells whose fault it is. */
  isAlone: boolean;
  /** The task, and the buffers that move with it. Called for each attempt. */
  pack(isAlone: boolean): { task: Task; transfer: Transferable[] };
  /** Resolves the promise with a worker's reply. Without effect once it is settled. */
  answer(reply: Reply): void;
  /** Rejects the promise. Without effect once it is settled. */
  refuse(reason: Error): void;
}

/** So that a flood of single blocks slows a sync down and does not stop it. */
const URGENT_RUN_MAX = 4;

/** Jobs in their order, urgent ones first but never more than URGENT_RUN_MAX in a row while others wait. */
export class JobQueue {
  readonly #urgent: Job[] = [];
  readonly #bulk: Job[] = [];
  #bytes = 0;
  #urgentRun = 0;

  get length(): number {
    return this.#urgent.length + this.#bulk.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(job: Job): void {
    (job.isUrgent ? this.#urgent : this.#bulk).push(job);
    this.#bytes += job.bytes;
  }

  /** Puts a job back in front of its kind. */
  pushFront(job: Job): void {
    (job.isUrgent ? this.#urgent : this.#bulk).unshift(job);
    this.#bytes += job.bytes;
  }

  /** The job that `shift` takes. */
  get next(): Job | undefined {
    const isUrgentNext = this.#bulk.length === 0 || this.#urgentRun < URGENT_RUN_MAX;
    return (isUrgentNext ? this.#urgent[0] : undefined) ?? this.#bulk[0];
  }

  shift(): Job | undefined {
    const job = this.next;
    if (job === undefined) return undefined;
    (job.isUrgent ? this.#urgent : this.#bulk).shift();
    this.#urgentRun = job.isUrgent ? this.#urgentRun + 1 : 0;
    this.#bytes -= job.bytes;
    return job;
  }

  /** Takes out a job that is no longer wanted; `false` if it is not waiting. */
  remove(job: Job): boolean {
    const list = job.isUrgent ? this.#urgent : this.#bulk;
    const index = list.indexOf(job);
    if (index < 0) return false;
    list.splice(index, 1);
    this.#bytes -= job.bytes;
    return true;
  }

  /** Empties the queue. */
  drain(): Job[] {
    this.#bytes = 0;
    return [...this.#urgent.splice(0), ...this.#bulk.splice(0)];
  }
}
