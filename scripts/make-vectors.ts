/**
 * Writes test/vectors/*.json: what two nodes must agree on to the bit, one file an object, root, domain or rule, all
 * bytes in hex. From a fixed seed, so that it always writes the same; a test compares the files with what the code
 * computes today, and clients in other languages read them. Run it only when the chain's rules change on purpose.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../src/kernel/ports/random.ts";
import { makeFederation } from "../test/unit/chain/build-chain.ts";
import { auxpowVectors } from "./vectors/auxpow.ts";
import { objectVectors } from "./vectors/objects.ts";
import { ruleVectors } from "./vectors/rules.ts";

const SEED = 20_261_121;

export const VECTORS_FOLDER = join(import.meta.dirname, "..", "test", "vectors");

/** File name (without its ending) to text. */
export function makeVectors(): ReadonlyMap<string, string> {
  const random = seededRandom(SEED);
  const federation = makeFederation(4);
  const files = {
    ...objectVectors(random, federation),
    ...ruleVectors(random, federation),
    ...auxpowVectors(),
  };
  return new Map(
    Object.entries(files).map(([name, json]) => [name, `${JSON.stringify(json, undefined, 1)}\n`]),
  );
}

if (import.meta.main) {
  mkdirSync(VECTORS_FOLDER, { recursive: true });
  for (const [name, text] of makeVectors()) writeFileSync(join(VECTORS_FOLDER, `${name}.json`), text);
}
