/** The clock guard: leaps against our own monotonic clock, certified blocks, and what members say of their clocks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ClockGuard,
  clockFaultText,
  DISPUTED_MS,
  medianNearest,
  SETTLE_MS,
} from "../../../../src/actors/producer/clock-guard.ts";

const UNIX_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

/** A member of a federation with a true time, and a clock that may be off by `offMs`. */
class Member {
  readonly guard = new ClockGuard({ slotDurationMs: 2_000, driftMs: 500, saidMsMax: 60_000 });
  readonly members: readonly string[];
  monotonicMs = 5_000;
  offMs = 0;

  constructor(size: number) {
    this.members = ["own", ...Array.from({ length: size - 1 }, (_, index) => `m${index}`)];
  }

  get trueMs(): number {
    return UNIX_MS + this.monotonicMs;
  }

  judge(): string {
    const reading = { wallMs: this.trueMs + this.offMs, monotonicMs: this.monotonicMs };
    return this.guard.judge(reading, { members: this.members, own: "own" })?.kind ?? "believed";
  }

  say(index: number, offMs = 0): void {
    this.guard.memberSaid(`m${index}`, this.trueMs + offMs, this.monotonicMs);
  }

  block(ageMs = 100): void {
    this.guard.blockSeen(this.trueMs - ageMs, this.monotonicMs);
  }

  pass(ms: number): string {
    let last = this.judge();
    for (let left = ms; left > 0; left -= 2_000) {
      this.monotonicMs += Math.min(2_000, left);
      last = this.judge();
    }
    return last;
  }

  /** Confirmed by a block. */
  static believed(size: number): Member {
    const member = new Member(size);
    member.block();
    assert.equal(member.judge(), "believed");
    return member;
  }
}

test("ClockGuard: a leap of the wall clock is found at once without anybody else, and is over at once when it goes back", () => {
  for (const leapMs of [-HOUR_MS, -600_000, -4_000, 4_000, 600_000, HOUR_MS, 8 * HOUR_MS]) {
    const member = Member.believed(3);
    member.pass(30_000);
    member.offMs = leapMs;
    assert.notEqual(member.judge(), "believed");
    assert.notEqual(member.pass(59_000), "believed");
    member.offMs = 0;
    assert.equal(member.judge(), "believed", `back from ${leapMs} ms`);
  }
});

test("ClockGuard: what a slot and the drift cover is left to the voting rule", () => {
  const member = Member.believed(3);
  for (const offMs of [2_400, -2_400, 0]) {
    member.offMs = offMs;
    assert.equal(member.judge(), "believed");
  }
  assert.equal(member.guard.boundMs, 2_500);
});

test("ClockGuard: two of three that leap together do not confirm each other within a minute and a half", () => {
  const member = Member.believed(3);
  member.pass(20_000);
  member.offMs = 8 * HOUR_MS;
  const said = (): void => {
    member.say(0, 8 * HOUR_MS);
    member.say(1);
  };
  for (let passedMs = 0; passedMs < DISPUTED_MS - 4_000; passedMs += 2_000) {
    said();
    assert.equal(member.pass(2_000), "leapt");
  }
  member.offMs = 0;
  member.say(1);
  assert.equal(member.judge(), "believed", "right again, though the other one has not said so yet");
});

test("ClockGuard: a suspended machine goes on once members confirm the new time, or a fresh block does", () => {
  const halted = Member.believed(3);
  halted.offMs = 2 * HOUR_MS;
  for (let passedMs = 0; passedMs < SETTLE_MS; passedMs += 2_000) {
    halted.say(0, 2 * HOUR_MS);
    halted.say(1, 2 * HOUR_MS);
    assert.equal(halted.judge(), "leapt");
    halted.pass(2_000);
  }
  assert.equal(halted.judge(), "believed");
  const alive = Member.believed(3);
  alive.pass(20_000);
  alive.offMs = 2 * HOUR_MS;
  assert.equal(alive.judge(), "leapt");
  alive.guard.blockSeen(alive.trueMs + 2 * HOUR_MS - 300, alive.monotonicMs);
  assert.equal(alive.judge(), "believed");
});

