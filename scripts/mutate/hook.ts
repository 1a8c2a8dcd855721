/** Loaded before the tests of a mutant: one module is read from another file, everything else as it is. */

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const { MUTANT_OF: original, MUTANT: mutant } = process.env;

if (original !== undefined && mutant !== undefined) {
  const { href } = pathToFileURL(original);
  registerHooks({
    load: (url, context, next) =>
      url === href
        ? { format: "module-typescript", source: readFileSync(mutant, "utf8"), shortCircuit: true }
        : next(url, context),
  });
}
