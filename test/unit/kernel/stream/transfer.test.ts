/** Transfers: finite chunks at the reader's pace. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Failure, failure } from "../../../../src/kernel/errors.ts";
import type { Outsider } from "../../../../src/kernel/stream/reader.ts";
import { Transfer, type TransferOptions } from "../../../../src/kernel/stream/transfer.ts";
import { ProbeService, type ReadChunksResponse } from "../probe.ts";
import { startProbe } from "../probe-actor.ts";

const { readChunks } = ProbeService.method;
type Options = TransferOptions<typeof readChunks>;

function transferring(options: Options) {
  const numbers: number[] = [];
  const ends: (Failure | undefined)[] = [];
  const probe = startProbe({ transfer: () => new Transfer(readChunks, options) });
  const watch = (chunks: number, signal = new AbortController().signal, outsider?: Outsider) =>
    probe.cell.ref.watch(
      readChunks,
      { chunks },
      {
        onMessage: (message: ReadChunksResponse) => numbers.push(message.number),
        onEnd: (reason) => ends.push(reason),
      },
      { signal, ...(outsider === undefined ? {} : { outsider }) },
    );
  return { ...probe, numbers, ends, watch };
}

test("a transfer gives every chunk, then ends OK", async () => {
  const { simulation, watch, numbers, ends } = transferring({
    *open({ chunks }) {
      for (let number = 1; number <= chunks; number++) yield { number };
    },
  });
  watch(3);
  await simulation.settle();
  assert.deepEqual(numbers, [1, 2, 3]);
  assert.deepEqual(ends, [undefined]);
});

test("a paused reader pulls nothing", async () => {
  let pulled = 0;
  const { simulation, watch, numbers, ends } = transferring({
    async *open({ chunks }) {
      for (let number = 1; number <= chunks; number++) {
        pulled += 1;
        yield { number };
      }
    },
  });
  const subscription = watch(10);
  subscription.pause();
  await simulation.settle();
  assert.equal(pulled, 0);
  subscription.resume();
  simulation.scheduler.step();
  subscription.pause();
  await simulation.settle();
  assert.equal(pulled, 1);
  assert.deepEqual(numbers, []);
  assert.equal(subscription.pending.messages, 1);
  subscription.resume();
  await simulation.settle();
  assert.equal(numbers.length, 10);
  assert.deepEqual(ends, [undefined]);
});

test("a refusal, a yielded and a rejected Failure end the transfer", async () => {
  const refusal = failure("OUT_OF_RANGE", "NO_SUCH_RANGE", "x");
  const ways: Options["open"][] = [
    () => refusal,
    () => [{ number: 1 }, refusal, { number: 2 }],
    async function* () {
      yield { number: 1 };
      throw refusal;
    },
  ];
  for (const open of ways) {
    const { simulation, watch, ends, cell, numbers } = transferring({ open });
    watch(1);
    await simulation.settle();
    assert.deepEqual(ends, [refusal]);
    assert(numbers.length <= 1);
    assert.equal(cell.isRunning, true);
  }
});

test("a source that throws crashes the actor", async () => {
  const { simulation, watch, ends, cell } = transferring({
    async *open() {
      yield { number: 1 };
      throw new TypeError("undefined is not a block");
    },
  });
  watch(1);
  await simulation.settle();
  assert.equal(cell.isRunning, false);
  assert.equal(ends[0]?.reason, "ACTOR_CRASHED");
});

test("closing runs the source's finally and aborts the call's signal", async () => {
  let isReleased = false;
  let signal: AbortSignal | undefined;
  const controller = new AbortController();
  const { simulation, watch, ends } = transferring({
    open(_, call) {
      signal = call.signal;
      return (function* () {
        try {
          for (let number = 1; ; number++) yield { number };
        } finally {
          isReleased = true;
        }
      })();
    },
  });
  watch(1, controller.signal);
  for (let steps = 0; steps < 10; steps++) simulation.scheduler.step();
  controller.abort();
  await simulation.settle();
  assert.equal(isReleased, true);
  assert.equal(signal?.aborted, true);
  assert.deepEqual(ends, []);
});

test("transfers of an actor that stops end UNAVAILABLE; one too many is refused", async () => {
  const { simulation, watch, ends, running } = transferring({
    readersMax: 1,
    async *open() {
      yield { number: 1 };
      await new Promise(() => {});
    },
  });
  watch(1, undefined, { account: "a", isAdministrator: false });
  watch(1, undefined, { account: "b", isAdministrator: false });
  // The node's own reader has room.
  watch(1);
  await simulation.settle();
  assert.deepEqual(
    ends.map((end) => end?.reason),
    ["TOO_MANY_READERS"],
  );
  running.stop().catch(assert.fail);
  await simulation.settle();
  assert.equal(ends[1]?.reason, "ACTOR_STOPPED");
});
