/**
 * Mutation testing: plants small mistakes into sources, one at a time, and runs the unit and property tests that import them. A
 * mistake that no test sees survives, and is printed. `npm run mutate -- machines --sample 20 --seed 1`; groups or paths, all
 * groups without. Nothing in the tree is changed: a mutant is loaded in place of its source (mutate/hook.ts).
 */

import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/kernel/ports/random.ts";
import { readSources } from "../test/tidy/source.ts";
import { BEHIND, GROUPS, isGroup, sourcesOf } from "./mutate/groups.ts";
import { type Mutant, mutantsOf } from "./mutate/mutants.ts";

const AT_ONCE = 2;
/** A mutant may make its tests this much slower before it is taken to hang, and is never given less, milliseconds. */
const PATIENCE = 6;
const PATIENCE_MS_MIN = 15_000;
const FILE_DEADLINE_MS = 600_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    json: { type: "string" },
    /** Only the tests that import the source themselves: faster, and stricter. */
    near: { type: "boolean", default: false },
  },
});
const sample = Number(values.sample);
const random = seededRandom(Number(values.seed));
const folder = mkdtempSync(join(tmpdir(), "alys-mutants-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly group: string;
  readonly path: string;
  readonly mutant: Mutant;
  readonly isKilled: boolean;
}

const tests = ["test/unit/**/*.ts", "test/property/**/*.ts", "test/golden/*.ts"].flatMap(readSources);
const results: Result[] = [];
for (const [group, paths] of chosen(positionals)) {
  for (const path of paths) await tryFile(group, path);
  report(
    group,
    results.filter((result) => result.group === group),
  );
}
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results.map(shown), undefined, 1));
const survivors = results.filter(({ isKilled }) => !isKilled);
console.log("");
for (const { path, mutant } of survivors)
  console.log(`${path}:${mutant.line}: ${mutant.before}  →  ${mutant.after}`);

function chosen(names: readonly string[]): [string, readonly string[]][] {
  const wanted = names.length === 0 ? Object.keys(GROUPS) : names;
  return wanted.map((name) => [name, isGroup(name) ? sourcesOf(name) : globSync(name).sort()]);
}

async function tryFile(group: string, path: string): Promise<void> {
  const source = resolve(path);
  const mutants = drawn(mutantsOf(path, readFileSync(source, "utf8")));
  const isKilled = mutants.map(() => false);
  // Most are seen by the tests that import the source; only what they miss is shown to those that stand behind.
  for (const files of testsOf(path)) {
    const left = [...mutants.entries()].filter(([index]) => !isKilled[index]);
    if (left.length === 0 || files.length === 0) continue;
    const began = performance.now();
    if (!(await passes(files, {}, FILE_DEADLINE_MS)))
      throw new Error(`the tests of ${path} fail without a mutant: ${files.join(" ")}`);
    const deadlineMs = Math.max(PATIENCE_MS_MIN, PATIENCE * (performance.now() - began));
    const worker = async (number: number): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, { text }] = next;
        const file = join(folder, `${number}.ts`);
        writeFileSync(file, text);
        isKilled[index] = !(await passes(files, { MUTANT_OF: source, MUTANT: file }, deadlineMs));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, (_, number) => worker(number)));
  }
  for (const [index, mutant] of mutants.entries())
    results.push({ group, path, mutant, isKilled: isKilled[index] === true });
  if (mutants.length > 0)
    console.log(`${path}: ${isKilled.filter(Boolean).length} of ${mutants.length} killed`);
}

/** So many of them, drawn by the seed, in the order in which they stand. */
function drawn(mutants: readonly Mutant[]): readonly Mutant[] {
  const left = [...mutants.keys()];
  const taken = new Set<number>();
  while (taken.size < sample && left.length > 0) {
    const [index] = left.splice(random.integer(left.length), 1);
    if (index !== undefined) taken.add(index);
  }
  return mutants.filter((_, index) => taken.has(index));
}

/** The test files that import the source, and those that stand behind its folder. */
function testsOf(path: string): readonly (readonly string[])[] {
  const direct = tests
    .filter(({ imports }) => imports.some((each) => each.isFile && !each.isType && each.target === path))
    .map(({ path: importer }) => importer)
    .filter((importer) => importer.endsWith(".test.ts"));
  const patterns = Object.entries(BEHIND).flatMap(([folder, each]) => (path.startsWith(folder) ? each : []));
  const behind = patterns
    .flatMap((pattern) => globSync(pattern).sort())
    .filter((file) => !direct.includes(file));
  return values.near ? [direct] : [direct, behind];
}

function passes(
  files: readonly string[],
  environment: Readonly<Record<string, string>>,
  deadlineMs: number,
): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [
      ...["--import", "./test/property/seed.ts", "--import", "./scripts/mutate/hook.ts"],
      ...["./scripts/mutate/run-tests.ts", ...files],
    ],
    { stdio: "ignore", env: { ...process.env, NODE_ENV: "test", ...environment } },
  );
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  return new Promise((done) => {
    child.on("exit", (status) => {
      clearTimeout(timer);
      done(status === 0);
    });
  });
}

function report(group: string, of: readonly Result[]): void {
  const killed = of.filter(({ isKilled }) => isKilled).length;
  const share = of.length === 0 ? 100 : (100 * killed) / of.length;
  console.log(`${group}: ${killed} of ${of.length} killed, ${share.toFixed(1)} %`);
}

function shown({ group, path, mutant, isKilled }: Result) {
  const { line, before, after } = mutant;
  return { group, path, line, before, after, isKilled };
}
