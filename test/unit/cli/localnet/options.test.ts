/** parseLocalnetOptions: defaults, ranges, and sentences that name the option at fault. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLocalnetOptions } from "../../../../src/cli/localnet/options.ts";

test("parseLocalnetOptions fills in what is not said", () => {
  assert.deepEqual(parseLocalnetOptions([]), {
    members: 3,
    blocks: 20_000,
    seed: undefined,
    dataDirectory: undefined,
    isKept: false,
    auxpowEvery: 0,
    isOnce: false,
    deadlineMs: 180_000,
  });
});

test("parseLocalnetOptions takes every option", () => {
  const args = "--members 4 --blocks 0 --seed 7 --auxpow-every 3 --data-dir d --once --deadline-s 9".split(
    " ",
  );
  assert.deepEqual(parseLocalnetOptions(args), {
    members: 4,
    blocks: 0,
    seed: 7,
    dataDirectory: "d",
    isKept: true,
    auxpowEvery: 3,
    isOnce: true,
    deadlineMs: 9_000,
  });
});

test("parseLocalnetOptions keeps the temporary folder when asked", () => {
  const options = parseLocalnetOptions(["--keep"]);
  assert.ok(options !== "help" && "isKept" in options && options.isKept);
});

test("parseLocalnetOptions names the option that is wrong", () => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["--members", "0"], /--members .* from 1 to 15, is "0"/],
    [["--members", "16"], /--members/],
    [["--blocks", "many"], /--blocks .* is "many"/],
    [["--blocks", "1.5"], /--blocks/],
    [["--seed", "4294967296"], /--seed/],
    [["--deadline-s", "0"], /--deadline-s/],
    [["--data-dir", ""], /--data-dir/],
    [["--member", "3"], /--member/],
    [["extra"], /extra/],
  ];
  for (const [args, pattern] of wrong) {
    const options = parseLocalnetOptions(args);
    assert.ok(options !== "help" && "problem" in options, args.join(" "));
    assert.match(options.problem, pattern);
  }
});

test("parseLocalnetOptions knows when help is wanted", () => {
  assert.equal(parseLocalnetOptions(["--once", "--help"]), "help");
});
