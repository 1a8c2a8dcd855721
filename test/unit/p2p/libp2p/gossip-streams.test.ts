/** A peer's gossip reaches gossipsub in bounded pieces of work, whole and in order, and its end is never an error. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stream } from "@libp2p/interface";
import fc from "fast-check";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { SimulatedScheduler } from "../../../../src/kernel/ports/scheduler.ts";
import { encodeRequest, FrameCounter } from "../../../../src/p2p/framing.ts";
import {
  BYTES_A_TURN,
  InboundView,
  MESSAGES_A_TURN,
  OutboundView,
} from "../../../../src/p2p/libp2p/gossip-streams.ts";
import { StreamDrain } from "../../../../src/p2p/libp2p/stream-drain.ts";

/** As much of a stream as the views touch. */
class FakeStream extends EventTarget {
  status = "open";
  readStatus = "readable";
  readableEnded = false;
  readBufferLength = 0;
  maxReadBufferLength = 0;
  readonly timeline: { close?: number } = {};
  isAborted = false;
  paused = 0;
  /** Whether the muxer lets the remote send on. */
  isFlowing = true;
  /** Arrived while it was paused. */
  held: Uint8Array | undefined;
  pause(): void {
    this.readStatus = "paused";
    this.paused += 1;
    this.isFlowing = false;
  }
  /** In libp2p's order: what was held is handed over first, then the window is opened. */
  resume(): void {
    this.readStatus = "readable";
    const { held } = this;
    this.held = undefined;
    if (held !== undefined) this.message(held);
    this.isFlowing = true;
  }
  async close(): Promise<void> {
    this.timeline.close = 1;
  }
  abort(): void {
    this.isAborted = true;
    this.status = "aborted";
    this.dispatchEvent(new Event("close"));
  }
  message(data: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }
}

function inbound() {
  const stream = new FakeStream();
  const clock = new FakeClock();
  const scheduler = new SimulatedScheduler();
  const parts = { clock, scheduler, streamDrain: new StreamDrain(clock) };
  const ended: InboundView[] = [];
  const view = new InboundView(stream as unknown as Stream, parts, (one) => ended.push(one));
  return { stream, scheduler, view, ended };
}

test("a flood of small messages is handed on MESSAGES_A_TURN at a time, with turns of others in between", async () => {
  const { stream, scheduler, view } = inbound();
  const flood = Buffer.concat(Array.from({ length: 1_000 }, () => encodeRequest(Uint8Array.of(1, 2, 3))));
  const pieces: Uint8Array[] = [];
  let inThisTurn = 0;
  const reading = (async () => {
    for await (const piece of view) {
      pieces.push(piece);
      inThisTurn += 1;
    }
  })();
  stream.message(flood);
  stream.readableEnded = true;
  stream.dispatchEvent(new Event("end"));
  await new Promise((resolve) => setImmediate(resolve));
  while (scheduler.pendingTurns > 0) {
    assert.equal(inThisTurn, 1, "one piece a turn");
    inThisTurn = 0;
    scheduler.step();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await reading;
  assert.ok(pieces.every((piece) => piece.length <= MESSAGES_A_TURN * 4));
  assert.deepEqual(Buffer.concat(pieces), flood);
});

test("a reset ends the reading without an error, once", async () => {
  const { stream, view, ended } = inbound();
  const reading = (async () => {
    for await (const _ of view);
  })();
  stream.abort();
  await reading;
  assert.deepEqual(ended, [view]);
  assert.equal(view.isOpen, false);
});

test("a reader that gives up resets the stream, and what is not read pauses it", async () => {
  const { stream, view } = inbound();
  stream.message(new Uint8Array(2 * 1024 * 1024).fill(1));
  assert.equal(stream.paused, 1);
  for await (const _ of view) break;
  assert.equal(stream.isAborted, true);
});

test("a stream that is resumed and at once full again is paused again", async () => {
  const { stream, scheduler, view } = inbound();
  const large = new Uint8Array(2 * 1024 * 1024).fill(1);
  stream.message(large);
  stream.held = large;
  const reader = view[Symbol.asyncIterator]();
  while (stream.held !== undefined) {
    const reading = reader.next();
    await new Promise((resolve) => setImmediate(resolve));
    if (scheduler.pendingTurns > 0) scheduler.step();
    await reading;
  }
  assert.equal(stream.readStatus, "paused");
  assert.equal(stream.isFlowing, false);
});

test("an outbound view ends once when it is retired, and tells whoever attaches later", async () => {
  const stream = new FakeStream();
  let endedBelow = 0;
  const view = new OutboundView(stream as unknown as Stream, "1", new StreamDrain(new FakeClock()), () => {
    endedBelow += 1;
  });
  let heard = 0;
  view.addEventListener("close", () => (heard += 1));
  view.retire();
  stream.abort();
  assert.deepEqual([heard, endedBelow, view.isOpen], [1, 0, false]);
  const late = Promise.withResolvers<void>();
  view.addEventListener("close", () => late.resolve());
  await late.promise;
});

test("FrameCounter bounds messages and bytes of a piece of work, whatever the pieces", () => {
  const messages = fc.array(fc.nat(300), { minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(
      messages,
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 400 }),
      (sizes, most, bytes) => {
        let rest = new Uint8Array(Buffer.concat(sizes.map((size) => encodeRequest(new Uint8Array(size)))));
        const counter = new FrameCounter();
        let works = 0;
        while (rest.length > 0) {
          const length = counter.advance(rest, most, bytes);
          assert.ok(length >= 1 && length <= Math.min(rest.length, bytes));
          rest = rest.subarray(length);
          works += 1;
        }
        assert.ok(works >= sizes.length / most, "no piece of work has more messages than it may");
      },
    ),
  );
  assert.ok(new FrameCounter().advance(new Uint8Array(BYTES_A_TURN), 16, BYTES_A_TURN) === 16);
});
