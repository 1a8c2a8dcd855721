/**
 * Mutants: known bugs, kept as patches, planted one at a time in a copy of the tree. The simulation must find each within
 * the given number of seeds; a mutant that lives shows a hole in the checkers.
 */

import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runSeeds } from "./many.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Says of each mutant by what it was found; true when all were. */
export async function runMutants(seeds: number, only: string | undefined): Promise<boolean> {
  let survivors = 0;
  for (const patch of globSync(join(ROOT, "test/sim/mutants/*.patch")).sort()) {
    const name = basename(patch, ".patch");
    if (only !== undefined && only !== name) continue;
    const found = await hunt(patch, seeds);
    console.log(`${name}: ${found ?? `not found in ${seeds} seeds`}`);
    if (found === undefined) survivors += 1;
  }
  return survivors === 0;
}

/** By what the planted bug was found, and at which seed; undefined when it lives through all of them. */
export async function huntMutant(name: string, seeds: number): Promise<string | undefined> {
  return hunt(join(ROOT, `test/sim/mutants/${name}.patch`), seeds);
}

async function hunt(patch: string, seeds: number): Promise<string | undefined> {
  const root = mkdtempSync(join(tmpdir(), "alys-mutant-"));
  try {
    for (const part of ["src", "gen", "package.json"]) {
      cpSync(join(ROOT, part), join(root, part), { recursive: true });
    }
    cpSync(join(ROOT, "test/sim"), join(root, "test/sim"), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
    // One line of context is enough: the patches shall survive changes around them.
    execFileSync("git", ["apply", "-C1", patch], { cwd: root });
    let found: string | undefined;
    const range = { first: 1, count: seeds, processes: availableParallelism(), root };
    await runSeeds(range, ({ seed, violations: [violation] }) => {
      if (violation === undefined) return false;
      found ??= `found by ${violation.checker} at seed ${seed} (${violation.message.slice(0, 100)})`;
      return true;
    });
    return found;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
