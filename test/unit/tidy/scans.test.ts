/** What the tidy test measures by: functions, circles, purity, and the code map, each on texts made for it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { circlesOf, importsWithin } from "../../tidy/circles.ts";
import { codeMapFaults, readCodeMap } from "../../tidy/code-map.ts";
import { functionsOf } from "../../tidy/functions.ts";
import { impuritiesOf, isHeldPure, purityFaults } from "../../tidy/purity.ts";
import { tidyReport } from "../../tidy/report.ts";
import { explain } from "../../tidy/rule.ts";
import { type Source, sourceOf, waitsAtTop } from "../../tidy/source.ts";

const at = (path: string, ...lines: string[]): Source => sourceOf(path, `${lines.join("\n")}\n`);

const lengths = (...lines: string[]): readonly (readonly [string, number])[] =>
  functionsOf(at("src/a.ts", ...lines)).map(({ name, lines: count }) => [name, count] as const);

const impurities = (...lines: string[]): readonly string[] =>
  impuritiesOf(at("src/chain/a.ts", ...lines), true);

const faultsAmong = (path: string, ...sources: Source[]): readonly string[] => {
  const all = new Map(sources.map((source) => [source.path, source]));
  return purityFaults(all.get(path) as Source, all);
};

test("waitsAtTop() finds what waits outside of any function", () => {
  const waiting = at(
    "src/a.ts",
    "const a = await load();",
    "async function f() { await load(); }",
    "const g = async () => { for await (const each of all) use(each); };",
    "class A { async go() { await load(); } }",
    "if (a) { use(await load()); }",
    "for await (const each of all) use(each);",
  );
  assert.deepEqual(waitsAtTop(waiting), [1, 5, 6]);
});

test("functionsOf() counts a signature that wraps", () => {
  const wrapped = [
    "export async function long(",
    "  first: number,",
    "  second: number,",
    "): Promise<void> {",
    "  go();",
    "}",
  ];
  assert.deepEqual(lengths(...wrapped), [["long", 6]]);
});

test("functionsOf() finds methods, accessors, constructors and arrow functions, and names them", () => {
  const found = lengths(
    "class A {",
    "  constructor(",
    "    x: number,",
    "  ) {",
    "    this.x = x;",
    "  }",
    "  static async #run<T>(",
    "    from: T,",
    "  ): Promise<T> {",
    "    return from;",
    "  }",
    "  get y(): number {",
    "    return 1;",
    "  }",
    "  readonly each = (one: number): number => {",
    "    return one;",
    "  };",
    "}",
    "const map = { double: (n: number) => n * 2, triple(n: number) {",
    "  return 3 * n;",
    "} };",
    "[1].map((n) =>",
    "  n + 1,",
    ");",
  );
  assert.deepEqual(found, [
    ["constructor", 5],
    ["#run", 5],
    ["y", 3],
    ["each", 3],
    ["double", 1],
    ["triple", 3],
    ["a function", 2],
  ]);
});

test("functionsOf() is not misled by braces in strings, templates, comments and patterns", () => {
  const lines = [
    "function f() {",
    '  const a = "}{";',
    "  const b = `}$",
    "{`;",
    "  // }",
    "  return /[{}]/.test(a + b);",
    "}",
  ];
  assert.deepEqual(lengths(...lines), [["f", 7]]);
});

test("circlesOf() counts imports of types, inline ones and import() among them", () => {
  const sources = [
    at("src/a.ts", 'import type { B } from "./b.ts";'),
    at("src/b.ts", 'import { type C, c } from "./c.ts";'),
    at("src/c.ts", 'export const load = () => import("./a.ts");'),
    at("src/d.ts", 'import { a } from "./a.ts";', 'export type E = import("./e.ts").E;'),
    at("src/e.ts", 'export type { D } from "./d.ts";'),
    at("src/f.ts", 'import { a } from "./a.ts";'),
  ];
  const circles = circlesOf(sources);
  assert.deepEqual(circles, [
    ["src/a.ts", "src/b.ts", "src/c.ts"],
    ["src/d.ts", "src/e.ts"],
  ]);
  assert.deepEqual(importsWithin(circles[1] ?? [], sources), [
    "src/d.ts imports * of src/e.ts",
    "src/e.ts imports D of src/d.ts",
  ]);
});

test("circlesOf() finds a file that imports itself, and none where files only share what they import", () => {
  assert.deepEqual(circlesOf([at("src/a.ts", 'import { a } from "./a.ts";')]), [["src/a.ts"]]);
  const diamond = [
    at("src/a.ts", 'import "./b.ts";', 'import "./c.ts";'),
    at("src/b.ts", 'import "./d.ts";'),
    at("src/c.ts", 'import "./d.ts";'),
    at("src/d.ts", "export {};"),
  ];
  assert.deepEqual(circlesOf(diamond), []);
});

test("impuritiesOf() finds clocks, timers, randomness, I/O, promises and ports", () => {
  const cases: readonly (readonly [line: string, fault: RegExp])[] = [
    ["const now = Date.now();", /calls Date\.now/],
    ["const now = new Date();", /new Date\(\)/],
    ["const now = performance.now();", /performance/],
    ["setTimeout(run, 1);", /uses setTimeout/],
    ["const x = Math.random();", /calls Math\.random/],
    ["crypto.getRandomValues(bytes);", /crypto/],
    ["console.log(1);", /console/],
    ["const { argv } = process;", /uses process/],
    ["const later = globalThis;", /uses globalThis/],
    ["async function f() {}", /async/],
    ["function f(): Promise<void> {}", /Promise/],
    ["const p = Promise.resolve(1);", /uses Promise/],
    ["const p = new Promise(run);", /uses Promise/],
    ["later(setTimeout);", /uses setTimeout/],
    ['import { readFileSync } from "node:fs";', /readFileSync of node:fs/],
    ['import { randomBytes } from "node:crypto";', /randomBytes of node:crypto/],
    ['import { resolve } from "node:path";', /resolve of node:path/],
    ['import { open } from "lmdb";', /imports lmdb/],
    ['import type { Clock } from "../kernel/ports/clock.ts";', /Clock of src\/kernel\/ports\/clock\.ts/],
    ['import type { Ref } from "../kernel/ref.ts";', /Ref of src\/kernel\/ref\.ts/],
  ];
  for (const [line, fault] of cases) assert.match(impurities(line).join("; "), fault, line);
});

test("impuritiesOf() leaves alone what only reckons", () => {
  const lines = [
    "// Date.now() and async are words here",
    'import { createHash } from "node:crypto";',
    'import { isIP } from "node:net";',
    'import type { Stats } from "node:fs";',
    'import { create } from "@bufbuild/protobuf";',
    'import type { TimerHandle } from "../kernel/ports/clock.ts";',
    "const text = new Date(1_000).toISOString();",
    'const word = "await Promise.all()";',
    "const later = { process: 1, crypto: 2 };",
    "const mine = later.process + state.performance.bytes;",
    "interface Work { process(input: number): number; readonly console: string }",
  ];
  assert.deepEqual(impurities(...lines), []);
});

test("purityFaults() follows what a pure file runs by its imports, and not what is erased", () => {
  const pure = at(
    "src/chain/pure.ts",
    'import type { Store } from "../storage/store.ts";',
    'import { step } from "./step.ts";',
  );
  const step = at("src/chain/step.ts", 'import { store } from "../storage/store.ts";');
  const store = at(
    "src/storage/store.ts",
    'import { open } from "node:fs/promises";',
    "export const store = open;",
  );
  assert.deepEqual(faultsAmong("src/chain/pure.ts", pure, step, store), [
    "src/chain/pure.ts → src/chain/step.ts → src/storage/store.ts, which imports open of node:fs/promises",
  ]);
  const harmless = at("src/chain/step.ts", 'import type { store } from "../storage/store.ts";');
  assert.deepEqual(faultsAmong("src/chain/pure.ts", pure, harmless, store), []);
});

test("isHeldPure() goes by the header, the folder's row and a machine's name", () => {
  const rooms = new Set(["src/actors/sync/range"]);
  const held = (path: string, header: string): boolean => isHeldPure(at(path, header), rooms);
  assert.equal(held("src/chain/a.ts", "/** Rules. Pure. */"), true);
  assert.equal(held("src/chain/a.ts", "/** A machine without effects of its own. */"), true);
  assert.equal(held("src/chain/a.ts", "/** Purely by accident, for a purpose. */"), true);
  assert.equal(held("src/chain/a.ts", "/** For a purpose. */"), false);
  assert.equal(held("src/actors/sync/range/a.ts", "/** Batches. */"), true);
  assert.equal(held("src/actors/sync/a.ts", "/** Batches. */"), false);
  assert.equal(held("src/actors/sync/machine.ts", "/** Batches. */"), true);
});

