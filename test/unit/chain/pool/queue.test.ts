/**
 * The pool's parts without threads: the order of waiting jobs, slabs that come back, and what is checked together.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Job, JobQueue } from "../../../../src/chain/pool/job.ts";
import { Slabs } from "../../../../src/chain/pool/slabs.ts";
import { packSegment, type Task, takeGroup } from "../../../../src/chain/pool/task.ts";
import type { Policy } from "../../../../src/chain/validator.ts";

function job(bytes: number, isUrgent = false): Job {
  return {
    bytes,
    isUrgent,
    isSmall: false,
    isAlone: false,
    losses: 0,
    pack: () => ({ task: { kind: "approvals", checks: [] }, transfer: [] }),
    answer: () => {},
    refuse: () => {},
  };
}

describe("JobQueue", () => {
  it("serves urgent jobs first, in order, and bulk after four of them", () => {
    const queue = new JobQueue();
    const bulk = [job(100), job(101)];
    const urgent = Array.from({ length: 6 }, (_, index) => job(index, true));
    for (const each of [...bulk, ...urgent]) queue.push(each);
    assert.equal(queue.bytes, 201 + 15);
    const order: number[] = [];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) order.push(next.bytes);
    assert.deepEqual(order, [0, 1, 2, 3, 100, 4, 5, 101]);
    assert.deepEqual([queue.length, queue.bytes], [0, 0]);
  });

  it("puts a job back in front, removes one, and drains", () => {
    const queue = new JobQueue();
    const [first, second, third] = [job(1), job(2), job(4)];
    queue.push(first);
    queue.push(second);
    queue.pushFront(third);
    assert.equal(queue.shift(), third);
    assert.equal(queue.remove(second), true);
    assert.equal(queue.remove(second), false);
    assert.equal(queue.bytes, 1);
    assert.deepEqual(queue.drain(), [first]);
    assert.deepEqual([queue.length, queue.bytes], [0, 0]);
  });
});

describe("Slabs", () => {
  it("gives back a slab of the same size and keeps no more bytes than its bound", () => {
    const slabs = new Slabs(192 * 1024);
    const small = slabs.take(1);
    assert.equal(small.byteLength, 64 * 1024);
    assert.equal(slabs.take(64 * 1024 + 1).byteLength, 128 * 1024);
    assert.equal(slabs.take(0).byteLength, 64 * 1024);
    slabs.give(small);
    assert.equal(slabs.take(28_000), small);
    for (let count = 0; count < 5; count++) slabs.give(new ArrayBuffer(64 * 1024));
    assert.equal(slabs.freeBytes, 192 * 1024);
  });

  it("keeps nothing that is no slab", () => {
    const slabs = new Slabs(192 * 1024);
    slabs.give(new ArrayBuffer(28_000));
    slabs.give(new ArrayBuffer(65_537));
    assert.equal(slabs.freeBytes, 0);
  });
});

describe("takeGroup", () => {
  const segment = (policy: Policy = "SEGMENT", bytes = 1000, isAlone = false): Task => {
    const authorities = { keys: [], root: new Uint8Array(32) };
    const input = { blocks: [new Uint8Array(bytes)], policy, authorities, nowMs: 0 };
    return packSegment(input, new ArrayBuffer(bytes), isAlone);
  };
  const other: Task = { kind: "approvals", checks: [] };
  const small = Array.from({ length: 4 }, () => segment());
  const [a, b, c, d] = small as [Task, Task, Task, Task];
  const [alone, large, every] = [
    segment("SEGMENT", 1000, true),
    segment("SEGMENT", 65_537),
    segment("EVERY_BLOCK"),
  ];
  const cases: readonly {
    name: string;
    waiting: Task[];
    group: Task[];
    next: Task | undefined;
    left: number;
  }[] = [
    {
      name: "small segments that wait, three at most",
      waiting: [a, b, c, d],
      group: [a, b, c],
      next: undefined,
      left: 1,
    },
    { name: "as many as there are", waiting: [a, b], group: [a, b], next: undefined, left: 0 },
    { name: "none behind another task", waiting: [a, other, b], group: [a], next: other, left: 1 },
    { name: "no large one", waiting: [a, b, large], group: [a, b], next: large, left: 0 },
    { name: "none of whose blocks each is verified", waiting: [a, every], group: [a], next: every, left: 0 },
    { name: "none that took a worker down", waiting: [a, alone], group: [a], next: alone, left: 0 },
    ...[alone, large, every, other].map((first, index) => ({
      name: `nothing behind what is checked alone (${index})`,
      waiting: [first, a],
      group: [first],
      next: undefined,
      left: 1,
    })),
  ];
  for (const { name, waiting, group, next, left } of cases) {
    it(`takes ${name}`, () => {
      const [first, ...inbox] = waiting as [Task, ...Task[]];
      assert.deepEqual(
        takeGroup(first, () => inbox.shift()),
        { group, next },
      );
      assert.equal(inbox.length, left);
    });
  }
});
