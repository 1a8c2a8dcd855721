/** Values of options: what is taken, and what is a wrong call. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidArgumentError } from "commander";
import {
  parseAddress,
  parseDuration,
  parseHex,
  parseMemberKey,
  parseRequestId,
  parseUint64,
  parseWhole,
} from "../../../src/cli/options.ts";

function refuses(parse: (text: string) => unknown, texts: readonly string[]): void {
  for (const text of texts) assert.throws(() => parse(text), InvalidArgumentError, text);
}

test("durations have a unit", () => {
  assert.deepEqual(
    ["500ms", "1.5s", "2m", "12h", "7d"].map(parseDuration),
    [500, 1_500, 120_000, 43_200_000, 604_800_000],
  );
  refuses(parseDuration, ["5", "0s", "-1s", "s", "1w", "1e3s", "99999999999999999d", ""]);
});

test("whole numbers keep to their range", () => {
  assert.equal(parseWhole(1, 15)("15"), 15);
  refuses(parseWhole(1, 15), ["0", "16", "1.5", "-3", "x", ""]);
  refuses(parseWhole(0), ["9007199254740993"]);
});

test("64-bit numbers keep all their bits", () => {
  assert.equal(parseUint64("18446744073709551615"), 2n ** 64n - 1n);
  refuses(parseUint64, ["18446744073709551616", "-1", "1.0", ""]);
});

test("request ids are what the node takes", () => {
  assert.equal(parseRequestId("deploy-7:stop@3"), "deploy-7:stop@3");
  refuses(parseRequestId, ["", "two words", "ü", "x".repeat(129)]);
});

test("hex is taken with and without 0x", () => {
  assert.deepEqual(parseHex("0x0aFF"), parseHex("0aff"));
  refuses(parseHex, ["0xabc", "zz"]);
});

test("a member's key has 48 bytes", () => {
  assert.equal(parseMemberKey(`0x${"ab".repeat(48)}`).length, 48);
  refuses(parseMemberKey, ["ab".repeat(47), "ab".repeat(49), "12D3KooW", ""]);
});

test("addresses are HOST:PORT or a socket", () => {
  assert.equal(parseAddress("127.0.0.1:50051"), "127.0.0.1:50051");
  assert.equal(parseAddress("[::1]:50051"), "[::1]:50051");
  assert.equal(parseAddress("localhost:1"), "localhost:1");
  assert.equal(parseAddress("/run/alys/control.sock"), "unix:/run/alys/control.sock");
  assert.equal(parseAddress("unix:control.sock"), "unix:control.sock");
  refuses(parseAddress, ["127.0.0.1", "50051", "unix:", "a b:1", ""]);
});
