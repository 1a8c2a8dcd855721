/** Each long scenario once, alone and in good network conditions, with what must come about; `npm run test:sim -- --scenario NAME` shows it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type LongScenarioKind, ORDEAL_KINDS } from "./long-scenarios/kinds.ts";
import { failureReport } from "./many.ts";
import { type RunResult, simulateLongScenario } from "./simulate.ts";

/** What has to have happened, by its count or by a checker's occasions, for the long scenario to have been one. */
const MUST_SHOW: Readonly<Record<LongScenarioKind, readonly string[]>> = {
  "empty-range": ["emptyRange", "stalls-are-told"],
  "lying-heads": ["lyingHead", "lies-are-no-target"],
  "competing-blocks": ["competingBlocks", "reorganization", "heads-only-improve"],
  "fork-below-final": ["deepFork", "deepForkServed", "forks-below-final-are-refused"],
  "long-partition": ["longPartition", "partition", "messagesCutOff"],
  "chain-away": ["chainAway", "away-chain-stands-still"],
  "deep-ancestry": ["deepAncestry", "ancestorsAsked", "unknown-ancestry-is-bounded"],
  "bad-bodies": ["badBody", "bad-bodies-are-blamed"],
  halt: ["halt"],
  "authority-changes": ["authorityChanges"],
  "short-delegations": ["delegations-are-renewed"],
  "clock-leaps": ["clockLeaps", "clock-leaps", "clocks-come-right"],
  "barred-member": ["barredMember", "votesReleased"],
};

function shown({ counts, occasions }: RunResult, name: string): number {
  return (counts[name] ?? 0) + (occasions[name] ?? 0);
}

for (const kind of ORDEAL_KINDS) {
  test(`${kind}: nothing is violated, and it was one`, async () => {
    const result = await simulateLongScenario(kind);
    assert.deepEqual(result.violations, [], failureReport(result));
    const missing = [kind, ...MUST_SHOW[kind]].filter((name) => shown(result, name) === 0);
    assert.deepEqual(missing, [], "did not happen");
  });
}
