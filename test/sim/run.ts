/**
 * Runs the simulation: `--seeds N` runs seeds 1…N in one process a core and sums up; `--seed N` replays one with a
 * readable trace; `--mutants` plants known bugs and sees that they are found. Exit code 0 when nothing was violated.
 */

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { writeExpected } from "./expected.ts";
import { ORDEAL_KINDS } from "./long-scenarios/kinds.ts";
import { failureReport, runSeeds, summary } from "./many.ts";
import { runMutants } from "./mutants.ts";
import { type RunResult, simulate, simulateLongScenario } from "./simulate.ts";
import type { WorldOptions } from "./world.ts";

const SEEDS_DEFAULT = 50;

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    first: { type: "string", default: "1" },
    seed: { type: "string" },
    /** The name of a long scenario, alone in good network conditions. */
    scenario: { type: "string" },
    mutants: { type: "boolean", default: false },
    mutant: { type: "string" },
    /** Writes expected.json anew, after a change that is meant to change what happens. */
    expect: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    /** Given by the runner to its own children: prints one result in JSON a line. */
    child: { type: "string" },
  },
});

process.on("unhandledRejection", (thrown) => {
  console.error("unhandled rejection", thrown);
  process.exit(70);
});

async function main(): Promise<boolean> {
  if (values.child !== undefined) return runChild(values.child);
  if (values.seed !== undefined) return replay((options) => simulate(Number(values.seed), options));
  if (values.scenario !== undefined) return runScenario(values.scenario);
  if (values.expect) return writeExpected();
  const seeds = Number(values.seeds ?? (values.mutants ? 200 : SEEDS_DEFAULT));
  if (values.mutants || values.mutant !== undefined) return runMutants(seeds, values.mutant);
  const first = Number(values.first);
  const startedMs = Date.now();
  const range = { first, count: seeds, processes: availableParallelism() };
  const results = await runSeeds(range, (result) => {
    if (result.violations.length > 0) console.log(failureReport(result));
  });
  const { text, isGood } = summary(results, seeds, Date.now() - startedMs);
  console.log(text);
  return isGood;
}

/** A list of seeds, one after the other. */
async function runChild(list: string): Promise<boolean> {
  for (const seed of list.split(",")) {
    const { tail, ...result } = await simulate(Number(seed));
    const kept = result.violations.length > 0 ? tail.slice(-60) : [];
    console.log(JSON.stringify({ ...result, tail: kept }));
  }
  return true;
}

async function runScenario(name: string): Promise<boolean> {
  const kind = ORDEAL_KINDS.find((each) => each === name);
  if (kind !== undefined) return replay((options) => simulateLongScenario(kind, options));
  console.error(`no scenario ${name}; there are ${ORDEAL_KINDS.join(", ")}`);
  return false;
}

async function replay(run: (options: WorldOptions) => Promise<RunResult>): Promise<boolean> {
  const result = await run(values.quiet ? {} : { print: (line) => console.log(line) });
  const { tail: _tail, ...rest } = result;
  console.log(JSON.stringify(rest, undefined, 2));
  return result.violations.length === 0;
}

process.exitCode = (await main()) ? 0 : 1;
