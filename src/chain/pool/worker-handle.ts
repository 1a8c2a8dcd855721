/**
 * One validation worker as the pool sees it: the thread, the jobs it holds (a few, so that it never waits for the
 * pool between two of them), and the watch over it. A worker that dies, or holds one job for
 * too long, is lost once and for all: the pool gets its jobs back and makes another. Owned by threads.ts.
 */
import { Worker } from "node:worker_threads";
import { assert } from "../../kernel/errors.ts";
import type { Clock, TimerHandle } from "../../kernel/ports/clock.ts";
import type { Job } from "./job.ts";
import { GROUP_MAX, type Reply, type WorkerData } from "./task.ts";

/** One is being checked, one waits in the thread's inbox. More would only hold slabs, except for what is checked together. */
const JOBS_IN_FLIGHT_MAX = 2;
/**
 * Heap of a worker's JavaScript. Slabs and native memory do not count; a check needs a few MiB. At the bound
 * the thread ends, alone, and is replaced.
 */
const HEAP_MIB_MAX = 256;
/** New objects' part of it. Left alone it grows to 48 MiB a thread in a long synchronisation, for nothing. */
const YOUNG_MIB_MAX = 8;

export interface WorkerEvents {
  /** The worker runs. */
  onReady(handle: WorkerHandle): void;
  /** The job was answered; its place is free. */
  onReply(handle: WorkerHandle, job: Job, reply: Reply): void;
  /** The worker is gone with these jobs unanswered, the one it was checking first. Called once. */
  onLost(handle: WorkerHandle, jobs: readonly Job[], reason: string): void;
}

export class WorkerHandle {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #hungMs: number;
  readonly #events: WorkerEvents;
  readonly #jobs: Job[] = [];
  #watch: TimerHandle | undefined;
  #isLost = false;
  #isReady = false;

  constructor(url: URL, data: WorkerData, clock: Clock, hungMs: number, events: WorkerEvents) {
    this.#clock = clock;
    this.#hungMs = hungMs;
    this.#events = events;
    this.#worker = new Worker(url, {
      workerData: data,
      name: "alys-validator",
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX, maxYoungGenerationSizeMb: YOUNG_MIB_MAX },
    });
    this.#worker.on("message", (reply: Reply) => this.#handle(reply));
    this.#worker.on("error", (error: unknown) => this.#lose(String(error)));
    this.#worker.on("messageerror", (error) => this.#lose(String(error)));
    this.#worker.on("exit", (code) => this.#lose(`exit code ${code}`));
    this.#watchOver("no start");
  }

  /** How many jobs it holds. */
  get load(): number {
    return this.#jobs.length;
  }

  /** Not before it is ready: a worker that fails to start takes no job with it. */
  hasRoomFor(job: Job): boolean {
    const isGroup = [...this.#jobs, job].every(({ isSmall, isAlone }) => isSmall && !isAlone);
    return this.#isReady && !this.#isLost && this.#jobs.length < (isGroup ? GROUP_MAX : JOBS_IN_FLIGHT_MAX);
  }

  /** Whether it has started, ever. */
  get isReady(): boolean {
    return this.#isReady;
  }

  post(job: Job): void {
    assert(this.hasRoomFor(job), "the worker has no room");
    const { task, transfer } = job.pack(job.isAlone);
    this.#jobs.push(job);
    if (this.#jobs.length === 1) this.#watchFront();
    this.#worker.postMessage(task, transfer);
  }

  /** Ends the thread without a report; resolves when it is gone. */
  async end(): Promise<void> {
    this.#isLost = true;
    this.#watch?.cancel();
    await this.#worker.terminate();
  }

  #handle(reply: Reply): void {
    if (this.#isLost) return;
    if (reply.kind === "ready") {
      this.#isReady = true;
      this.#watch?.cancel();
      this.#events.onReady(this);
      return;
    }
    const job = this.#jobs.shift();
    assert(job !== undefined, "a worker replied to nothing");
    this.#watchFront();
    this.#events.onReply(this, job, reply);
  }

  /** Gives the job in front its time, from now on. */
  #watchFront(): void {
    this.#watch?.cancel();
    if (this.#jobs.length > 0) this.#watchOver("no answer");
  }

  #watchOver(what: string): void {
    this.#watch = this.#clock.setTimer(this.#hungMs, () => this.#lose(`${what} for ${this.#hungMs} ms`));
  }

  #lose(reason: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#watch?.cancel();
    this.#events.onLost(this, this.#jobs.splice(0), reason);
  }
}
