/**
 * The validator of a running node: a pool of worker threads, one a core. Owns the workers, the bounded queue
 * before them and the slabs. No signature is ever verified on the calling thread; a worker that dies or hangs
 * is replaced, its job goes to another once, and a second loss is reported as a failure.
 */
import { availableParallelism } from "node:os";
import { assert, type Failure } from "../../kernel/errors.ts";
import { type Clock, realClock } from "../../kernel/ports/clock.ts";
import { type Log, silentLog } from "../../kernel/ports/log.ts";
import { BATCH_SETS_MAX } from "../bls.ts";
import type { ChainFacts } from "../facts.ts";
import { isSmallSegment } from "../segment.ts";
import type { ApprovalCheck, SegmentInput, SegmentVerdict, SignatureCheck, Validator } from "../validator.ts";
import { type Job, JobQueue } from "./job.ts";
import {
  assertSegment,
  cancelled,
  closed,
  crashed,
  overloaded,
  unavailable,
  workerLost,
} from "./refusals.ts";
import { Slabs } from "./slabs.ts";
import { packApprovals, packSegment, packSignatures, type Reply, type Task, unpackVerdict } from "./task.ts";
import { WorkerHandle } from "./worker-handle.ts";

/** Waiting jobs; at the bound calls reject with RESOURCE_EXHAUSTED and the caller asks again. */
export const QUEUE_JOBS_MAX = 128;
/** Bytes of waiting blocks: 32 full segments. At the bound as above. */
const QUEUE_BYTES_MAX = 32 * 1024 * 1024;
/**
 * The longest honest check (64 blocks, two signatures each, halved to the end) takes a second on one slow
 * core.
 */
const HUNG_MS = 10_000;
/** Times that a job may take its worker down before it is reported. */
const LOSSES_MAX = 2;
/**
 * Workers in a row that end before they run; then the pool gives up and every call rejects with UNAVAILABLE.
 */
const START_FAILURES_MAX = 3;
/** Free slabs kept, in bytes: as many full segments as come back from the disk at once. */
const SLAB_BYTES_MAX = 16 * 1024 * 1024;

export interface ThreadValidatorOptions {
  readonly facts: ChainFacts;
  /** Default: one a core. */
  readonly workers?: number;
  readonly clock?: Clock;
  readonly log?: Log;
  /** After this long without an answer a worker is replaced. */
  readonly hungMs?: number;
  /** The worker's entry, for tests that need a worker that fails. */
  readonly workerUrl?: URL;
}

/** For metrics: counts, and bytes of waiting blocks. */
export interface PoolStatus {
  readonly workers: number;
  readonly inFlight: number;
  readonly queued: number;
  readonly queuedBytes: number;
  readonly workersLost: number;
}

/** This file's own extension: .ts from the sources, .js when compiled. */
const WORKER_URL = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

export class ThreadValidator implements Validator {
  readonly #options: Required<ThreadValidatorOptions>;
  readonly #queue = new JobQueue();
  readonly #slabs: Slabs;
  readonly #workers = new Set<WorkerHandle>();
  /** Jobs with a worker; kept to be refused at the end. */
  readonly #inFlight = new Set<Job>();
  readonly #endings: Promise<void>[] = [];
  #startFailures = 0;
  #workersLost = 0;
  /** Set for good when closed or given up. */
  #refusal: Failure | undefined;
  readonly #end = Promise.withResolvers<Failure>();
  /** Resolves with the refusal (VALIDATION_UNAVAILABLE) when the pool cannot make workers any more; `close` does not settle it. */
  readonly gaveUp = this.#end.promise;

