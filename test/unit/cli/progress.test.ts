/** The progress bar: what it shows at any width, and how often. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { SyncState, SyncStatusSchema } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { ProgressLine, plainProgress, renderBar, renderProgress } from "../../../src/cli/progress.ts";
import { syncProgress } from "../../../src/cli/sync-progress.ts";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";

const facts = {
  label: "blocks",
  done: 6_240n,
  total: 10_000n,
  perSecond: 1_523.4,
  unit: "blocks",
  remainingMs: 2_400,
  notes: ["3 peers"],
};

test("renderProgress shows bar, percentage, heights, rate, time left and notes", () => {
  assert.equal(
    renderProgress(facts, 110),
    "blocks  [███████████████████▉░░░░░░░░░░░░]  62.4 %  6,240 / 10,000  1,523 blocks/s  ETA 2 s  3 peers",
  );
});

test("renderProgress leaves out what does not fit, the bar last but the percentage", () => {
  assert.equal(renderProgress(facts, 60), "blocks  [██████▏░░░]  62.4 %  6,240 / 10,000  1,523 blocks/s");
  assert.equal(renderProgress(facts, 20), "blocks  62.4 %");
  assert.equal(renderProgress(facts, 3), "blo");
});

test("renderProgress never exceeds the width", () => {
  fc.assert(
    fc.property(
      fc.record({
        label: fc.string({ maxLength: 20 }),
        done: fc.bigInt({ min: 0n, max: 2n ** 64n }),
        total: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n }), { nil: undefined }),
        perSecond: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
        remainingMs: fc.option(fc.nat(), { nil: undefined }),
        notes: fc.array(fc.string({ maxLength: 10 }), { maxLength: 4 }),
      }),
      fc.integer({ min: 0, max: 200 }),
      (made, columns) => {
        assert.ok(renderProgress(made, columns).length <= columns);
      },
    ),
  );
});

test("renderBar has exactly its cells and is full only at a million", () => {
  fc.assert(
    fc.property(fc.integer({ min: -10, max: 1_000_010 }), fc.integer({ min: 1, max: 60 }), (parts, cells) => {
      const bar = renderBar(parts, cells);
      assert.equal(bar.length, cells);
      if (parts < 1_000_000) assert.notEqual(bar, "█".repeat(cells));
      else assert.equal(bar, "█".repeat(cells));
    }),
  );
});

test("plainProgress says everything in words", () => {
  assert.equal(plainProgress(facts), "blocks  62.4 %  6,240 / 10,000  1,523 blocks/s  ETA 2 s  3 peers");
  assert.equal(plainProgress({ label: "forging", done: 12 }), "forging  12");
});

test("syncProgress tells state, heights, rate and peers; one peer is one peer", () => {
  const status = create(SyncStatusSchema, {
    state: SyncState.CATCH_UP,
    head: { height: 999_999n },
    target: { height: 1_000_000n },
    progressPpm: 999_999,
    blocksPerSecond: 400,
    etaMs: 900n,
    connectedPeers: 1,
  });
  assert.equal(
    plainProgress(syncProgress(status)),
    "catch up  99.9 %  999,999 / 1,000,000  400 blocks/s  ETA 900 ms  1 peer",
  );
  const synced = create(SyncStatusSchema, {
    state: SyncState.SYNCED,
    head: { height: 7n },
    target: { height: 7n },
    progressPpm: 1_000_000,
    blocksPerSecond: 0.5,
    connectedPeers: 3,
    headAgeMs: 1_200n,
    canProduceBlocks: true,
  });
  assert.equal(
    plainProgress(syncProgress(synced)),
    "synced  100.0 %  7 / 7  3 peers  head 1 s old  can produce",
  );
});

function output(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 60, write: (text: string) => written.push(text) };
}

test("ProgressLine prints plain lines at most once a second, changes of state at once", () => {
  const clock = new FakeClock();
  const out = output(false);
  const line = new ProgressLine(out, clock);
  for (let done = 0; done < 30; done++) {
    line.show({ label: "blocks", done });
    clock.advance(100);
  }
  assert.deepEqual(out.written, ["blocks  0\n", "blocks  10\n", "blocks  20\n"]);
  line.show({ label: "synced", done: 30 });
  assert.equal(out.written.at(-1), "synced  30\n");
  line.end();
  assert.equal(out.written.length, 4);
});

test("ProgressLine draws over itself on a terminal and leaves the last drawing", () => {
  const clock = new FakeClock();
  const out = output(true);
  const line = new ProgressLine(out, clock);
  line.show({ label: "blocks", done: 1 });
  line.show({ label: "blocks", done: 2 });
  clock.advance(60);
  line.show({ label: "blocks", done: 3 });
  line.print("a note");
  line.end();
  assert.deepEqual(out.written, ["\r\u001b[Kblocks  1", "\r\u001b[Kblocks  3", "\r\u001b[Ka note\n"]);
});