test("ClockGuard: a clock behind a certified block is never believed, whatever members say", () => {
  const member = new Member(3);
  member.block();
  member.offMs = -HOUR_MS;
  member.say(0, -HOUR_MS);
  member.say(1, -HOUR_MS);
  assert.equal(member.pass(2 * DISPUTED_MS), "behindChain");
  member.offMs = 0;
  member.say(0);
  assert.equal(member.judge(), "believed");
});

test("ClockGuard: a head that is told of again confirms nothing: it has aged", () => {
  const member = Member.believed(3);
  const timestampMs = member.trueMs - 100;
  member.monotonicMs += 3_000;
  member.guard.blockSeen(timestampMs, member.monotonicMs);
  member.offMs = -4_500;
  assert.equal(member.judge(), "behindChain");
  member.offMs = 0;
  assert.equal(member.judge(), "believed", "the wrong time was not taken for right meanwhile");
});

test("ClockGuard: a start is confirmed by a quorum that agrees, at once; disputed, after a while; alone, never", () => {
  const agreed = new Member(3);
  assert.equal(agreed.judge(), "unconfirmed");
  agreed.say(0);
  assert.equal(agreed.judge(), "believed");

  const disputed = new Member(3);
  disputed.say(0);
  disputed.say(1, -8 * HOUR_MS);
  assert.equal(disputed.judge(), "unconfirmed");
  disputed.pass(SETTLE_MS - 1_000);
  disputed.say(0);
  disputed.say(1, -8 * HOUR_MS);
  assert.equal(disputed.pass(2_000), "believed");

  assert.equal(new Member(3).pass(2 * DISPUTED_MS), "unconfirmed");
  assert.equal(new Member(1).judge(), "believed", "it alone is the quorum");
});

test("ClockGuard: started with a clock that is wrong, it signs as soon as that is right", () => {
  const member = new Member(3);
  member.offMs = 8 * HOUR_MS;
  for (let passedMs = 0; passedMs < 30_000; passedMs += 2_000) {
    member.say(0);
    member.say(1);
    member.block();
    assert.equal(member.pass(2_000), "unconfirmed");
  }
  member.offMs = 0;
  assert.equal(member.judge(), "believed");
});

test("ClockGuard: one liar of any federation bars nobody, and most members do", () => {
  for (const size of [3, 4, 7, 15]) {
    const member = Member.believed(size);
    member.pass(20_000);
    for (let index = 1; index < size - 1; index++) member.say(index);
    for (const lieMs of [-HOUR_MS, HOUR_MS]) {
      member.say(0, lieMs);
      assert.equal(member.judge(), "believed", `${size} members`);
    }
    for (let index = 0; index < size - 1; index++) member.say(index, HOUR_MS);
    assert.equal(member.judge(), "differs");
    for (let index = 0; index < size - 1; index++) member.say(index);
    assert.equal(member.judge(), "believed");
  }
});

test("ClockGuard: what was said too long ago counts no more, and a clock may drift slowly for ever", () => {
  const member = Member.believed(3);
  member.say(0, HOUR_MS);
  member.say(1, HOUR_MS);
  member.pass(20_000);
  assert.equal(member.judge(), "differs");
  assert.equal(member.pass(60_000), "believed");
  for (let hour = 0; hour < 24; hour++) {
    member.offMs += 360;
    assert.equal(member.pass(HOUR_MS), "believed");
  }
});

test("medianNearest: differs from 0 only where more than half lie on one side", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 15 }), (values) => {
      const median = medianNearest(values);
      const above = values.filter((value) => value > 0).length;
      const below = values.filter((value) => value < 0).length;
      assert.equal(median > 0, above * 2 > values.length);
      assert.equal(median < 0, below * 2 > values.length);
    }),
  );
});

test("clockFaultText: tells direction and size, and no negative number", () => {
  const kinds = ["leapt", "behindChain", "differs"] as const;
  for (const kind of kinds)
    for (const byMs of [-3_600_000, 28_800_000])
      assert.match(clockFaultText({ kind, byMs }), /[^-]\b\d+ ms (ahead|behind)/);
  assert.match(clockFaultText({ kind: "unconfirmed", agreeing: 1, quorum: 2 }), /1 of the 2 members/);
});
