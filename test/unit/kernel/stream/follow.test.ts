/** follow(): a stream that ends is read again, later and later, and until it is closed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Failure, failure } from "../../../../src/kernel/errors.ts";
import { FakeClock } from "../../../../src/kernel/ports/clock.ts";
import { follow } from "../../../../src/kernel/stream/follow.ts";
import type { StreamReader, Subscription } from "../../../../src/kernel/stream/reader.ts";

class World {
  readonly clock = new FakeClock();
  readonly readers: StreamReader<string>[] = [];
  readonly told: string[] = [];
  readonly subscription: Subscription;

  constructor() {
    this.subscription = follow<string>(
      {
        open: (reader) => this.#open(reader),
        after: (delayMs, run) => this.clock.setTimer(delayMs, run),
        now: () => this.clock.monotonicMs(),
      },
      {
        onMessage: (message) => void this.told.push(message),
        onGap: (reason) => void this.told.push(`gap: ${reason?.reason ?? "complete"}`),
      },
    );
  }

  #open(reader: StreamReader<string>): Subscription {
    const number = this.readers.push(reader);
    const tell = (what: string) => (): void => void this.told.push(`${what} ${number}`);
    return {
      close: tell("close"),
      pause: tell("pause"),
      resume: tell("resume"),
      pending: { messages: number, bytes: 10 * number },
    };
  }

  end(reason?: Failure): void {
    this.readers.at(-1)?.onEnd(reason);
  }
}

const AWAY = failure("UNAVAILABLE", "ACTOR_DOWN", "it is not running");

test("messages come as they are, and after an end the stream is read anew", () => {
  const world = new World();
  world.readers[0]?.onMessage("one");
  world.end(AWAY);
  assert.deepEqual(world.told, ["one", "gap: ACTOR_DOWN"]);
  assert.equal(world.readers.length, 1, "not at once");
  world.clock.advance(250);
  assert.equal(world.readers.length, 2);
  world.readers[1]?.onMessage("two");
  world.end();
  assert.deepEqual(world.told.slice(2), ["two", "gap: complete"]);
});

test("ends in a row are waited for longer and longer, up to 8 s; one that was read for long counts as none", () => {
  const world = new World();
  const pauses: number[] = [];
  for (let count = 0; count < 8; count++) {
    world.end(AWAY);
    const before = world.readers.length;
    let waitedMs = 0;
    for (; world.readers.length === before; waitedMs += 250) world.clock.advance(250);
    pauses.push(waitedMs);
  }
  assert.deepEqual(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  world.clock.advance(8_001);
  world.end(AWAY);
  world.clock.advance(250);
  assert.equal(world.readers.length, 10);
});

test("closed, it reads no more, whether it waited or not", () => {
  const waiting = new World();
  waiting.end(AWAY);
  waiting.subscription.close();
  waiting.clock.advance(60_000);
  assert.equal(waiting.readers.length, 1);
  const reading = new World();
  reading.subscription.close();
  assert.deepEqual(reading.told, ["close 1"]);
  reading.end(AWAY);
  reading.clock.advance(60_000);
  assert.deepEqual(reading.told, ["close 1"]);
});

test("paused, it stays so over an end", () => {
  const world = new World();
  world.subscription.pause();
  world.end(AWAY);
  assert.deepEqual(world.subscription.pending, { messages: 0, bytes: 0 });
  world.clock.advance(250);
  assert.deepEqual(world.told, ["pause 1", "gap: ACTOR_DOWN", "pause 2"]);
  world.subscription.resume();
  assert.deepEqual(world.told.at(-1), "resume 2");
  assert.deepEqual(world.subscription.pending, { messages: 2, bytes: 20 });
});
