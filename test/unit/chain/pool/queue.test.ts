/**
 * The pool's parts without threads: the order of waiting jobs, and slabs that come back.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Job, JobQueue } from "../../../../src/chain/pool/job.ts";
import { Slabs } from "../../../../src/chain/pool/slabs.ts";

function job(bytes: number, isUrgent = false): Job {
  return {
    bytes,
    isUrgent,
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