  constructor(options: ThreadValidatorOptions) {
    const workers = Math.max(1, options.workers ?? availableParallelism());
    this.#options = {
      clock: realClock,
      log: silentLog,
      hungMs: HUNG_MS,
      workerUrl: WORKER_URL,
      ...options,
      workers,
    };
    this.#slabs = new Slabs(SLAB_BYTES_MAX);
    for (let index = 0; index < workers; index++) this.#startWorker();
  }

  status(): PoolStatus {
    return {
      workers: this.#workers.size,
      inFlight: this.#inFlight.size,
      queued: this.#queue.length,
      queuedBytes: this.#queue.bytes,
      workersLost: this.#workersLost,
    };
  }

  async validateSegment(input: SegmentInput, signal?: AbortSignal): Promise<SegmentVerdict> {
    const bytes = assertSegment(input);
    const kind = { isUrgent: input.blocks.length === 1, isSmall: isSmallSegment(input.policy, bytes) };
    const reply = await this.#submit(bytes, kind, signal, (isAlone) => {
      const slab = this.#slabs.take(bytes);
      return { task: packSegment(input, slab, isAlone), transfer: [slab] };
    });
    assert(reply.kind === "segment", "a segment is answered by a verdict");
    return unpackVerdict(reply.verdict, (memory) => this.#slabs.give(memory), input.header);
  }

  async verifyApprovals(checks: readonly ApprovalCheck[]): Promise<boolean[]> {
    return this.#verifyInBatches(checks, packApprovals);
  }

  async verifySignatures(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    return this.#verifyInBatches(checks, packSignatures);
  }

  async close(): Promise<void> {
    this.#stop(closed());
    await Promise.all(this.#endings);
  }

  /** A batch a job, so that a long list neither holds a worker for long nor lies with one alone. */
  async #verifyInBatches<C>(checks: readonly C[], pack: (checks: readonly C[]) => Task): Promise<boolean[]> {
    const replies: Promise<Reply>[] = [];
    for (let start = 0; start < checks.length; start += BATCH_SETS_MAX) {
      const batch = checks.slice(start, start + BATCH_SETS_MAX);
      const kind = { isUrgent: true, isSmall: false };
      replies.push(this.#submit(0, kind, undefined, () => ({ task: pack(batch), transfer: [] })));
    }
    if (this.#refusal !== undefined) throw this.#refusal;
    const verdicts: boolean[] = [];
    for (const reply of await Promise.all(replies)) {
      assert(reply.kind === "verdicts", "checks are answered by verdicts");
      verdicts.push(...reply.verdicts);
    }
    return verdicts;
  }

  #submit(
    bytes: number,
    kind: Pick<Job, "isUrgent" | "isSmall">,
    signal: AbortSignal | undefined,
    pack: Job["pack"],
  ): Promise<Reply> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    if (signal?.aborted === true) return Promise.reject(cancelled());
    const isFull = this.#queue.length >= QUEUE_JOBS_MAX || this.#queue.bytes + bytes > QUEUE_BYTES_MAX;
    if (isFull) return Promise.reject(overloaded(this.#queue.length));
    return new Promise((resolve, reject) => {
      const abort = () => {
        // A job that a worker holds goes on there; its answer is dropped.
        this.#queue.remove(job);
        job.refuse(cancelled());
      };
      const settled = () => signal?.removeEventListener("abort", abort);
      const job: Job = {
        bytes,
        ...kind,
        losses: 0,
        isAlone: false,
        pack,
        answer: (reply) => {
          settled();
          resolve(reply);
        },
        refuse: (reason) => {
          settled();
          reject(reason);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#queue.push(job);
      this.#dispatch();
    });
  }

  /** Gives waiting jobs to the workers with the least to do. */
  #dispatch(): void {
    for (let job = this.#queue.next; job !== undefined; job = this.#queue.next) {
      let best: WorkerHandle | undefined;
      for (const worker of this.#workers) {
        if (worker.hasRoomFor(job) && (best === undefined || worker.load < best.load)) best = worker;
      }
      if (best === undefined) return;
      this.#queue.shift();
      this.#inFlight.add(job);
      best.post(job);
    }
  }

  #startWorker(): void {
    const { workerUrl, facts, clock, hungMs } = this.#options;
    const handle = new WorkerHandle(workerUrl, { facts }, clock, hungMs, {
      onReady: () => {
        this.#startFailures = 0;
        this.#dispatch();
      },
      onReply: (_handle, job, reply) => this.#finish(job, reply),
      onLost: (lost, jobs, reason) => this.#replace(lost, jobs, reason),
    });
    this.#workers.add(handle);
  }

  #finish(job: Job, reply: Reply): void {
    this.#inFlight.delete(job);
    if ((reply.kind === "segment" || reply.kind === "failed") && reply.slab !== undefined) {
      this.#slabs.give(reply.slab);
    }
    this.#dispatch();
    if (reply.kind === "failed") job.refuse(crashed(reply.message));
    else job.answer(reply);
  }

  #replace(lost: WorkerHandle, jobs: readonly Job[], reason: string): void {
    this.#workers.delete(lost);
    this.#workersLost++;
    this.#keepEnding(lost);
    this.#options.log.warn("a validation worker was lost", { reason, jobs: jobs.length });
    if (!lost.isReady && ++this.#startFailures >= START_FAILURES_MAX) {
      const refusal = unavailable(reason);
      this.#stop(refusal);
      this.#end.resolve(refusal);
      return;
    }
    this.#requeue(jobs, reason);
    this.#startWorker();
    this.#dispatch();
  }

  /** The job in front was being checked, alone or before others, and counts the loss. */
  #requeue(jobs: readonly Job[], reason: string): void {
    for (const job of jobs.toReversed()) {
      this.#inFlight.delete(job);
      job.isAlone = true;
      if (job === jobs[0] && ++job.losses >= LOSSES_MAX) job.refuse(workerLost(reason));
      else this.#queue.pushFront(job);
    }
  }

  #stop(refusal: Failure): void {
    this.#refusal ??= refusal;
    for (const worker of this.#workers) this.#keepEnding(worker);
    this.#workers.clear();
    for (const job of [...this.#inFlight, ...this.#queue.drain()]) job.refuse(refusal);
    this.#inFlight.clear();
  }

  /** Remembers the thread's end until it has come, for `close` to wait for. */
  #keepEnding(worker: WorkerHandle): void {
    const ending = worker.end().finally(() => {
      this.#endings.splice(this.#endings.indexOf(ending), 1);
    });
    this.#endings.push(ending);
  }
}