test("readCodeMap() reads rows, and codeMapFaults() finds folders and rows that do not belong together", () => {
  const map = readCodeMap(
    [
      "| floor | folder | what it is | Invariant |",
      "|---|---|---|---|",
      "| 2 | `src/main.ts` | the command line | |",
      "| 1 | `src/a/` | things | pure |",
      "| 1 | `src/b/` | more things | `x.ts` is pure |",
      "| 0 | `src/c/` | | |",
    ].join("\n"),
  );
  assert.deepEqual([...map.pureFolders], ["src/a"]);
  const sources = [at("src/main.ts", ""), at("src/a/x.ts", ""), at("src/c/x.ts", ""), at("src/d/x.ts", "")];
  assert.deepEqual(
    codeMapFaults(map, sources, (room) => (room === "main" ? 2 : 1)),
    [
      "src/d/ has no row",
      "src/b has a row and is not there",
      "src/c: its row says floor 0, it is 1",
      "src/c: its row says nothing",
    ],
  );
});

test("explain() says the rule, the reason and each place", () => {
  assert.equal(
    explain("no import goes in a circle", "they can only be understood together", ["a → b"]),
    "rule: no import goes in a circle\nwhy: they can only be understood together\none place breaks it:\n  a → b",
  );
});

test("tidyReport() counts files, lines, functions, circles and the files of each folder", () => {
  const report = tidyReport([
    at("src/b/x.ts", "const f = () => {", "  return 1;", "};"),
    at("src/a/x.ts", 'import "../b/x.ts";'),
    at("src/a/y.ts", "// one", "// two"),
  ]);
  assert.equal(report.files, 3);
  assert.deepEqual(report.lines, { median: 2, max: 3, longest: "src/b/x.ts" });
  assert.deepEqual(report.functions, { count: 1, max: 3, longest: "src/b/x.ts:1 f" });
  assert.equal(report.circles, 0);
  assert.deepEqual(
    [...report.folders],
    [
      ["src/a", 2],
      ["src/b", 1],
    ],
  );
});
