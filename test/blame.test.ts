/** docs/blame.md against the enum, the penalties, the sources that raise each offence, and the tests that it names. */

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Offence } from "../gen/alys/peer/v1/peer_pb.ts";
import { penaltyOf } from "../src/actors/peer/reputation.ts";

const document = readFileSync("docs/blame.md", "utf8");
const rows = document.split("\n").filter((line) => line.startsWith("| "));
const cells = (line: string): string[] =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
const codesIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

/** Offences by the name in the enum of the proto. */
const offences = Object.entries(Offence).flatMap(([name, value]) =>
  typeof value === "number" && value !== Offence.UNSPECIFIED ? [{ name, value }] : [],
);

test("docs/blame.md has each offence once, with what it costs", () => {
  const told = rows.filter((line) => line.startsWith("| `OFFENCE_")).map(cells);
  assert.deepEqual(
    told.map(([name = "", cost]) => [codesIn(name)[0], Number(cost)]).sort(),
    offences.map(({ name, value }) => [`OFFENCE_${name}`, penaltyOf(value)]).sort(),
  );
});

test("docs/blame.md names exactly the sources that raise each offence", () => {
  // Where they are judged, not raised.
  const judges = new Set([
    "src/actors/peer/penalty-policy.ts",
    "src/actors/peer/reputation.ts",
    "src/actors/peer/actor.ts",
  ]);
  const sources = globSync("src/**/*.ts")
    .filter((path) => !judges.has(path))
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));
  for (const { name } of offences) {
    const row = rows.map(cells).find(([first = ""]) => codesIn(first)[0] === `OFFENCE_${name}`);
    const raising = sources.filter(({ text }) => new RegExp(`Offence\\.${name}\\b`).test(text));
    assert.deepEqual(codesIn(row?.[2] ?? "").sort(), raising.map(({ path }) => path).sort(), name);
  }
});

test("docs/blame.md names tests that there are", () => {
  const named = rows.map((line) => cells(line)[1] ?? "").filter((cell) => cell.startsWith("`test/"));
  assert.ok(named.length >= 9);
  for (const cell of named) {
    const [path = "", name = ""] = codesIn(cell);
    assert.ok(existsSync(path), path);
    assert.ok(readFileSync(path, "utf8").includes(name), `${path}: ${name}`);
  }
});
