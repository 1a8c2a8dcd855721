/**
 * The seed of every property in a run of the tests: fixed, so that a run can be repeated, and from outside another one, a number
 * or "random". Loaded before each test file by scripts/test.ts. A property that fails prints its seed and the path to its
 * counterexample.
 */

import { env } from "node:process";
import fc from "fast-check";

const SEED = 20_261_121;

const wanted = env["PROPERTY_SEED"];
const seed = wanted === undefined ? SEED : Number(wanted);
if (!Number.isSafeInteger(seed)) throw new Error(`PROPERTY_SEED is no whole number: ${wanted}`);
fc.configureGlobal({ seed });
