/**
 * The pool keeps the contract of validators, survives workers that die, throw, hang or never start, bounds
 * its queue and leaves nothing behind.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { ChainForge } from "../../../../src/chain/forge.ts";
import { GROUP_MAX } from "../../../../src/chain/pool/task.ts";
import { QUEUE_JOBS_MAX, ThreadValidator } from "../../../../src/chain/pool/threads.ts";
import type { SegmentInput } from "../../../../src/chain/validator.ts";
import { Failure } from "../../../../src/kernel/errors.ts";
import { MemoryLog } from "../../../../src/kernel/ports/log.ts";
import { testValidator } from "../../../contract/validator.ts";
import { FAILURE } from "./failure-times.ts";

testValidator("ThreadValidator", (facts) => new ThreadValidator({ facts, workers: 2 }));

const forge = new ChainForge();
const blocks = Array.from({ length: 24 }, () => forge.next());
const facts = forge.facts();

function segment(nowMs = 1_800_000_000_000, from = 0, count = 8): SegmentInput {
  return {
    blocks: blocks.slice(from, from + count),
    policy: "EVERY_BLOCK",
    authorities: forge.authorities,
    nowMs,
  };
}

function hasReason(reason: string): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.reason === reason;
}

describe("ThreadValidator with workers that fail", () => {
  const workerUrl = new URL("./failing-worker.ts", import.meta.url);
  let folder: string;
  let pool: ThreadValidator;
  let log: MemoryLog;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "alys-pool-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach((context) => {
    // Workers copy the environment when they start.
    process.env["ALYS_FAILING_WORKER_MARKER"] = join(folder, context.name.replaceAll(/\W/g, "-"));
    log = new MemoryLog();
    pool = new ThreadValidator({ facts, workers: 1, workerUrl, hungMs: 2000, log });
  });
  afterEach(() => pool.close());

  it("asks another worker when one dies in the middle of a segment, and loses none behind it", async () => {
    const verdicts = await Promise.all([
      pool.validateSegment(segment(FAILURE.DIE_ONCE)),
      pool.validateSegment(segment(undefined, 8)),
      pool.validateSegment(segment(undefined, 16)),
    ]);
    assert.deepEqual(
      verdicts.map((verdict) => verdict.ok && verdict.segment.first.height),
      [1, 9, 17],
    );
    assert.equal(pool.status().workersLost, 1);
    assert.equal(pool.status().workers, 1);
    assert.equal(log.records.filter((record) => record.level === "warn").length, 1);
  });

  it("asks another worker once when one throws outside a check", async () => {
    assert.ok((await pool.validateSegment(segment(FAILURE.THROW_ONCE))).ok);
    assert.equal(pool.status().workersLost, 1);
  });

  it("replaces a worker that hangs", async () => {
    assert.ok((await pool.validateSegment(segment(FAILURE.HANG_ONCE))).ok);
    assert.equal(pool.status().workersLost, 1);
  });

  it("blames only the segment that takes workers down, though others were checked with it", async () => {
    const small = (nowMs: number | undefined, from: number): SegmentInput => ({
      ...segment(nowMs, from),
      policy: "SEGMENT",
    });
    const before = pool.validateSegment(small(undefined, 0));
    const poison = pool.validateSegment(small(FAILURE.DIE_ALWAYS, 8));
    const behind = pool.validateSegment(small(undefined, 16));
    await assert.rejects(poison, hasReason("VALIDATION_WORKER_LOST"));
    assert.ok((await before).ok);
    assert.ok((await behind).ok);
    // All three together, then the one alone, twice.
    assert.equal(pool.status().workersLost, 3);
  });

  it("reports a segment that takes two workers down, and goes on with the others", async () => {
    const poison = pool.validateSegment(segment(FAILURE.DIE_ALWAYS));
    const behind = pool.validateSegment(segment(undefined, 8));
    await assert.rejects(poison, hasReason("VALIDATION_WORKER_LOST"));
    assert.ok((await behind).ok);
    assert.equal(pool.status().workersLost, 2);
  });
});

describe("ThreadValidator", () => {
  it("gives up when workers never start", async () => {
    const workerUrl = new URL("./no-such-worker.ts", import.meta.url);
    const pool = new ThreadValidator({ facts, workers: 1, workerUrl });
    await assert.rejects(pool.validateSegment(segment()), hasReason("VALIDATION_UNAVAILABLE"));
    await assert.rejects(pool.validateSegment(segment()), hasReason("VALIDATION_UNAVAILABLE"));
    assert.equal((await pool.gaveUp).reason, "VALIDATION_UNAVAILABLE");
    await pool.close();
  });

  it("refuses at the bound of its queue and takes again when there is room", async () => {
    const pool = new ThreadValidator({ facts, workers: 1 });
    const one = { ...segment(undefined, 0, 2), policy: "SEGMENT" } as const;
    assert.ok((await pool.validateSegment(one)).ok);
    // A group with the worker, the rest waits.
    const accepted = Array.from({ length: QUEUE_JOBS_MAX + GROUP_MAX }, () => pool.validateSegment(one));
    assert.deepEqual([pool.status().inFlight, pool.status().queued], [GROUP_MAX, QUEUE_JOBS_MAX]);
    await assert.rejects(pool.validateSegment(one), (error) => {
      return error instanceof Failure && error.reason === "VALIDATION_QUEUE_FULL" && error.isRetryable;
    });
    assert.ok((await Promise.all(accepted)).every((verdict) => verdict.ok));
    assert.deepEqual([pool.status().inFlight, pool.status().queued, pool.status().queuedBytes], [0, 0, 0]);
    assert.ok((await pool.validateSegment(one)).ok);
    await pool.close();
  });

  it("drops what is cancelled, waiting or with a worker, and stays usable", async () => {
    const pool = new ThreadValidator({ facts, workers: 1 });
    const abort = new AbortController();
    const cancelledOnes = Array.from({ length: 4 }, () => pool.validateSegment(segment(), abort.signal));
    abort.abort();
    for (const promise of cancelledOnes) await assert.rejects(promise, hasReason("VALIDATION_CANCELLED"));
    assert.equal(pool.status().queued, 0);
    assert.ok((await pool.validateSegment(segment())).ok);
    await pool.close();
  });

  it("rejects what is under way when it closes", async () => {
    const pool = new ThreadValidator({ facts, workers: 2 });
    const pending = Array.from({ length: 8 }, () => pool.validateSegment(segment()));
    const outcomes = Promise.allSettled(pending);
    await pool.close();
    for (const outcome of await outcomes) {
      assert.ok(outcome.status === "rejected" && hasReason("VALIDATOR_CLOSED")(outcome.reason));
    }
    assert.deepEqual([pool.status().workers, pool.status().inFlight, pool.status().queued], [0, 0, 0]);
  });

  it("leaves no handle after closing", async () => {
    const handles = () =>
      process.getActiveResourcesInfo().filter((kind) => /Worker|MessagePort|Timeout/.test(kind));
    const before = handles().length;
    const pool = new ThreadValidator({ facts });
    await pool.validateSegment(segment());
    await pool.close();
    assert.ok(handles().length <= before, handles().join());
  });
});

describe("ThreadValidator beside other threads", () => {
  const skip = process.platform === "linux" ? false : "niceness is a thread's own on Linux alone";

  it("has its threads, and those that they start, go after all others", { skip }, async () => {
    // One, which has started when it answers.
    const pool = new ThreadValidator({ facts, workers: 1 });
    try {
      assert.ok((await pool.validateSegment(segment())).ok);
      const nicenesses = threads();
      const workers = nicenesses.filter(({ name }) => name === "alys-validator");
      assert.ok(workers.length >= 1 && workers.every(({ niceness }) => niceness >= 10));
      assert.ok(nicenesses.some(({ id, niceness }) => id === process.pid && niceness === getPriority()));
    } finally {
      await pool.close();
    }
  });
});

/** This process's threads. */
function threads(): { id: number; name: string; niceness: number }[] {
  return readdirSync("/proc/self/task").map((id) => {
    const stat = readFileSync(`/proc/self/task/${id}/stat`, "utf8");
    // The name, in parentheses, may hold blanks; the niceness is the 17th field behind it.
    const end = stat.lastIndexOf(")");
    const fields = stat.slice(end + 2).split(" ");
    return { id: Number(id), name: stat.slice(stat.indexOf("(") + 1, end), niceness: Number(fields[16]) };
  });
}
