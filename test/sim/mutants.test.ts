/** The planted bugs that a few seeds find; `npm run test:sim -- --mutants` hunts all of them, for longer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { huntMutant } from "./mutants.ts";

/** Two of these need the second seed; a third is spare. */
const SEEDS = 3;
/** Each with the checker that finds it; about five seconds each. */
const QUICK = [
  ["accept-unvalidated", "invalid-is-not-forwarded"],
  ["lost-ban", "banned-hold-no-connection"],
  ["second-vote", "nobody-signs-twice"],
  ["unguarded-key", "stopped-keys-rest"],
] as const;

for (const [name, checker] of QUICK) {
  test(`the planted bug ${name} is found by ${checker}`, async () => {
    const found = await huntMutant(name, SEEDS);
    assert.ok(
      found?.startsWith(`found by ${checker} `),
      `${name}: ${found ?? `lives through ${SEEDS} seeds`}`,
    );
  });
}
