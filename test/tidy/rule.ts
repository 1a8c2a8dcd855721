/**
 * A rule of the house as a test: what holds, why, and what breaks it. One that fails says all three, so that whoever meets it
 * for the first time knows what to do without asking.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

/** `holds` is the test's name; `because` a sentence; `faults` a line for each place that breaks the rule. */
export function rule(holds: string, because: string, faults: () => readonly string[]): void {
  test(holds, () => {
    const found = faults();
    assert.ok(found.length === 0, explain(holds, because, found));
  });
}

/** Places that are listed; the number says how many there are. */
const LISTED_MAX = 50;

export function explain(holds: string, because: string, faults: readonly string[]): string {
  const listed = faults.slice(0, LISTED_MAX).map((fault) => `  ${fault}`);
  const count = faults.length === 1 ? "one place breaks it" : `${faults.length} places break it`;
  return [`rule: ${holds}`, `why: ${because}`, `${count}:`, ...listed].join("\n");
}
