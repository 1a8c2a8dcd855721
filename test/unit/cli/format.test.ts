/** Values as people see them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SyncStateSchema } from "../../../gen/alys/sync/v1/sync_pb.ts";
import {
  duration,
  enumName,
  grouped,
  hash,
  shortHash,
  size,
  time,
  timeOfMs,
} from "../../../src/cli/format.ts";

test("numbers are grouped, beyond 2^53 too", () => {
  assert.equal(grouped(0), "0");
  assert.equal(grouped(2n ** 64n - 1n), "18,446,744,073,709,551,615");
});

test("durations have two units at most", () => {
  const shown = [0, 999, 1_000, 59_999, 60_000, 200_000, 3_600_000, 7_500_000, 90_000_000].map((ms) =>
    duration(ms),
  );
  assert.deepEqual(shown, [
    "0 ms",
    "999 ms",
    "1 s",
    "59 s",
    "1 min",
    "3 min 20 s",
    "1 h",
    "2 h 5 min",
    "1 d 1 h",
  ]);
  assert.equal(duration(Number.POSITIVE_INFINITY), "?");
});

test("sizes have binary units", () => {
  assert.deepEqual([0, 1023, 1536, 150 * 1024 ** 2, 2n ** 40n].map(size), [
    "0 B",
    "1023 B",
    "1.5 KiB",
    "150 MiB",
    "1.0 TiB",
  ]);
});

test("hashes are hex, short ones cut, none is a dash", () => {
  const bytes = new Uint8Array(32).fill(0xab);
  assert.equal(hash(bytes), `0x${"ab".repeat(32)}`);
  assert.equal(shortHash(bytes), "0xabababab…");
  assert.equal(hash(new Uint8Array()), "-");
  assert.equal(shortHash(undefined), "-");
});

test("times are UTC", () => {
  assert.equal(timeOfMs(1_700_000_000_000n), "2023-11-14 22:13:20Z");
  assert.equal(timeOfMs(Number.NaN), "-");
  assert.equal(time(undefined), "-");
});

test("enum values lose their prefix; unknown ones stay numbers", () => {
  assert.equal(enumName(SyncStateSchema, 4), "catch up");
  assert.equal(enumName(SyncStateSchema, 99), "99");
});
